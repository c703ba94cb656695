//! `GET /api/v1/controller/template/{id}/configuration/`: the files of a template alone.

use axum::extract::State;
use domain::{Permission, TemplateId};

use super::super::{answer::Archive, caller::Caller, failure::RestError, id::Id};
use crate::{ApiState, controller};

pub(super) async fn handle(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
) -> Result<Archive, RestError> {
    caller.may(Permission::ViewTemplate)?;
    let archive = state.app.templates().archive_of(&caller.by, TemplateId::from_uuid(id)).await?;
    Ok(Archive(controller::marked(controller::archive(archive))))
}
