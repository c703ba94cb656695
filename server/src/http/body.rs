//! Bodies are read before anybody looks at them: an answer to a half-read request would cost the connection, and
//! with it the next request that a client sends on it.

use std::time::Duration;

use axum::{
    body::{Body, Bytes, HttpBody as _},
    extract::Request,
    http::{HeaderValue, StatusCode, Version, header},
    response::Response,
};
use bytes::BytesMut;
use http_body_util::BodyExt as _;

use super::plain;

/// A body that is too long is still read up to this many times the limit: a client that is writing does not see an
/// answer before it has come to its end.
const PATIENCE: usize = 8;

/// The longest that a body may take to arrive, however long requests may take.
const LONGEST: Duration = Duration::from_secs(20);

/// Bounds of a body.
#[derive(Clone, Copy, Debug)]
pub struct BodyLimits {
    bytes: usize,
    time: Duration,
}

impl BodyLimits {
    /// At most so many bytes, and a time that always ends before the one of the whole request: who does not send is told
    /// so, and is not told that the server is unwell.
    pub fn new(bytes: usize, request: Duration) -> Self {
        Self { bytes, time: request.mul_f64(0.8).min(LONGEST) }
    }
}

/// Reads the body within its limits. 413 when it is too long, 408 when it takes too long, 400 when it ends early.
pub(super) async fn read_first<F: Future<Output = Response>>(
    limits: BodyLimits,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let (parts, body) = request.into_parts();
    if body.is_end_stream() {
        return next(Request::from_parts(parts, body)).await;
    }
    let told = parts.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    let told = told.and_then(|length| length.parse::<usize>().ok());
    let read = tokio::time::timeout(limits.time, read(body, told, limits.bytes)).await;
    let (status, text) = match read {
        Ok(Ok(bytes)) => {
            return next(Request::from_parts(parts, Body::from(bytes))).await;
        }
        Ok(Err(Unread::TooLong)) => (StatusCode::PAYLOAD_TOO_LARGE, "the body is too long"),
        Ok(Err(Unread::Broken)) => (StatusCode::BAD_REQUEST, "the body ends early"),
        Err(_) => (StatusCode::REQUEST_TIMEOUT, "the body took too long"),
    };
    let mut answer = plain(parts.uri.path(), status, text);
    if status == StatusCode::REQUEST_TIMEOUT && parts.version <= Version::HTTP_11 {
        // What is still to come cannot be told from a next request.
        answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}

/// Why there is no body.
enum Unread {
    TooLong,
    Broken,
}

async fn read(mut body: Body, told: Option<usize>, limit: usize) -> Result<Bytes, Unread> {
    let most = limit.saturating_mul(PATIENCE);
    if told.is_some_and(|length| length > most) {
        return Err(Unread::TooLong);
    }
    let (mut read, mut length) = (BytesMut::new(), 0_usize);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Unread::Broken)?.into_data() else { continue };
        length = length.saturating_add(data.len());
        if length > most {
            return Err(Unread::TooLong);
        }
        if length <= limit {
            read.extend_from_slice(&data);
        }
    }
    if length > limit { Err(Unread::TooLong) } else { Ok(read.freeze()) }
}

#[cfg(test)]
mod tests {
    use axum::{
        Router,
        middleware::{self, Next},
        routing::post,
    };
    use futures::stream;
    use tower::ServiceExt as _;

    use super::*;

    /// What is answered to a body of these parts that then stops short, or ends.
    async fn answered(path: &str, parts: &[&'static str], stops: bool) -> (StatusCode, String) {
        let limits = BodyLimits::new(8, Duration::from_secs(25));
        let frame = move |request, next: Next| async move {
            read_first(limits, request, |request| next.run(request)).await
        };
        let router = Router::new()
            .fallback(post(async |body: String| body))
            .layer(middleware::from_fn(frame));
        let parts: Vec<_> = parts.iter().map(|part| Ok::<_, std::io::Error>(*part)).collect();
        let body = stream::iter(parts);
        let body = if stops {
            use futures::StreamExt as _;
            Body::from_stream(body.chain(stream::pending()))
        } else {
            Body::from_stream(body)
        };
        let request = Request::post(path).body(body).expect("a request");
        let answer = router.oneshot(request).await.expect("an answer");
        let status = answer.status();
        let text = answer.into_body().collect().await.expect("a text").to_bytes();
        (status, String::from_utf8(text.to_vec()).expect("a text"))
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stops_short_is_the_clients_fault() {
        let began = tokio::time::Instant::now();
        let late = StatusCode::REQUEST_TIMEOUT;
        let there = answered("/api/v1/", &["abc"], true).await;
        assert_eq!(there, (late, "the body took too long\n".to_owned()));
        assert_eq!(began.elapsed(), LONGEST);
        let agent = answered("/controller/register/", &[], true).await;
        assert_eq!(agent, (late, "error: the body took too long\n".to_owned()));
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_its_limit() {
        let whole = answered("/", &["abcd", "efgh"], false).await;
        assert_eq!(whole, (StatusCode::OK, "abcdefgh".to_owned()));
        let long = answered("/", &["abcd", "efgh", "i"], false).await;
        assert_eq!(long, (StatusCode::PAYLOAD_TOO_LARGE, "the body is too long\n".to_owned()));
    }

    #[test]
    fn a_body_has_less_time_than_its_request() {
        for milliseconds in [1, 100, 3_000, 25_000, 600_000] {
            let request = Duration::from_millis(milliseconds);
            assert!(BodyLimits::new(1, request).time < request);
        }
    }
}
