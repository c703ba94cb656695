//! How REST fails: statuses, bodies, and the one table from failures of use cases to them.

use app::{Failure, Refusal, TakenValue};
use axum::{
    Json,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{FieldError, kind};
use serde_json::{Map, Value, json};

use super::sentences::{self, sentence};
use crate::controller::limit;

/// After what time, in seconds, a request may be repeated.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// Why a request is not answered as wished.
#[derive(Debug)]
pub(super) enum RestError {
    /// 400: sentences by field.
    Invalid(Errors),
    /// Any other refusal, in one sentence.
    Detail(StatusCode, String),
    /// 401.
    Unauthenticated(&'static str),
    /// 403: another password first.
    PasswordExpired,
    /// 429 or 503: try again.
    Later(StatusCode, &'static str),
    /// 429: try again after so many seconds.
    Throttled(u64),
    /// 500: ours.
    Broken,
}

/// Sentences by field; objects inside objects nest.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Errors(Map<String, Value>);

/// The key for what is nobody's field in particular, found by a model.
pub(super) const ALL: &str = "__all__";
/// The same, found by the parser of the request.
pub(super) const NON_FIELD: &str = "non_field_errors";

impl Errors {
    /// One sentence. Dots in the path nest.
    pub(super) fn one(path: &str, sentence: impl Into<String>) -> Self {
        let mut errors = Self::default();
        errors.add(path, sentence);
        errors
    }

    /// One sentence more.
    pub(super) fn add(&mut self, path: &str, sentence: impl Into<String>) {
        let mut fields = &mut self.0;
        let mut rest = path;
        while let Some((outer, inner)) = rest.split_once('.') {
            let nested = fields.entry(outer).or_insert_with(|| Value::Object(Map::new()));
            if !nested.is_object() {
                *nested = json!({ NON_FIELD: nested.take() });
            }
            let Value::Object(inside) = nested else { return };
            fields = inside;
            rest = inner;
        }
        match fields.entry(rest).or_insert_with(|| Value::Array(Vec::new())) {
            Value::Array(sentences) => sentences.push(Value::String(sentence.into())),
            Value::Object(nested) => {
                nested.insert(NON_FIELD.to_owned(), json!([sentence.into()]));
            }
            _ => {}
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Is this field among them?
    pub(super) fn names(&self, field: &str) -> bool {
        self.0.contains_key(field)
    }

    /// Any value under a field, where a client expects something else than a list.
    pub(super) fn set(&mut self, field: &str, value: Value) {
        self.0.insert(field.to_owned(), value);
    }

    /// Fine when nothing was found.
    pub(super) fn check(self) -> Result<(), RestError> {
        if self.is_empty() { Ok(()) } else { Err(RestError::Invalid(self)) }
    }
}

impl RestError {
    /// One sentence about one field.
    pub(super) fn field(path: &str, sentence: impl Into<String>) -> Self {
        Self::Invalid(Errors::one(path, sentence))
    }

    pub(super) fn not_found(model: &str) -> Self {
        Self::Detail(StatusCode::NOT_FOUND, sentences::no_match(model))
    }

    pub(super) fn forbidden(sentence: &str) -> Self {
        Self::Detail(StatusCode::FORBIDDEN, sentence.to_owned())
    }

    fn later(status: StatusCode) -> Self {
        Self::Later(status, "Temporarily unavailable: try again later.")
    }
}

impl From<Failure> for RestError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Invalid(errors) => Self::Invalid(invalid(&errors)),
            Failure::Refused(refusal) => refused(refusal),
            Failure::Taken(taken) => Self::Invalid(self::taken(&taken)),
            Failure::LimitReached { organization } => Self::field(ALL, limit(&organization)),
            Failure::NotFound("Config") => {
                Self::Detail(StatusCode::NOT_FOUND, "Not found.".to_owned())
            }
            Failure::NotFound(model) => Self::not_found(model),
            Failure::Forbidden => Self::forbidden(sentences::NO_PERMISSION),
            Failure::Unauthenticated => Self::Unauthenticated("Invalid token."),
            error @ Failure::ReadOnly => {
                Self::Detail(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
            }
            Failure::Busy | Failure::Unavailable => Self::later(StatusCode::SERVICE_UNAVAILABLE),
            Failure::Stale => {
                let sentence = "The object has changed since you read it: read it again.";
                Self::Detail(StatusCode::PRECONDITION_FAILED, sentence.to_owned())
            }
            Failure::RateLimited => {
                Self::Later(StatusCode::TOO_MANY_REQUESTS, "Request was throttled.")
            }
            Failure::Throttled(after) => Self::Throttled(after.as_secs().max(1)),
            Failure::Broken(error) => {
                tracing::error!(error = &*error as &dyn std::error::Error, "a request failed");
                Self::Broken
            }
        }
    }
}

impl From<app::store::StoreError> for RestError {
    fn from(error: app::store::StoreError) -> Self {
        Failure::from(error).into()
    }
}

fn invalid(errors: &[FieldError]) -> Errors {
    let mut all = Errors::default();
    for error in errors {
        let field = match error.field {
            "expires_on" => "expiration_date",
            field => field,
        };
        all.add(field, sentence(&error.problem));
    }
    all
}

fn refused(refusal: Refusal) -> RestError {
    let sentence = refusal.to_string();
    let field = match refusal {
        Refusal::DeviceDeactivated => return RestError::forbidden(sentences::NO_PERMISSION),
        Refusal::DeviceAlreadyActive => return RestError::not_found("Device"),
        Refusal::DeviceStillActive | Refusal::NarrowToken => {
            return RestError::forbidden(&sentence);
        }
        Refusal::OutlivesToken => "expires_at",
        Refusal::InactiveUser => return RestError::Unauthenticated("User inactive or deleted."),
        Refusal::InvalidConfiguration { field: "config.config", .. }
        | Refusal::TemplateConflict { .. } => "config.__all__",
        Refusal::InvalidConfiguration { .. }
        | Refusal::EmptyTemplate
        | Refusal::Exists
        | Refusal::AddressListed => ALL,
        Refusal::AddsOptions { field, .. } => field,
        Refusal::ForeignTemplates { .. } => "config",
        Refusal::DefaultTemplatesInGroup { .. } => "templates",
        Refusal::SharedTemplateName => "name",
        Refusal::LimitBelowDevices { .. } => "config_settings.device_limit",
        Refusal::OrganizationFixed | Refusal::ListedElsewhere => "organization",
        Refusal::TooManyTokens
        | Refusal::TooManyAddresses
        | Refusal::TooManyMemberships
        | Refusal::TooManyOperations { .. }
        | Refusal::LastSuperuser
        | Refusal::TooManyWebhooks { .. }
        | Refusal::KeyReused => NON_FIELD,
        Refusal::IsOwner | Refusal::NotAManager => "organization_users",
        Refusal::WrongPassword => "current_password",
        Refusal::SamePassword | Refusal::FormerPassword => "new_password",
        Refusal::InvalidLink => return RestError::field("token", "Invalid value"),
        Refusal::NoMail => return RestError::Detail(StatusCode::SERVICE_UNAVAILABLE, sentence),
        Refusal::PasswordExpired => return RestError::PasswordExpired,
        Refusal::NotHeld => "user_permissions",
        Refusal::OwnPermissions => "groups",
    };
    RestError::field(field, sentence)
}

/// Taken values, in the order in which the reference finds them; the first that is found ends its search.
const TAKEN: [(&str, &str, &str); 13] = [
    (kind::DEVICE_KEY, "key", "Device with this key already exists."),
    (
        kind::DEVICE_MAC_ADDRESS,
        NON_FIELD,
        "The fields mac_address, organization must make a unique set.",
    ),
    (
        kind::DEVICE_HARDWARE_ID,
        NON_FIELD,
        "The fields hardware_id, organization must make a unique set.",
    ),
    (kind::DEVICE_NAME, ALL, "Device with this Name and Organization already exists."),
    (kind::TEMPLATE_NAME, NON_FIELD, "The fields organization, name must make a unique set."),
    (kind::GROUP_NAME, NON_FIELD, "The fields organization, name must make a unique set."),
    (kind::ORGANIZATION_SLUG, "slug", "organization with this slug already exists."),
    (
        kind::ORGANIZATION_SECRET,
        "config_settings.shared_secret",
        "another organization has this shared secret: choose a different one",
    ),
    (kind::USER_NAME, "username", "A user with that username already exists."),
    (kind::USER_EMAIL, "email", "user with this email address already exists."),
    (kind::USER_EMAIL_ADDRESS, "email", "email address with this email address already exists."),
    (kind::USER_PHONE, "phone_number", "user with this phone number already exists."),
    (kind::PERMISSION_GROUP_NAME, "name", "group with this name already exists."),
];

fn taken(taken: &[TakenValue]) -> Errors {
    let found = TAKEN.iter().find(|(kind, ..)| taken.iter().any(|taken| taken.kind == *kind));
    match found {
        Some((_, field, sentence)) => Errors::one(field, *sentence),
        None => Errors::one(ALL, "A value that must be unique is taken."),
    }
}

impl IntoResponse for RestError {
    fn into_response(self) -> Response {
        type Headers = Option<[(HeaderName, HeaderValue); 1]>;
        let detail = |text: &str| json!({ "detail": text });
        let (status, headers, body): (_, Headers, _) = match self {
            Self::Invalid(errors) => (StatusCode::BAD_REQUEST, None, Value::Object(errors.0)),
            Self::Detail(status, sentence) => (status, None, detail(&sentence)),
            Self::Unauthenticated(sentence) => {
                let scheme = HeaderValue::from_static("Bearer");
                let headers = Some([(header::WWW_AUTHENTICATE, scheme)]);
                (StatusCode::UNAUTHORIZED, headers, detail(sentence))
            }
            Self::PasswordExpired => {
                let sentence = app::Refusal::PasswordExpired.to_string();
                let body = json!({ "detail": sentence, "code": "password_expired" });
                (StatusCode::FORBIDDEN, None, body)
            }
            Self::Later(status, sentence) => {
                (status, Some([(header::RETRY_AFTER, RETRY_AFTER)]), detail(sentence))
            }
            Self::Throttled(after) => {
                let headers = Some([(header::RETRY_AFTER, HeaderValue::from(after))]);
                (StatusCode::TOO_MANY_REQUESTS, headers, detail("Request was throttled."))
            }
            Self::Broken => {
                (StatusCode::INTERNAL_SERVER_ERROR, None, detail("Internal server error."))
            }
        };
        (status, headers.map(axum::response::AppendHeaders), Json(body)).into_response()
    }
}

#[cfg(test)]
mod tests {
    use domain::Problem;

    use super::*;

    fn body(failure: Failure) -> Value {
        match RestError::from(failure) {
            RestError::Invalid(errors) => Value::Object(errors.0),
            RestError::Detail(status, sentence) => json!([status.as_u16(), sentence]),
            other => panic!("{other:?}"),
        }
    }

    fn taken(kinds: &[&str]) -> Failure {
        let value = |kind: &&str| TakenValue { kind: (*kind).to_owned(), value: String::new() };
        Failure::Taken(kinds.iter().map(value).collect())
    }

    #[test]
    fn fields_of_the_configuration_nest() {
        let errors = vec![
            FieldError::new("config.backend", Problem::NotAChoice("nope".to_owned())),
            FieldError::new("config.templates", Problem::Unknown("x".to_owned())),
        ];
        let expected = json!({"config": {
            "backend": ["\"nope\" is not a valid choice."],
            "templates": ["Invalid pk \"x\" - object does not exist."],
        }});
        assert_eq!(body(Failure::Invalid(errors)), expected);
    }

    #[test]
    fn a_taken_address_hides_a_taken_name() {
        let expected =
            json!({NON_FIELD: ["The fields mac_address, organization must make a unique set."]});
        assert_eq!(body(taken(&[kind::DEVICE_NAME, kind::DEVICE_MAC_ADDRESS])), expected);
        let expected = json!({ALL: ["Device with this Name and Organization already exists."]});
        assert_eq!(body(taken(&[kind::DEVICE_NAME])), expected);
    }

    #[test]
    fn contents_are_refused_where_they_stand() {
        let invalid = |field| {
            Failure::Refused(Refusal::InvalidConfiguration {
                field,
                path: "/interfaces".to_owned(),
                message: "'x' is not of type 'array'".to_owned(),
            })
        };
        let sentence = "Invalid configuration triggered by \"#/interfaces\", validator says:\n\n'x' is not of type 'array'";
        assert_eq!(body(invalid("config.config")), json!({"config": {ALL: [sentence]}}));
        assert_eq!(body(invalid("config")), json!({ALL: [sentence]}));
    }

    #[test]
    fn what_does_not_exist_is_named() {
        let expected = json!([404, "No Device matches the given query."]);
        assert_eq!(body(Failure::NotFound("Device")), expected);
    }

    #[test]
    fn sentences_about_a_field_and_about_its_inside_live_together() {
        let mut errors = Errors::one("config", "a");
        errors.add("config.backend", "b");
        errors.add("config", "c");
        let Value::Object(config) = &errors.0["config"] else { panic!("{errors:?}") };
        assert_eq!(config["backend"], json!(["b"]));
    }
}
