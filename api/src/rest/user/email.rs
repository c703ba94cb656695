//! `/api/v1/users/user/{id}/email/`: the addresses that an account listed. Whether one is verified is not for clients to say.

use app::{AddressChange, Failure};
use axum::{Json, extract::State, http::StatusCode};
use domain::{Permission, UserId};

use super::{
    super::{
        answer::{Created, Gone, List},
        caller::Caller,
        endpoint::OPEN_LIMIT,
        failure::RestError,
        fields::{Fields, Text},
        id::Id,
        list::Wanted,
        number::Number,
        sent::{self, Body, Reader},
    },
    shape::{self, EmailAddress},
};
use crate::ApiState;

/// An address as clients send it; what they leave out stays as it is.
pub(super) struct Sent {
    email: Option<String>,
    primary: Option<bool>,
}

impl sent::Sent for Sent {
    const NAME: &'static str = "EmailAddress";
    const LIMIT: usize = OPEN_LIMIT;

    fn read(fields: &mut Fields<'_>, _: Reader<'_>) -> Self {
        let email = fields.email("email", Text::NAME, 254);
        Self { email, primary: fields.switch("primary") }
    }
}

pub(super) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
    wanted: Wanted,
) -> Result<List<EmailAddress>, RestError> {
    caller.may_plainly(Permission::ViewEmailAddress)?;
    let found = state.app.accounts().addresses(&caller.by, UserId::from_uuid(id)).await;
    wanted.page_of(&found.map_err(plainly)?, shape::address)
}

pub(super) async fn one(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
    Number(number): Number,
) -> Result<Json<EmailAddress>, RestError> {
    caller.may_plainly(Permission::ViewEmailAddress)?;
    Ok(Json(shown(&state, &caller, UserId::from_uuid(id), number).await?))
}

pub(super) async fn add(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
    body: Body<Sent>,
) -> Result<Created<EmailAddress>, RestError> {
    caller.may_plainly(Permission::AddEmailAddress)?;
    let id = UserId::from_uuid(id);
    let accounts = state.app.accounts();
    accounts.addresses(&caller.by, id).await.map_err(plainly)?;
    let Sent { email, primary } = body.checked(Reader::of(&state, &caller)).await?;
    let (email, primary) = (email.unwrap_or_default(), primary.unwrap_or(false));
    let (number, _) = accounts.add_address(&caller.by, id, &email, primary).await?;
    Ok(Created::new(shown(&state, &caller, id, number).await?))
}

pub(super) async fn change(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
    Number(number): Number,
    body: Body<Sent>,
) -> Result<Json<EmailAddress>, RestError> {
    let id = UserId::from_uuid(id);
    caller.may_plainly(Permission::ChangeEmailAddress)?;
    let accounts = state.app.accounts();
    accounts.address(&caller.by, id, number).await.map_err(plainly)?;
    let Sent { email, primary } = body.checked(Reader::of(&state, &caller)).await?;
    // Others say over GraphQL that an address is verified: here it is only read.
    let change = AddressChange { address: email.as_deref(), primary, verified: None };
    accounts.change_address(&caller.by, id, number, change).await?;
    Ok(Json(shown(&state, &caller, id, number).await?))
}

pub(super) async fn remove(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
    Number(number): Number,
) -> Result<Gone, RestError> {
    caller.may_plainly(Permission::DeleteEmailAddress)?;
    let accounts = state.app.accounts();
    let removed = accounts.remove_address(&caller.by, UserId::from_uuid(id), number).await;
    removed.map_err(plainly)?;
    Ok(Gone)
}

async fn shown(
    state: &ApiState,
    caller: &Caller,
    id: UserId,
    number: u32,
) -> Result<EmailAddress, RestError> {
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
