//! `GET /api/v1/controller/device/{id}/`

use axum::{Json, extract::State};
use domain::{DeviceId, Permission};

use super::{
    super::{caller::Caller, failure::RestError, id::Id},
    shape::{self, Device},
};
use crate::ApiState;

pub(super) async fn handle(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<Device>, RestError> {
    caller.may(Permission::ViewDevice)?;
    Ok(Json(shown(&state, &caller, DeviceId::from_uuid(id)).await?))
}

/// The device as it is at present, with all of its configuration.
pub(super) async fn shown(
    state: &ApiState,
    caller: &Caller,
    id: DeviceId,
) -> Result<Device, RestError> {
    let detail = state.app.devices().get(&caller.by, id).await?;
    Ok(shape::full(&detail, state.app.settings().controller.hardware_id_enabled))
}
