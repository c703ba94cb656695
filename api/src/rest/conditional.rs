//! Entity tags of single objects, and requests that want to change only what they have seen (RFC 9110 §8.8.3, §13.1).

use app::App;
use axum::{
    body::{Body, Bytes},
    extract::Request,
    handler::Handler as _,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response},
    routing::MethodRouter,
};

use super::{caller::Caller, endpoint::Endpoint, failure::RestError};
use crate::{ApiState, body};

/// Larger answers have no tag.
const LARGEST: usize = 8 * 1024 * 1024;

/// Does the endpoint show one object that can be changed there?
pub(super) fn is_object(endpoint: &Endpoint) -> bool {
    let has = |method| endpoint.methods.split(", ").any(|known| known == method);
    has("GET") && has("PUT")
}

/// Adds the tag to the answer of a GET; nothing but the tag where the client has it already.
pub(super) async fn tagged(
    app: &App,
    endpoint: &Endpoint,
    asked: &HeaderMap,
    answer: Response,
) -> Response {
    if !is_object(endpoint) || answer.status() != StatusCode::OK {
        return answer;
    }
    let (mut parts, content) = answer.into_parts();
    let Ok(bytes) = body::read(content, LARGEST).await else {
        return RestError::Broken.into_response();
    };
    let tag = tag(app, &bytes);
    if names(asked, &header::IF_NONE_MATCH, &tag) == Some(true) {
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response();
    }
    parts.headers.insert(header::ETAG, tag);
    Response::from_parts(parts, Body::from(bytes))
}

/// Refuses a change of an object that is not any more what the client has seen; changes that come between this look and the
/// change itself are refused by the use case, see [`app::By::unchanged_since`].
pub(super) async fn guard(
    state: &ApiState,
    endpoint: &Endpoint,
    methods: &MethodRouter<ApiState>,
    parts: &mut Parts,
) -> Result<(), Response> {
    let changes = [Method::PUT, Method::PATCH, Method::DELETE].contains(&parts.method);
    if !changes || !is_object(endpoint) || !parts.headers.contains_key(header::IF_MATCH) {
        return Ok(());
    }
    let since = state.app.store().head();
    let mut look = parts.clone();
    look.method = Method::GET;
    look.headers.remove(header::CONTENT_TYPE);
    look.headers.remove(header::CONTENT_LENGTH);
    let look = Request::from_parts(look, Body::empty());
    let (seen, content) = methods.clone().call(look, state.clone()).await.into_parts();
    if seen.status != StatusCode::OK {
        // Not there, or not to be seen.
        return Err(Response::from_parts(seen, content));
    }
    let Ok(bytes) = body::read(content, LARGEST).await else {
        return Err(RestError::Broken.into_response());
    };
    if names(&parts.headers, &header::IF_MATCH, &tag(&state.app, &bytes)) != Some(true) {
        return Err(RestError::from(app::Failure::Stale).into_response());
    }
    if let Some(caller) = parts.extensions.get_mut::<Caller>() {
        caller.by.unchanged_since = Some(since);
    }
    Ok(())
}

/// Keyed, because bodies hold secrets.
fn tag(app: &App, bytes: &Bytes) -> HeaderValue {
    let mut print = app.fingerprint(&String::from_utf8_lossy(bytes));
    print.truncate(32);
    let tag = format!("\"{}\"", String::from_utf8_lossy(&print));
    HeaderValue::try_from(tag).unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}

/// Does a header name this tag? None without the header. Weak tags are never equal where something is changed, and
/// all of ours are strong.
fn names(headers: &HeaderMap, header: &HeaderName, tag: &HeaderValue) -> Option<bool> {
    let mut lists = headers.get_all(header).iter().peekable();
    lists.peek()?;
    Some(lists.filter_map(|list| list.to_str().ok()).flat_map(|list| list.split(',')).any(|one| {
        let one = one.trim();
        let one = match *header {
            header::IF_NONE_MATCH => one.strip_prefix("W/").unwrap_or(one),
            _ => one,
        };
        one == "*" || one.as_bytes() == tag.as_bytes()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(header: HeaderName, value: &'static str) -> Option<bool> {
        let mut headers = HeaderMap::new();
        headers.insert(header.clone(), HeaderValue::from_static(value));
        names(&headers, &header, &HeaderValue::from_static("\"a\""))
    }

    #[test]
    fn one_of_several_tags_is_enough() {
        assert_eq!(named(header::IF_MATCH, "\"b\", \"a\""), Some(true));
        assert_eq!(named(header::IF_MATCH, "*"), Some(true));
        assert_eq!(named(header::IF_MATCH, "\"b\""), Some(false));
        assert_eq!(named(header::IF_MATCH, "a"), Some(false));
        assert_eq!(
            names(&HeaderMap::new(), &header::IF_MATCH, &HeaderValue::from_static("\"a\"")),
            None
        );
    }

    #[test]
    fn weak_tags_are_good_enough_for_reading_only() {
        assert_eq!(named(header::IF_MATCH, "W/\"a\""), Some(false));
        assert_eq!(named(header::IF_NONE_MATCH, "W/\"a\""), Some(true));
    }
}
