//! `PUT`, `PATCH` and `DELETE /api/v1/users/user/{id}/`. Fields that are left out stay as they are.

use app::UserChange;
use axum::{Json, extract::State, http::StatusCode};
use domain::{Permission, UserId};
use serde_json::Value;

use super::{
    super::{
        caller::Caller,
        endpoint::Unread,
        failure::RestError,
        fields::{Extent, Fields},
        id::Id,
    },
    read::shown,
    sent::Sent,
};
use crate::ApiState;

pub(super) async fn change(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
    extent: Extent,
    body: Unread,
) -> Result<Json<Value>, RestError> {
    let id = UserId::from_uuid(id);
    caller.may_plainly(Permission::ChangeUser)?;
    let accounts = state.app.accounts();
    // What is not there is told before what is wrong with the body.
    accounts.get(&caller.by, id).await?;
    let input = body.input().await?;
    let mut fields = Fields::of(&input, extent);
    let sent = Sent::read(&mut fields, &caller, false);
    fields.check()?;
    let change = UserChange {
        username: sent.username,
        email: sent.email,
        phone: sent.phone,
        profile: sent.profile,
        language: None,
        time_zone: None,
        expires_on: sent.expires_on,
        active: sent.is_active,
        staff: sent.is_staff,
        superuser: sent.is_superuser,
        groups: sent.groups,
        permissions: sent.permissions,
        membership: sent.membership,
    };
    accounts.change(&caller.by, id, change).await?;
    Ok(Json(shown(&state, &caller, id).await?))
}

pub(super) async fn remove(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
) -> Result<StatusCode, RestError> {
    caller.may_plainly(Permission::DeleteUser)?;
    state.app.accounts().remove(&caller.by, UserId::from_uuid(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
