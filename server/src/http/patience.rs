//! No request takes longer than its time.

use std::time::Duration;

use axum::{
    extract::{Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

const TEXT: (HeaderName, HeaderValue) =
    (header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));

/// Gives up after so long: 503, and when to come again.
pub async fn answer_in_time(
    State(time): State<Duration>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path().to_owned();
    let answer = tokio::time::timeout(time, next.run(request)).await;
    answer.unwrap_or_else(|_| {
        let busy = StatusCode::SERVICE_UNAVAILABLE;
        let mut answer = plain(&path, busy, "the request took too long");
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
    use axum::{Router, body::Body, middleware, routing::get};
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_request_that_takes_too_long_is_told_when_to_come_again() {
        let time = Duration::from_secs(25);
        let router = Router::new()
            .fallback(get(async || std::future::pending::<String>().await))
            .layer(middleware::from_fn_with_state(time, answer_in_time));
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
