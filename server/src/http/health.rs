//! `/healthz`, `/readyz`, `/metrics`.

use std::{net::IpAddr, sync::Arc, time::Duration};

use api::{Audience, PeerAddr, Route};
use app::{App, RelayState, RelayStatus, same_secret};
use axum::{
    Json, Router,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{MethodRouter, get},
};
use metrics_exporter_prometheus::PrometheusHandle;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use store::{FollowerState, Query, args};

/// How long `/readyz` waits for the database.
const PATIENCE: Duration = Duration::from_secs(3);

/// What the state of the program is told from.
#[derive(Clone)]
pub struct Health {
    /// The use cases.
    pub app: App,
    /// The counters.
    pub metrics: PrometheusHandle,
    /// Who may read the counters from elsewhere.
    pub token: Option<Arc<SecretString>>,
    /// Names of the relays that the settings want.
    pub relays: Vec<&'static str>,
}

impl Health {
    /// How relays are doing that are wanted; none where nobody can tell.
    async fn relays(&self) -> Vec<RelayStatus> {
        if self.relays.is_empty() {
            return Vec::new();
        }
        let mut found = self.app.relays().status().await.unwrap_or_default();
        found.retain(|relay| self.relays.contains(&relay.name.as_str()));
        found
    }
}

/// The three endpoints.
pub fn router(health: Health) -> Router {
    let add = |router: Router<Health>, (path, make): &(&str, Make)| router.route(path, make());
    WATCHED.iter().fold(Router::new(), add).with_state(health)
}

type Make = fn() -> MethodRouter<Health>;

/// What is answered, and with what.
const WATCHED: [(&str, Make); 3] = [
    ("/healthz", || get(async || "ok\n")),
    ("/readyz", || get(ready)),
    ("/metrics", || get(counters)),
];

/// Every path that [`router`] serves.
pub fn routes() -> Vec<Route> {
    let route = |(path, _): &(&str, Make)| Route {
        path: (*path).to_owned(),
        methods: "GET, HEAD",
        audience: Audience::Watchers,
    };
    WATCHED.iter().map(route).collect()
}

/// Can requests be served? 503 names what stands in the way.
async fn ready(State(health): State<Health>) -> Response {
    let reasons = tokio::time::timeout(PATIENCE, reasons(&health.app)).await;
    let reasons =
        reasons.unwrap_or_else(|_| vec!["the database does not answer in time".to_owned()]);
    let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut told = json!({ "ready": reasons.is_empty(), "reasons": reasons });
    // Requests are served without them; why they cannot write is for metrics, the log and `wisptrail doctor`.
    let relays = tokio::time::timeout(PATIENCE, health.relays()).await.unwrap_or_default();
    for relay in relays {
        told["relays"][relay.name] = relay.state.as_str().into();
    }
    (status, Json(told)).into_response()
}

async fn reasons(app: &App) -> Vec<String> {
    let mut reasons = Vec::new();
    if app.store().fetch(Query::new("SELECT 1", args![])).await.is_err() {
        reasons.push("the database does not answer".to_owned());
    }
    match app.followers().status().await {
        Ok(followers) => reasons.extend(
            followers
                .iter()
                .filter(|follower| follower.state == FollowerState::Failed)
                .map(|follower| format!("projection {} has failed", follower.name)),
        ),
        Err(_) => reasons.push("the state of projections cannot be read".to_owned()),
    }
    reasons
}

/// Counters, for this machine or with the token.
async fn counters(State(health): State<Health>, request: Request) -> Response {
    let peer = request.extensions().get::<PeerAddr>().map(|peer| peer.0);
    if !may_count(health.token.as_deref(), peer, request.headers()) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let statements = health.app.store().statements();
    metrics::counter!("wisptrail_store_statements_total").absolute(statements);
    let asked = health.app.store().asked_by_requests();
    metrics::counter!("wisptrail_store_asked_by_requests_total").absolute(asked);
    metrics::gauge!("wisptrail_store_head").set(as_f64(health.app.store().head()));
    if let Ok(followers) = health.app.followers().status().await {
        for follower in followers {
            let labels = [("projection", follower.name)];
            metrics::gauge!("wisptrail_follower_lag_events", &labels).set(as_f64(follower.lag));
        }
    }
    for relay in health.relays().await {
        let labels = [("relay", relay.name.clone())];
        metrics::gauge!("wisptrail_relay_lag_events", &labels).set(as_f64(relay.lag));
        metrics::gauge!("wisptrail_relay_lag_seconds", &labels).set(as_f64(relay.lag_seconds));
        for state in RelayState::ALL {
            let labels = [("relay", relay.name.clone()), ("state", state.as_str().to_owned())];
            let is = i64::from(state == relay.state);
            metrics::gauge!("wisptrail_relay_state", &labels).set(as_f64(is));
        }
    }
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
    (kind, health.metrics.render()).into_response()
}

#[expect(clippy::cast_precision_loss, reason = "a gauge; exact up to 2^53")]
fn as_f64(number: i64) -> f64 {
    number as f64
}

/// Whoever has the token, and clients on this machine. What a proxy on this machine hands on comes from elsewhere, also
/// where the proxy is not trusted to say from where.
fn may_count(token: Option<&SecretString>, peer: Option<IpAddr>, headers: &HeaderMap) -> bool {
    let given = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    let known = match (token, given) {
        (Some(token), Some(given)) => same_secret(token.expose_secret(), given),
        _ => false,
    };
    let handed_on =
        headers.contains_key("x-forwarded-for") || headers.contains_key(header::FORWARDED);
    known || (peer.is_some_and(|peer| peer.is_loopback()) && !handed_on)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(
            header::HeaderName::from_static(name),
            header::HeaderValue::from_static(value),
        )])
    }

    #[test]
    fn counters_are_for_this_machine_or_with_the_token() {
        let token = SecretString::from("0123456789");
        let (here, there) = ("127.0.0.1".parse().ok(), "192.0.2.1".parse().ok());
        let nothing = HeaderMap::new();
        assert!(may_count(None, here, &nothing));
        assert!(may_count(Some(&token), here, &nothing));
        assert!(!may_count(None, there, &nothing));
        assert!(!may_count(Some(&token), there, &nothing));
        assert!(!may_count(None, None, &nothing));
        assert!(may_count(Some(&token), there, &headers("authorization", "Bearer 0123456789")));
        assert!(!may_count(Some(&token), there, &headers("authorization", "Bearer 012345678")));
        assert!(!may_count(Some(&token), there, &headers("authorization", "Basic 0123456789")));
        assert!(!may_count(None, there, &headers("authorization", "Bearer ")));
        assert!(!may_count(None, here, &headers("x-forwarded-for", "192.0.2.1")));
    }
}
