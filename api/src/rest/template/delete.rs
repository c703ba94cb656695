//! `DELETE /api/v1/controller/template/{id}/`: its devices lose it.

use axum::extract::State;
use domain::{Permission, TemplateId};

use super::super::{answer::Gone, caller::Caller, failure::RestError, id::Id};
use crate::ApiState;

pub(super) async fn handle(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
) -> Result<Gone, RestError> {
    caller.may(Permission::DeleteTemplate)?;
    state.app.templates().remove(&caller.by, TemplateId::from_uuid(id)).await?;
    Ok(Gone)
}
