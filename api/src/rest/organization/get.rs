//! `GET /api/v1/users/organization/{id}/`

use axum::{Json, extract::State};
use domain::{OrganizationId, Permission};

use super::{
    super::{caller::Caller, failure::RestError, id::Id},
    shape::{self, OrganizationDetail},
};
use crate::ApiState;

pub(super) async fn handle(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<OrganizationDetail>, RestError> {
    caller.may_plainly(Permission::ViewOrganization)?;
    Ok(Json(shown(&state, &caller, OrganizationId::from_uuid(id)).await?))
}

/// The organization as it is at present.
pub(super) async fn shown(
    state: &ApiState,
    caller: &Caller,
    id: OrganizationId,
) -> Result<OrganizationDetail, RestError> {
    let row = state.app.organizations().get(&caller.by, id).await?;
    shape::full(&state.app, caller, &row).await
}
