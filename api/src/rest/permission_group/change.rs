//! `PUT`, `PATCH` and `DELETE /api/v1/users/group/{id}/`. Permissions that are left out stay as they are.

use app::PermissionGroupChange;
use axum::{Json, extract::State};
use domain::Permission;

use super::{
    super::{
        answer::Gone,
        caller::Caller,
        failure::RestError,
        number::Number,
        sent::{Body, Reader},
    },
    shape::{self, Group, Sent},
};
use crate::ApiState;

pub(super) async fn change(
    State(state): State<ApiState>,
    caller: Caller,
    Number(number): Number,
    body: Body<Sent>,
) -> Result<Json<Group>, RestError> {
    caller.may_plainly(Permission::ChangePermissionGroup)?;
    let groups = state.app.permission_groups();
    let id = groups.by_number(&caller.by, number).await?.id;
    let Sent { name, permissions } = body.checked(Reader::of(&state, &caller)).await?;
    groups.change(&caller.by, id, PermissionGroupChange { name, permissions }).await?;
    Ok(Json(shape::shown(&groups.get(&caller.by, id).await?)))
}

pub(super) async fn remove(
    State(state): State<ApiState>,
    caller: Caller,
    Number(number): Number,
) -> Result<Gone, RestError> {
    caller.may_plainly(Permission::DeletePermissionGroup)?;
    let groups = state.app.permission_groups();
    let id = groups.by_number(&caller.by, number).await?.id;
    groups.remove(&caller.by, id).await?;
    Ok(Gone)
}
