//! The description of the stream of events for programs (`AsyncAPI` 3.0.0, <https://www.asyncapi.com/docs/reference/specification/v3.0.0>).

use std::sync::LazyLock;

use domain::{
    Document,
    catalogue::{self, Kind, MASKED, masked_schema},
};
use serde_json::{Map, Value, json};

use super::catalogue::told;

/// The whole document.
pub fn asyncapi() -> &'static Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(document);
    &DOCUMENT
}

fn document() -> Value {
    let kinds = || catalogue::catalogue().iter().flat_map(|aggregate| &aggregate.events);
    let messages: Document = kinds().map(|kind| (kind.name.to_owned(), message(kind))).collect();
    let named: Document = kinds()
        .map(|kind| {
            let place = format!("#/components/messages/{}", kind.name);
            (kind.name.to_owned(), json!({ "$ref": place }))
        })
        .collect();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Wisptrail events",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Everything that was decided and everything that happened, in the order of one log, as CloudEvents 1.0.",
            "license": { "name": env!("CARGO_PKG_LICENSE") },
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": {
            "events": {
                "address": "/api/v1/events",
                "title": "The log",
                "description": "Server-Sent Events with `Accept: text/event-stream`, otherwise pages of JSON. The id of each is its position; \
                                whoever comes back with it in `Last-Event-ID` or `after` misses nothing.",
                "messages": named,
            },
        },
        "operations": {
            "tellEvents": {
                "action": "send",
                "channel": { "$ref": "#/channels/events" },
                "title": "Tell what happens",
                "summary": "Events of organizations that the account of the token may see at that moment.",
                "security": [{ "$ref": "#/components/securitySchemes/token" }],
                "bindings": {
                    "http": { "method": "GET", "query": query(), "bindingVersion": "0.3.0" },
                },
            },
        },
        "components": {
            "messages": messages,
            "schemas": { "CloudEvent": envelope(), EMPTIED: emptied_schema(), MASKED: masked_schema() },
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The token of an account.",
                },
            },
        },
    })
}

/// What `/api/v1/events` takes in its query.
fn query() -> Value {
    let several = |what: &str| json!({ "type": "array", "items": { "type": "string" }, "maxItems": 100, "description": what });
    json!({
        "type": "object",
        "properties": {
            "after": { "type": "integer", "minimum": 0, "description": "Everything after this position; 0 is from the beginning; left out, it is from now on." },
            "organization": several("Of these organizations: their ids."),
            "aggregate": several("Of streams of these kinds, such as `device`."),
            "aggregate_id": { "type": "string", "format": "uuid", "description": "Of the streams with this id." },
            "type": several("Of these types, such as `device.renamed`."),
            "limit": { "type": "integer", "minimum": 1, "maximum": 1000, "description": "Of a page: at most so many events." },
            "sensitive": { "type": "boolean", "description": "Tells superusers what is sensitive." },
            "secrets": { "type": "boolean", "description": "Tells keys of devices and shared secrets to those with `see_secrets`; each reading is an event." },
        },
    })
}

/// What is the same for all events.
fn envelope() -> Value {
    let text = |what: &str| json!({ "type": "string", "description": what });
    json!({
        "type": "object",
        "description": "CloudEvents 1.0, structured mode.",
        "properties": {
            "specversion": { "type": "string", "const": "1.0" },
            "id": { "type": "string", "format": "uuid", "description": "Unique for ever." },
            "source": text("The log that it is from."),
            "type": text("Such as `device.renamed`."),
            "subject": text("Kind and id of the stream, such as `device/<id>`."),
            "time": { "type": "string", "format": "date-time", "description": "When it was recorded." },
            "datacontenttype": { "type": "string", "const": "application/json" },
            "data": { "type": "object", "description": "The payload." },
            "position": text("Where in the log: a whole number."),
            "streamsequence": text("1, 2, 3 … inside the stream."),
            "eventversion": text("Of the type: a whole number."),
            "organization": { "type": "string", "format": "uuid", "description": "Whose it was at that time; missing where it belongs to none." },
            "actor": text("Who did it: `user:<id>`, `device:<id>`, `agent:<organization>`, `system:<worker>` or `local:<unix user>`."),
            "correlationid": { "type": "string", "format": "uuid", "description": "The request that it came from." },
            "causation": text("What made it necessary: `event:<id>`, `report:<number>` or `job:<id>`."),
        },
        "required": ["specversion", "id", "source", "type", "subject", "time", "datacontenttype", "data", "position", "streamsequence", "eventversion"],
    })
}

fn message(kind: &Kind) -> Value {
    let example = json!({
        "specversion": "1.0",
        "id": "01936f1e-0000-7000-8000-00000000000a",
        "source": "/api/v1/events",
        "type": kind.name,
        "subject": format!("{}/01936f1e-0000-7000-8000-00000000000b", kind.name.split('.').next().unwrap_or_default()),
        "time": "2026-11-21T12:00:00.000000Z",
        "datacontenttype": "application/json",
        "position": "4711",
        "streamsequence": "7",
        "eventversion": kind.version.to_string(),
        "data": told(kind),
    });
    json!({
        "name": kind.name,
        "title": kind.name,
        "summary": kind.meaning,
        "contentType": "application/cloudevents+json",
        "payload": {
            "allOf": [
                { "$ref": "#/components/schemas/CloudEvent" },
                {
                    "type": "object",
                    "properties": {
                        "type": { "const": kind.name },
                        "eventversion": { "const": kind.version.to_string() },
                        "data": data(kind, "#/components/schemas/"),
                    },
                },
            ],
        },
        "examples": [{ "name": "stored", "payload": example }],
    })
}

/// The same as a JSON Schema that stands by itself.
pub(super) fn told_schema(kind: &Kind) -> Value {
    let mut schema = data(kind, "#/$defs/");
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["$defs"] = json!({ EMPTIED: emptied_schema(), MASKED: masked_schema() });
    schema["title"] = json!(kind.name);
    schema
}

/// What stands in the place of a payload that was taken away.
const EMPTIED: &str = "Emptied";

fn emptied_schema() -> Value {
    let mark = |name: &str| {
        json!({
            "type": "object",
            "properties": { name: { "type": "boolean", "const": true } },
            "required": [name],
            "additionalProperties": false,
        })
    };
    json!({
        "description": "Stands in the place of a payload that was taken away: for a person who was erased, or because it was kept for a while only.",
        "anyOf": [mark("$erased"), mark("$scavenged")],
    })
}

/// The schema of a payload as it is told: where a field is confidential there may be a mask. Definitions stand where they are
/// used, so that the document needs no other.
fn data(kind: &Kind, schemas: &str) -> Value {
    let mut schema = kind.schema.clone();
    schema.remove("$schema");
    let definitions = schema.remove("$defs");
    let definitions = definitions.as_ref().and_then(Value::as_object).cloned().unwrap_or_default();
    let mut schema = inlined(&schema.into(), &definitions, DEEPEST);
    let inside = schema.get_mut("properties").and_then(Value::as_object_mut);
    for event in inside.into_iter().flat_map(Map::values_mut) {
        let fields = event.get_mut("properties").and_then(Value::as_object_mut);
        for field in fields.into_iter().flat_map(Map::values_mut) {
            mask(field, schemas);
        }
    }
    json!({ "anyOf": [schema, { "$ref": format!("{schemas}{EMPTIED}") }] })
}

/// Definitions inside of definitions.
const DEEPEST: usize = 16;

fn inlined(schema: &Value, definitions: &Document, deeper: usize) -> Value {
    let Some(deeper) = deeper.checked_sub(1) else { return json!({}) };
    match schema {
        Value::Object(fields) => {
            let mut whole = Map::new();
            let named = fields.get("$ref").and_then(Value::as_str);
            let named = named.and_then(|place| place.strip_prefix("#/$defs/"));
            if let Some(Value::Object(definition)) = named
                .and_then(|name| definitions.get(name))
                .map(|one| inlined(one, definitions, deeper))
            {
                whole.extend(definition);
            }
            // What the place itself says is closer than what the definition says.
            for (name, value) in fields.iter().filter(|(name, _)| *name != "$ref") {
                whole.insert(name.clone(), inlined(value, definitions, deeper));
            }
            whole.into()
        }
        Value::Array(values) => {
            values.iter().map(|value| inlined(value, definitions, deeper)).collect()
        }
        other => other.clone(),
    }
}

/// What is told of a field that is not plain: a mask, or the value to those who may see it.
fn mask(field: &mut Value, schemas: &str) {
    let masked = json!({ "$ref": format!("{schemas}{MASKED}") });
    let class = field.get("x-confidential").and_then(Value::as_str).map(str::to_owned);
    let Some(class) = class else { return };
    let described = field.get("description").cloned().unwrap_or_else(|| json!(""));
    let told = match class.as_str() {
        "sensitive" => field.take(),
        // Secrets that are told are told open.
        _ => json!({ "type": ["string", "null"] }),
    };
    *field = json!({ "description": described, "x-confidential": class, "anyOf": [masked, told] });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every reference leads somewhere, and no field that is sealed in the log is described as it is stored.
    #[test]
    fn the_document_holds_together() {
        let document = asyncapi();
        let mut references = Vec::new();
        collect(document, &mut references);
        assert!(references.len() > 200);
        for place in references {
            let pointer = place.strip_prefix('#').unwrap_or_else(|| panic!("{place}"));
            assert!(document.pointer(pointer).is_some(), "{place}");
        }
        let text = document.to_string();
        assert!(!text.contains("fingerprint\"") && !text.contains("$enc"), "what is sealed");
    }

    #[test]
    fn an_example_has_the_fields_of_its_schema() {
        for aggregate in catalogue::catalogue() {
            for kind in &aggregate.events {
                let message = message(kind);
                let schema =
                    &message["payload"]["allOf"][1]["properties"]["data"]["anyOf"][0]["properties"];
                let example = &message["examples"][0]["payload"]["data"];
                for (variant, fields) in example.as_object().into_iter().flatten() {
                    for (field, _) in fields.as_object().into_iter().flatten() {
                        assert!(
                            schema[variant]["properties"][field].is_object(),
                            "{}: {field}",
                            kind.name
                        );
                    }
                }
            }
        }
    }

    fn collect<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str));
                fields.values().for_each(|value| collect(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| collect(value, found)),
            _ => {}
        }
    }
}
