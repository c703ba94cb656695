//! `POST /api/v1/users/user/`

use app::NewUser;
use axum::extract::State;
use domain::{Permission, UserId};

use super::{
    super::{
        answer::Created,
        caller::Caller,
        failure::RestError,
        sent::{Body, Reader},
    },
    sent::New,
    shape::{self, UserListed},
};
use crate::ApiState;

pub(super) async fn handle(
    State(state): State<ApiState>,
    caller: Caller,
    body: Body<New>,
) -> Result<Created<UserListed>, RestError> {
    caller.may_plainly(Permission::AddUser)?;
    let New { sent, password, email_verified } = body.checked(Reader::of(&state, &caller)).await?;
    let id = UserId::from_uuid(state.app.new_id());
    let new = NewUser {
        email: sent.email,
        email_verified: Some(email_verified.unwrap_or(false)),
        phone: sent.phone,
        password,
        superuser: sent.is_superuser.unwrap_or(false),
        staff: sent.is_staff.unwrap_or(false),
        inactive: sent.is_active == Some(false),
        groups: sent.groups.unwrap_or_default(),
        permissions: sent.permissions.unwrap_or_default(),
        memberships: sent.membership.into_iter().collect(),
        profile: sent.profile,
        expires_on: sent.expires_on.flatten(),
        ..NewUser::new(id, sent.username.unwrap_or_default())
    };
    let accounts = state.app.accounts();
    accounts.create(&caller.by, new).await?;
    let account = accounts.get(&caller.by, id).await?;
    Ok(Created::new(shape::short(&caller, &account)))
}
