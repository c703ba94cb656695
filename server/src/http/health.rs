//! `/healthz`, `/readyz`, `/metrics`.

use std::sync::Arc;

use api::PeerAddr;
use app::App;
use axum::{
    Json, Router,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use metrics_exporter_prometheus::PrometheusHandle;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use store::{FollowerState, Query, args};

/// What the state of the program is told from.
#[derive(Clone)]
pub struct Health {
    /// The use cases.
    pub app: App,
    /// The counters.
    pub metrics: PrometheusHandle,
    /// Who may read the counters from elsewhere.
    pub token: Option<Arc<SecretString>>,
}

/// The three endpoints.
pub fn router(health: Health) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(counters))
        .with_state(health)
}

/// Can requests be served? 503 names what stands in the way.
async fn ready(State(health): State<Health>) -> Response {
    let mut reasons = Vec::new();
    if health.app.store().fetch(Query::new("SELECT 1", args![])).await.is_err() {
        reasons.push("the database does not answer".to_owned());
    }
    match health.app.followers().status().await {
        Ok(followers) => reasons.extend(
            followers
                .iter()
                .filter(|follower| follower.state == FollowerState::Failed)
                .map(|follower| format!("projection {} has failed", follower.name)),
        ),
        Err(_) => reasons.push("the state of projections cannot be read".to_owned()),
    }
    let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "ready": reasons.is_empty(), "reasons": reasons }))).into_response()
}

/// Counters, for this machine or with the token.
async fn counters(State(health): State<Health>, request: Request) -> Response {
    let local = request.extensions().get::<PeerAddr>().is_some_and(|peer| peer.0.is_loopback());
    let given = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    let allowed = match (&health.token, given) {
        (Some(token), Some(given)) => same(token.expose_secret(), given),
        (Some(_), None) => false,
        (None, _) => local,
    };
    if !allowed {
        return StatusCode::FORBIDDEN.into_response();
    }
    let statements = health.app.store().statements();
    metrics::counter!("wisptrail_store_statements_total").absolute(statements);
    metrics::gauge!("wisptrail_store_head").set(as_f64(health.app.store().head()));
    if let Ok(followers) = health.app.followers().status().await {
        for follower in followers {
            let labels = [("projection", follower.name)];
            metrics::gauge!("wisptrail_follower_lag_events", &labels).set(as_f64(follower.lag));
        }
    }
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
    (kind, health.metrics.render()).into_response()
}

#[expect(clippy::cast_precision_loss, reason = "a gauge; exact up to 2^53")]
fn as_f64(number: i64) -> f64 {
    number as f64
}

/// The same number of steps wherever the first difference is.
fn same(one: &str, other: &str) -> bool {
    one.len() == other.len()
        && one.bytes().zip(other.bytes()).fold(0, |seen, (a, b)| seen | (a ^ b)) == 0
}
