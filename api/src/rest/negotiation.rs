//! Which form an answer takes: JSON for programs, a page for people.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use serde_json::Value;

use super::failure::RestError;
use crate::{body, form::Form, page};

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// `application/json`
    Json,
    /// `text/html`
    Page,
}

/// Larger answers are not put into pages.
const LIMIT: usize = 8 * 1024 * 1024;

/// By the query's `format`, else by `Accept`.
pub(super) fn choose(query: &Form, headers: &HeaderMap) -> Result<Format, RestError> {
    match query.given("format") {
        Some("json") => return Ok(Format::Json),
        Some("api") => return Ok(Format::Page),
        Some(_) => {
            return Err(RestError::Detail(StatusCode::NOT_FOUND, "Not found.".to_owned()));
        }
        None => {}
    }
    let accept: Vec<&str> =
        headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    if accept.is_empty() {
        return Ok(Format::Json);
    }
    accepted(&accept.join(",")).ok_or_else(|| {
        let sentence = "Could not satisfy the request Accept header.";
        RestError::Detail(StatusCode::NOT_ACCEPTABLE, sentence.to_owned())
    })
}

/// The most specific ranges are looked at first; among equals JSON wins.
fn accepted(accept: &str) -> Option<Format> {
    let ranges: Vec<String> = accept
        .split(',')
        .map(|range| range.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
        .collect();
    let wants =
        |candidates: [&str; 1]| ranges.iter().any(|range| candidates.contains(&range.as_str()));
    let order = [
        ("application/json", Format::Json),
        ("text/html", Format::Page),
        ("application/*", Format::Json),
        ("text/*", Format::Page),
        ("*/*", Format::Json),
    ];
    order.into_iter().find(|(range, _)| wants([range])).map(|(_, format)| format)
}

/// Puts a JSON answer into a page.
pub(super) async fn into_page(name: &str, answer: Response) -> Response {
    let json = answer.headers().get(header::CONTENT_TYPE);
    if json != Some(&HeaderValue::from_static("application/json")) {
        return answer;
    }
    let (mut parts, content) = answer.into_parts();
    let bytes = body::read(content, LIMIT).await.unwrap_or_default();
    let shown = serde_json::from_slice::<Value>(&bytes)
        .and_then(|value| serde_json::to_string_pretty(&value))
        .unwrap_or_default();
    let text = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><title>{name}</title></head>\n<body><h1>{name}</h1><p>{}</p><pre>{}</pre></body>\n</html>\n",
        parts.status,
        page::escape(&shown)
    );
    parts.headers.insert(header::CONTENT_TYPE, page::HTML);
    parts.headers.remove(header::CONTENT_LENGTH);
    // Tags are of what programs get.
    parts.headers.remove(header::ETAG);
    Response::from_parts(parts, Body::from(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(query: &str, accept: Option<&'static str>) -> Option<Format> {
        let mut headers = HeaderMap::new();
        if let Some(accept) = accept {
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        }
        choose(&Form::parse(query.as_bytes()), &headers).ok()
    }

    #[test]
    fn programs_get_json_and_people_a_page() {
        assert_eq!(of("", None), Some(Format::Json));
        assert_eq!(of("", Some("*/*")), Some(Format::Json));
        assert_eq!(of("", Some("text/html,application/xml;q=0.9,*/*;q=0.8")), Some(Format::Page));
        assert_eq!(of("", Some("text/html, application/json")), Some(Format::Json));
        assert_eq!(of("", Some("application/xml")), None);
    }

    #[test]
    fn the_query_decides_first() {
        assert_eq!(of("format=json", Some("text/html")), Some(Format::Json));
        assert_eq!(of("format=api", None), Some(Format::Page));
        assert_eq!(of("format=xml", None), None);
    }
}
