//! What is wrong with a value that came from outside, and with which one.

use serde_json::{Map, Value};

/// A JSON object: configurations, variables, meta data. The order of keys is kept.
pub type Document = Map<String, Value>;

/// Why a value is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Nothing was given.
    #[error("is required")]
    Required,
    /// Nothing but blanks.
    #[error("must not be blank")]
    Blank,
    /// Longer than allowed, in characters.
    #[error("may have at most {max} characters, it has {length}")]
    TooLong {
        /// The limit.
        max: usize,
        /// What was given.
        length: usize,
    },
    /// Six hexadecimal octets, separated by `:` or `-`.
    #[error("must be a MAC address such as 00:11:22:33:44:55")]
    NotAMacAddress,
    /// RFC 1123 labels, or a MAC address.
    #[error("must be a host name or a MAC address")]
    NotAHostname,
    /// Keys stand in paths and file names.
    #[error("must not contain blanks, dots or slashes")]
    NotAKey,
    /// Lower-case letters, digits, hyphens and underscores.
    #[error("may contain only letters, digits, hyphens and underscores")]
    NotASlug,
    /// U+0000 cannot be stored everywhere and is never meant.
    #[error("must not contain the null character")]
    NullCharacter,
    /// Nested deeper than 64 levels.
    #[error("is nested too deeply")]
    TooDeep,
    /// Not one of the choices.
    #[error("`{0}` is not one of the choices")]
    NotAChoice(String),
    /// The object does not exist for the one who asks.
    #[error("`{0}` does not exist")]
    Unknown(String),
    /// Any other rule, in words for people.
    #[error("{0}")]
    Rule(String),
}

/// A refused value and the field that it came in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {problem}")]
pub struct FieldError {
    /// Lower case with underscores, dots for nesting: `config.templates`.
    pub field: &'static str,
    /// Why.
    pub problem: Problem,
}

impl FieldError {
    /// A refused value.
    pub fn new(field: &'static str, problem: Problem) -> Self {
        Self { field, problem }
    }
}

/// Text of at most `max` characters without U+0000; may be empty.
pub fn text(value: &str, max: usize) -> Result<String, Problem> {
    let length = value.chars().count();
    if length > max {
        return Err(Problem::TooLong { max, length });
    }
    if value.contains('\0') {
        return Err(Problem::NullCharacter);
    }
    Ok(value.to_owned())
}

/// Like [`text`], trimmed and with something in it.
pub fn name(value: &str, max: usize) -> Result<String, Problem> {
    let value = value.trim();
    if value.is_empty() {
        return Err(Problem::Blank);
    }
    text(value, max)
}

/// A document without U+0000 and not nested deeper than 64 levels.
pub fn document(document: &Document) -> Result<(), Problem> {
    document.iter().try_for_each(|(key, value)| {
        text(key, usize::MAX)?;
        plain(value, 64)
    })
}

fn plain(value: &Value, depth: usize) -> Result<(), Problem> {
    let deeper = depth.checked_sub(1).ok_or(Problem::TooDeep)?;
    match value {
        Value::String(value) => text(value, usize::MAX).map(drop),
        Value::Array(values) => values.iter().try_for_each(|value| plain(value, deeper)),
        Value::Object(values) => values.iter().try_for_each(|(key, value)| {
            text(key, usize::MAX)?;
            plain(value, deeper)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

/// The same document, in the same order of keys: the order decides the bytes of rendered files.
pub fn same(one: &Document, other: &Document) -> bool {
    one.len() == other.len()
        && one.iter().zip(other).all(|((key, value), (other_key, other_value))| {
            key == other_key && same_value(value, other_value)
        })
}

fn same_value(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => same(one, other),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len()
                && one.iter().zip(other).all(|(one, other)| same_value(one, other))
        }
        _ => one == other,
    }
}
