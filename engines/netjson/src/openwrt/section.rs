//! Building sections.

use serde_json::{Map, Value};

use crate::literal;

/// Options of a section by name.
pub(crate) type Options = Map<String, Value>;

/// A section with its options in the order of their names.
pub(crate) fn section(
    kind: impl Into<Value>,
    name: impl Into<Value>,
    mut options: Options,
) -> Value {
    options.insert(".type".into(), kind.into());
    options.insert(".name".into(), name.into());
    options.sort_keys();
    Value::Object(options)
}

/// Type and name that options claim for their section. Of an object that has a section of its own they
/// mean nothing; of one that adds to the section of another (an address, the protection of a Wi-Fi
/// network) they count.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    kind: Option<Value>,
    name: Option<Value>,
}

impl Claims {
    /// Takes them out of `options`.
    pub(crate) fn take(options: &mut Options) -> Self {
        Self { kind: options.remove(".type"), name: options.remove(".name") }
    }

    /// A section that is called otherwise only where nothing was claimed.
    pub(crate) fn section(self, kind: Value, name: Value, options: Options) -> Value {
        section(self.kind.unwrap_or(kind), self.name.unwrap_or(name), options)
    }
}

/// `name` as UCI takes it. Only the two characters that interfaces are fond of are replaced.
pub(crate) fn uci_name(name: &str) -> String {
    name.replace(['.', '-'], "_")
}

/// The text of `key`, unless it is absent, empty or no text.
pub(crate) fn filled<'a>(options: &'a Options, key: &str) -> Option<&'a str> {
    options.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// The text of `key`, or an empty one.
pub(crate) fn text<'a>(options: &'a Options, key: &str) -> &'a str {
    options.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Whether a value counts as given: no null, zero, `false`, empty text, list or object.
pub(crate) fn given(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
    }
}

/// Takes `key` out if it counts as given; what does not is dropped.
pub(crate) fn take_given(options: &mut Options, key: &str) -> Option<Value> {
    options.remove(key).filter(given)
}

/// Gives an option another name, replacing one that has it already.
pub(crate) fn rename(options: &mut Options, from: &str, to: &str) {
    if let Some(value) = options.remove(from) {
        options.insert(to.to_owned(), value);
    }
}

/// Gives an option another name under which nothing else counts: without it there is none.
pub(crate) fn replace(options: &mut Options, from: &str, to: &str) {
    options.remove(to);
    rename(options, from, to);
}

/// Takes `disabled` out and states the opposite as `enabled`.
pub(crate) fn invert_disabled(options: &mut Options) {
    if let Some(disabled) = options.remove("disabled") {
        options.insert("enabled".into(), Value::Bool(!given(&disabled)));
    }
}

/// The text form of a number or text inside a name.
pub(crate) fn word(value: Option<&Value>) -> String {
    value.map(literal::text).unwrap_or_default()
}
