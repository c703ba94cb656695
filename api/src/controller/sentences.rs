//! The one table from problems and taken values to the sentences that agents' logs have shown for years.

use std::collections::BTreeMap;

use app::{Failure, TakenValue};
use axum::{
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use domain::{FieldError, Problem, kind};

use super::answer;

/// The order in which fields are complained about.
const FIELDS: [&str; 7] = ["name", "mac_address", "key", "model", "os", "system", "hardware_id"];

/// The order in which taken values are complained about, with their sentences.
const TAKEN: [(&str, &str); 4] = [
    (kind::DEVICE_NAME, "Device with this Name and Organization already exists."),
    (kind::DEVICE_MAC_ADDRESS, "Device with this Mac address and Organization already exists."),
    (kind::DEVICE_HARDWARE_ID, "Device with this Serial number and Organization already exists."),
    (kind::DEVICE_KEY, "Device with this Key already exists."),
];

/// A problem in words.
pub(super) fn sentence(problem: &Problem) -> String {
    match problem {
        Problem::Required | Problem::Blank => "This field cannot be blank.".to_owned(),
        Problem::TooLong { max, length } => {
            format!("Ensure this value has at most {max} characters (it has {length}).")
        }
        Problem::NotAMacAddress => "Must be a valid mac address.".to_owned(),
        Problem::NotAHostname => "Must be either a valid hostname or mac address.".to_owned(),
        Problem::NotAKey => "This value must not contain spaces, dots or slashes.".to_owned(),
        Problem::NotASlug => {
            "Enter a valid “slug” consisting of letters, numbers, underscores or hyphens."
                .to_owned()
        }
        Problem::NullCharacter => "Null characters are not allowed.".to_owned(),
        Problem::TooDeep => "This value is nested too deeply.".to_owned(),
        Problem::NotAChoice(value) => format!("Value '{value}' is not a valid choice."),
        Problem::Unknown(value) => format!("{value} does not exist."),
        Problem::Rule(rule) => rule.clone(),
    }
}

/// A refused registration: all sentences, joined by one blank.
pub(super) fn registration(failure: Failure) -> Response {
    let sentences = match failure {
        Failure::Invalid(errors) => invalid(&errors),
        Failure::Taken(taken) => self::taken(&taken),
        Failure::LimitReached { organization } => limit(&organization),
        failure => return answer::failed(failure),
    };
    answer::text(StatusCode::BAD_REQUEST, sentences).into_response()
}

/// Refused information: field by field, as indented JSON in a plain text.
pub(super) fn information(errors: &[FieldError]) -> Response {
    let mut fields: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for error in errors {
        fields.entry(error.field).or_default().push(sentence(&error.problem));
    }
    let indent = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut json = serde_json::Serializer::with_formatter(Vec::new(), indent);
    let written = serde::Serialize::serialize(&fields, &mut json);
    let text = written.ok().and_then(|()| String::from_utf8(json.into_inner()).ok());
    answer::text(StatusCode::BAD_REQUEST, text.unwrap_or_default()).into_response()
}

fn invalid(errors: &[FieldError]) -> String {
    let place = |error: &FieldError| {
        FIELDS.iter().position(|field| *field == error.field).unwrap_or(FIELDS.len())
    };
    let mut errors: Vec<&FieldError> = errors.iter().collect();
    errors.sort_by_key(|error| place(error));
    let mut sentences = Vec::new();
    for error in errors {
        let text = sentence(&error.problem);
        // Two rules of the reference say the same about keys, and both are heard.
        if error.problem == Problem::NotAKey {
            sentences.push(text.clone());
        }
        sentences.push(text);
    }
    sentences.join(" ")
}

fn taken(taken: &[TakenValue]) -> String {
    let is_taken = |kind: &str| taken.iter().any(|taken| taken.kind == kind);
    let sentences: Vec<&str> =
        TAKEN.iter().filter(|(kind, _)| is_taken(kind)).map(|(_, sentence)| *sentence).collect();
    if sentences.is_empty() { "Device already exists.".to_owned() } else { sentences.join(" ") }
}

/// The organization has as many devices as it may have.
pub(crate) fn limit(organization: &str) -> String {
    format!(
        "The maximum amount of allowed devices has been reached for organization {organization}."
    )
}

#[cfg(test)]
mod tests {
    use domain::device::{DeviceName, MacAddress, key_problems};

    use super::*;

    fn errors(field: &'static str, problems: Vec<Problem>) -> Vec<FieldError> {
        problems.into_iter().map(|problem| FieldError::new(field, problem)).collect()
    }

    #[test]
    fn all_problems_are_told_in_the_order_of_the_fields() {
        let mut all = errors("mac_address", MacAddress::problems("nope"));
        all.extend(errors("name", DeviceName::problems("bad name!")));
        let expected =
            "Must be either a valid hostname or mac address. Must be a valid mac address.";
        assert_eq!(invalid(&all), expected);
    }

    #[test]
    fn a_name_that_is_too_long_is_told_so_after_its_shape() {
        let problems = DeviceName::problems(&"a".repeat(65));
        let expected = "Must be either a valid hostname or mac address. Ensure this value has at most 64 characters (it has 65).";
        assert_eq!(invalid(&errors("name", problems)), expected);
    }

    #[test]
    fn the_sentence_about_keys_comes_twice() {
        let once = "This value must not contain spaces, dots or slashes.";
        assert_eq!(invalid(&errors("key", key_problems("a/b"))), format!("{once} {once}"));
        let long = "Ensure this value has at most 64 characters (it has 65).";
        assert_eq!(invalid(&errors("key", key_problems(&"k".repeat(65)))), long);
    }

    #[test]
    fn taken_names_are_told_before_taken_addresses() {
        let value = |kind: &str| TakenValue { kind: kind.to_owned(), value: String::new() };
        let both = [value(kind::DEVICE_MAC_ADDRESS), value(kind::DEVICE_NAME)];
        let expected = "Device with this Name and Organization already exists. Device with this Mac address and Organization already exists.";
        assert_eq!(taken(&both), expected);
        let key = [value(kind::DEVICE_KEY)];
        assert_eq!(taken(&key), "Device with this Key already exists.");
    }

    #[tokio::test]
    async fn refused_information_is_indented_json() {
        let too_long = |max, length| Problem::TooLong { max, length };
        let answer = information(&[
            FieldError::new("os", too_long(128, 129)),
            FieldError::new("model", too_long(64, 65)),
        ]);
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
        assert_eq!(answer.headers()["content-type"], "text/plain");
        let body = crate::body::read(answer.into_body(), 1000).await.unwrap();
        let expected = "{\n    \"model\": [\n        \"Ensure this value has at most 64 characters (it has 65).\"\n    ],\n    \"os\": [\n        \"Ensure this value has at most 128 characters (it has 129).\"\n    ]\n}";
        assert_eq!(body, expected);
    }
}
