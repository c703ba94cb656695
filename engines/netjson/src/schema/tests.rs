use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{OPENWRT, of, of_server};
use crate::Backend;

/// What the walk acts on, and what is there for forms only.
const KNOWN: &[&str] = &[
    "$ref",
    "$schema",
    "additionalItems",
    "additionalProperties",
    "allOf",
    "default",
    "definitions",
    "description",
    "enum",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maximum",
    "maxmium",
    "minItems",
    "minLength",
    "minimum",
    "not",
    "oneOf",
    "options",
    "pattern",
    "properties",
    "propertyOrder",
    "readOnly",
    "readonly",
    "required",
    "title",
    "type",
    "uniqueItems",
];

fn object(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

fn keywords(schema: &Value, found: &mut BTreeSet<String>) {
    let Value::Object(map) = schema else { return };
    for (keyword, rule) in map {
        found.insert(keyword.clone());
        match (keyword.as_str(), rule) {
            ("properties" | "definitions", Value::Object(named)) => {
                named.values().for_each(|schema| keywords(schema, found));
            }
            ("allOf" | "oneOf" | "anyOf", Value::Array(parts)) => {
                for schema in parts {
                    keywords(schema, found);
                }
            }
            ("items" | "not" | "additionalProperties", schema) => keywords(schema, found),
            _ => {}
        }
    }
}

#[test]
fn every_keyword_of_the_schema_is_understood() {
    let mut found = BTreeSet::new();
    for backend in Backend::ALL {
        keywords(&of(backend).root, &mut found);
        if let Some(server) = of_server(backend) {
            keywords(&server.root, &mut found);
        }
    }
    let unknown: Vec<_> = found.iter().filter(|name| !KNOWN.contains(&name.as_str())).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn the_first_error_is_reported() {
    let error = OPENWRT
        .validate(&object(json!({
            "routes": [{"device": 1}], "general": {"hostname": "x", "timezone": 1}
        })))
        .unwrap_err();
    assert_eq!(
        (error.path.as_str(), error.message.as_str()),
        ("/general/hostname", "'x' is not a 'hostname'")
    );
}

#[test]
fn whole_floats_and_booleans_are_no_integers() {
    for tos in [json!(1.0), json!(true)] {
        assert!(OPENWRT.validate(&object(json!({"ip_rules": [{"tos": tos}]}))).is_err());
    }
}
