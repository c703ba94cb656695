//! `PUT`, `PATCH` and `DELETE /api/v1/users/user/{id}/`. Fields that are left out stay as they are.

use app::UserChange;
use axum::{Json, extract::State};
use domain::{Permission, UserId};

use super::{
    super::{
        answer::Gone,
        caller::Caller,
        failure::RestError,
        id::Id,
        sent::{Body, Reader},
    },
    read::shown,
    sent::Sent,
    shape::User,
};
use crate::ApiState;

pub(super) async fn change(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
    body: Body<Sent>,
) -> Result<Json<User>, RestError> {
    let id = UserId::from_uuid(id);
    caller.may_plainly(Permission::ChangeUser)?;
    let accounts = state.app.accounts();
    // What is not there is told before what is wrong with the body.
    accounts.get(&caller.by, id).await?;
    let sent = body.checked(Reader::of(&state, &caller)).await?;
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
) -> Result<Gone, RestError> {
    caller.may_plainly(Permission::DeleteUser)?;
    state.app.accounts().remove(&caller.by, UserId::from_uuid(id)).await?;
    Ok(Gone)
}
