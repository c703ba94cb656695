//! Which layer each part of a configuration comes from, and since when it is in that layer.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::merge::{Identifiers, Trace, identity, traced};
use crate::{Backend, Error, context, limits};

/// An option of a configuration, or an element of one of its lists that nothing tells from others but its contents.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Where it stands in the merged configuration, a JSON pointer (RFC 6901).
    pub pointer: String,
    /// As it is written: before variables are put in.
    pub written: Value,
    /// Which of the layers it is from, 0 at the bottom.
    pub layer: usize,
    /// Where it stands in that layer.
    pub address: Address,
}

/// A place in a layer that stays the same when other parts of the layer come and go.
#[derive(Clone, Debug, PartialEq)]
pub struct Address {
    backend: Backend,
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq)]
enum Step {
    /// Of an object.
    Key(String),
    /// The element of a list with this identity; without one whichever equals what is looked for.
    Element(Option<String>),
}

impl Part {
    /// Names of the variables that it is written with, in their order, each once.
    pub fn variables(&self) -> Vec<String> {
        let mut names = Vec::new();
        collect(&self.written, &mut names);
        names
    }

    /// Does a version of its layer hold it, written the same?
    pub fn is_in(&self, layer: &Map<String, Value>) -> bool {
        let identifiers = identifiers(self.address.backend, layer);
        holds_in(layer, &self.address.steps, &self.written, identifiers)
    }

    /// Does a layer that stands above take its place? Elements of a list that say the same do not.
    pub fn gives_way_to(&self, layer: &Map<String, Value>) -> bool {
        let identifiers = identifiers(self.address.backend, layer);
        takes_in(layer, &self.address.steps, None, (&self.written, identifiers))
    }

    /// Does a layer that stands below have it already? Of equal elements of a list the first one counts.
    pub fn follows(&self, layer: &Map<String, Value>) -> bool {
        matches!(self.address.steps.last(), Some(Step::Element(None))) && self.is_in(layer)
    }
}

/// The parts of what `layers`, the first at the bottom, make together, in the order in which they stand there. Nothing is
/// checked but that they fit together.
///
/// # Errors
///
/// Those of [`render`](crate::render) for layers.
pub fn trace(backend: Backend, layers: &[&Map<String, Value>]) -> Result<Vec<Part>, Error> {
    let mut extent = limits::Extent::default();
    for layer in layers {
        extent = extent.and(limits::measure(layer)?);
    }
    extent.check()?;
    let Some((bottom, others)) = layers.split_first() else { return Ok(Vec::new()) };
    let mut merged = (*bottom).clone();
    let mut traces = match Trace::of_object(bottom, 0) {
        Trace::Object(traces) => traces,
        Trace::Leaf(_) | Trace::List(_) => HashMap::new(),
    };
    for (number, layer) in (1..).zip(others) {
        let identifiers = identifiers(backend, layer);
        traced::objects((&mut merged, &mut traces), layer, number, identifiers)?;
    }
    let mut walk = Walk { backend, pointer: String::new(), steps: Vec::new(), parts: Vec::new() };
    walk.object(&merged, &traces, identifiers(backend, &merged));
    Ok(walk.parts)
}

fn identifiers(backend: Backend, layer: &Map<String, Value>) -> Identifiers<'static> {
    Identifiers {
        keys: backend.identifiers(),
        vlans: backend.configures_devices() && layer.contains_key("interfaces"),
    }
}

struct Walk {
    backend: Backend,
    pointer: String,
    steps: Vec<Step>,
    parts: Vec<Part>,
}

impl Walk {
    fn object(
        &mut self,
        map: &Map<String, Value>,
        traces: &HashMap<String, Trace>,
        identifiers: Identifiers<'_>,
    ) {
        for (key, value) in map {
            let Some(trace) = traces.get(key) else { continue };
            let step = Step::Key(key.clone());
            self.below(&key.replace('~', "~0").replace('/', "~1"), step, |walk| {
                walk.value(value, trace, identifiers);
            });
        }
    }

    fn value(&mut self, value: &Value, trace: &Trace, identifiers: Identifiers<'_>) {
        match (value, trace) {
            (Value::Object(map), Trace::Object(traces)) => self.object(map, traces, identifiers),
            (Value::Array(items), Trace::List(traces)) => {
                for (number, (item, trace)) in items.iter().zip(traces).enumerate() {
                    let identity = identity(item, identifiers);
                    let named = identity.is_some();
                    self.below(&number.to_string(), Step::Element(identity), |walk| {
                        if named {
                            walk.value(item, trace, Identifiers::NONE);
                        } else {
                            walk.part(item, trace);
                        }
                    });
                }
            }
            (value, trace) => self.part(value, trace),
        }
    }

    fn part(&mut self, value: &Value, trace: &Trace) {
        // What has no parts at all says nothing.
        let Some(layer) = trace.layer() else { return };
        self.parts.push(Part {
            pointer: self.pointer.clone(),
            written: value.clone(),
            layer,
            address: Address { backend: self.backend, steps: self.steps.clone() },
        });
    }

    fn below(&mut self, token: &str, step: Step, inner: impl FnOnce(&mut Self)) {
        let length = self.pointer.len();
        self.pointer.push('/');
        self.pointer.push_str(token);
        self.steps.push(step);
        inner(self);
        self.steps.pop();
        self.pointer.truncate(length);
    }
}

fn holds_in(
    map: &Map<String, Value>,
    steps: &[Step],
    written: &Value,
    identifiers: Identifiers<'_>,
) -> bool {
    match steps.split_first() {
        Some((Step::Key(key), rest)) => {
            map.get(key).is_some_and(|value| holds(value, rest, written, identifiers))
        }
        _ => false,
    }
}

fn holds(value: &Value, steps: &[Step], written: &Value, identifiers: Identifiers<'_>) -> bool {
    match (steps.first(), value) {
        (None, value) => value == written,
        (Some(Step::Key(_)), Value::Object(map)) => holds_in(map, steps, written, identifiers),
        (Some(Step::Element(None)), Value::Array(items)) => items.contains(written),
        (Some(Step::Element(Some(known))), Value::Array(items)) => {
            let same = |item: &&Value| identity(item, identifiers).as_ref() == Some(known);
            let rest = &steps[1..];
            items.iter().filter(same).any(|item| holds(item, rest, written, Identifiers::NONE))
        }
        _ => false,
    }
}

/// `same` is what takes nobody's place: it is set inside of named elements, which are dropped where they are equal.
fn takes_in(
    map: &Map<String, Value>,
    steps: &[Step],
    same: Option<&Value>,
    part: (&Value, Identifiers<'_>),
) -> bool {
    match steps.split_first() {
        Some((Step::Key(key), rest)) => {
            map.get(key).is_some_and(|value| takes(value, rest, same, part))
        }
        _ => false,
    }
}

fn takes(
    value: &Value,
    steps: &[Step],
    same: Option<&Value>,
    (written, identifiers): (&Value, Identifiers<'_>),
) -> bool {
    match (steps.first(), value) {
        (None, value) => same != Some(value),
        (Some(Step::Key(_)), Value::Object(map)) => {
            takes_in(map, steps, same, (written, identifiers))
        }
        // Lists are put together.
        (Some(Step::Element(None)), Value::Array(_)) => false,
        (Some(Step::Element(Some(known))), Value::Array(items)) => {
            let known = |item: &&Value| identity(item, identifiers).as_ref() == Some(known);
            let inside = (written, Identifiers::NONE);
            let takes = |item| takes(item, &steps[1..], Some(written), inside);
            // Of several with the same identity the last one is taken.
            items.iter().rfind(known).is_some_and(takes)
        }
        // Something else in the place of what it is a part of.
        _ => true,
    }
}

fn collect(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            for name in context::names(text) {
                if !names.iter().any(|known| known == name) {
                    names.push(name.to_owned());
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
        Value::Object(map) => map.values().for_each(|item| collect(item, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests;
