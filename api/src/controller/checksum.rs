//! `GET /controller/checksum/{id}/`: has the configuration changed (agent protocol, §4)? The hot path.

use app::Peer;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};

use super::{answer, id::Id, params::QueryParams};
use crate::{ApiState, request::Sender};

/// Answers with 32 hexadecimal digits and nothing after them: agents compare the last line.
pub(super) async fn handle(
    State(state): State<ApiState>,
    Id(id): Id,
    sender: Sender,
    QueryParams(query): QueryParams,
) -> Response {
    let peer = Peer { address: sender.address, correlation_id: sender.correlation_id };
    let agents = state.app.agents();
    match agents.checksum(id, query.given("key"), query.given("management_ip"), peer).await {
        Ok(md5) => answer::text(StatusCode::OK, md5).into_response(),
        Err(refused) => answer::refused(refused),
    }
}
