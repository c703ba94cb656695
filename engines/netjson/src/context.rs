//! Putting variables into texts.
//!
//! `{{ name }}` is replaced by the text form of the variable; nothing else is interpreted, no
//! expression and no filter, and unknown names stay as they are.

use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde_json::{Map, Value};

use crate::Error;
use crate::limits::{MAX_DEPTH, MAX_SCANNED, MAX_TEXT};
use crate::literal::text;

static VARIABLE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\{\{[\s\x1c-\x1f]*([\p{L}\p{N}_]*)[\s\x1c-\x1f]*\}\}").expect("a constant pattern")
});

/// `data` with the variables of `context` in place of their names. Keys of objects stay.
///
/// # Errors
///
/// [`Error::TooLarge`] when the result, or the work to get there, is beyond all reason.
pub fn evaluate_vars(data: &Value, context: &Map<String, Value>) -> Result<Value, Error> {
    if context.is_empty() {
        return Ok(data.clone());
    }
    Evaluation { context, scanned: 0, written: 0 }.value(data, 0)
}

struct Evaluation<'a> {
    context: &'a Map<String, Value>,
    scanned: usize,
    written: usize,
}

impl Evaluation<'_> {
    fn value(&mut self, data: &Value, depth: usize) -> Result<Value, Error> {
        if depth > MAX_DEPTH {
            return Err(Error::TooLarge { what: "nesting", limit: MAX_DEPTH });
        }
        match data {
            Value::String(text) => self.text(text).map(Value::String),
            Value::Array(items) => items
                .iter()
                .map(|item| self.value(item, depth + 1))
                .collect::<Result<_, _>>()
                .map(Value::Array),
            Value::Object(map) => map
                .iter()
                .map(|(key, item)| Ok((key.clone(), self.value(item, depth + 1)?)))
                .collect::<Result<_, Error>>()
                .map(Value::Object),
            scalar => Ok(scalar.clone()),
        }
    }

    fn text(&mut self, original: &str) -> Result<String, Error> {
        self.scan(original)?;
        // The names are those of the original: a name that a value brings in counts only if it
        // also stands further on.
        let names: Vec<&str> = VARIABLE
            .captures_iter(original)
            .filter_map(|found| found.get(1))
            .map(|name| name.as_str())
            .collect();
        let mut evaluated = original.to_owned();
        for name in names {
            let Some(value) = self.context.get(name) else { continue };
            let value = text(value);
            self.scan(&evaluated)?;
            self.scan(&value)?;
            evaluated = replace(&evaluated, name, &value)?;
        }
        self.written = self.written.saturating_add(evaluated.len());
        if self.written > MAX_TEXT {
            return Err(Error::TooLarge { what: "evaluated text in bytes", limit: MAX_TEXT });
        }
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

/// Every place of `name` in `before`, and no other, takes `value`.
fn replace(before: &str, name: &str, value: &str) -> Result<String, Error> {
    let places = VARIABLE.captures_iter(before).filter(|found| &found[1] == name).count();
    if places.saturating_mul(value.len()).saturating_add(before.len()) > MAX_TEXT {
        return Err(Error::TooLarge { what: "evaluated text in bytes", limit: MAX_TEXT });
    }
    let after = VARIABLE.replace_all(before, |found: &Captures<'_>| {
        if &found[1] == name { value.to_owned() } else { found[0].to_owned() }
    });
    Ok(after.into_owned())
}
