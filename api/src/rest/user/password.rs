//! `PUT /api/v1/users/user/{id}/password/` and `POST /api/v1/users/user/password/change/`

use app::{Failure, Refusal};
use axum::{Json, extract::State};
use domain::{Actor, Permission, UserId};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::super::{
    caller::Caller,
    endpoint::Unread,
    failure::RestError,
    fields::{Fields, Text},
    id::Id,
};
use crate::ApiState;

const PASSWORD: Text = Text { required: true, blank: false, verbatim: true };
/// Longest text that is looked at, in characters.
const LONGEST: usize = 1024;
const DIFFERENT: &str = "The two password fields didn’t match.";

pub(super) async fn of_somebody(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
    body: Unread,
) -> Result<Json<Value>, RestError> {
    let id = UserId::from_uuid(id);
    if !caller.by.authority.is(id) {
        caller.may_plainly(Permission::ChangeUser)?;
        state.app.accounts().get(&caller.by, id).await?;
    }
    let input = body.small_input().await?;
    let mut fields = Fields::whole(&input);
    if !fields.has("current_password") {
        fields.refuse("current_password", super::super::sentences::REQUIRED);
    }
    let current = fields.nullable_verbatim("current_password", LONGEST);
    let new = fields.short("new_password", PASSWORD, LONGEST);
    let again = fields.short("confirm_password", PASSWORD, LONGEST);
    if let (Some(new), Some(again)) = (&new, &again)
        && new != again
    {
        fields.refuse("confirm_password", DIFFERENT);
    }
    fields.check()?;
    let new = SecretString::from(new.unwrap_or_default());
    let current = current.filter(|text| !text.is_empty()).map(SecretString::from);
    let accounts = state.app.accounts();
    accounts.change_password(&caller.by, id, current, new, "new_password").await?;
    Ok(Json(json!({ "status": "Success", "message": "Password updated successfully" })))
}

pub(super) async fn own(
    State(state): State<ApiState>,
    caller: Caller,
    body: Unread,
) -> Result<Json<Value>, RestError> {
    let Actor::User(id) = caller.by.authority.actor else { return Err(RestError::Broken) };
    let input = body.small_input().await?;
    let mut fields = Fields::whole(&input);
    let old = fields.short("old_password", PASSWORD, LONGEST);
    let new = fields.short("new_password1", PASSWORD, LONGEST);
    let again = fields.short("new_password2", PASSWORD, LONGEST);
    if let (Some(new), Some(again)) = (&new, &again)
        && new != again
    {
        fields.refuse("new_password2", DIFFERENT);
    }
    fields.check()?;
    let new = SecretString::from(new.unwrap_or_default());
    let old = old.map(SecretString::from);
    let changed =
        state.app.accounts().change_password(&caller.by, id, old, new, "new_password1").await;
    match changed {
        Ok(_) => Ok(Json(json!({ "detail": "New password has been saved." }))),
        Err(Failure::Refused(refusal @ Refusal::WrongPassword)) => {
            Err(RestError::field("old_password", refusal.to_string()))
        }
        Err(Failure::Refused(refusal @ Refusal::SamePassword)) => {
            Err(RestError::field("new_password1", refusal.to_string()))
        }
        Err(failure) => Err(failure.into()),
    }
}
