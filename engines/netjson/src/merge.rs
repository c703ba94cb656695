//! Laying one configuration over another.

mod key;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use self::key::Key;
use crate::equality::{Booleans, Seen};
use crate::{ValidationError, limits};

/// How the elements of two lists are recognised as the same.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identifiers<'a> {
    /// The first of these keys that an element has identifies it.
    pub(crate) keys: &'a [&'a str],
    /// VLAN interfaces are identified by type, name and VLAN id together.
    pub(crate) vlans: bool,
}

impl Identifiers<'_> {
    const NONE: Identifiers<'static> = Identifiers { keys: &[], vlans: false };
}

/// Lays `config` over `template`: objects merge key by key, lists element by element, anything else
/// is replaced. Elements of lists are the same when the first of `identifiers` that they have is
/// equal.
///
/// # Errors
///
/// A list against an object, an element identified by an object, or input beyond what is computed.
pub fn merge(
    template: &Map<String, Value>,
    config: &Map<String, Value>,
    identifiers: &[&str],
) -> Result<Map<String, Value>, ValidationError> {
    for map in [template, config] {
        limits::measure(map).map_err(|error| ValidationError::whole(error.to_string()))?;
    }
    objects(template, config, Identifiers { keys: identifiers, vlans: false })
}

pub(crate) fn objects(
    template: &Map<String, Value>,
    config: &Map<String, Value>,
    identifiers: Identifiers<'_>,
) -> Result<Map<String, Value>, ValidationError> {
    let mut merged = template.clone();
    for (key, over) in config {
        match merged.get_mut(key) {
            Some(under) => *under = values(key, under, over, identifiers)?,
            None => {
                merged.insert(key.clone(), over.clone());
            }
        }
    }
    Ok(merged)
}

/// The value at `key` after laying `over` on `under`.
fn values(
    key: &str,
    under: &Value,
    over: &Value,
    identifiers: Identifiers<'_>,
) -> Result<Value, ValidationError> {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            objects(under, over, identifiers).map(Value::Object)
        }
        (Value::Array(under), Value::Array(over)) => {
            lists(under, over, identifiers).map(Value::Array)
        }
        (Value::Object(_), Value::Array(_)) => Err(ValidationError::whole(format!(
            "Incompatible type for '{key}': expected dict, got list."
        ))),
        (Value::Array(_), Value::Object(_)) => Err(ValidationError::whole(format!(
            "Incompatible type for '{key}': expected list, got dict."
        ))),
        _ => Ok(over.clone()),
    }
}

/// Lays list `over` on list `under`: known elements merge where they stand, equal ones are dropped,
/// new ones follow.
pub(crate) fn lists(
    under: &[Value],
    over: &[Value],
    identifiers: Identifiers<'_>,
) -> Result<Vec<Value>, ValidationError> {
    let mut names = 0;
    let mut keyed = |items: &mut dyn Iterator<Item = Value>| {
        let mut map = IndexMap::<Key, Value>::new();
        for item in items {
            names += 1;
            map.insert(Key::of(&item, identifiers, names)?, item);
        }
        Ok::<_, ValidationError>(map)
    };
    let mut merged = keyed(&mut under.iter().cloned())?;
    let news = {
        let mut seen = Seen::new(Booleans::AreNumbers);
        for item in merged.values() {
            seen.insert(item);
        }
        keyed(&mut over.iter().filter(|item| !seen.contains(item)).cloned())?
    };
    for (key, item) in news {
        match merged.get_mut(&key) {
            Some(known) => *known = values(key.name(), known, &item, Identifiers::NONE)?,
            None => {
                merged.insert(key, item);
            }
        }
    }
    Ok(merged.into_values().collect())
}
