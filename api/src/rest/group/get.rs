//! `GET /api/v1/controller/group/{id}/`

use axum::{Json, extract::State};
use domain::{GroupId, Permission};

use super::{
    super::{caller::Caller, failure::RestError, id::Id},
    shape::{DeviceGroup, shape},
};
use crate::ApiState;

pub(super) async fn handle(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<DeviceGroup>, RestError> {
    caller.may(Permission::ViewGroup)?;
    let row = state.app.groups().get(&caller.by, GroupId::from_uuid(id)).await?;
    Ok(Json(shape(&row)))
}
