//! `GET /controller/download-config/{id}/`: the configuration itself (agent protocol, §5).

use app::Peer;
use axum::{extract::State, response::Response};

use super::{answer, id::Id, params::QueryParams};
use crate::{ApiState, request::Sender};

/// Answers with the archive whose MD5 the checksum endpoint tells.
pub(super) async fn handle(
    State(state): State<ApiState>,
    Id(id): Id,
    sender: Sender,
    QueryParams(query): QueryParams,
) -> Response {
    let peer = Peer { address: sender.address, correlation_id: sender.correlation_id };
    let agents = state.app.agents();
    match agents.download(id, query.given("key"), query.given("management_ip"), peer).await {
        Ok(archive) => answer::archive(archive),
        Err(refused) => answer::refused(refused),
    }
}
