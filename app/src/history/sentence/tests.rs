use std::{collections::BTreeSet, fs, path::Path};

use domain::{
    Fact as _,
    accounts::{
        LogInEvent, OrganizationEvent, PermissionGroupEvent, SecretReadingEvent, UserEvent,
    },
    configuration::{ConfigurationEvent, TemplateEvent},
    device::{DeviceEvent, GroupEvent},
    webhook::WebhookEvent,
};
use serde_json::Value;

use super::*;

/// One example of each stored event, by its name.
fn examples() -> Vec<(String, String)> {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../domain/tests/golden");
    let folders = fs::read_dir(golden).expect("the examples").map(|folder| folder.expect("one"));
    folders
        .flat_map(|folder| {
            let aggregate = folder.file_name().into_string().expect("text");
            fs::read_dir(folder.path()).expect("a folder").map(move |file| {
                let file = file.expect("a file");
                let name = file.file_name().into_string().expect("text");
                let variant = name.split('.').next().expect("a name").to_owned();
                let payload = fs::read_to_string(file.path()).expect("an example");
                (format!("{aggregate}.{variant}"), payload)
            })
        })
        .collect()
}

#[test]
fn every_event_has_a_sentence() {
    let all = [
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
    .concat();
    let examples = examples();
    let told: BTreeSet<&str> = examples.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(told, all.into_iter().collect::<BTreeSet<_>>(), "an example of each");
    for (name, payload) in &examples {
        let event = Event::decode(name, "1", payload).expect("an example that is understood");
        let Sentence { text, changed } = sentence(&event, &Names::default(), 1);
        assert!(text.len() > 5 && !text.contains('\n'), "{name}: {text}");
        assert!(text.starts_with(|c: char| c.is_alphabetic()), "{name}: {text}");
        let quiet = [
            "registered_again",
            "reported_outdated",
            "log_in.tried",
            ".removed",
            "removal_started",
            "secret.read",
            ".erased",
            "user.link_issued",
            "user.link_used",
        ];
        assert_eq!(
            changed.is_empty(),
            quiet.iter().any(|end| name.ends_with(end)),
            "{name}: {changed:?}"
        );
    }
}

#[test]
fn no_sentence_holds_a_secret_or_a_hash() {
    for (name, payload) in examples() {
        let event = Event::decode(&name, "1", &payload).expect("an example that is understood");
        let Sentence { text, .. } = sentence(&event, &Names::default(), 1);
        let mut secrets = Vec::new();
        hidden(&serde_json::from_str(&payload).expect("JSON"), false, &mut secrets);
        for secret in secrets {
            assert!(!text.contains(&secret), "{name}: {text}");
        }
    }
}

/// Every text inside a sealed value, and everything that looks like a hash.
fn hidden(value: &Value, sealed: bool, found: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            let hash = text.len() >= 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            if sealed || hash {
                found.push(text.clone());
            }
        }
        Value::Array(values) => values.iter().for_each(|value| hidden(value, sealed, found)),
        Value::Object(values) => {
            for (key, value) in values {
                let sealed = sealed || ["envelope", "fingerprint", "token"].contains(&key.as_str());
                hidden(value, sealed, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
