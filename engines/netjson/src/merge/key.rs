//! What identifies an element of a list.

use std::borrow::Cow;

use serde_json::Value;

use super::Identifiers;
use crate::ValidationError;
use crate::equality::canonical;
use crate::literal::quoted;

/// The identity of one element while two lists are merged.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key<'a> {
    /// Null.
    Null,
    /// A boolean: repetitions collapse.
    Flag(bool),
    /// A small integer, likewise.
    Number(i64),
    /// An empty text or a single character, likewise.
    Character(Option<char>),
    /// An object, by the value of an identifier. All identifiers share one name space.
    Named(Scalar<'a>),
    /// An object, by several values.
    Tuple(String),
}

/// Equal values are one: `1`, `1.0` and `true`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Scalar<'a> {
    Null,
    Number(Cow<'a, str>),
    Text(&'a str),
}

impl<'a> Key<'a> {
    /// The key of `item`; nothing if it is like no other.
    pub(super) fn of(
        item: &'a Value,
        identifiers: Identifiers<'_>,
    ) -> Result<Option<Self>, ValidationError> {
        let Value::Object(map) = item else { return Ok(Self::small(item)) };
        let vlan = identifiers.vlans
            && matches!(map.get("type").and_then(Value::as_str), Some("8021q" | "8021ad"));
        if vlan {
            let parts = ["type", "name", "vid"].iter().filter_map(|key| map.get(*key));
            return tuple(parts).map(Self::Tuple).map(Some);
        }
        match identifiers.keys.iter().find_map(|key| map.get(*key)) {
            Some(Value::Array(items)) => tuple(items.iter()).map(Self::Tuple).map(Some),
            Some(value) => Scalar::of(value).map(Self::Named).map(Some),
            None => Ok(None),
        }
    }

    /// Values of which only one object exists in the language that this behaviour was recorded
    /// from.
    fn small(item: &Value) -> Option<Self> {
        match item {
            Value::Null => Some(Self::Null),
            Value::Bool(flag) => Some(Self::Flag(*flag)),
            Value::Number(number) => {
                number.as_i64().filter(|n| (-5..=256).contains(n)).map(Self::Number)
            }
            Value::String(text) => {
                let mut characters = text.chars();
                match (characters.next(), characters.next()) {
                    (None, _) => Some(Self::Character(None)),
                    (Some(only), None) if u32::from(only) <= 0xff => {
                        Some(Self::Character(Some(only)))
                    }
                    _ => None,
                }
            }
            Value::Array(_) | Value::Object(_) => None,
        }
    }
}

impl<'a> Scalar<'a> {
    fn of(value: &'a Value) -> Result<Self, ValidationError> {
        match value {
            Value::Null => Ok(Self::Null),
            Value::Bool(flag) => Ok(Self::Number(if *flag { "1" } else { "0" }.into())),
            Value::Number(number) => Ok(Self::Number(canonical(number).into())),
            Value::String(text) => Ok(Self::Text(text)),
            Value::Array(_) => Err(unusable("list")),
            Value::Object(_) => Err(unusable("object")),
        }
    }
}

fn tuple<'a>(items: impl Iterator<Item = &'a Value>) -> Result<String, ValidationError> {
    let mut parts = String::from("(");
    for item in items {
        match Scalar::of(item)? {
            Scalar::Null => parts.push_str("None"),
            Scalar::Number(number) => parts.push_str(&number),
            Scalar::Text(text) => parts.push_str(&quoted(text)),
        }
        parts.push_str(", ");
    }
    Ok(parts)
}

fn unusable(kind: &str) -> ValidationError {
    ValidationError::whole(format!("An element of a list cannot be identified by a {kind}."))
}
