//! `GET /api/v1/controller/device/{id}/configuration/`: the archive that the device downloads.

use axum::{extract::State, response::Response};
use domain::{DeviceId, Permission};

use super::super::{caller::Caller, failure::RestError, id::Id};
use crate::{ApiState, controller};

pub(super) async fn handle(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
) -> Result<Response, RestError> {
    caller.may(Permission::ViewDevice)?;
    let id = DeviceId::from_uuid(id);
    // A device without configuration is there, its archive is not.
    state.app.devices().get(&caller.by, id).await?;
    let archive = state.app.configurations().archive_of(&caller.by, id).await?;
    Ok(controller::marked(controller::archive(archive)))
}
