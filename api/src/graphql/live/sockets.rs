//! All connections of this process on which somebody listens: how many there may be, and their end.

use std::{sync::Arc, time::Duration};

use app::{Failure, Refusal};
use axum::{
    Json,
    extract::{
        State, WebSocketUpgrade,
        ws::{WebSocket, rejection::WebSocketUpgradeRejection},
    },
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{protocol, session::Session};
use crate::{ApiState, graphql::schema::WisptrailSchema, request::Sender, rest::bearer};

/// Largest message of a client.
const LARGEST: usize = 1024 * 1024;
/// How long the end of all connections may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Bounds of connections on which somebody listens.
#[derive(Clone, Copy, Debug)]
pub struct SocketLimits {
    /// At a time; further ones are refused with 503.
    pub connections: usize,
    /// How long a message may wait until the client takes it; then the client is disconnected.
    pub slow_client: Duration,
    /// How often a silent client is asked whether it is there (over a WebSocket: silent two and a half times so long, it is
    /// gone), or is told that the server is.
    pub keep_alive: Duration,
}

impl Default for SocketLimits {
    fn default() -> Self {
        Self {
            connections: 2000,
            slow_client: Duration::from_secs(10),
            keep_alive: Duration::from_secs(30),
        }
    }
}

/// Connections of a kind of this process on which somebody listens. A clone is another handle to the same.
#[derive(Clone, Debug)]
pub struct Sockets(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limits: SocketLimits,
    permits: Arc<Semaphore>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Sockets {
    /// None at first.
    pub fn new(limits: SocketLimits) -> Self {
        Self(Arc::new(Inner {
            limits,
            permits: Arc::new(Semaphore::new(limits.connections.min(Semaphore::MAX_PERMITS))),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }))
    }

    /// Closes all and waits a few seconds for clients to hear it; further ones are refused.
    pub async fn close(&self) {
        self.0.stop.cancel();
        self.0.tasks.close();
        if tokio::time::timeout(PATIENCE, self.0.tasks.wait()).await.is_err() {
            tracing::warn!("some subscribers did not hear that the server stops");
        }
    }

    pub(crate) fn limits(&self) -> &SocketLimits {
        &self.0.limits
    }

    pub(crate) fn stop(&self) -> &CancellationToken {
        &self.0.stop
    }

    /// Serves one beside the request that it came from; its end is waited for.
    pub(crate) fn spawn(&self, serve: impl Future<Output = ()> + Send + 'static) {
        drop(self.0.tasks.spawn(serve));
    }

    /// A place for one more.
    pub(crate) fn place(&self) -> Option<OwnedSemaphorePermit> {
        if self.0.stop.is_cancelled() {
            return None;
        }
        Arc::clone(&self.0.permits).try_acquire_owned().ok()
    }
}

/// Does the client want something else than HTTP?
pub(in crate::graphql) fn is_upgrade(headers: &HeaderMap) -> bool {
    let wanted = headers.get(header::UPGRADE).and_then(|value| value.to_str().ok());
    wanted.is_some_and(|wanted| wanted.trim().eq_ignore_ascii_case("websocket"))
}

/// Makes a connection of a request.
pub(in crate::graphql) async fn serve(
    schema: WisptrailSchema,
    State(state): State<ApiState>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    parts: Parts,
) -> Response {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade.protocols([protocol::NAME]),
        Err(rejection) => return rejection.into_response(),
    };
    if upgrade.selected_protocol().is_none() {
        let sentence = format!("offer the subprotocol {}\n", protocol::NAME);
        return (StatusCode::BAD_REQUEST, sentence).into_response();
    }
    let sender = Sender::of(&parts);
    let correlation_id = sender.correlation_id;
    let known = if parts.headers.contains_key(header::AUTHORIZATION) {
        let found = match bearer(&parts.headers) {
            Ok(token) => state.app.live().listener(token, correlation_id).await,
            Err(_) => Err(Failure::Unauthenticated),
        };
        match found {
            Ok(listener) => Some(listener),
            Err(failure) => return refusal(&failure),
        }
    } else {
        None
    };
    let sockets = state.sockets.clone();
    let Some(place) = sockets.place() else {
        metrics::counter!("wisptrail_graphql_connections_refused_total").increment(1);
        let later = [(header::RETRY_AFTER, HeaderValue::from_static("5"))];
        let sentence = "there are as many subscribers as there may be: try again later\n";
        return (StatusCode::SERVICE_UNAVAILABLE, later, sentence).into_response();
    };
    let running = sockets.0.tasks.token();
    let upgrade = upgrade.max_message_size(LARGEST).max_frame_size(LARGEST);
    upgrade.on_upgrade(move |socket: WebSocket| async move {
        let _kept = (place, running);
        let _open = Open::connection();
        let session = Session { schema, state, sender, sockets, socket, known };
        app::store::reach::watched(session.run()).await;
    })
}

/// Counted for as long as it is there.
#[derive(Debug)]
pub(super) struct Open(&'static str);

impl Open {
    /// A connection.
    fn connection() -> Self {
        Self::of("wisptrail_graphql_connections")
    }

    /// An operation of one.
    pub(super) fn operation() -> Self {
        Self::of("wisptrail_graphql_operations")
    }

    fn of(gauge: &'static str) -> Self {
        metrics::gauge!(gauge).increment(1.0);
        Self(gauge)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        metrics::gauge!(self.0).decrement(1.0);
    }
}

fn refusal(failure: &Failure) -> Response {
    let status = match failure {
        Failure::Refused(Refusal::PasswordExpired) => {
            let body = json!({ "detail": failure.to_string(), "code": "password_expired" });
            return (StatusCode::FORBIDDEN, Json(body)).into_response();
        }
        Failure::Unauthenticated | Failure::Refused(_) => StatusCode::UNAUTHORIZED,
        Failure::Unavailable | Failure::Busy => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    (status, format!("{failure}\n")).into_response()
}
