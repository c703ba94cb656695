//! `PUT /api/v1/users/user/{id}/password/` and `POST /api/v1/users/user/password/change/`

use app::{Failure, Refusal};
use axum::{Json, extract::State};
use domain::{Actor, Permission, UserId};
use secrecy::SecretString;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    super::{
        caller::Caller,
        endpoint::OPEN_LIMIT,
        failure::RestError,
        fields::{Fields, Text},
        id::Id,
        sent::{Body, Reader, Sent},
    },
    sent::LONGEST,
};
use crate::ApiState;

const DIFFERENT: &str = "The two password fields didn’t match.";

/// Somebody's new password.
pub(super) struct ChangePassword {
    current: Option<SecretString>,
    new: SecretString,
}

impl Sent for ChangePassword {
    const NAME: &'static str = "ChangePassword";
    const LIMIT: usize = OPEN_LIMIT;

    fn read(fields: &mut Fields<'_>, _: Reader<'_>) -> Self {
        fields.require("current_password");
        let current = Text { verbatim: true, ..Text::NULLABLE };
        let current = fields.short("current_password", current, LONGEST);
        let current = current.filter(|text| !text.is_empty()).map(SecretString::from);
        Self { current, new: twice(fields, "new_password", "confirm_password") }
    }
}

/// One's own.
pub(super) struct PasswordChange {
    old: Option<SecretString>,
    new: SecretString,
}

impl Sent for PasswordChange {
    const NAME: &'static str = "PasswordChange";
    const LIMIT: usize = OPEN_LIMIT;

    fn read(fields: &mut Fields<'_>, _: Reader<'_>) -> Self {
        let old = fields.short("old_password", Text::SECRET, LONGEST).map(SecretString::from);
        Self { old, new: twice(fields, "new_password1", "new_password2") }
    }
}

/// A password that is typed a second time.
pub(super) fn twice(fields: &mut Fields<'_>, name: &str, name_again: &str) -> SecretString {
    let new = fields.short(name, Text::SECRET, LONGEST);
    let again = fields.short(name_again, Text::SECRET, LONGEST);
    if let (Some(new), Some(again)) = (&new, &again)
        && new != again
    {
        fields.refuse(name_again, DIFFERENT);
    }
    new.unwrap_or_default().into()
}

/// Somebody's password is another one.
#[derive(Serialize, ToSchema)]
pub(super) struct PasswordUpdated {
    status: &'static str,
    message: &'static str,
}

/// One's own password is another one.
#[derive(Serialize, ToSchema)]
pub(super) struct PasswordChanged {
    detail: &'static str,
}

pub(super) async fn of_somebody(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
    body: Body<ChangePassword>,
) -> Result<Json<PasswordUpdated>, RestError> {
    let id = UserId::from_uuid(id);
    if !caller.by.authority.is(id) {
        caller.not_expired()?;
        caller.may_plainly(Permission::ChangeUser)?;
        state.app.accounts().get(&caller.by, id).await?;
    }
    let sent = body.checked(Reader::of(&state, &caller)).await?;
    let accounts = state.app.accounts();
    accounts.change_password(&caller.by, id, sent.current, sent.new, "new_password").await?;
    Ok(Json(PasswordUpdated { status: "Success", message: "Password updated successfully" }))
}

pub(super) async fn own(
    State(state): State<ApiState>,
    caller: Caller,
    body: Body<PasswordChange>,
) -> Result<Json<PasswordChanged>, RestError> {
    let Actor::User(id) = caller.by.authority.actor else { return Err(RestError::Broken) };
    let sent = body.checked(Reader::of(&state, &caller)).await?;
    let accounts = state.app.accounts();
    let changed =
        accounts.change_password(&caller.by, id, sent.old, sent.new, "new_password1").await;
    match changed {
        Ok(_) => Ok(Json(PasswordChanged { detail: "New password has been saved." })),
        Err(Failure::Refused(refusal @ Refusal::WrongPassword)) => {
            Err(RestError::field("old_password", refusal.to_string()))
        }
        Err(Failure::Refused(refusal @ (Refusal::SamePassword | Refusal::FormerPassword))) => {
            Err(RestError::field("new_password1", refusal.to_string()))
        }
        Err(failure) => Err(failure.into()),
    }
}
