//! `DELETE /api/v1/users/organization/{id}/`: organizations are disabled, not deleted, as long as nothing can delete what
//! is theirs.

use axum::{extract::State, http::StatusCode};
use domain::{OrganizationId, Permission};

use super::super::{caller::Caller, failure::RestError, id::Id};
use crate::ApiState;

pub(super) async fn handle(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
) -> Result<StatusCode, RestError> {
    // Whoever may make one may delete one.
    caller.may_plainly(Permission::AddOrganization)?;
    state.app.organizations().get(&caller.by, OrganizationId::from_uuid(id)).await?;
    let sentence = "Organizations cannot be deleted: set is_active to false instead.";
    Err(RestError::Detail(StatusCode::CONFLICT, sentence.to_owned()))
}
