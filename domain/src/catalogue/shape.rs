//! The shape of an event: what its schema lets through, without what it means.
//!
//! As JSON: `"string uuid"`, `["integer"]` a list, `{"name": …, "note?": …}` an object whose second field may be missing, `{"or
//! null": …}`, `{"one of": ["a", "b"]}`, `{"any of": […]}`, `{"map of": …}`, `"anything"`. Names of fields hold no blanks.

use serde_json::{Map, Value, json};

use super::schema::Defined;

/// Values inside of values; deeper ones are not looked at.
const DEEPEST: usize = 16;

/// The shape of a schema.
pub(super) fn shape(defined: &Defined, schema: &Value) -> Value {
    shape_at(defined, schema, DEEPEST)
}

fn shape_at(defined: &Defined, schema: &Value, deeper: usize) -> Value {
    let Some(deeper) = deeper.checked_sub(1) else { return json!("anything") };
    let (_, schema) = defined.resolve(schema);
    let inner = |schema: &Value| shape_at(defined, schema, deeper);
    if let Some(schemas) = ["anyOf", "oneOf"].iter().find_map(|of| schema.get(of)?.as_array()) {
        return any_of(schemas.iter().map(inner).collect());
    }
    if let Some(value) = schema.get("const") {
        return json!({ "one of": [value] });
    }
    if let Some(values) = schema.get("enum") {
        return json!({ "one of": values });
    }
    match schema.get("type") {
        Some(Value::Array(types)) => any_of(types.iter().map(|of| simple(of, schema)).collect()),
        Some(Value::String(name)) if name == "array" => {
            json!([schema.get("items").map_or_else(|| json!("anything"), inner)])
        }
        Some(Value::String(name)) if name == "object" => object(schema, inner),
        Some(name) => simple(name, schema),
        None => json!("anything"),
    }
}

fn object(schema: &Value, inner: impl Fn(&Value) -> Value) -> Value {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return match schema.get("additionalProperties") {
            Some(values @ Value::Object(_)) => json!({ "map of": inner(values) }),
            _ => json!("object"),
        };
    };
    let required = schema.get("required").and_then(Value::as_array);
    let is_required = |name: &String| {
        required.is_some_and(|required| required.iter().any(|one| one.as_str() == Some(name)))
    };
    let field = |(name, schema): (&String, &Value)| {
        let name = if is_required(name) { name.clone() } else { format!("{name}?") };
        (name, inner(schema))
    };
    Value::Object(properties.iter().map(field).collect())
}

fn simple(name: &Value, schema: &Value) -> Value {
    let format = schema.get("format").and_then(Value::as_str);
    match (name.as_str(), format) {
        (Some("null"), _) | (_, None) => name.clone(),
        (Some(name), Some(format)) => json!(format!("{name} {format}")),
        (None, _) => json!("anything"),
    }
}

/// Alternatives: null is one of its own, single values are put together.
fn any_of(shapes: Vec<Value>) -> Value {
    let null = json!("null");
    let (nulls, others): (Vec<Value>, Vec<Value>) =
        shapes.into_iter().partition(|shape| *shape == null);
    let (mut values, mut shapes) = (Vec::new(), Vec::new());
    for mut shape in others {
        match shape.get_mut("one of") {
            Some(Value::Array(more)) => values.append(more),
            _ => shapes.push(shape),
        }
    }
    if !values.is_empty() {
        shapes.push(json!({ "one of": values }));
    }
    let shape = match <[Value; 1]>::try_from(shapes) {
        Ok([only]) => only,
        Err(several) => json!({ "any of": several }),
    };
    if nulls.is_empty() { shape } else { json!({ "or null": shape }) }
}

/// Does everything of the old shape still have its place in the new one? New fields may be added when they may be missing, new
/// values and alternatives may be added, and nothing else. The error says where not.
pub(super) fn grows(old: &Value, new: &Value, place: &str) -> Result<(), String> {
    let differs = || Err(format!("{place}: {old} became {new}"));
    match (old, new) {
        (old, new) if old == new => Ok(()),
        (Value::Array(old), Value::Array(new)) if old.len() == 1 && new.len() == 1 => {
            grows(&old[0], &new[0], &format!("{place}[]"))
        }
        (Value::Object(old_fields), Value::Object(new_fields)) => {
            if let (Some(old), Some(new)) = (old_fields.get("one of"), new_fields.get("one of")) {
                let kept = |value: &Value| list(new).contains(value);
                return if list(old).iter().all(kept) { Ok(()) } else { differs() };
            }
            if let (Some(old), Some(new)) = (old_fields.get("any of"), new_fields.get("any of")) {
                let kept = |old: &Value| list(new).iter().any(|new| grows(old, new, place).is_ok());
                return if list(old).iter().all(kept) { Ok(()) } else { differs() };
            }
            fields_grow(old_fields, new_fields, place)
        }
        _ => differs(),
    }
}

fn fields_grow(
    old: &Map<String, Value>,
    new: &Map<String, Value>,
    place: &str,
) -> Result<(), String> {
    for (name, old) in old {
        let place = format!("{place}.{}", name.trim_end_matches('?'));
        match new.get(name) {
            Some(new) => grows(old, new, &place)?,
            None => {
                return Err(format!(
                    "{place}: it is gone, or may be missing where it could not be before, or the other way round"
                ));
            }
        }
    }
    match new.keys().find(|name| !old.contains_key(*name) && !name.ends_with('?')) {
        Some(name) => Err(format!("{place}.{name}: it is new, and older events do not have it")),
        None => Ok(()),
    }
}

fn list(values: &Value) -> &[Value] {
    values.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(schema: Value) -> Value {
        let schema = schemars::Schema::try_from(schema).expect("a schema");
        let defined = Defined::new(schema.clone());
        shape(&defined, &schema.to_value())
    }

    #[test]
    fn a_shape_is_what_may_stand_there() {
        let schema = json!({
            "type": "object",
            "description": "what it means is no part of it",
            "properties": {
                "id": { "$ref": "#/$defs/Id", "description": "which" },
                "note": { "type": ["string", "null"] },
                "tags": { "type": "array", "items": { "type": "string" } },
                "state": { "oneOf": [{ "const": "up" }, { "enum": ["down", "gone"] }] },
                "to": { "anyOf": [{ "$ref": "#/$defs/Id" }, { "type": "null" }] },
                "whatever": {},
                "document": { "type": "object", "additionalProperties": true },
                "by_name": { "type": "object", "additionalProperties": { "type": "integer", "format": "int64" } },
            },
            "required": ["id", "tags", "state"],
            "$defs": { "Id": { "type": "string", "format": "uuid" } },
        });
        assert_eq!(
            of(schema),
            json!({
                "id": "string uuid",
                "note?": { "or null": "string" },
                "tags": ["string"],
                "state": { "one of": ["up", "down", "gone"] },
                "to?": { "or null": "string uuid" },
                "whatever?": "anything",
                "document?": "object",
                "by_name?": { "map of": "integer int64" },
            })
        );
    }

    #[test]
    fn a_shape_may_grow() {
        let old = json!({ "a": "string", "b?": ["integer"], "c": { "one of": ["x"] }, "d": { "or null": { "e": "string" } } });
        let new = json!({ "a": "string", "b?": ["integer"], "c": { "one of": ["y", "x"] }, "d": { "or null": { "e": "string", "f?": "string" } }, "g?": "string" });
        assert_eq!(grows(&old, &new, "it"), Ok(()));
        assert!(grows(&new, &old, "it").is_err(), "and not shrink");
    }

    #[test]
    fn everything_else_is_another_version() {
        let old = json!({ "a": "string", "b?": ["integer"] });
        for (new, place) in [
            (json!({ "b?": ["integer"] }), "it.a"),
            (json!({ "a": "integer", "b?": ["integer"] }), "it.a"),
            (json!({ "a?": "string", "b?": ["integer"] }), "it.a"),
            (json!({ "a": "string", "b": ["integer"] }), "it.b"),
            (json!({ "a": "string", "b?": ["string"] }), "it.b[]"),
            (json!({ "a": { "or null": "string" }, "b?": ["integer"] }), "it.a"),
            (json!({ "a": "string", "b?": ["integer"], "c": "string" }), "it.c"),
        ] {
            let said = grows(&old, &new, "it").expect_err(&new.to_string());
            assert!(said.starts_with(place), "{said}");
        }
        let (old, new) = (json!({ "one of": ["x", "y"] }), json!({ "one of": ["x"] }));
        assert!(grows(&old, &new, "it").is_err());
    }
}
