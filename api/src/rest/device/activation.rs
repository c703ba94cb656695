//! `POST /api/v1/controller/device/{id}/activate/` and `…/deactivate/`. Doing it twice finds nothing to do it to: 404.

use app::{Failure, Refusal};
use axum::{Json, extract::State};
use domain::{DeviceId, Permission};

use super::{
    super::{caller::Caller, failure::RestError, id::Id},
    get::shown,
    shape::Device,
};
use crate::ApiState;

pub(super) async fn activate(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<Device>, RestError> {
    caller.may(Permission::ChangeDevice)?;
    let id = DeviceId::from_uuid(id);
    state.app.devices().activate(&caller.by, id).await.map_err(twice)?;
    Ok(Json(shown(&state, &caller, id).await?))
}

pub(super) async fn deactivate(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<Device>, RestError> {
    caller.may(Permission::ChangeDevice)?;
    let id = DeviceId::from_uuid(id);
    state.app.devices().deactivate(&caller.by, id).await.map_err(twice)?;
    let mut device = shown(&state, &caller, id).await?;
    // Clients of the reference see an empty address here, once, where there is no configuration to wait for.
    if device.config.is_none() && device.management_ip.is_none() {
        device.management_ip = Some(String::new());
    }
    Ok(Json(device))
}

fn twice(failure: Failure) -> RestError {
    match failure {
        Failure::Refused(Refusal::DeviceDeactivated | Refusal::DeviceAlreadyActive) => {
            RestError::not_found("Device")
        }
        failure => failure.into(),
    }
}
