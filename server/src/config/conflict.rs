//! Where layers do not fit together.

use netjson::Backend;
use serde_json::{Map, Value};

/// Keys and indices.
type Steps = Vec<String>;

/// Where in `over` a list stands against an object of `under`, or an object against a list.
pub(super) fn kinds(
    under: &Map<String, Value>,
    over: &Map<String, Value>,
    backend: Backend,
) -> Option<Steps> {
    over.iter().find_map(|(key, over)| {
        let inside = match (under.get(key)?, over) {
            (Value::Object(under), Value::Object(over)) => kinds(under, over, backend)?,
            (Value::Array(under), Value::Array(over)) => elements(under, over, backend)?,
            (Value::Object(_), Value::Array(_)) | (Value::Array(_), Value::Object(_)) => Vec::new(),
            _ => return None,
        };
        Some(before(key.clone(), inside))
    })
}

/// The same in elements that are merged.
fn elements(under: &[Value], over: &[Value], backend: Backend) -> Option<Steps> {
    over.iter().enumerate().find_map(|(index, item)| {
        let identity = identity(item, backend)?;
        let known =
            under.iter().rev().find(|known| self::identity(known, backend) == Some(identity));
        let inside = kinds(known?.as_object()?, item.as_object()?, backend)?;
        Some(before(index.to_string(), inside))
    })
}

/// Where an element of a list is identified by what identifies nothing.
pub(super) fn unidentified(layer: &Map<String, Value>, backend: Backend) -> Option<Steps> {
    layer.iter().find_map(|(key, value)| {
        let inside = match value {
            Value::Object(map) => unidentified(map, backend)?,
            Value::Array(items) => {
                let index = items.iter().position(|item| match identity(item, backend) {
                    Some(Value::Object(_)) => true,
                    Some(Value::Array(parts)) => {
                        parts.iter().any(|part| part.is_object() || part.is_array())
                    }
                    _ => false,
                })?;
                vec![index.to_string()]
            }
            _ => return None,
        };
        Some(before(key.clone(), inside))
    })
}

/// What tells an element of a list from others.
pub(super) fn identity(item: &Value, backend: Backend) -> Option<&Value> {
    backend.identifiers().iter().find_map(|key| item.get(*key))
}

fn before(step: String, mut steps: Steps) -> Steps {
    steps.insert(0, step);
    steps
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::{Backend, kinds, unidentified};

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn the_place_is_that_of_the_upper_layer() {
        let under = object(json!({
            "general": {"a": {"b": [1]}}, "l": [{"name": "x", "k": []}, {"name": "y", "k": {}}],
        }));
        for (over, place) in [
            (json!({"new": {}, "general": {"a": {"b": {}}}}), Some("general a b")),
            (json!({"general": []}), Some("general")),
            (json!({"general": 1, "l": null}), None),
            (json!({"l": [{"name": "z", "k": {}}, {"name": "y", "k": [2]}]}), Some("l 1 k")),
            (json!({"l": [{"name": "x", "k": [2]}, [], 1]}), None),
        ] {
            let found = kinds(&under, &object(over), Backend::OpenWrt);
            assert_eq!(found.map(|steps| steps.join(" ")).as_deref(), place);
        }
        let layer = object(json!({"a": {"l": [{"name": "x"}, {"name": [1, {}]}]}}));
        assert_eq!(unidentified(&layer, Backend::OpenWrt).unwrap().join(" "), "a l 1");
        assert_eq!(unidentified(&layer, Backend::ZeroTier), None);
    }
}
