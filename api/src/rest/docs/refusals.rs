//! What is answered instead of what was wished, described once for all operations.

use serde_json::json;
use utoipa::openapi::{
    Content, ObjectBuilder, Ref, Response, ResponseBuilder, Schema,
    schema::{AdditionalProperties, Type},
};

/// Why an operation is not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    NotModified,
    Invalid,
    Unauthenticated,
    Forbidden,
    NotFound,
    Conflict,
    Stale,
    KeyReused,
    /// 405 and 406 of wrong requests, 408, 413 and 415 of wrong bodies, 429 and 503 with `Retry-After`, 500.
    Other,
}

pub(super) const ALL: [Refusal; 9] = [
    Refusal::NotModified,
    Refusal::Invalid,
    Refusal::Unauthenticated,
    Refusal::Forbidden,
    Refusal::NotFound,
    Refusal::Conflict,
    Refusal::Stale,
    Refusal::KeyReused,
    Refusal::Other,
];

/// Sentences by field.
pub(super) const ERRORS: &str = "Errors";
/// One sentence.
pub(super) const DETAIL: &str = "Detail";

pub(super) fn name(refusal: Refusal) -> String {
    format!("{refusal:?}")
}

pub(super) fn status(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::NotModified => "304",
        Refusal::Invalid => "400",
        Refusal::Unauthenticated => "401",
        Refusal::Forbidden => "403",
        Refusal::NotFound => "404",
        Refusal::Conflict => "409",
        Refusal::Stale => "412",
        Refusal::KeyReused => "422",
        Refusal::Other => "default",
    }
}

pub(super) fn response(refusal: Refusal) -> Response {
    let (description, schema) = match refusal {
        Refusal::NotModified => ("It is what the client knows already.", None),
        Refusal::Invalid => {
            ("Fields or parameters are wrong; all that is wrong is told at once.", Some(ERRORS))
        }
        Refusal::Unauthenticated => ("No token, or not a valid one.", Some(DETAIL)),
        Refusal::Forbidden => ("Not with these permissions, or not in this state.", Some(DETAIL)),
        Refusal::NotFound => {
            ("Not there for the caller. Of malformed ids a page of HTML.", Some(DETAIL))
        }
        Refusal::Conflict => (
            "The first request with this idempotency key is being carried out, or its answer was lost.",
            Some(DETAIL),
        ),
        Refusal::Stale => ("Changed since the client has seen it.", Some(DETAIL)),
        Refusal::KeyReused => {
            ("The idempotency key was used for a different request.", Some(DETAIL))
        }
        Refusal::Other => (
            "The request cannot be taken (405, 406, 408, 413, 415), not now (429, 503 with `Retry-After`), or failed (500).",
            Some(DETAIL),
        ),
    };
    let response = ResponseBuilder::new().description(description);
    match schema {
        Some(name) => {
            response.content("application/json", Content::new(Some(Ref::from_schema_name(name))))
        }
        None => response,
    }
    .build()
}

/// Lists of sentences by field; objects inside objects nest. What is wrong with the request as a whole is one sentence.
pub(super) fn errors() -> Schema {
    let object = ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(Some("Sentences by the name of the field; `__all__` and `non_field_errors` are nobody's in particular. Objects inside objects nest. A body that is no JSON has one `detail`."))
        .additional_properties(Some(AdditionalProperties::FreeForm(true)))
        .examples([json!({ "name": ["This field is required."] })]);
    object.into()
}

pub(super) fn detail() -> Schema {
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let object = ObjectBuilder::new()
        .schema_type(Type::Object)
        .property("detail", text())
        .property(
            "code",
            text().description(Some("For programs, where there is more than one reason.")),
        )
        .property(
            "request_id",
            text().description(Some("Of a failed request: under which the logs say why.")),
        )
        .required("detail");
    object.into()
}
