//! Nothing confidential leaves with a stored event: every field of every example in `golden/` has a class, and what is told
//! of an example holds nothing of what is confidential in it.

use std::{collections::BTreeSet, fs, path::PathBuf};

use serde_json::Value;
use wisptrail_domain::{
    classified::{Class, class_of, told},
    event_types,
};

/// Names of fields that are documents or free text, wherever they stand.
const SENSITIVE: [&str; 7] =
    ["config", "variables", "context", "default_values", "meta_data", "notes", "contents"];
/// Names of fields that are secrets, wherever they stand.
const SEALED: [&str; 8] =
    ["key", "secret", "password", "token", "username", "envelope", "fingerprint", "$enc"];

#[test]
fn every_field_of_every_event_has_a_class() {
    let mut missing = Vec::new();
    for (event_type, payload) in examples() {
        for (field, value) in fields(&payload) {
            let Some(class) = class_of(&event_type, field) else {
                missing.push(format!("{event_type}: {field}"));
                continue;
            };
            if SENSITIVE.contains(&field.as_str()) {
                assert_eq!(class, Class::Sensitive, "{event_type}: {field}");
            }
            if SEALED.contains(&field.as_str()) || is_secret(value) {
                assert_eq!(class, Class::Sealed, "{event_type}: {field}");
            }
        }
    }
    assert!(missing.is_empty(), "give these a class in classified.rs: {missing:#?}");
}

#[test]
fn what_is_told_of_an_event_holds_no_secret() {
    for (event_type, payload) in examples() {
        let mut secrets = BTreeSet::new();
        let mut documents = BTreeSet::new();
        for (field, value) in fields(&payload) {
            match class_of(&event_type, field) {
                Some(Class::Plain) => {}
                Some(Class::Sensitive) => texts(value, &mut documents),
                Some(Class::Sealed) | None => texts(value, &mut secrets),
            }
        }
        for up_to in [Class::Plain, Class::Sensitive, Class::Sealed] {
            let shown = Value::from(told(&event_type, &payload.to_string(), up_to));
            let mut left = BTreeSet::new();
            texts(&shown, &mut left);
            for secret in secrets.iter().chain(documents.iter().filter(|_| up_to == Class::Plain)) {
                assert!(!left.contains(secret), "{event_type} tells {secret}: {shown}");
            }
            let names = shown.to_string();
            for name in ["$enc", "fingerprint", "envelope"] {
                assert!(!names.contains(name), "{event_type}: {shown}");
            }
        }
    }
}

#[test]
fn what_is_not_confidential_is_told() {
    for (event_type, payload) in examples() {
        let plain = Value::from(told(&event_type, &payload.to_string(), Class::Plain));
        for (field, value) in fields(&payload) {
            let told = fields(&plain).find(|(name, _)| *name == field).map(|(_, value)| value);
            if class_of(&event_type, field) == Some(Class::Plain) {
                assert_eq!(told, Some(value), "{event_type}: {field}");
            }
        }
    }
}

/// 64 hexadecimal digits are hashes of secrets, but for the name of an archive, which stands deeper.
fn is_secret(value: &Value) -> bool {
    match value {
        Value::String(text) => text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()),
        Value::Object(fields) => fields.contains_key("envelope"),
        _ => false,
    }
}

fn texts(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            found.insert(text.clone());
        }
        Value::Array(values) => values.iter().for_each(|value| texts(value, found)),
        Value::Object(fields) => fields.values().for_each(|value| texts(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn fields(payload: &Value) -> impl Iterator<Item = (&String, &Value)> {
    payload
        .as_object()
        .into_iter()
        .flat_map(|variants| variants.values().filter_map(Value::as_object).flatten())
}

/// Type and payload of every example.
fn examples() -> Vec<(String, Value)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let types = event_types().into_iter().flat_map(|(_, types)| types);
    let read = |event_type: &&str| {
        let (aggregate, event) = event_type.split_once('.').expect("aggregate.event");
        let path = folder.join(aggregate).join(format!("{event}.v1.json"));
        let text = fs::read_to_string(&path).expect("an example of each event");
        ((*event_type).to_owned(), serde_json::from_str(&text).expect("an example is JSON"))
    };
    types.map(read).collect()
}
