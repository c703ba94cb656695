//! An organization as clients send it.

use app::Failure;
use domain::{Document, FieldError, accounts::DeviceLimit};
use secrecy::SecretString;
use uuid::Uuid;

use super::super::{
    failure::RestError,
    fields::{Extent, Fields, Text},
    sent::{self, Reader},
    sentences::NOT_AN_OBJECT,
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

impl sent::Sent for Sent {
    const NAME: &'static str = "Organization";

    fn read(fields: &mut Fields<'_>, _: Reader<'_>) -> Self {
        let mut sent = Self {
            name: fields.short("name", Text::NAME, 200),
            slug: fields.slug("slug", Text::NAME, 200),
            description: fields.short("description", Text::FREE, 10_000),
            email: fields.email("email", Text::FREE, 254),
            url: fields.url("url", Text::FREE, 200),
            is_active: fields.switch("is_active"),
            ..Self::default()
        };
        let owner = |inner: &mut Fields<'_>| inner.reference("organization_user", false, true);
        sent.owner = fields.inside("owner", Extent::Part, owner).flatten().flatten().flatten();
        fields.inside("config_settings", Extent::Part, |inner| sent.settings(inner));
        sent
    }
}

impl Sent {
    fn settings(&mut self, fields: &mut Fields<'_>) {
        self.registration_enabled = fields.switch("registration_enabled");
        let secret = fields.judged("shared_secret", Text::NAME, |secret| {
            let mut problems = domain::device::key_problems(secret);
            problems.extend(domain::field::text(secret, 32).err());
            problems.dedup();
            problems
        });
        self.shared_secret = secret.map(SecretString::from);
        self.context = fields.document("context", false, NOT_AN_OBJECT);
        self.device_limit = device_limit(fields);
    }
}

/// 0 is any number, null is none.
pub(in super::super) fn device_limit(fields: &mut Fields<'_>) -> Option<DeviceLimit> {
    Some(match fields.count("device_limit")? {
        None => DeviceLimit::NoDevices,
        Some(0) => DeviceLimit::Unlimited,
        Some(limit) => DeviceLimit::AtMost(limit),
    })
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

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use app::ControllerSettings;
    use serde_json::{Value, json};

    use super::{
        super::super::{failure::Errors, input::Input},
        *,
    };

    fn read(value: Value) -> (Sent, Errors) {
        let Value::Object(fields) = value else { panic!("not an object") };
        let input = Input::Json(fields);
        let mut fields = Fields::of(Cow::Owned(input), Extent::Part);
        let reader = Reader { controller: &ControllerSettings::default(), unlimited: false };
        let sent = <Sent as sent::Sent>::read(&mut fields, reader);
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
}
