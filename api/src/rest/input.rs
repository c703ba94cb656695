//! Bodies as fields: JSON objects, and forms that stand for them.

use std::fmt;

use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use serde_json::{Map, Value};

use super::{
    endpoint::{Unread, unreadable},
    failure::{NON_FIELD, RestError},
    json::{self, Unparsed},
};
use crate::{
    body::{self, Kind},
    form::Form,
};

/// What a client sent.
#[derive(Clone, PartialEq)]
pub(super) enum Input {
    /// A JSON object.
    Json(Map<String, Value>),
    /// A form; JSON may be inside its fields.
    Form(Form),
}

/// Names only: among the values are keys and passwords.
impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(fields) => f.debug_set().entries(fields.keys()).finish(),
            Self::Form(form) => form.fmt(f),
        }
    }
}

/// A field of an input.
pub(super) enum Given<'a> {
    /// Not there.
    Absent,
    /// JSON.
    Value(&'a Value),
    /// A form's text.
    Text(&'a str),
}

impl Unread {
    /// Reads the body as fields. No body at all is an empty object, whatever it is said to be.
    pub(super) async fn input(self, limit: usize) -> Result<Input, RestError> {
        let (headers, bytes) = self.bytes(limit).await?;
        Input::parse(&headers, bytes).await
    }
}

impl Input {
    async fn parse(headers: &HeaderMap, bytes: Bytes) -> Result<Self, RestError> {
        if bytes.is_empty() {
            return Ok(Self::Json(Map::new()));
        }
        match body::kind(headers) {
            Kind::Json => {
                let value = json::parse(&bytes).map_err(|unparsed| match unparsed {
                    Unparsed::Complaint(complaint) => {
                        let sentence = format!("JSON parse error - {complaint}");
                        RestError::Detail(StatusCode::BAD_REQUEST, sentence)
                    }
                    Unparsed::Inexact(inexact) => {
                        let field = inexact.pointer.split('/').nth(1).unwrap_or(NON_FIELD);
                        RestError::field(field, format!("{inexact}."))
                    }
                })?;
                Self::object(value)
            }
            Kind::Form => Self::form(Form::parse(&bytes)),
            Kind::Multipart => {
                Self::form(body::multipart(headers, bytes).await.map_err(unreadable)?)
            }
            Kind::Other => {
                let said = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
                let sentence =
                    format!("Unsupported media type \"{}\" in request.", said.unwrap_or_default());
                Err(RestError::Detail(StatusCode::UNSUPPORTED_MEDIA_TYPE, sentence))
            }
        }
    }

    fn form(form: Form) -> Result<Self, RestError> {
        match form.garbled() {
            Some(name) => Err(RestError::field(name, "Not valid UTF-8.")),
            None => Ok(Self::Form(form)),
        }
    }

    fn object(value: Value) -> Result<Self, RestError> {
        match value {
            Value::Object(fields) => Ok(Self::Json(fields)),
            Value::Null => Err(RestError::field(NON_FIELD, "No data provided")),
            other => Err(RestError::field(NON_FIELD, not_an_object(&other))),
        }
    }

    /// One field; of several with the same name the last.
    pub(super) fn get(&self, name: &str) -> Given<'_> {
        match self {
            Self::Json(fields) => fields.get(name).map_or(Given::Absent, Given::Value),
            Self::Form(form) => form.get(name).map_or(Given::Absent, Given::Text),
        }
    }
}

/// What a nested object must be.
pub(super) fn not_an_object(value: &Value) -> String {
    format!("Invalid data. Expected a dictionary, but got {}.", kind(value))
}

/// The kind of a value in the reference's words.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "NoneType",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "int",
        Value::String(_) => "str",
        Value::Array(_) => "list",
        Value::Object(_) => "dict",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn of(media_type: &'static str, body: &'static str) -> Result<Input, RestError> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, media_type.parse().unwrap());
        Input::parse(&headers, Bytes::from_static(body.as_bytes())).await
    }

    #[tokio::test]
    async fn other_media_types_are_refused_by_name() {
        let Err(RestError::Detail(status, sentence)) = of("text/xml", "<a/>").await else {
            panic!()
        };
        assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
        assert_eq!(sentence, "Unsupported media type \"text/xml\" in request.");
        assert_eq!(of("text/xml", "").await.unwrap(), Input::Json(Map::new()));
    }

    #[tokio::test]
    async fn only_objects_have_fields() {
        for (body, kind) in
            [("[]", "list"), ("\"a\"", "str"), ("1", "int"), ("1.5", "float"), ("true", "bool")]
        {
            let Err(RestError::Invalid(errors)) = of("application/json", body).await else {
                panic!()
            };
            let sentence = format!("Invalid data. Expected a dictionary, but got {kind}.");
            assert_eq!(errors, super::super::failure::Errors::one(NON_FIELD, sentence));
        }
    }

    #[tokio::test]
    async fn a_form_that_is_not_text_is_refused_by_field() {
        let form = "application/x-www-form-urlencoded";
        let Err(RestError::Invalid(errors)) = of(form, "name=a&notes=%FF").await else { panic!() };
        let expected = super::super::failure::Errors::one("notes", "Not valid UTF-8.".to_owned());
        assert_eq!(errors, expected);
        assert!(of(form, "name=a&notes=%C3%A4").await.is_ok());
    }

    #[tokio::test]
    async fn a_broken_document_is_explained() {
        let Err(RestError::Detail(status, sentence)) = of("application/json", "{").await else {
            panic!()
        };
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(sentence.starts_with("JSON parse error - Expecting property name"));
    }
}
