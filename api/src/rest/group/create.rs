//! `POST /api/v1/controller/group/`

use app::NewGroup;
use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use domain::{GroupId, OrganizationId, Permission};

use super::{
    super::{caller::Caller, endpoint::Unread, failure::RestError, fields::Fields, references},
    change::in_a_group,
    shape::{Sent, shape},
};
use crate::ApiState;

pub(super) async fn handle(
    State(state): State<ApiState>,
    caller: Caller,
    body: Unread,
) -> Result<Response, RestError> {
    caller.may(Permission::AddGroup)?;
    let input = body.input().await?;
    let mut fields = Fields::whole(&input);
    let sent = Sent::read(&mut fields);
    references::check_organization(&mut fields, &state.app, &caller, sent.organization).await?;
    let templates = sent.templates.unwrap_or_default();
    // Default and required templates are on every device anyway.
    references::check_templates(&mut fields, &state.app, &caller, &templates, |row| {
        !row.flags.is_default()
    })
    .await?;
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
    let row = groups.get(&caller.by, id).await?;
    Ok((StatusCode::CREATED, Json(shape(&row))).into_response())
}
