//! What happens around every endpoint, as one layer: each layer of axum's own costs a poll several allocations.

use std::{any::Any, panic::AssertUnwindSafe, time::Duration};

use axum::{
    Router,
    extract::Request,
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};
use futures::FutureExt as _;

use super::{
    access::{Counts, identify, log_access},
    body::{BodyLimits, read_first},
    patience::answer_in_time,
    peer::{Proxies, resolve},
};

/// What the frame around endpoints needs.
#[derive(Clone)]
pub struct Frame {
    proxies: Proxies,
    counts: Counts,
    body: BodyLimits,
    timeout: Duration,
}

impl Frame {
    /// With whose word is taken, and the bounds of bodies and times.
    pub fn new(proxies: Proxies, body: BodyLimits, timeout: Duration) -> Self {
        Self { proxies, counts: Counts::default(), body, timeout }
    }

    /// Endpoints of users: what they ask the store is counted as asked by requests.
    pub fn around(&self, router: Router) -> Router {
        self.layered(router, true)
    }

    /// Endpoints that watch the program: what they ask themselves is not counted.
    pub fn around_watchers(&self, router: Router) -> Router {
        self.layered(router, false)
    }

    fn layered(&self, router: Router, counted: bool) -> Router {
        let frame = self.clone();
        router.layer(middleware::from_fn(move |request, next| {
            let frame = frame.clone();
            async move { frame.answer(request, next, counted).await }
        }))
    }

    async fn answer(&self, request: Request, next: Next, counted: bool) -> Response {
        identify(request, |mut request| {
            resolve(&self.proxies, &mut request);
            // Sees every answer, also those of the limits.
            log_access(&self.counts, request, |request| {
                api::mark_controller_answers(request, |request| {
                    survive(answer_in_time(self.timeout, request, |request| {
                        read_first(self.body, request, |request| async move {
                            let answer = next.run(request);
                            if counted { store::on_request(answer).await } else { answer.await }
                        })
                    }))
                })
            })
        })
        .await
    }
}

/// A panic costs the request, not the connection.
async fn survive(answer: impl Future<Output = Response>) -> Response {
    AssertUnwindSafe(answer).catch_unwind().await.unwrap_or_else(|panic| {
        tracing::error!("a request panicked: {}", reason(panic.as_ref()));
        (StatusCode::INTERNAL_SERVER_ERROR, "Service panicked").into_response()
    })
}

fn reason(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("for no reason")
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, routing::get};
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_answer() {
        let timeout = Duration::from_secs(25);
        let frame = Frame::new(Proxies::default(), BodyLimits::new(8, timeout), timeout);
        let panics = async || -> &'static str { std::panic::panic_any("it broke") };
        let router = frame.around(Router::new().route("/controller/x", get(panics)));
        let request = Request::get("/controller/x").body(Body::empty()).expect("a request");
        let answer = router.oneshot(request).await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(answer.headers()["x-openwisp-controller"], "true");
        assert!(answer.headers().contains_key("x-request-id"));
    }
}
