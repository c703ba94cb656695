//! `PUT` and `PATCH /api/v1/controller/group/{id}/`. Fields that are left out stay as they are.

use app::{Failure, GroupChange, Refusal};
use axum::{Json, extract::State};
use domain::{GroupId, OrganizationId, Permission};

use super::{
    super::{
        caller::Caller,
        failure::RestError,
        id::Id,
        references,
        sent::{Body, Reader},
    },
    shape::{DeviceGroup, Sent, shape},
};
use crate::ApiState;

pub(super) async fn change(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
    body: Body<Sent>,
) -> Result<Json<DeviceGroup>, RestError> {
    let id = GroupId::from_uuid(id);
    caller.may(Permission::ChangeGroup)?;
    let groups = state.app.groups();
    let held = groups.get(&caller.by, id).await?;
    let (sent, mut fields) = body.read(Reader::of(&state, &caller)).await?;
    references::check_organization(&mut fields, &state.app, &caller, sent.organization).await?;
    let templates = sent.templates.as_deref().unwrap_or_default();
    references::check_templates(
        &mut fields,
        &state.app,
        &caller,
        ("templates", templates),
        |row| {
            // One that became a default template after it was put here may stay.
            !row.flags.is_default() || held.templates.contains(&row.id)
        },
    )
    .await?;
    fields.check()?;
    let change = GroupChange {
        organization_id: sent.organization.map(OrganizationId::from_uuid),
        name: sent.name,
        description: sent.description,
        templates: sent.templates,
        context: sent.context,
        meta_data: sent.meta_data,
    };
    groups.change(&caller.by, id, change).await.map_err(in_a_group)?;
    Ok(Json(shape(&groups.get(&caller.by, id).await?)))
}

/// What a group cannot hold stands in its list of templates.
pub(super) fn in_a_group(failure: Failure) -> RestError {
    match failure {
        Failure::Refused(Refusal::ForeignTemplates { names }) => RestError::field(
            "templates",
            format!(
                "The following templates are owned by organizations which do not match the organization of this group: {}",
                names.join(", ")
            ),
        ),
        failure => failure.into(),
    }
}
