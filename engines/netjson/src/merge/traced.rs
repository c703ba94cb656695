//! Laying layers over each other, and knowing of every part which of them it comes from.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::key::Key;
use super::plan::Plan;
use super::{Identifiers, NotLaid};
use crate::ValidationError;

/// Which layer the parts of a value come from. It has the shape of the value.
#[derive(Clone, Debug)]
pub(crate) enum Trace {
    /// Something that has no parts.
    Leaf(usize),
    /// By key.
    Object(HashMap<String, Trace>),
    /// In order.
    List(Vec<Trace>),
}

impl Trace {
    /// A value that comes from one layer alone.
    pub(crate) fn whole(value: &Value, layer: usize) -> Self {
        match value {
            Value::Object(map) => Self::of_object(map, layer),
            Value::Array(items) => {
                Self::List(items.iter().map(|item| Self::whole(item, layer)).collect())
            }
            _ => Self::Leaf(layer),
        }
    }

    /// The same of an object.
    pub(crate) fn of_object(map: &Map<String, Value>, layer: usize) -> Self {
        let part = |(key, value): (&String, &Value)| (key.clone(), Self::whole(value, layer));
        Self::Object(map.iter().map(part).collect())
    }

    /// The uppermost layer that something in it comes from.
    pub(crate) fn layer(&self) -> Option<usize> {
        match self {
            Self::Leaf(layer) => Some(*layer),
            Self::Object(parts) => parts.values().filter_map(Self::layer).max(),
            Self::List(parts) => parts.iter().filter_map(Self::layer).max(),
        }
    }
}

/// What is below, and where it comes from.
type Under<'a> = (&'a mut Map<String, Value>, &'a mut HashMap<String, Trace>);

/// Like [`super::objects`].
pub(crate) fn objects(
    (under, traces): Under<'_>,
    over: &Map<String, Value>,
    layer: usize,
    identifiers: Identifiers<'_>,
) -> Result<(), ValidationError> {
    for (key, over) in over {
        if let (Some(under), Some(trace)) = (under.get_mut(key), traces.get_mut(key)) {
            values(key, (under, trace), over, layer, identifiers)?;
        } else {
            under.insert(key.clone(), over.clone());
            traces.insert(key.clone(), Trace::whole(over, layer));
        }
    }
    Ok(())
}

fn values(
    key: &str,
    (under, trace): (&mut Value, &mut Trace),
    over: &Value,
    layer: usize,
    identifiers: Identifiers<'_>,
) -> Result<(), ValidationError> {
    match (&mut *under, over, &mut *trace) {
        (Value::Object(under), Value::Object(over), Trace::Object(traces)) => {
            objects((under, traces), over, layer, identifiers)
        }
        (Value::Array(under), Value::Array(over), Trace::List(traces)) => {
            lists((under, traces), over, layer, identifiers)
        }
        (Value::Object(_), Value::Array(_), _) => Err(NotLaid::ListOnObject.at(key)),
        (Value::Array(_), Value::Object(_), _) => Err(NotLaid::ObjectOnList.at(key)),
        _ => {
            under.clone_from(over);
            *trace = Trace::whole(over, layer);
            Ok(())
        }
    }
}

fn lists(
    (under, traces): (&mut Vec<Value>, &mut Vec<Trace>),
    over: &[Value],
    layer: usize,
    identifiers: Identifiers<'_>,
) -> Result<(), ValidationError> {
    let plan = Plan::of(under, over, identifiers)?;
    if let Some(kept) = plan.kept {
        *traces = kept.iter().filter_map(|position| traces.get(*position).cloned()).collect();
        *under = kept.into_iter().map(|position| under[position].take()).collect();
    }
    for (place, position) in plan.steps {
        let item = &over[position];
        let known = place.and_then(|place| Some((under.get_mut(place)?, traces.get_mut(place)?)));
        if let Some(known) = known {
            values("", known, item, layer, Identifiers::NONE)?;
        } else {
            under.push(item.clone());
            traces.push(Trace::whole(item, layer));
        }
    }
    Ok(())
}

/// What an element of a list is known by wherever it stands; nothing if it is like no other.
pub(crate) fn identity(item: &Value, identifiers: Identifiers<'_>) -> Option<String> {
    match Key::of(item, identifiers) {
        Ok(Some(key @ (Key::Named(_) | Key::Tuple(_)))) => Some(format!("{key:?}")),
        _ => None,
    }
}
