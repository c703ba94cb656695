//! Sections of packages on their way to NetJSON.

use std::collections::HashMap;

use indexmap::IndexMap;
use serde_json::{Map, Number, Value};

use crate::literal::is_white;
use crate::uci::{Document, Setting};
use crate::{Error, Unreadable, limits};

/// Options by name; values are texts or lists of texts until a block makes more of them.
pub(super) type Options = Map<String, Value>;

/// Sections of each package.
pub(super) type Packages = IndexMap<String, Vec<Section>>;

/// One section.
#[derive(Clone, Debug, Default)]
pub(super) struct Section {
    /// The type.
    pub(super) kind: String,
    /// The name; sections without one are called by their type and position.
    pub(super) name: String,
    /// Where it begins.
    pub(super) line: usize,
    /// What it says, sorted by name.
    pub(super) options: Options,
    /// Where it says so.
    lines: HashMap<String, usize>,
}

/// Which options of a block are no texts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Types {
    /// Whole numbers.
    pub(super) integers: &'static [&'static str],
    /// `1` is true, anything else is not.
    pub(super) booleans: &'static [&'static str],
}

impl Section {
    pub(super) fn new(kind: String, name: String, line: usize) -> Self {
        Self { kind, name, line, ..Self::default() }
    }

    /// States an option, again if it must be.
    pub(super) fn set(&mut self, key: &str, value: Value, line: usize) {
        self.options.insert(key.to_owned(), value);
        self.lines.insert(key.to_owned(), line);
    }

    /// Puts the options in the order of their names. Options may claim the type and the name.
    pub(super) fn sort(&mut self) {
        for (key, ours) in [(".type", &mut self.kind), (".name", &mut self.name)] {
            if let Some(Value::String(text)) = self.options.shift_remove(key) {
                *ours = text;
            }
        }
        self.options.sort_keys();
    }

    /// Where `key` is stated.
    pub(super) fn line_of(&self, key: &str) -> usize {
        self.lines.get(key).copied().unwrap_or(self.line)
    }

    /// The names of options with their lines.
    pub(super) fn stated(&self) -> impl Iterator<Item = (&str, usize)> {
        self.options.keys().map(|key| (key.as_str(), self.line_of(key)))
    }

    /// An error about `key`.
    pub(super) fn wrong(&self, key: &str, what: &str) -> Unreadable {
        Unreadable::at(self.line_of(key), format!("option {key:?} {what}"))
    }

    /// Takes `key` out.
    pub(super) fn take(&mut self, key: &str) -> Option<Value> {
        self.options.shift_remove(key)
    }

    /// Gives an option another name.
    pub(super) fn rename(&mut self, from: &str, to: &str) {
        if let Some(value) = self.take(from) {
            self.options.insert(to.to_owned(), value);
        }
    }

    /// Takes the text of `key` out.
    ///
    /// # Errors
    ///
    /// It is a list.
    pub(super) fn take_text(&mut self, key: &str) -> Result<Option<String>, Unreadable> {
        match self.options.shift_remove(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(key, "must not be a list")),
        }
    }

    /// Takes the text of `key` out, which must be there.
    pub(super) fn require(&mut self, key: &str) -> Result<String, Unreadable> {
        self.take_text(key)?.ok_or_else(|| {
            Unreadable::at(
                self.line,
                format!("section {:?} has no option {key:?}", short(&self.name)),
            )
        })
    }

    /// Takes the whole number of `key` out.
    pub(super) fn take_integer(&mut self, key: &str) -> Result<Option<Number>, Unreadable> {
        let Some(text) = self.take_text(key)? else { return Ok(None) };
        integer(&text).map(Some).ok_or_else(|| self.wrong(key, "is no whole number of 64 bits"))
    }

    /// The words of `key`, whether it is a list or one text.
    pub(super) fn words(&self, key: &str) -> impl Iterator<Item = &str> {
        let value = self.options.get(key);
        let listed = value.and_then(Value::as_array).into_iter().flatten();
        let text = value.and_then(Value::as_str).unwrap_or_default();
        listed.filter_map(Value::as_str).chain(words(text))
    }

    /// Takes the words of `key` out, whether it is a list or one text.
    pub(super) fn take_words(&mut self, key: &str) -> Option<Vec<String>> {
        let found = self.words(key).map(str::to_owned).collect();
        self.options.shift_remove(key).map(|_| found)
    }

    /// Makes numbers and booleans of what `types` names.
    pub(super) fn convert(&mut self, types: Types) -> Result<(), Unreadable> {
        for key in types.integers {
            if let Some(value) =
                self.options.get_mut(*key).filter(|value| value.is_string() || value.is_array())
            {
                let number = value.as_str().and_then(integer);
                *value = match number {
                    Some(number) => number.into(),
                    None => return Err(self.wrong(key, "is no whole number of 64 bits")),
                };
            }
        }
        for key in types.booleans {
            if let Some(value) = self.options.get_mut(*key).filter(|value| !value.is_boolean()) {
                *value = boolean(value);
            }
        }
        Ok(())
    }
}

/// Whether an option says yes.
pub(super) fn boolean(value: &Value) -> Value {
    (value.as_str() == Some("1")).into()
}

/// A whole number: digits, which single `_` may group, after an optional sign, between white space.
pub(super) fn integer(text: &str) -> Option<Number> {
    let text = text.trim_matches(is_white);
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if !digits
        .split('_')
        .all(|group| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit()))
    {
        return None;
    }
    let digits = digits.replace('_', "");
    if negative {
        format!("-{digits}").parse::<i64>().ok().map(Number::from)
    } else {
        digits.parse::<u64>().ok().map(Number::from)
    }
}

/// The words of `text`.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_white).filter(|word| !word.is_empty())
}

/// The beginning of a name, for messages.
pub(super) fn short(name: &str) -> &str {
    &name[..name.floor_char_boundary(100)]
}

/// The sections of a document.
pub(super) fn packages(document: &Document) -> Result<Packages, Error> {
    let mut packages = Packages::new();
    let mut budget = Budget::default();
    for package in &document.packages {
        let mut sections = Vec::with_capacity(package.sections.len());
        for (index, read) in package.sections.iter().enumerate() {
            budget.spend(read.options().len() + 1)?;
            let name = read.name.clone().unwrap_or_else(|| format!("{}_{}", read.kind, index + 1));
            let mut section = Section::new(read.kind.clone(), name, read.line);
            for (key, entry) in read.options() {
                let value = match &entry.setting {
                    Setting::Option(text) => text.as_str().into(),
                    Setting::List(items) => {
                        budget.spend(items.len())?;
                        items.iter().map(String::as_str).collect()
                    }
                };
                section.set(key, value, entry.line);
            }
            section.sort();
            sections.push(section);
        }
        packages.insert(package.name.clone(), sections);
    }
    Ok(packages)
}

/// How many sections, options and elements are read.
#[derive(Debug, Default)]
pub(super) struct Budget(usize);

impl Budget {
    pub(super) fn spend(&mut self, amount: usize) -> Result<(), Error> {
        self.0 = self.0.saturating_add(amount);
        if self.0 > limits::MAX_VALUES {
            return Err(Error::TooLarge { what: "number of values", limit: limits::MAX_VALUES });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::integer;

    #[test]
    fn whole_numbers_may_have_signs_groups_and_white_space() {
        for (text, number) in [
            ("5", Some(5)),
            (" \t-7\n", Some(-7)),
            ("+1_000", Some(1000)),
            ("007", Some(7)),
            ("9223372036854775807", Some(i64::MAX)),
        ] {
            assert_eq!(integer(text).and_then(|number| number.as_i64()), number, "{text:?}");
        }
        for text in ["", "-", "1.0", "1e3", "_1", "1__0", "1_", "0x10", "- 1", "one", "1 2"] {
            assert_eq!(integer(text), None, "{text:?}");
        }
    }
}
