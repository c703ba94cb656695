//! Request ids, the access log and counters. Paths are logged without query: `?key=` is a device's password.

use std::{collections::HashMap, sync::Arc, time::Instant};

use api::{PeerAddr, RequestId};
use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderName, HeaderValue},
    response::Response,
};
use hyper::body::Body as _;
use metrics::{Counter, Histogram};
use parking_lot::RwLock;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::world;

/// Answers with the request's id.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Gives the request an id, which its events, log lines and answer carry.
pub(super) async fn identify<F: Future<Output = Response>>(
    mut request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let id = world::new_id();
    request.extensions_mut().insert(RequestId(id));
    let span = tracing::info_span!("request", request.id = %id);
    let mut response = next(request).instrument(span).await;
    let text = id.hyphenated();
    if let Ok(value) = HeaderValue::from_str(text.encode_lower(&mut Uuid::encode_buffer())) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// Writes one line per request and counts it by route and status.
pub(super) async fn log_access<F: Future<Output = Response>>(
    counts: &Counts,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let begun = Instant::now();
    let method = request.method().clone();
    // Polls are many: what nobody reads is not put together.
    let line = tracing::enabled!(target: "access", tracing::Level::INFO).then(|| {
        let peer = request.extensions().get::<PeerAddr>().map(|peer| peer.0);
        (shown(&request), peer)
    });
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next(request).await;
    let status = response.status().as_u16();
    let elapsed = begun.elapsed();
    if let Some((path, peer)) = line {
        let duration_ms = elapsed.as_secs_f64() * 1000.0;
        // Unknown for bodies that are made while they are sent.
        let size = response.body().size_hint().exact();
        let peer = peer.map(|peer| peer.to_string()).unwrap_or_default();
        tracing::info!(
            target: "access",
            method = method.as_str(),
            path,
            status,
            duration_ms,
            size,
            peer,
            "{method} {path} {status}"
        );
    }
    let route = route.as_ref().map_or("unknown", MatchedPath::as_str);
    counts.count(known_method(method.as_str()), route, status, elapsed.as_secs_f64());
    response
}

/// The path; of links that were mailed the route, because their paths are secrets.
fn shown(request: &Request) -> String {
    let path = request.uri().path();
    if !path.starts_with("/accounts/") {
        return path.to_owned();
    }
    let route = request.extensions().get::<MatchedPath>();
    route.map_or("/accounts/…", MatchedPath::as_str).to_owned()
}

/// Methods that clients invent do not make series.
fn known_method(method: &str) -> &'static str {
    let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    known.into_iter().find(|known| *known == method).unwrap_or("other")
}

/// Counters of requests, looked up by what they are of: names and labels are put together once.
#[derive(Clone, Default)]
pub(super) struct Counts(Arc<RwLock<HashMap<String, OfRoute>>>);

/// Few of each: a list is faster than a table.
type OfRoute = Vec<(&'static str, u16, Counter, Histogram)>;

impl Counts {
    fn count(&self, method: &'static str, route: &str, status: u16, seconds: f64) {
        let add = |counter: &Counter, histogram: &Histogram| {
            counter.increment(1);
            histogram.record(seconds);
        };
        if let Some(series) = self.0.read().get(route)
            && let Some((.., counter, histogram)) =
                series.iter().find(|series| series.0 == method && series.1 == status)
        {
            return add(counter, histogram);
        }
        let labels = [
            ("method", method.to_owned()),
            ("route", route.to_owned()),
            ("status", status.to_string()),
        ];
        let counter = metrics::counter!("wisptrail_http_requests_total", &labels);
        let histogram = metrics::histogram!("wisptrail_http_request_seconds", &labels[..2]);
        add(&counter, &histogram);
        self.0
            .write()
            .entry(route.to_owned())
            .or_default()
            .push((method, status, counter, histogram));
    }
}
