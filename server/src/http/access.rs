//! Request ids, the access log and counters. Paths are logged without query: `?key=` is a device's password.

use std::time::Instant;

use api::{PeerAddr, RequestId};
use axum::{
    extract::{MatchedPath, Request},
    http::HeaderValue,
    middleware::Next,
    response::Response,
};
use hyper::body::Body as _;
use tracing::Instrument as _;

use crate::world;

/// Gives the request an id, which its events, log lines and answer carry.
pub async fn identify(mut request: Request, next: Next) -> Response {
    let id = world::new_id();
    request.extensions_mut().insert(RequestId(id));
    let span = tracing::info_span!("request", request.id = %id);
    let mut response = next.run(request).instrument(span).await;
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        response.headers_mut().insert("x-request-id", value);
    }
    response
}

/// Writes one line per request and counts it by route and status.
pub async fn log_access(request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let peer = request.extensions().get::<PeerAddr>().map(|peer| peer.0);
    let route = request.extensions().get::<MatchedPath>().map(|route| route.as_str().to_owned());
    let response = next.run(request).await;
    let status = response.status().as_u16();
    // Unknown for bodies that are made while they are sent.
    let size = response.body().size_hint().exact();
    let elapsed = begun.elapsed();
    let duration_ms = elapsed.as_secs_f64() * 1000.0;
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
    let labels = [
        ("method", known_method(method.as_str())),
        ("route", route.unwrap_or_else(|| "unknown".to_owned())),
        ("status", status.to_string()),
    ];
    metrics::counter!("wisptrail_http_requests_total", &labels).increment(1);
    metrics::histogram!("wisptrail_http_request_seconds", &labels[..2])
        .record(elapsed.as_secs_f64());
    response
}

/// Methods that clients invent do not make series.
fn known_method(method: &str) -> String {
    let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    if known.contains(&method) { method.to_owned() } else { "other".to_owned() }
}
