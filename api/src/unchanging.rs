//! Requests that would change something where nothing can be changed.

use axum::{
    Json,
    extract::Request,
    http::{Method, StatusCode},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use serde_json::json;

use crate::controller;

/// Refuses whatever is not only read, all with the same words. GraphQL does it for itself: its queries come by POST, too.
pub(crate) async fn refuse_changes(request: Request, next: Next) -> Response {
    let reads = [Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method());
    if reads || request.uri().path() == "/graphql" {
        return next.run(request).await;
    }
    let failure = app::Failure::ReadOnly;
    if request.uri().path().starts_with("/controller/") {
        return controller::failed(failure);
    }
    let body = json!({ "detail": failure.to_string(), "code": "read_only" });
    (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
}
