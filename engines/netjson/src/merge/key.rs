//! What identifies an element of a list.

use serde_json::Value;

use super::Identifiers;
use crate::ValidationError;
use crate::equality::canonical;
use crate::literal::quoted;

/// The identity of one element while two lists are merged.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// Like no other element.
    Unique(usize),
    /// A small value: repetitions collapse.
    Small(String),
    /// An object, by the value of an identifier. All identifiers share one name space.
    Named(String),
}

impl Key {
    /// The key of `item`, which is the `nth` looked at.
    pub(super) fn of(
        item: &Value,
        identifiers: Identifiers<'_>,
        nth: usize,
    ) -> Result<Self, ValidationError> {
        let Value::Object(map) = item else {
            return Ok(if is_small(item) {
                Self::Small(item.to_string())
            } else {
                Self::Unique(nth)
            });
        };
        let vlan = identifiers.vlans
            && matches!(map.get("type").and_then(Value::as_str), Some("8021q" | "8021ad"));
        if vlan {
            let parts = ["type", "name", "vid"].iter().filter_map(|key| map.get(*key));
            return tuple(parts).map(Self::Named);
        }
        match identifiers.keys.iter().find_map(|key| map.get(*key)) {
            Some(value) => named(value).map(Self::Named),
            None => Ok(Self::Unique(nth)),
        }
    }

    /// For messages.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Unique(_) => "",
            Self::Small(name) | Self::Named(name) => name,
        }
    }
}

/// Values of which only one object exists in the language that this behaviour was recorded from.
fn is_small(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) => true,
        Value::Number(number) => number.as_i64().is_some_and(|n| (-5..=256).contains(&n)),
        Value::String(text) => {
            let mut characters = text.chars();
            match (characters.next(), characters.next()) {
                (None, _) => true,
                (Some(only), None) => u32::from(only) <= 0xff,
                _ => false,
            }
        }
        Value::Array(_) | Value::Object(_) => false,
    }
}

fn named(value: &Value) -> Result<String, ValidationError> {
    match value {
        Value::Array(items) => tuple(items.iter()),
        scalar => hashable(scalar),
    }
}

fn tuple<'a>(items: impl Iterator<Item = &'a Value>) -> Result<String, ValidationError> {
    let parts = items.map(hashable).collect::<Result<Vec<_>, _>>()?;
    Ok(format!("({})", parts.join(", ")))
}

/// Equal values get equal texts: `1`, `1.0` and `true` are one identity.
fn hashable(value: &Value) -> Result<String, ValidationError> {
    match value {
        Value::Null => Ok("None".into()),
        Value::Bool(flag) => Ok(u8::from(*flag).to_string()),
        Value::Number(number) => Ok(canonical(number)),
        Value::String(text) => Ok(quoted(text)),
        Value::Array(_) => Err(unusable("list")),
        Value::Object(_) => Err(unusable("object")),
    }
}

fn unusable(kind: &str) -> ValidationError {
    ValidationError::whole(format!("An element of a list cannot be identified by a {kind}."))
}
