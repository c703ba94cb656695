//! Speaks to the outside and decides nothing.
//!
//! Two dialects that are older than this program, the agents' protocol below `/controller/` and REST below `/api/v1/`, and
//! GraphQL at `/graphql`, which has everything. Each endpoint is a file: what comes in, what is done, how it fails in the dialect's own words.

// The futures of the schema are deep.
#![recursion_limit = "256"]

mod account_pages;
mod body;
mod controller;
mod form;
mod graphql;
mod language;
mod page;
mod request;
mod rest;
mod routes;
mod site;
mod unchanging;

use app::App;
use axum::{Router, extract::DefaultBodyLimit, middleware};

use routes::Routes;

pub use controller::mark_controller_answers;
pub use graphql::{GraphqlLimits, SocketLimits, Sockets, schema_text};
pub use request::{HangUp, PeerAddr, RequestId, Secure};
pub use rest::{DocsSettings, asyncapi, openapi_text};
pub use routes::{Audience, Route};

/// What endpoints need.
#[derive(Clone)]
pub struct ApiState {
    /// The use cases.
    pub app: App,
    /// What GraphQL requests may ask for.
    pub graphql: GraphqlLimits,
    /// What REST says about itself.
    pub docs: DocsSettings,
    /// Connections with subscriptions; whoever stops the server closes them.
    pub sockets: Sockets,
    /// Streams of events; the same.
    pub streams: Sockets,
}

/// Everything this crate serves. The caller adds, as extensions of each request, [`PeerAddr`], [`RequestId`], [`HangUp`] and, behind
/// a proxy that speaks TLS, [`Secure`]; the template of the route is in axum's `MatchedPath`.
pub fn router(state: ApiState) -> Router {
    let read_only = state.app.read_only();
    let router = table()
        .router(&state)
        .fallback(page::not_found)
        // Bodies are read by `body`, which has its own limits.
        .layer(DefaultBodyLimit::disable())
        .with_state(state);
    if read_only { router.layer(middleware::from_fn(unchanging::refuse_changes)) } else { router }
}

/// Every path that [`router`] serves.
pub fn routes() -> Vec<Route> {
    table().listed()
}

fn table() -> Routes {
    controller::routes()
        .merge(rest::routes())
        .merge(graphql::routes())
        .merge(account_pages::routes())
}
