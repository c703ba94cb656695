//! `POST /api/v1/users/user/`

use app::NewUser;
use axum::{Json, extract::State, http::StatusCode};
use domain::{Permission, UserId};
use secrecy::SecretString;
use serde_json::Value;

use super::{
    super::{
        caller::Caller,
        endpoint::Unread,
        failure::RestError,
        fields::{Fields, Text},
    },
    sent::Sent,
    shape,
};
use crate::ApiState;

pub(super) async fn handle(
    State(state): State<ApiState>,
    caller: Caller,
    body: Unread,
) -> Result<(StatusCode, Json<Value>), RestError> {
    caller.may_plainly(Permission::AddUser)?;
    let input = body.input().await?;
    let mut fields = Fields::whole(&input);
    let sent = Sent::read(&mut fields, &caller, true);
    let password = fields.short("password", Text { verbatim: true, ..Text::NAME }, 1024);
    let email_verified = fields.switch("email_verified");
    fields.check()?;
    let id = UserId::from_uuid(state.app.new_id());
    let new = NewUser {
        email: sent.email,
        email_verified: Some(email_verified.unwrap_or(false)),
        phone: sent.phone,
        password: password.map(SecretString::from),
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
    Ok((StatusCode::CREATED, Json(shape::short(&caller, &account))))
}
