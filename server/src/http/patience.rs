//! No request takes longer than its time.

use std::time::Duration;

use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};

const TEXT: (HeaderName, HeaderValue) =
    (header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));

/// Gives up after so long: 503, and when to come again.
pub(super) async fn answer_in_time<F: Future<Output = Response>>(
    time: Duration,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let uri = request.uri().clone();
    let answer = tokio::time::timeout(time, next(request)).await;
    answer.unwrap_or_else(|_| {
        let busy = StatusCode::SERVICE_UNAVAILABLE;
        let mut answer = plain(uri.path(), busy, "the request took too long");
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        answer
    })
}

/// A line of text, in the words that the agents' log shows where an agent asks.
pub(super) fn plain(path: &str, status: StatusCode, text: &str) -> Response {
    let prefix = if path.starts_with("/controller/") { "error: " } else { "" };
    (status, [TEXT], format!("{prefix}{text}\n")).into_response()
}

#[cfg(test)]
mod tests {
    use axum::{
        Router,
        body::Body,
        middleware::{self, Next},
        routing::get,
    };
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_request_that_takes_too_long_is_told_when_to_come_again() {
        let time = Duration::from_secs(25);
        let frame = move |request, next: Next| async move {
            answer_in_time(time, request, |request| next.run(request)).await
        };
        let router = Router::new()
            .fallback(get(async || std::future::pending::<String>().await))
            .layer(middleware::from_fn(frame));
        for (path, expected) in [
            ("/api/v1/", "the request took too long\n"),
            ("/controller/checksum/", "error: the request took too long\n"),
        ] {
            let request = Request::get(path).body(Body::empty()).expect("a request");
            let answer = router.clone().oneshot(request).await.expect("an answer");
            assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(answer.headers()["retry-after"], "5");
            assert_eq!(answer.headers()["content-type"], "text/plain");
            let text = answer.into_body().collect().await.expect("a text").to_bytes();
            assert_eq!(text, expected);
        }
    }
}
