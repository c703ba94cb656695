//! `DELETE /api/v1/users/organization/{id}/`: gone at once; what was its is removed in the background.

use axum::extract::State;
use domain::{OrganizationId, Permission};

use super::super::{answer::Gone, caller::Caller, failure::RestError, id::Id};
use crate::ApiState;

pub(super) async fn handle(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
) -> Result<Gone, RestError> {
    caller.may_plainly(Permission::DeleteOrganization)?;
    state.app.organizations().remove(&caller.by, OrganizationId::from_uuid(id)).await?;
    Ok(Gone)
}
