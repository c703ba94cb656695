//! `PUT` and `PATCH /api/v1/controller/template/{id}/`. Fields that are left out stay as they are.

use app::TemplateChange;
use axum::{Json, extract::State};
use domain::{OrganizationId, Permission, TemplateId};

use super::{
    super::{
        caller::Caller,
        failure::RestError,
        id::Id,
        references,
        sent::{Body, Reader},
        sentences::NO_PERMISSION,
    },
    create::name_taken,
    shape::{Sent, Template, shape},
};
use crate::ApiState;

pub(super) async fn change(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
    body: Body<Sent>,
) -> Result<Json<Template>, RestError> {
    let id = TemplateId::from_uuid(id);
    caller.may(Permission::ChangeTemplate)?;
    let templates = state.app.templates();
    let held = templates.get(&caller.by, id).await?;
    let unlimited = caller.by.authority.is_unlimited();
    if held.organization_id.is_none() && !unlimited {
        return Err(RestError::forbidden(NO_PERMISSION));
    }
    let (sent, mut fields) = body.read(Reader::of(&state, &caller)).await?;
    let organization = sent.organization.flatten();
    references::check_organization(&mut fields, &state.app, &caller, organization).await?;
    fields.check()?;
    let owner = sent.organization.map(|owner| owner.map(OrganizationId::from_uuid));
    let shared = owner.unwrap_or(held.organization_id).is_none();
    let change = TemplateChange {
        organization_id: owner,
        name: sent.name,
        backend: sent.backend,
        config: sent.config,
        default_values: sent.default_values,
        tags: None,
        default: sent.default,
        required: sent.required,
        notes: sent.notes,
    };
    let changed = templates.change(&caller.by, id, change).await;
    changed.map_err(|failure| name_taken(failure, shared))?;
    Ok(Json(shape(&templates.get(&caller.by, id).await?)))
}
