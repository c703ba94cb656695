//! `PUT`, `PATCH` and `DELETE /api/v1/users/group/{id}/`. Permissions that are left out stay as they are.

use app::PermissionGroupChange;
use axum::{Json, extract::State, http::StatusCode};
use domain::Permission;
use serde_json::Value;

use super::{
    super::{
        caller::Caller,
        endpoint::Unread,
        failure::RestError,
        fields::{Extent, Fields},
        number::Number,
    },
    shape,
};
use crate::ApiState;

pub(super) async fn change(
    State(state): State<ApiState>,
    caller: Caller,
    Number(number): Number,
    extent: Extent,
    body: Unread,
) -> Result<Json<Value>, RestError> {
    caller.may_plainly(Permission::ChangePermissionGroup)?;
    let groups = state.app.permission_groups();
    let id = groups.by_number(&caller.by, number).await?.id;
    let input = body.input().await?;
    let mut fields = Fields::of(&input, extent);
    let (name, permissions) = shape::read(&mut fields);
    fields.check()?;
    groups.change(&caller.by, id, PermissionGroupChange { name, permissions }).await?;
    Ok(Json(shape::shown(&groups.get(&caller.by, id).await?)))
}

pub(super) async fn remove(
    State(state): State<ApiState>,
    caller: Caller,
    Number(number): Number,
) -> Result<StatusCode, RestError> {
    caller.may_plainly(Permission::DeletePermissionGroup)?;
    let groups = state.app.permission_groups();
    let id = groups.by_number(&caller.by, number).await?.id;
    groups.remove(&caller.by, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
