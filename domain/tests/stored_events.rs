//! Events are stored for ever: what was written once is read by every later program. One example of each kind and version
//! lies in `golden/`; a changed shape is a new version with its own example, the old one stays. `events.lock` names all that
//! were ever released.

use std::{collections::BTreeSet, fs, path::PathBuf};

use serde_json::Value;
use wisptrail_domain::{
    Event, Fact, Undecodable,
    accounts::{
        LogInEvent, OrganizationEvent, PermissionGroupEvent, SecretReadingEvent, UserEvent,
    },
    catalogue::{Lock, kind},
    configuration::{ConfigurationEvent, TemplateEvent},
    device::{DeviceEvent, GroupEvent},
    webhook::WebhookEvent,
};

const VERSION: &str = "1";

/// Every version that was ever released is read, through the steps that lead to today's.
#[test]
fn stored_events_keep_their_shape() {
    for (event_type, version) in released() {
        let stored = example(&event_type, version);
        let event = Event::decode(&event_type, &version.to_string(), &stored)
            .unwrap_or_else(|error| panic!("{event_type}: {error:?}"));
        assert_eq!(event.event_type(), event_type);
        assert!(Event::understands(&event_type, &version.to_string()), "{event_type}");

        let before: Value = serde_json::from_str(&stored).expect("an example is JSON");
        let newest = kind(&event_type).expect("what was released stays").version;
        if version == newest {
            // As text, because the order of keys counts.
            assert_eq!(encode(&event).to_string(), before.to_string(), "{event_type}");
        }
    }
}

#[test]
fn what_was_released_is_locked() {
    let lock = lock();
    let grown = lock.clone().grown(Lock::of_code());
    let grown = grown.unwrap_or_else(|wrong| {
        panic!("give these a new version (domain/src/upcast.rs): {wrong:#?}");
    });
    assert_eq!(grown.text(), lock.text(), "run `cargo xtask gen`");
}

#[test]
fn every_event_is_in_the_catalogue() {
    for event_type in types() {
        let kind = kind(event_type).unwrap_or_else(|| panic!("{event_type}"));
        assert!(!kind.meaning.is_empty() && !kind.meaning.contains('*'), "{event_type}");
        let written = kind.example.as_object().and_then(|one| one.values().next()).cloned();
        let written = written.expect("an example has fields");
        let known: BTreeSet<&str> = kind.fields.iter().map(|field| field.name.as_str()).collect();
        for name in written.as_object().into_iter().flatten().map(|(name, _)| name) {
            assert!(known.contains(name.as_str()), "{event_type}: {name}");
        }
        for field in &kind.fields {
            assert!(!field.kind.is_empty(), "{event_type}: {field:?}");
            assert!(!field.meaning.is_empty(), "{event_type}: say what {} means", field.name);
        }
    }
}

#[test]
fn every_example_belongs_to_an_event() {
    let expected: BTreeSet<PathBuf> =
        released().into_iter().map(|(name, version)| path(&name, version)).collect();
    let mut found = BTreeSet::new();
    for aggregate in fs::read_dir(folder()).expect("the folder of examples") {
        let aggregate = aggregate.expect("an entry").path();
        for example in fs::read_dir(aggregate).expect("a folder per aggregate") {
            found.insert(example.expect("an entry").path());
        }
    }
    assert_eq!(found, expected);
}

#[test]
fn stored_names_are_unique_and_begin_with_the_aggregate() {
    let types = types();
    let distinct: BTreeSet<_> = types.iter().collect();
    assert_eq!(distinct.len(), types.len());

    let aggregates: BTreeSet<_> =
        wisptrail_domain::schemas().into_iter().map(|(name, _)| name).collect();
    let prefixes: BTreeSet<_> = types.iter().map(|name| split(name).0).collect();
    assert_eq!(prefixes, aggregates);
}

#[test]
fn the_schema_of_an_aggregate_names_all_its_events() {
    for (aggregate, schema) in wisptrail_domain::schemas() {
        let schema = serde_json::to_string(&schema).expect("a schema is JSON");
        for event_type in types().into_iter().filter(|name| split(name).0 == aggregate) {
            let variant = format!("\"{}\"", split(event_type).1);
            assert!(schema.contains(&variant), "{variant} of {aggregate}");
        }
    }
}

#[test]
fn an_example_of_another_event_is_not_taken_for_this_one() {
    for (event_type, other) in
        [("device.activated", "device.removed"), ("organization.enabled", "organization.disabled")]
    {
        let result = Event::decode(event_type, VERSION, &golden(other));
        assert!(matches!(result, Err(Undecodable::Damaged { .. })), "{result:?}");
    }
}

#[test]
fn what_cannot_be_read_is_told_apart_from_what_is_damaged() {
    let stored = golden("device.registered");
    for (event_type, version) in
        [("device.registered", "2"), ("device.vanished", VERSION), ("", "")]
    {
        let result = Event::decode(event_type, version, &stored);
        assert!(matches!(result, Err(Undecodable::Unknown { .. })), "{result:?}");
        assert!(!Event::understands(event_type, version));
    }
    for payload in ["", "{}", "[]", "\"registered\"", &stored[..stored.len() / 2]] {
        let result = Event::decode("device.registered", VERSION, payload);
        assert!(matches!(result, Err(Undecodable::Damaged { .. })), "{result:?}");
    }
}

/// A secret's envelope is not repeated in the error that says that its payload is damaged.
#[test]
fn a_damaged_payload_does_not_show_its_secrets() {
    let damaged = golden("user.password_changed").replace("\"fingerprint\"", "\"print\"");
    let Err(error) = Event::decode("user.password_changed", VERSION, &damaged) else {
        panic!("a payload without fingerprint is damaged");
    };
    assert!(!format!("{error:?} {error}").contains("Y2lwaGVyIHRleHQ="), "{error:?}");
}

fn types() -> Vec<&'static str> {
    [
        ConfigurationEvent::TYPES,
        DeviceEvent::TYPES,
        GroupEvent::TYPES,
        LogInEvent::TYPES,
        OrganizationEvent::TYPES,
        PermissionGroupEvent::TYPES,
        SecretReadingEvent::TYPES,
        TemplateEvent::TYPES,
        UserEvent::TYPES,
        WebhookEvent::TYPES,
    ]
    .concat()
}

fn encode(event: &Event) -> Value {
    match event {
        Event::Configuration(event) => serde_json::to_value(event),
        Event::Device(event) => serde_json::to_value(event),
        Event::Group(event) => serde_json::to_value(event),
        Event::LogIn(event) => serde_json::to_value(event),
        Event::Gone => panic!("examples are whole"),
        Event::Organization(event) => serde_json::to_value(event),
        Event::PermissionGroup(event) => serde_json::to_value(event),
        Event::SecretReading(event) => serde_json::to_value(event),
        Event::Template(event) => serde_json::to_value(event),
        Event::User(event) => serde_json::to_value(event),
        Event::Webhook(event) => serde_json::to_value(event),
    }
    .expect("events serialize")
}

fn lock() -> Lock {
    Lock::parse(include_str!("../events.lock")).expect("the lock that is kept with the code")
}

/// All that were ever released, and those that will be with the next version.
fn released() -> BTreeSet<(String, u16)> {
    lock().released().cloned().chain(Lock::of_code().released().cloned()).collect()
}

fn golden(event_type: &str) -> String {
    example(event_type, 1)
}

fn example(event_type: &str, version: u16) -> String {
    let path = path(event_type, version);
    fs::read_to_string(&path).unwrap_or_else(|error| {
        panic!("{event_type} needs an example in {}: {error}", path.display())
    })
}

fn path(event_type: &str, version: u16) -> PathBuf {
    let (aggregate, event) = split(event_type);
    folder().join(aggregate).join(format!("{event}.v{version}.json"))
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn split(event_type: &str) -> (&str, &str) {
    event_type.split_once('.').expect("a stored name is aggregate.event")
}
