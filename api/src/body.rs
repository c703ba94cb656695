//! Reading bodies: never more than a limit, never longer than a time.

use std::time::Duration;

use axum::{
    body::Body,
    extract::{FromRequest, Multipart},
    http::{HeaderMap, Request, header},
};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;

use crate::form::{FIELDS, Form};

/// Bodies that take longer to arrive are given up; agents wait 30 seconds for everything, and a request has 25.
const PATIENCE: Duration = Duration::from_secs(20);

/// Longer bodies are not even dropped.
const DROPPED: usize = 16 * 1024 * 1024;

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// More bytes than the limit.
    TooLarge,
    /// It did not arrive in time.
    TooSlow,
    /// The connection broke, or the body is not what its headers say.
    Broken,
}

/// All of a body. What is over the limit is read and dropped: a client that is still sending does not see an answer.
pub(crate) async fn read(body: Body, limit: usize) -> Result<Bytes, BodyError> {
    let collected = tokio::time::timeout(PATIENCE, collect(body, limit)).await;
    collected.map_err(|_| BodyError::TooSlow)?
}

async fn collect(mut body: Body, limit: usize) -> Result<Bytes, BodyError> {
    let mut kept = BytesMut::new();
    let mut seen: usize = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else { continue };
        seen = seen.saturating_add(data.len());
        if seen > DROPPED {
            return Err(BodyError::TooLarge);
        }
        if seen <= limit {
            kept.extend_from_slice(&data);
        }
    }
    if seen > limit { Err(BodyError::TooLarge) } else { Ok(kept.freeze()) }
}

/// What a body is, by its `Content-Type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `application/json`
    Json,
    /// `application/x-www-form-urlencoded`
    Form,
    /// `multipart/form-data`
    Multipart,
    /// Anything else, or not said.
    Other,
}

/// The media type without parameters, lower case; empty when there is none.
pub(crate) fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.and_then(|value| value.split(';').next()).unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

/// What a body is said to be.
pub(crate) fn kind(headers: &HeaderMap) -> Kind {
    match media_type(headers).as_str() {
        "application/json" => Kind::Json,
        "application/x-www-form-urlencoded" => Kind::Form,
        "multipart/form-data" => Kind::Multipart,
        _ => Kind::Other,
    }
}

/// The text fields of a multipart body; files are left out.
pub(crate) async fn multipart(headers: &HeaderMap, body: Bytes) -> Result<Form, BodyError> {
    let mut request = Request::new(Body::from(body));
    if let Some(value) = headers.get(header::CONTENT_TYPE) {
        request.headers_mut().insert(header::CONTENT_TYPE, value.clone());
    }
    let mut parts = Multipart::from_request(request, &()).await.map_err(|_| BodyError::Broken)?;
    let mut form = Form::default();
    while let Some(part) = parts.next_field().await.map_err(|_| BodyError::Broken)? {
        if form.len() >= FIELDS {
            return Err(BodyError::TooLarge);
        }
        if part.file_name().is_some() {
            continue;
        }
        let Some(name) = part.name().map(str::to_owned) else { continue };
        let value = part.bytes().await.map_err(|_| BodyError::Broken)?;
        form.push(name, &value);
    }
    Ok(form)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(value: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, value.parse().unwrap());
        headers
    }

    #[test]
    fn parameters_of_a_media_type_do_not_matter() {
        assert_eq!(kind(&typed("application/json; charset=utf-8")), Kind::Json);
        assert_eq!(kind(&typed("Application/X-WWW-Form-Urlencoded")), Kind::Form);
        assert_eq!(kind(&typed("text/xml")), Kind::Other);
        assert_eq!(kind(&HeaderMap::new()), Kind::Other);
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_refused() {
        assert_eq!(read(Body::from("12345"), 5).await.unwrap(), "12345");
        assert_eq!(read(Body::from("123456"), 5).await, Err(BodyError::TooLarge));
    }

    #[tokio::test]
    async fn multipart_fields_are_read_and_files_are_not() {
        let body = "--x\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nabc\r\n--x\r\n\
            Content-Disposition: form-data; name=\"f\"; filename=\"a\"\r\n\r\nzzz\r\n--x--\r\n";
        let form = multipart(&typed("multipart/form-data; boundary=x"), body.into()).await.unwrap();
        assert_eq!(form.get("key"), Some("abc"));
        assert_eq!(form.get("f"), None);
    }

    #[tokio::test]
    async fn a_broken_multipart_body_is_an_error() {
        for (media_type, body) in [
            ("multipart/form-data", "x"),
            ("multipart/form-data; boundary=x", "no boundary at all"),
            (
                "multipart/form-data; boundary=x",
                "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\ncut",
            ),
        ] {
            assert!(
                multipart(&typed(media_type), body.into()).await.is_err(),
                "{media_type} {body}"
            );
        }
    }
}
