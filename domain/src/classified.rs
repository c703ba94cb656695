//! How confidential each field of an event is (architecture, decision 9), and events without what must not be told.
//!
//! The table names every field of every event: a test compares it with the examples of stored events. What it does not
//! name is not told, so that a forgotten line hides too much and never too little.

use serde_json::{Map, Value, json};

use crate::Document;

/// How confidential a field is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// For everybody who may see the object.
    Plain,
    /// Readable with the object; not in raw streams, webhooks and exports, unless somebody who may asks for it.
    Sensitive,
    /// Encrypted values, and fingerprints of secrets: of use to nobody outside.
    Sealed,
}

impl Class {
    /// As it stands in the place of what is not told.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Sensitive => "sensitive",
            Self::Sealed => "sealed",
        }
    }
}

/// Fields by aggregate. A field stands for everything inside of it.
const FIELDS: &[(&str, Class, &[&str])] = &[
    (
        "configuration",
        Class::Plain,
        // Hashes name archives and tell nothing of what is in them.
        &[
            "archive",
            "backend",
            "defaults_position",
            "device_id",
            "from",
            "inputs_position",
            "md5",
            "organization_id",
            "status",
            "templates",
            "to",
        ],
    ),
    // Reasons quote what does not fit.
    ("configuration", Class::Sensitive, &["config", "reason", "variables"]),
    (
        "device",
        Class::Plain,
        &[
            "device_id",
            "from",
            "group_id",
            "hardware_id",
            "information",
            "mac_address",
            "name",
            "organization_id",
            "to",
        ],
    ),
    // Notes hold whatever people need to know.
    ("device", Class::Sensitive, &["notes"]),
    ("device", Class::Sealed, &["key"]),
    (
        "device_group",
        Class::Plain,
        &["description", "from", "group_id", "name", "organization_id", "templates", "to"],
    ),
    ("device_group", Class::Sensitive, &["meta_data", "variables"]),
    (
        "organization",
        Class::Plain,
        &[
            "active",
            "details",
            "from",
            "limit",
            "name",
            "organization_id",
            "registration_open",
            "slug",
            "to",
        ],
    ),
    ("organization", Class::Sensitive, &["variables"]),
    ("organization", Class::Sealed, &["secret"]),
    (
        "permission_group",
        Class::Plain,
        &["from", "group_id", "name", "number", "permissions", "to"],
    ),
    ("secret", Class::Plain, &["of", "organizations", "what"]),
    (
        "template",
        Class::Plain,
        &["backend", "flags", "from", "name", "organization_id", "tags", "template_id", "to"],
    ),
    ("template", Class::Sensitive, &["config", "default_values", "notes"]),
    (
        "webhook",
        Class::Plain,
        &[
            "from",
            "name",
            "organization_id",
            "previous_until",
            "selection",
            "since",
            "to",
            "webhook_id",
            "why",
        ],
    ),
    // Addresses often hold what only the receiver should know.
    ("webhook", Class::Sensitive, &["url"]),
    ("webhook", Class::Sealed, &["secret"]),
    ("log_in", Class::Plain, &["log_in_id", "method", "outcome", "times", "user_id"]),
    ("log_in", Class::Sealed, &["address", "login"]),
    (
        "user",
        Class::Plain,
        &[
            "disabled",
            "epoch",
            "expires_at",
            "expires_on",
            "groups",
            "language",
            "last_address_number",
            "manager",
            "membership",
            "memberships",
            "number",
            "organization_id",
            "password_since",
            "permissions",
            "purpose",
            "roles",
            "scope",
            "staff",
            "superuser",
            "time_zone",
            "to",
            "token_id",
            "user_id",
        ],
    ),
    (
        "user",
        Class::Sealed,
        &[
            "address",
            "addresses",
            "email",
            "from",
            "link",
            "name",
            "password",
            "phone",
            "profile",
            "token",
            "tokens",
            "username",
        ],
    ),
];

/// Fields that are something else in one event than in the others of the aggregate.
const EXCEPTIONS: &[(&str, &str, Class)] = &[
    // Our own word, such as `device_renamed`.
    ("configuration.confirmation_required", "reason", Class::Plain),
    // Fingerprints of the secrets before.
    ("device.key_changed", "from", Class::Sealed),
    ("organization.shared_secret_changed", "from", Class::Sealed),
    ("user.groups_changed", "from", Class::Plain),
    ("user.permissions_changed", "from", Class::Plain),
];

/// How confidential a field of an event is; none where nobody said.
pub fn class_of(event_type: &str, field: &str) -> Option<Class> {
    let exception = EXCEPTIONS.iter().find(|(of, name, _)| *of == event_type && *name == field);
    if let Some((.., class)) = exception {
        return Some(*class);
    }
    let (aggregate, _) = event_type.split_once('.')?;
    let line = FIELDS.iter().find(|(of, _, fields)| *of == aggregate && fields.contains(&field));
    line.map(|(_, class, _)| *class)
}

/// A stored payload as it may be told: what is more confidential than `up_to` is replaced by `{"masked": <its class>}`. Sealed
/// fields are never told, whatever `up_to` says. Of events that nobody knows, and of payloads that are no JSON, nothing is.
pub fn told(event_type: &str, payload: &str, up_to: Class) -> Document {
    let nothing = || masked(Class::Sealed);
    let Ok(Value::Object(variants)) = serde_json::from_str(payload) else { return nothing() };
    let told = |(variant, fields): (String, Value)| {
        // What retention took away: a marker is all there is.
        if variant == "$scavenged" || variant == "$erased" {
            return (variant, Value::Bool(true));
        }
        let Value::Object(fields) = fields else { return (variant, nothing().into()) };
        let fields = fields.into_iter().map(|(field, value)| {
            let class = class_of(event_type, &field).unwrap_or(Class::Sealed);
            let hidden = class == Class::Sealed || class > up_to;
            let value = if hidden && !value.is_null() {
                masked(class).into()
            } else {
                without_sealed(value)
            };
            (field, value)
        });
        (variant, Value::Object(fields.collect()))
    };
    variants.into_iter().map(told).collect()
}

/// Envelopes and fingerprints are not told, even where somebody called their field plain.
fn without_sealed(value: Value) -> Value {
    match value {
        Value::Object(fields) if is_sealed(&fields) => masked(Class::Sealed).into(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(field, value)| (field, without_sealed(value)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(values) => values.into_iter().map(without_sealed).collect(),
        other => other,
    }
}

fn is_sealed(fields: &Document) -> bool {
    fields.contains_key("$enc")
        || (fields.contains_key("envelope") && fields.contains_key("fingerprint"))
}

fn masked(class: Class) -> Document {
    match json!({ "masked": class.as_str() }) {
        Value::Object(mask) => mask,
        _ => Document::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(event_type: &str, payload: &Value, up_to: Class) -> Value {
        told(event_type, &payload.to_string(), up_to).into()
    }

    #[test]
    fn sensitive_fields_are_told_to_who_may_and_sealed_ones_to_nobody() {
        let payload = json!({ "created": {
            "name": "lab", "variables": { "psk": "word" },
            "secret": { "envelope": { "$enc": {} }, "fingerprint": "f" },
        } });
        let (sensitive, sealed) = (json!({ "masked": "sensitive" }), json!({ "masked": "sealed" }));
        let event = "organization.created";
        assert_eq!(
            shown(event, &payload, Class::Plain),
            json!({ "created": { "name": "lab", "variables": sensitive, "secret": sealed } })
        );
        for up_to in [Class::Sensitive, Class::Sealed] {
            assert_eq!(
                shown(event, &payload, up_to),
                json!({ "created": { "name": "lab", "variables": { "psk": "word" }, "secret": sealed } })
            );
        }
    }

    #[test]
    fn what_nobody_knows_is_not_told() {
        let sealed = json!({ "masked": "sealed" });
        let payload = json!({ "renamed": { "from": "a", "to": "b", "later": { "x": 1 } } });
        assert_eq!(
            shown("device.renamed", &payload, Class::Sensitive),
            json!({ "renamed": { "from": "a", "to": "b", "later": sealed } })
        );
        assert_eq!(
            shown("ship.sunk", &json!({ "sunk": { "name": "x" } }), Class::Sensitive),
            json!({ "sunk": { "name": sealed } })
        );
        assert_eq!(
            shown("device.renamed", &json!({ "renamed": "x" }), Class::Sensitive)["renamed"],
            sealed
        );
        assert_eq!(Value::from(told("device.renamed", "nonsense", Class::Sensitive)), sealed);
        assert_eq!(
            shown("device.renamed", &json!({ "$scavenged": true }), Class::Plain),
            json!({ "$scavenged": true })
        );
    }

    #[test]
    fn an_envelope_in_a_plain_field_is_not_told() {
        let payload = json!({ "registered": { "information": [{ "$enc": { "c": "x" } }, 1] } });
        assert_eq!(
            shown("device.registered", &payload, Class::Sensitive),
            json!({ "registered": { "information": [{ "masked": "sealed" }, 1] } })
        );
    }
}
