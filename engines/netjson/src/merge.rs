//! Laying one configuration over another.

mod key;
mod plan;
pub(crate) mod traced;

use serde_json::{Map, Value};

use self::plan::Plan;
pub(crate) use self::traced::{Trace, identity};
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
    /// Elements that are no small scalars are all different.
    pub(crate) const NONE: Identifiers<'static> = Identifiers { keys: &[], vlans: false };
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
    let mut merged = template.clone();
    objects(&mut merged, config, Identifiers { keys: identifiers, vlans: false })?;
    Ok(merged)
}

/// Lays `over` on `under`. What is left after an error is of no use.
pub(crate) fn objects(
    under: &mut Map<String, Value>,
    over: &Map<String, Value>,
    identifiers: Identifiers<'_>,
) -> Result<(), ValidationError> {
    for (key, over) in over {
        match under.get_mut(key) {
            Some(under) => values(key, under, over, identifiers)?,
            None => {
                under.insert(key.clone(), over.clone());
            }
        }
    }
    Ok(())
}

/// Lays `over` on the value at `key`.
fn values(
    key: &str,
    under: &mut Value,
    over: &Value,
    identifiers: Identifiers<'_>,
) -> Result<(), ValidationError> {
    match (&mut *under, over) {
        (Value::Object(under), Value::Object(over)) => objects(under, over, identifiers),
        (Value::Array(under), Value::Array(over)) => lists(under, over, identifiers),
        (Value::Object(_), Value::Array(_)) => Err(NotLaid::ListOnObject.at(key)),
        (Value::Array(_), Value::Object(_)) => Err(NotLaid::ObjectOnList.at(key)),
        _ => {
            under.clone_from(over);
            Ok(())
        }
    }
}

/// What cannot be laid over each other.
enum NotLaid {
    ListOnObject,
    ObjectOnList,
}

impl NotLaid {
    fn at(&self, key: &str) -> ValidationError {
        let (expected, found) = match self {
            Self::ListOnObject => ("dict", "list"),
            Self::ObjectOnList => ("list", "dict"),
        };
        let sentence = format!("Incompatible type for '{key}': expected {expected}, got {found}.");
        ValidationError::whole(sentence)
    }
}

/// Lays list `over` on list `under`: known elements merge where they stand, equal ones are dropped,
/// new ones follow.
pub(crate) fn lists(
    under: &mut Vec<Value>,
    over: &[Value],
    identifiers: Identifiers<'_>,
) -> Result<(), ValidationError> {
    let plan = Plan::of(under, over, identifiers)?;
    carry_out(plan, under, |position| over[position].clone())
}

/// The same with elements that are not needed any more.
pub(crate) fn owned_lists(
    under: &mut Vec<Value>,
    mut over: Vec<Value>,
    identifiers: Identifiers<'_>,
) -> Result<(), ValidationError> {
    let plan = Plan::of(under, &over, identifiers)?;
    carry_out(plan, under, |position| over[position].take())
}

fn carry_out(
    plan: Plan,
    under: &mut Vec<Value>,
    mut take: impl FnMut(usize) -> Value,
) -> Result<(), ValidationError> {
    if let Some(kept) = plan.kept {
        let mut collapsed = kept.into_iter().map(|position| under[position].take()).collect();
        std::mem::swap(under, &mut collapsed);
    }
    for (place, position) in plan.steps {
        let item = take(position);
        match place {
            // Known elements are two objects or two scalars, never one of each kind.
            Some(place) => values("", &mut under[place], &item, Identifiers::NONE)?,
            None => under.push(item),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
