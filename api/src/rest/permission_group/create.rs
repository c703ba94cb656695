//! `POST /api/v1/users/group/`

use axum::{Json, extract::State, http::StatusCode};
use domain::{Permission, PermissionGroupId};
use serde_json::Value;

use super::{
    super::{caller::Caller, endpoint::Unread, failure::RestError, fields::Fields},
    shape,
};
use crate::ApiState;

pub(super) async fn handle(
    State(state): State<ApiState>,
    caller: Caller,
    body: Unread,
) -> Result<(StatusCode, Json<Value>), RestError> {
    caller.may_plainly(Permission::AddPermissionGroup)?;
    let input = body.input().await?;
    let mut fields = Fields::whole(&input);
    let (name, permissions) = shape::read(&mut fields);
    fields.check()?;
    let id = PermissionGroupId::from_uuid(state.app.new_id());
    let groups = state.app.permission_groups();
    let (name, permissions) = (name.unwrap_or_default(), permissions.unwrap_or_default());
    groups.create(&caller.by, id, &name, permissions).await?;
    let row = groups.get(&caller.by, id).await?;
    Ok((StatusCode::CREATED, Json(shape::shown(&row))))
}
