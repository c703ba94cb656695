//! `/api/v1/users/user/{id}/email/`: the addresses that an account listed. Whether one is verified is not for clients to say.

use app::Failure;
use axum::{Json, extract::State, http::StatusCode, response::Response};
use domain::{Permission, UserId};
use serde_json::Value;

use super::{
    super::{
        caller::Caller,
        endpoint::Unread,
        failure::RestError,
        fields::{Extent, Fields, Text},
        id::Id,
        list::Wanted,
        number::Number,
        organization::is_email,
    },
    shape,
};
use crate::ApiState;

pub(super) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
    wanted: Wanted,
) -> Result<Response, RestError> {
    caller.may_plainly(Permission::ViewEmailAddress)?;
    let found = state.app.accounts().addresses(&caller.by, UserId::from_uuid(id)).await;
    let all = found.map_err(plainly)?;
    let count = u64::try_from(all.len()).unwrap_or(u64::MAX);
    let page = wanted.last(count).map_or_else(|| wanted.page(), Ok)?;
    let offset = usize::try_from(page.offset).unwrap_or(usize::MAX);
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    wanted.answer(count, all.iter().skip(offset).take(limit).map(shape::address).collect())
}

pub(super) async fn one(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
    Number(number): Number,
) -> Result<Json<Value>, RestError> {
    caller.may_plainly(Permission::ViewEmailAddress)?;
    Ok(Json(shown(&state, &caller, UserId::from_uuid(id), number).await?))
}

pub(super) async fn add(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
    body: Unread,
) -> Result<(StatusCode, Json<Value>), RestError> {
    caller.may_plainly(Permission::AddEmailAddress)?;
    let id = UserId::from_uuid(id);
    let accounts = state.app.accounts();
    accounts.addresses(&caller.by, id).await.map_err(plainly)?;
    let input = body.small_input().await?;
    let mut fields = Fields::whole(&input);
    let (email, primary) = read(&mut fields);
    fields.check()?;
    let (email, primary) = (email.unwrap_or_default(), primary.unwrap_or(false));
    let (number, _) = accounts.add_address(&caller.by, id, &email, primary).await?;
    Ok((StatusCode::CREATED, Json(shown(&state, &caller, id, number).await?)))
}

pub(super) async fn change(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
    Number(number): Number,
    extent: Extent,
    body: Unread,
) -> Result<Json<Value>, RestError> {
    let id = UserId::from_uuid(id);
    caller.may_plainly(Permission::ChangeEmailAddress)?;
    let accounts = state.app.accounts();
    accounts.address(&caller.by, id, number).await.map_err(plainly)?;
    let input = body.small_input().await?;
    let mut fields = Fields::of(&input, extent);
    let (email, primary) = read(&mut fields);
    fields.check()?;
    accounts.change_address(&caller.by, id, number, (email.as_deref(), primary)).await?;
    Ok(Json(shown(&state, &caller, id, number).await?))
}

pub(super) async fn remove(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
    Number(number): Number,
) -> Result<StatusCode, RestError> {
    caller.may_plainly(Permission::DeleteEmailAddress)?;
    let accounts = state.app.accounts();
    let removed = accounts.remove_address(&caller.by, UserId::from_uuid(id), number).await;
    removed.map_err(plainly)?;
    Ok(StatusCode::NO_CONTENT)
}

fn read(fields: &mut Fields<'_>) -> (Option<String>, Option<bool>) {
    let email = fields.short("email", Text::NAME, 254);
    if email.as_deref().is_some_and(|email| !is_email(email)) {
        fields.refuse("email", "Enter a valid email address.");
    }
    (email, fields.switch("primary"))
}

async fn shown(
    state: &ApiState,
    caller: &Caller,
    id: UserId,
    number: u32,
) -> Result<Value, RestError> {
    let found = state.app.accounts().address(&caller.by, id, number).await;
    Ok(shape::address(&found.map_err(plainly)?))
}

/// An account that is not there is told in other words here than an address that is not.
fn plainly(failure: Failure) -> RestError {
    match failure {
        Failure::NotFound("User") => {
            RestError::Detail(StatusCode::NOT_FOUND, "Not found.".to_owned())
        }
        failure => failure.into(),
    }
}
