//! Bodies are read before anybody looks at them: an answer to a half-read request would cost the connection, and
//! with it the next request that a client sends on it.

use axum::{
    body::{Body, HttpBody as _},
    extract::{Request, State},
    http::{StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use bytes::BytesMut;
use http_body_util::BodyExt as _;

/// A body that is too long is still read up to this many times the limit: a client that is writing does not see an
/// answer before it has come to its end.
const PATIENCE: usize = 8;

/// Reads the body, at most so many bytes. 413 above that, 400 when it ends early.
pub async fn read_first(State(limit): State<usize>, request: Request, next: Next) -> Response {
    let (parts, mut body) = request.into_parts();
    if body.is_end_stream() {
        return next.run(Request::from_parts(parts, body)).await;
    }
    let too_long = || (StatusCode::PAYLOAD_TOO_LARGE, "the body is too long\n").into_response();
    let most = limit.saturating_mul(PATIENCE);
    let told = parts.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    if told.and_then(|length| length.parse::<usize>().ok()).is_some_and(|length| length > most) {
        return too_long();
    }
    let (mut read, mut length) = (BytesMut::new(), 0_usize);
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return (StatusCode::BAD_REQUEST, "the body ends early\n").into_response();
        };
        let Ok(data) = frame.into_data() else { continue };
        length = length.saturating_add(data.len());
        if length > most {
            return too_long();
        }
        if length <= limit {
            read.extend_from_slice(&data);
        }
    }
    if length > limit {
        return too_long();
    }
    next.run(Request::from_parts(parts, Body::from(read.freeze()))).await
}
