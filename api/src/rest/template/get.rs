//! `GET /api/v1/controller/template/{id}/`

use axum::{Json, extract::State};
use domain::{Permission, TemplateId};

use super::{
    super::{caller::Caller, failure::RestError, id::Id},
    shape::{Template, shape},
};
use crate::ApiState;

pub(super) async fn handle(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<Template>, RestError> {
    caller.may(Permission::ViewTemplate)?;
    let row = state.app.templates().get(&caller.by, TemplateId::from_uuid(id)).await?;
    Ok(Json(shape(&row)))
}
