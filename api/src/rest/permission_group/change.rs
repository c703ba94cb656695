//! `PUT`, `PATCH` and `DELETE /api/v1/users/group/{id}/`. Permissions that are left out stay as they are.

use app::PermissionGroupChange;
use axum::{Json, extract::State, http::StatusCode};
use domain::Permission;
use serde_json::Value;

use super::{
    super::{caller::Caller, endpoint::Unread, failure::RestError, fields::Fields, number::Number},
    shape,
};
use crate::ApiState;

pub(super) async fn replace(
    State(state): State<ApiState>,
    caller: Caller,
    Number(number): Number,
    body: Unread,
) -> Result<Json<Value>, RestError> {
    change(&state, &caller, number, body, false).await
}

pub(super) async fn update(
    State(state): State<ApiState>,
    caller: Caller,
    Number(number): Number,
    body: Unread,
) -> Result<Json<Value>, RestError> {
    change(&state, &caller, number, body, true).await
}

async fn change(
    state: &ApiState,
    caller: &Caller,
    number: u32,
    body: Unread,
    partial: bool,
) -> Result<Json<Value>, RestError> {
    caller.may_plainly(Permission::ChangePermissionGroup)?;
    let groups = state.app.permission_groups();
    let id = groups.by_number(&caller.by, number).await?.id;
    let input = body.input().await?;
    let mut fields = if partial { Fields::some(&input) } else { Fields::whole(&input) };
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
