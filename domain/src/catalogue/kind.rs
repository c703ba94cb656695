//! Types of events and their fields, from their schemas.

use serde_json::Value;

use super::{
    Field, Kind, ValueKind, confidential, example, kept, newest,
    schema::{Defined, meaning},
};

/// What the documentation of an event says when other parts of the program react to it.
const PUBLIC: &str = "*Public";

/// A type of events; none where its schema or its example is missing, which a test would say.
pub(super) fn read(defined: &Defined, aggregate: &str, event_type: &'static str) -> Option<Kind> {
    let variant_name = event_type.strip_prefix(aggregate)?.strip_prefix('.')?;
    let (variant, inside) = defined.variant(variant_name)?;
    let version = newest(event_type);
    let stored = example(event_type, version)?;
    let said = meaning(variant);
    let (said, public) = match said.split_once(PUBLIC) {
        Some((before, rest)) => {
            // `*Public.*`, or `*Public:* why`.
            let why = rest.split_once('*').map_or("", |(_, why)| why).trim();
            (format!("{} {why}", before.trim()).trim().to_owned(), true)
        }
        None => (said, false),
    };
    Some(Kind {
        name: event_type,
        version,
        meaning: said,
        public,
        kept: kept(event_type, version, stored),
        fields: fields(defined, Some(event_type), defined.resolve(inside).1),
        schema: defined.alone(event_type, variant, variant_name),
        example: serde_json::from_str(stored).ok()?,
    })
}

/// What fields are made of. Definitions that hold the fields of one event are not among them.
pub(super) fn values(defined: &Defined) -> Vec<ValueKind> {
    let payload = |schema: &Value| meaning(schema).starts_with("Payload of [");
    let mut values: Vec<ValueKind> = defined
        .definitions()
        .iter()
        .filter(|(_, schema)| !payload(schema))
        .map(|(name, schema)| {
            let fields = fields(defined, None, schema);
            let kind = if fields.is_empty() { words(defined, schema) } else { String::new() };
            ValueKind { name: name.clone(), kind, meaning: meaning(schema), fields }
        })
        .collect();
    values.sort_by(|a, b| a.name.cmp(&b.name));
    values
}

fn fields(defined: &Defined, event_type: Option<&str>, object: &Value) -> Vec<Field> {
    let Some(properties) = object.get("properties").and_then(Value::as_object) else {
        return Vec::new();
    };
    let required: Vec<&str> = object
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let field = |(name, schema): (&String, &Value)| Field {
        name: name.clone(),
        kind: words(defined, schema),
        required: required.contains(&name.as_str()),
        class: event_type.map(|event_type| confidential(event_type, name)),
        meaning: meaning(schema),
    };
    properties.iter().map(field).collect()
}

/// What a schema lets through, in words.
fn words(defined: &Defined, schema: &Value) -> String {
    if let (Some(name), _) = defined.resolve(schema) {
        return name.to_owned();
    }
    let all = |schemas: &Vec<Value>| {
        let words: Vec<String> = schemas.iter().map(|one| words(defined, one)).collect();
        words.join(" or ")
    };
    if let Some(schemas) = ["anyOf", "oneOf"].iter().find_map(|of| schema.get(of)?.as_array()) {
        return all(schemas);
    }
    if let Some(value) = schema.get("const") {
        return format!("`{}`", value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        let values: Vec<String> =
            values.iter().filter_map(Value::as_str).map(|value| format!("`{value}`")).collect();
        return values.join(" or ");
    }
    match schema.get("type") {
        Some(Value::Array(types)) => {
            let types: Vec<&str> = types.iter().filter_map(Value::as_str).collect();
            types.iter().map(|one| simple(one, schema)).collect::<Vec<_>>().join(" or ")
        }
        Some(Value::String(name)) if name == "array" => {
            let items = schema.get("items").map(|items| words(defined, items));
            format!("list of {}", items.unwrap_or_else(|| "anything".to_owned()))
        }
        Some(Value::String(name)) => simple(name, schema),
        _ => "anything".to_owned(),
    }
}

fn simple(name: &str, schema: &Value) -> String {
    let format = schema.get("format").and_then(Value::as_str);
    match (name, format) {
        ("string", None) => "text".to_owned(),
        ("string", Some("uuid")) => "UUID".to_owned(),
        ("string", Some("date-time")) => "moment".to_owned(),
        ("string", Some(format)) => format.to_owned(),
        ("integer", _) => "whole number".to_owned(),
        ("boolean", _) => "true or false".to_owned(),
        (name, _) => name.to_owned(),
    }
}
