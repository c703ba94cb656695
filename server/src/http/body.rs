//! Bodies are read before anybody looks at them: an answer to a half-read request would cost the connection, and
//! with it the next request that a client sends on it.

use axum::{
    body::{Body, HttpBody as _},
    extract::{Request, State},
    http::{StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http_body_util::{BodyExt as _, Limited};

/// Reads the body, at most so many bytes. 413 above that, 400 when it ends early.
pub async fn read_first(State(limit): State<usize>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    if body.is_end_stream() {
        return next.run(Request::from_parts(parts, body)).await;
    }
    let told = parts.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    let too_long = || (StatusCode::PAYLOAD_TOO_LARGE, "the body is too long\n").into_response();
    if told.and_then(|length| length.parse::<usize>().ok()).is_some_and(|length| length > limit) {
        return too_long();
    }
    match Limited::new(body, limit).collect().await {
        Ok(read) => next.run(Request::from_parts(parts, Body::from(read.to_bytes()))).await,
        Err(error) if error.is::<http_body_util::LengthLimitError>() => too_long(),
        Err(_) => (StatusCode::BAD_REQUEST, "the body ends early\n").into_response(),
    }
}
