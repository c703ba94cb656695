//! Putting variables into texts.
//!
//! `{{ name }}` is replaced by the text form of the variable; nothing else is interpreted, no
//! expression and no filter, and unknown names stay as they are.

mod place;

use std::borrow::Cow;

use memchr::memchr;
use serde_json::{Map, Value};

use self::place::{Place, places};
use crate::Error;
use crate::limits::{MAX_DEPTH, MAX_SCANNED, MAX_TEXT};
use crate::literal::text;

/// `data` with the variables of `context` in place of their names. Keys of objects stay.
///
/// # Errors
///
/// [`Error::TooLarge`] when the result, or the work to get there, is beyond all reason.
pub fn evaluate_vars(data: &Value, context: &Map<String, Value>) -> Result<Value, Error> {
    let mut data = data.clone();
    if !context.is_empty() {
        Evaluation::of(context).value(&mut data, 0)?;
    }
    Ok(data)
}

/// Like [`evaluate_vars`], in place.
pub(crate) fn evaluate(
    netjson: &mut Map<String, Value>,
    context: &Map<String, Value>,
) -> Result<(), Error> {
    if context.is_empty() {
        return Ok(());
    }
    let mut evaluation = Evaluation::of(context);
    netjson.values_mut().try_for_each(|value| evaluation.value(value, 1))
}

/// The variables that a text names, in their order.
pub(crate) fn names(text: &str) -> impl Iterator<Item = &str> {
    places(text).map(|place| place.name).filter(|name| !name.is_empty())
}

struct Evaluation<'a> {
    context: &'a Map<String, Value>,
    scanned: usize,
    written: usize,
}

impl<'a> Evaluation<'a> {
    fn of(context: &'a Map<String, Value>) -> Self {
        Self { context, scanned: 0, written: 0 }
    }

    fn value(&mut self, data: &mut Value, depth: usize) -> Result<(), Error> {
        if depth > MAX_DEPTH {
            return Err(Error::TooLarge { what: "nesting", limit: MAX_DEPTH });
        }
        match data {
            Value::String(text) => self.text(text),
            Value::Array(items) => {
                items.iter_mut().try_for_each(|item| self.value(item, depth + 1))
            }
            Value::Object(map) => map.values_mut().try_for_each(|item| self.value(item, depth + 1)),
            Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
        }
    }

    fn text(&mut self, text: &mut String) -> Result<(), Error> {
        self.scan(text)?;
        // Hardly any text has a brace at all, and looking for one is quicker than looking for two.
        if memchr(b'{', text.as_bytes()).is_some_and(|at| text[at..].contains("{{"))
            && let Some(evaluated) = self.evaluated(text)?
        {
            *text = evaluated;
        }
        self.written = self.written.saturating_add(text.len());
        if self.written > MAX_TEXT { Err(TOO_LONG) } else { Ok(()) }
    }

    /// With its variables replaced; nothing if none of them has a value.
    fn evaluated(&mut self, original: &str) -> Result<Option<String>, Error> {
        let found: Vec<(Place<'_>, Option<Cow<'a, str>>)> = places(original)
            .map(|place| {
                let value = self.context.get(place.name).map(|value| match value {
                    Value::String(text) => Cow::Borrowed(text.as_str()),
                    other => Cow::Owned(text(other)),
                });
                (place, value)
            })
            .collect();
        if found.iter().all(|(_, value)| value.is_none()) {
            return Ok(None);
        }
        // Known before any value is looked through: one large value may be named ten thousand times.
        let lengths = found.iter().filter_map(|(_, value)| value.as_deref()).map(str::len);
        if lengths.fold(original.len(), usize::saturating_add) > MAX_TEXT {
            return Err(TOO_LONG);
        }
        // Where neither values nor what is around them can make up another variable, the order of
        // replacing does not matter.
        let braces = original.bytes().filter(|byte| matches!(byte, b'{' | b'}')).count();
        let values = found.iter().filter_map(|(_, value)| value.as_deref());
        if braces == 4 * found.len() && values.clone().all(|value| !value.contains(['{', '}'])) {
            return self.once(original, &found).map(Some);
        }
        // The names are those of the original: a name that a value brings in counts only if it
        // also stands further on.
        let mut evaluated = original.to_owned();
        for (place, value) in &found {
            let Some(value) = value else { continue };
            self.scan(&evaluated)?;
            self.scan(value)?;
            evaluated = replace(&evaluated, place.name, value)?;
        }
        Ok(Some(evaluated))
    }

    /// Every place takes its value, in one go.
    fn once(
        &mut self,
        original: &str,
        found: &[(Place<'_>, Option<Cow<'_, str>>)],
    ) -> Result<String, Error> {
        let longer = found.iter().filter_map(|(_, value)| value.as_deref()).map(str::len);
        let length = longer.fold(original.len(), usize::saturating_add);
        let mut evaluated = String::with_capacity(length);
        let mut done = 0;
        for (place, value) in found {
            let Some(value) = value else { continue };
            evaluated.push_str(&original[done..place.start]);
            evaluated.push_str(value);
            done = place.end;
        }
        evaluated.push_str(&original[done..]);
        self.scan(&evaluated)?;
        Ok(evaluated)
    }

    fn scan(&mut self, text: &str) -> Result<(), Error> {
        self.scanned = self.scanned.saturating_add(text.len());
        if self.scanned > MAX_SCANNED {
            return Err(Error::TooLarge { what: "text to search in bytes", limit: MAX_SCANNED });
        }
        Ok(())
    }
}

const TOO_LONG: Error = Error::TooLarge { what: "evaluated text in bytes", limit: MAX_TEXT };

/// Every place of `name` in `before`, and no other, takes `value`.
fn replace(before: &str, name: &str, value: &str) -> Result<String, Error> {
    let named = || places(before).filter(|place| place.name == name);
    if named().count().saturating_mul(value.len()).saturating_add(before.len()) > MAX_TEXT {
        return Err(TOO_LONG);
    }
    let mut after = String::with_capacity(before.len() + value.len());
    let mut done = 0;
    for place in named() {
        after.push_str(&before[done..place.start]);
        after.push_str(value);
        done = place.end;
    }
    after.push_str(&before[done..]);
    Ok(after)
}

#[cfg(test)]
mod tests;
