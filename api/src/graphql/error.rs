//! How GraphQL fails: one table from failures of use cases to codes (architecture, decision 15).

use std::sync::Arc;

use app::{Failure, Refusal, TakenValue};
use async_graphql::{Error, ErrorExtensions as _, Value, indexmap::IndexMap};
use domain::{FieldError, kind};

/// A failed use case as an error with `extensions.code` and, where values were at fault, `extensions.fields`.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(super) fn failure(failure: Failure) -> Error {
    told(&failure)
}

/// The same for one that several resolvers share.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(super) fn shared(failure: Arc<Failure>) -> Error {
    told(&failure)
}

fn told(failure: &Failure) -> Error {
    let sentence = failure.to_string();
    match failure {
        Failure::Invalid(errors) => with_fields("INVALID", sentence, invalid(errors)),
        Failure::Refused(Refusal::InactiveUser) | Failure::Unauthenticated => {
            coded("UNAUTHENTICATED", sentence)
        }
        // The codes are closed; the reason tells it from other things that are forbidden.
        Failure::Refused(Refusal::PasswordExpired) => coded("FORBIDDEN", sentence)
            .extend_with(|_, extensions| extensions.set("reason", "password_expired")),
        Failure::Refused(Refusal::NarrowToken) | Failure::Forbidden => coded("FORBIDDEN", sentence),
        Failure::Refused(refusal) => match place(refusal) {
            Some(field) => with_fields("REFUSED", sentence.clone(), vec![(field, sentence)]),
            None => coded("REFUSED", sentence),
        },
        Failure::LimitReached { .. } => coded("REFUSED", sentence),
        Failure::Taken(values) => with_fields("TAKEN", sentence, taken(values)),
        Failure::NotFound(_) => coded("NOT_FOUND", sentence),
        Failure::Busy | Failure::Stale => coded("BUSY", sentence),
        Failure::RateLimited => coded("RATE_LIMITED", sentence),
        Failure::Throttled(after) => coded("RATE_LIMITED", sentence)
            .extend_with(|_, extensions| extensions.set("retryAfter", after.as_secs())),
        Failure::Unavailable => coded("UNAVAILABLE", sentence),
        // The codes are closed; the reason tells it from what works again later.
        Failure::ReadOnly => coded("UNAVAILABLE", sentence)
            .extend_with(|_, extensions| extensions.set("reason", "read_only")),
        Failure::Broken(cause) => {
            tracing::error!(error = &**cause as &dyn std::error::Error, "a request failed");
            coded("INTERNAL", sentence)
        }
    }
}

/// A value of the request that cannot be used.
pub(super) fn refused(field: &str, sentence: &str) -> Error {
    let fields = vec![(field.to_owned(), sentence.to_owned())];
    with_fields("INVALID", format!("{field} {sentence}"), fields)
}

/// Nobody known asks.
pub(super) fn unauthenticated() -> Error {
    failure(Failure::Unauthenticated)
}

fn coded(code: &str, sentence: String) -> Error {
    Error::new(sentence).extend_with(|_, extensions| extensions.set("code", code))
}

fn with_fields(code: &str, sentence: String, fields: Vec<(String, String)>) -> Error {
    let mut by_field: IndexMap<_, Vec<Value>> = IndexMap::new();
    for (field, sentence) in fields {
        by_field.entry(async_graphql::Name::new(field)).or_default().push(sentence.into());
    }
    let fields =
        by_field.into_iter().map(|(field, sentences)| (field, Value::List(sentences))).collect();
    coded(code, sentence)
        .extend_with(|_, extensions| extensions.set("fields", Value::Object(fields)))
}

fn invalid(errors: &[FieldError]) -> Vec<(String, String)> {
    errors.iter().map(|error| (input_name(error.field), error.problem.to_string())).collect()
}

/// The name that a use case's field has in inputs.
fn input_name(field: &str) -> String {
    let name = |part: &str| match part {
        "organization" => "organizationId".to_owned(),
        "group" => "groupId".to_owned(),
        "templates" => "templateIds".to_owned(),
        "context" => "variables".to_owned(),
        "organization_users" => "memberships".to_owned(),
        "is_active" => "active".to_owned(),
        "phone_number" => "phone".to_owned(),
        "groups" => "groupNumbers".to_owned(),
        part => camel(part),
    };
    match field.split_once('.') {
        Some(("config", inner)) => format!("configuration.{}", name(inner)),
        Some(("config_settings", inner)) => name(inner),
        Some(("organization_users", _)) => "memberships".to_owned(),
        _ => name(field),
    }
}

/// The name that a field of the API has in GraphQL.
pub(super) fn camel(snake: &str) -> String {
    let mut name = String::with_capacity(snake.len());
    let mut upper = false;
    for character in snake.chars() {
        match character {
            '_' => upper = true,
            character if upper => {
                name.extend(character.to_uppercase());
                upper = false;
            }
            character => name.push(character),
        }
    }
    name
}

/// The input that a refusal is about, if it is one.
fn place(refusal: &Refusal) -> Option<String> {
    let field = match refusal {
        Refusal::InvalidConfiguration { field, .. } | Refusal::AddsOptions { field, .. } => {
            return Some(input_name(field));
        }
        Refusal::EmptyTemplate => "config",
        Refusal::ForeignTemplates { .. } | Refusal::DefaultTemplatesInGroup { .. } => "templateIds",
        Refusal::SharedTemplateName => "name",
        Refusal::LimitBelowDevices { .. } => "deviceLimit",
        Refusal::OrganizationFixed | Refusal::ListedElsewhere => "organizationId",
        Refusal::TemplateConflict { .. } => "configuration",
        Refusal::Exists => "id",
        Refusal::KeyReused => "clientMutationId",
        Refusal::AddressListed => "email",
        Refusal::IsOwner | Refusal::NotAManager => "memberships",
        Refusal::WrongPassword => "currentPassword",
        Refusal::SamePassword | Refusal::FormerPassword => "password",
        Refusal::InvalidLink => "key",
        Refusal::NotHeld => "permissions",
        Refusal::OutlivesToken => "expiresAt",
        Refusal::OwnPermissions => "groupNumbers",
        Refusal::DeviceDeactivated
        | Refusal::DeviceAlreadyActive
        | Refusal::DeviceStillActive
        | Refusal::InactiveUser
        | Refusal::NarrowToken
        | Refusal::NoMail
        | Refusal::PasswordExpired
        | Refusal::TooManyTokens
        | Refusal::TooManyAddresses
        | Refusal::TooManyMemberships
        | Refusal::TooManyOperations { .. }
        | Refusal::LastSuperuser
        | Refusal::TooManyWebhooks { .. } => return None,
    };
    Some(field.to_owned())
}

/// Which input holds what can be taken.
const TAKEN: [(&str, &str, &str); 13] = [
    (kind::DEVICE_KEY, "key", "belongs to another device"),
    (kind::DEVICE_MAC_ADDRESS, "macAddress", "belongs to another device of the organization"),
    (kind::DEVICE_HARDWARE_ID, "hardwareId", "belongs to another device of the organization"),
    (kind::DEVICE_NAME, "name", "belongs to another device of the organization"),
    (kind::TEMPLATE_NAME, "name", "belongs to another template of the organization"),
    (kind::GROUP_NAME, "name", "belongs to another group of the organization"),
    (kind::ORGANIZATION_SLUG, "slug", "belongs to another organization"),
    (kind::ORGANIZATION_SECRET, "sharedSecret", "belongs to another organization"),
    (kind::USER_NAME, "username", "belongs to another user"),
    (kind::USER_EMAIL, "email", "belongs to another user"),
    (kind::USER_EMAIL_ADDRESS, "email", "belongs to another user"),
    (kind::USER_PHONE, "phone", "belongs to another user"),
    (kind::PERMISSION_GROUP_NAME, "name", "belongs to another permission group"),
];

fn taken(values: &[TakenValue]) -> Vec<(String, String)> {
    let mut told: Vec<_> = values
        .iter()
        .map(|value| {
            let known = TAKEN.iter().find(|(kind, ..)| value.kind == *kind);
            let (field, sentence) =
                known.map_or(("id", "is taken"), |(_, field, sentence)| (*field, *sentence));
            (field.to_owned(), sentence.to_owned())
        })
        .collect();
    // Of one value two claims may be held.
    told.dedup();
    told
}

#[cfg(test)]
mod tests {
    use domain::Problem;
    use serde_json::{Value as Json, json};

    use super::*;

    fn extensions(error: Error) -> Json {
        serde_json::to_value(error.extensions).unwrap()
    }

    #[test]
    fn wrong_values_are_told_by_the_names_of_inputs() {
        let errors = vec![
            FieldError::new("mac_address", Problem::NotAMacAddress),
            FieldError::new("config.templates", Problem::Unknown("x".to_owned())),
            FieldError::new("config.context", Problem::TooDeep),
        ];
        let expected = json!({"code": "INVALID", "fields": {
            "macAddress": ["must be a MAC address such as 00:11:22:33:44:55"],
            "configuration.templateIds": ["`x` does not exist"],
            "configuration.variables": ["is nested too deeply"],
        }});
        assert_eq!(extensions(failure(Failure::Invalid(errors))), expected);
    }

    #[test]
    fn all_taken_values_are_named() {
        let value = |kind: &str| TakenValue { kind: kind.to_owned(), value: String::new() };
        let error = Failure::Taken(vec![value(kind::DEVICE_NAME), value(kind::DEVICE_KEY)]);
        let expected = json!({"code": "TAKEN", "fields": {
            "name": ["belongs to another device of the organization"],
            "key": ["belongs to another device"],
        }});
        assert_eq!(extensions(failure(error)), expected);
    }

    #[test]
    fn our_own_faults_tell_nothing() {
        let error = failure(Failure::Broken("the disk said no".into()));
        assert!(!error.message.contains("disk"));
        assert_eq!(extensions(error), json!({"code": "INTERNAL"}));
    }
}
