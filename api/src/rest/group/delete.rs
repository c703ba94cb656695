//! `DELETE /api/v1/controller/group/{id}/`: its devices are in no group from then on.

use axum::extract::State;
use domain::{GroupId, Permission};

use super::super::{answer::Gone, caller::Caller, failure::RestError, id::Id};
use crate::ApiState;

pub(super) async fn handle(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
) -> Result<Gone, RestError> {
    caller.may(Permission::DeleteGroup)?;
    state.app.groups().remove(&caller.by, GroupId::from_uuid(id)).await?;
    Ok(Gone)
}
