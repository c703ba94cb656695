//! An organization as clients send it.

use app::Failure;
use domain::{Document, FieldError, accounts::DeviceLimit};
use secrecy::SecretString;
use serde_json::Value;
use url::Url;
use uuid::Uuid;

use super::super::{
    failure::{Errors, RestError},
    fields::{Fields, Text},
    input::{Given, Input},
    sentences::{NOT_AN_OBJECT, sentence},
};

/// What clients may say about an organization; what they leave out stays as it is.
#[derive(Debug, Default)]
pub(super) struct Sent {
    pub(super) name: Option<String>,
    pub(super) slug: Option<String>,
    pub(super) description: Option<String>,
    pub(super) email: Option<String>,
    pub(super) url: Option<String>,
    pub(super) is_active: Option<bool>,
    pub(super) registration_enabled: Option<bool>,
    pub(super) shared_secret: Option<SecretString>,
    pub(super) context: Option<Document>,
    pub(super) device_limit: Option<DeviceLimit>,
    /// What the place of a manager is called by.
    pub(super) owner: Option<Uuid>,
}

impl Sent {
    pub(super) fn read(fields: &mut Fields<'_>) -> Self {
        let mut sent = Self {
            name: fields.short("name", Text::NAME, 200),
            slug: fields.short("slug", Text::NAME, 200),
            description: fields.short("description", Text::FREE, 10_000),
            email: fields.short("email", Text::FREE, 254),
            url: fields.short("url", Text::FREE, 200),
            is_active: fields.switch("is_active"),
            ..Self::default()
        };
        let slug = sent.slug.as_deref().unwrap_or("x");
        if !slug.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
            fields.refuse("slug", sentence(&domain::Problem::NotASlug));
        }
        if !sent.email.as_deref().is_none_or(|email| email.is_empty() || is_email(email)) {
            fields.refuse("email", "Enter a valid email address.");
        }
        if !sent.url.as_deref().is_none_or(|url| url.is_empty() || is_url(url)) {
            fields.refuse("url", "Enter a valid URL.");
        }
        if let Some(Some(input)) = fields.nested("owner", false) {
            let errors = std::mem::take(&mut fields.errors);
            let mut inner = Fields::inside(&input, "owner.", true, errors);
            sent.owner = inner.reference("organization_user", false, true).flatten();
            fields.errors = inner.errors;
        }
        if let Some(Some(input)) = fields.nested("config_settings", false) {
            let errors = std::mem::take(&mut fields.errors);
            fields.errors = sent.settings(&input, errors);
        }
        sent
    }

    fn settings(&mut self, input: &Input, errors: Errors) -> Errors {
        let mut fields = Fields::inside(input, "config_settings.", true, errors);
        self.registration_enabled = fields.switch("registration_enabled");
        let secret = fields.judged("shared_secret", Text::NAME, |secret| {
            let mut problems = domain::device::key_problems(secret);
            problems.extend(domain::field::text(secret, 32).err());
            problems.dedup();
            problems
        });
        self.shared_secret = secret.map(SecretString::from);
        self.context = fields.document("context", false, NOT_AN_OBJECT);
        self.device_limit = device_limit(&mut fields, input);
        fields.errors
    }
}

/// 0 is any number, null is none.
pub(in super::super) fn device_limit(
    fields: &mut Fields<'_>,
    input: &Input,
) -> Option<DeviceLimit> {
    match input.get("device_limit") {
        Given::Absent => None,
        Given::Value(Value::Null) | Given::Text("") => Some(DeviceLimit::NoDevices),
        Given::Value(value) => limit(fields, value.as_u64()),
        Given::Text(text) => limit(fields, text.trim().parse().ok()),
    }
}

fn limit(fields: &mut Fields<'_>, number: Option<u64>) -> Option<DeviceLimit> {
    match number.map(u32::try_from) {
        Some(Ok(0)) => Some(DeviceLimit::Unlimited),
        Some(Ok(limit)) => Some(DeviceLimit::AtMost(limit)),
        Some(Err(_)) | None => {
            fields.refuse("device_limit", "A valid integer is required.");
            None
        }
    }
}

/// What the use case refuses of the settings stands under them.
pub(super) fn refused(failure: Failure) -> RestError {
    let place = |field: &'static str| match field {
        "shared_secret" => "config_settings.shared_secret",
        "context" => "config_settings.context",
        field => field,
    };
    match failure {
        Failure::Invalid(errors) => Failure::Invalid(
            errors
                .into_iter()
                .map(|error| FieldError { field: place(error.field), ..error })
                .collect(),
        )
        .into(),
        failure => failure.into(),
    }
}

/// A mailbox at a host (RFC 5321 §2.3.11), without quoting.
pub(in super::super) fn is_email(text: &str) -> bool {
    let Some((mailbox, host)) = text.rsplit_once('@') else { return false };
    let mailbox_fits = !mailbox.is_empty()
        && mailbox.split('.').all(|atom| {
            !atom.is_empty()
                && atom
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{}|~-".contains(c))
        });
    let label_fits = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let host_fits = host == "localhost" || (host.contains('.') && host.split('.').all(label_fits));
    mailbox_fits && host_fits
}

/// A web or FTP address of a host that can be somewhere.
pub(in super::super) fn is_url(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let host = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.contains('.'),
        Some(url::Host::Ipv4(_) | url::Host::Ipv6(_)) => true,
        None => false,
    };
    matches!(url.scheme(), "http" | "https" | "ftp" | "ftps")
        && host
        && !text.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(value: Value) -> (Sent, Errors) {
        let Value::Object(fields) = value else { panic!("not an object") };
        let input = Input::Json(fields);
        let mut fields = Fields::some(&input);
        let sent = Sent::read(&mut fields);
        (sent, fields.errors)
    }

    #[test]
    fn contact_and_slug_are_judged_together() {
        let (_, errors) = read(json!({"slug": "a b", "email": "nope", "url": "nope"}));
        let mut expected = Errors::one(
            "slug",
            "Enter a valid \"slug\" consisting of letters, numbers, underscores or hyphens.",
        );
        expected.add("email", "Enter a valid email address.");
        expected.add("url", "Enter a valid URL.");
        assert_eq!(errors, expected);
        let good =
            json!({"slug": "a-b_c", "email": "a.b+c@example.org", "url": "https://example.org/"});
        assert!(read(good).1.is_empty());
        assert!(read(json!({"email": "", "url": ""})).1.is_empty());
    }

    #[test]
    fn limits_have_two_special_values() {
        let limit = |value: Value| read(json!({"config_settings": {"device_limit": value}}));
        assert_eq!(limit(json!(0)).0.device_limit, Some(DeviceLimit::Unlimited));
        assert_eq!(limit(json!(null)).0.device_limit, Some(DeviceLimit::NoDevices));
        assert_eq!(limit(json!(3)).0.device_limit, Some(DeviceLimit::AtMost(3)));
        for value in [json!(-1), json!("x"), json!(1.5), json!(u64::MAX)] {
            assert!(limit(value.clone()).1.names("config_settings"), "{value}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_an_address_or_not(text in "\\PC*") {
            let _ = (is_email(&text), is_url(&text));
        }
    }
}
