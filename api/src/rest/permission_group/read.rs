//! `GET /api/v1/users/group/` and `GET /api/v1/users/group/{id}/`

use axum::{Json, extract::State};
use domain::Permission;

use super::{
    super::{answer::List, caller::Caller, failure::RestError, list::Wanted, number::Number},
    shape::{self, Group},
};
use crate::ApiState;

pub(super) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    wanted: Wanted,
) -> Result<List<Group>, RestError> {
    caller.may_plainly(Permission::ViewPermissionGroup)?;
    let groups = state.app.permission_groups();
    let mut found = groups.list(&caller.by, wanted.page()?).await?;
    if let Some(last) = wanted.last(found.count) {
        found = groups.list(&caller.by, last).await?;
    }
    wanted.answer(found.count, found.rows.iter().map(shape::shown).collect())
}

pub(super) async fn one(
    State(state): State<ApiState>,
    caller: Caller,
    Number(number): Number,
) -> Result<Json<Group>, RestError> {
    caller.may_plainly(Permission::ViewPermissionGroup)?;
    let row = state.app.permission_groups().by_number(&caller.by, number).await?;
    Ok(Json(shape::shown(&row)))
}
