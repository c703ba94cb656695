//! `POST /api/v1/controller/group/`

use app::NewGroup;
use axum::extract::State;
use domain::{GroupId, OrganizationId, Permission};
use projections::template::TemplateRow;

use super::{
    super::{
        answer::Created,
        caller::Caller,
        failure::RestError,
        references,
        sent::{Body, Reader},
    },
    change::in_a_group,
    shape::{DeviceGroup, Sent, shape},
};
use crate::ApiState;

pub(super) async fn handle(
    State(state): State<ApiState>,
    caller: Caller,
    body: Body<Sent>,
) -> Result<Created<DeviceGroup>, RestError> {
    caller.may(Permission::AddGroup)?;
    let (sent, mut fields) = body.read(Reader::of(&state, &caller)).await?;
    references::check_organization(&mut fields, &state.app, &caller, sent.organization).await?;
    let templates = sent.templates.unwrap_or_default();
    // Default and required templates are on every device anyway.
    let fits = |row: &TemplateRow| !row.flags.is_default();
    let named = ("templates", &*templates);
    references::check_templates(&mut fields, &state.app, &caller, named, fits).await?;
    fields.check()?;
    let (Some(name), Some(organization)) = (sent.name, sent.organization) else {
        return Err(RestError::Broken);
    };
    let id = GroupId::from_uuid(state.app.new_id());
    let new = NewGroup {
        id,
        organization_id: OrganizationId::from_uuid(organization),
        name,
        description: sent.description.unwrap_or_default(),
        templates,
        context: sent.context.unwrap_or_default(),
        meta_data: sent.meta_data.unwrap_or_default(),
    };
    let groups = state.app.groups();
    groups.create(&caller.by, new).await.map_err(in_a_group)?;
    Ok(Created::new(shape(&groups.get(&caller.by, id).await?)))
}
