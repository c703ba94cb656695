//! `DELETE /api/v1/controller/device/{id}/`: deactivated devices only, unless `?force=true`.

use axum::{extract::State, http::StatusCode};
use domain::{DeviceId, Permission};

use super::super::{caller::Caller, failure::RestError, id::Id, list::Wanted};
use crate::ApiState;

pub(super) async fn handle(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
    wanted: Wanted,
) -> Result<StatusCode, RestError> {
    caller.may(Permission::DeleteDevice)?;
    let force = wanted.query.get("force") == Some("true");
    state.app.devices().remove(&caller.by, DeviceId::from_uuid(id), force).await?;
    Ok(StatusCode::NO_CONTENT)
}
