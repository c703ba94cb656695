//! `/api/v1/users/user/{id}/token/`: tokens for a purpose. Ours: the reference has one token per account and nothing like it.

use app::NewToken;
use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use domain::{
    OrganizationId, Permission, Permissions, Problem, TokenId, UserId, authority::TokenScope,
};
use secrecy::ExposeSecret as _;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::{
    answer::{Created, Gone, List},
    caller::Caller,
    endpoint::OPEN_LIMIT,
    failure::RestError,
    fields::{Fields, Text},
    id::{Id, Second},
    list::Wanted,
    moment,
    sent::{self, Body, Reader},
};
use crate::ApiState;

/// A token for a purpose.
#[derive(Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "as the token of a log-in is called")]
pub(super) struct Token {
    id: Uuid,
    name: String,
    /// Numbers of permissions; null are all of the account's.
    #[schema(required)]
    permissions: Option<Vec<u8>>,
    /// Null are all of the account's.
    #[schema(required)]
    organizations: Option<Vec<Uuid>>,
    read_only: bool,
    #[serde(serialize_with = "moment::shown_or_null")]
    #[schema(required)]
    expires_at: Option<DateTime<Utc>>,
    #[serde(serialize_with = "moment::shown")]
    created: DateTime<Utc>,
    /// Give or take a few seconds.
    #[serde(serialize_with = "moment::shown_or_null")]
    #[schema(required)]
    last_used: Option<DateTime<Utc>>,
    /// The token itself, when it was just made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    token: Option<String>,
}

/// A token as clients send it.
pub(super) struct Sent {
    name: Option<String>,
    scope: TokenScope,
    expires_at: Option<DateTime<Utc>>,
}

impl sent::Sent for Sent {
    const NAME: &'static str = "Token";
    const LIMIT: usize = OPEN_LIMIT;

    fn read(fields: &mut Fields<'_>, _: Reader<'_>) -> Self {
        let name = fields.short("name", Text::NAME, 100);
        let permissions = if fields.says("permissions") {
            fields.numbers("permissions").map(|numbers| permissions(fields, &numbers))
        } else {
            None
        };
        let organizations = if fields.says("organizations") {
            let ids = fields.references("organizations", false);
            ids.map(|ids| ids.into_iter().map(OrganizationId::from_uuid).collect())
        } else {
            None
        };
        let read_only = fields.switch("read_only").unwrap_or(false);
        let scope = TokenScope { permissions, organizations, read_only };
        Self { name, scope, expires_at: fields.moment("expires_at").flatten() }
    }
}

pub(super) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
    wanted: Wanted,
) -> Result<List<Token>, RestError> {
    let all = state.app.accounts().tokens(&caller.by, UserId::from_uuid(id)).await?;
    wanted.page_of(&all, shape)
}

pub(super) async fn one(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
    Second(token): Second,
) -> Result<Json<Token>, RestError> {
    let (id, token) = (UserId::from_uuid(id), TokenId::from_uuid(token));
    Ok(Json(shape(&state.app.accounts().token(&caller.by, id, token).await?)))
}

pub(super) async fn add(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
    body: Body<Sent>,
) -> Result<Created<Token>, RestError> {
    let (user, accounts) = (UserId::from_uuid(id), state.app.accounts());
    // Whose it is comes before what is wrong with it.
    accounts.tokens(&caller.by, user).await?;
    let Sent { name, scope, expires_at } = body.checked(Reader::of(&state, &caller)).await?;
    let token_id = TokenId::from_uuid(state.app.new_id());
    let new = NewToken { id: token_id, name: name.unwrap_or_default(), scope, expires_at };
    let (token, _) = accounts.create_token(&caller.by, user, new).await?;
    let shown = shape(&accounts.token(&caller.by, user, token_id).await?);
    // With an id of its own it is always a new one.
    let token = token.map(|token| token.expose_secret().to_owned());
    Ok(Created::new(Token { token, ..shown }))
}

pub(super) async fn remove(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
    Second(token): Second,
) -> Result<Gone, RestError> {
    let (id, token) = (UserId::from_uuid(id), TokenId::from_uuid(token));
    state.app.accounts().revoke_token(&caller.by, id, token).await?;
    Ok(Gone)
}

fn permissions(fields: &mut Fields<'_>, numbers: &[u32]) -> Permissions {
    let mut known = Permissions::NONE;
    for number in numbers {
        match Permission::from_number(u64::from(*number)) {
            Some(permission) => known = known.with(permission),
            None => fields.problems("permissions", [Problem::Unknown(number.to_string())]),
        }
    }
    known
}

fn shape(token: &app::Token) -> Token {
    let numbers = |held: Permissions| held.iter().map(Permission::number).collect();
    let organizations = token.scope.organizations.as_ref();
    Token {
        id: token.id.as_uuid(),
        name: token.name.clone(),
        permissions: token.scope.permissions.map(numbers),
        organizations: organizations.map(|ids| ids.iter().map(|id| id.as_uuid()).collect()),
        read_only: token.scope.read_only,
        expires_at: token.expires_at,
        created: token.created_at,
        last_used: token.last_used_at,
        token: None,
    }
}
