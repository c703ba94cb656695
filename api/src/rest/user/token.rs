//! `/api/v1/users/user/{id}/token/`: tokens for a purpose. Ours: the reference has one token per account and nothing like it.

use app::{NewToken, Token};
use axum::{Json, extract::State, http::StatusCode, response::Response};
use domain::{
    OrganizationId, Permission, Permissions, Problem, TokenId, UserId, authority::TokenScope,
};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::super::{
    caller::Caller,
    endpoint::Unread,
    failure::RestError,
    fields::{Fields, Text},
    id::{Id, Second},
    list::Wanted,
    moment,
};
use crate::ApiState;

pub(super) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
    wanted: Wanted,
) -> Result<Response, RestError> {
    let all = state.app.accounts().tokens(&caller.by, UserId::from_uuid(id)).await?;
    let count = u64::try_from(all.len()).unwrap_or(u64::MAX);
    let page = wanted.last(count).map_or_else(|| wanted.page(), Ok)?;
    let offset = usize::try_from(page.offset).unwrap_or(usize::MAX);
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    wanted.answer(count, all.iter().skip(offset).take(limit).map(shape).collect())
}

pub(super) async fn one(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
    Second(token): Second,
) -> Result<Json<Value>, RestError> {
    let (id, token) = (UserId::from_uuid(id), TokenId::from_uuid(token));
    Ok(Json(shape(&state.app.accounts().token(&caller.by, id, token).await?)))
}

pub(super) async fn add(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
    body: Unread,
) -> Result<(StatusCode, Json<Value>), RestError> {
    let (user, accounts) = (UserId::from_uuid(id), state.app.accounts());
    // Whose it is comes before what is wrong with it.
    accounts.tokens(&caller.by, user).await?;
    let input = body.small_input().await?;
    let mut fields = Fields::whole(&input);
    let name = fields.short("name", Text::NAME, 100);
    let listed = |fields: &mut Fields<'_>, name| fields.has(name) && !fields.is_null(name);
    let permissions = if listed(&mut fields, "permissions") {
        fields.numbers("permissions").map(|numbers| permissions(&mut fields, &numbers))
    } else {
        None
    };
    let organizations = if listed(&mut fields, "organizations") {
        let ids = fields.references("organizations", false);
        ids.map(|ids| ids.into_iter().map(OrganizationId::from_uuid).collect())
    } else {
        None
    };
    let read_only = fields.switch("read_only").unwrap_or(false);
    let expires_at = fields.nullable("expires_at", 64).filter(|text| !text.is_empty());
    let expires_at = expires_at.and_then(|text| {
        let read = moment::parse(&text);
        if read.is_none() {
            fields.refuse("expires_at", "Datetime has wrong format: use 2030-01-31T12:00:00Z.");
        }
        read
    });
    fields.check()?;
    let scope = TokenScope { permissions, organizations, read_only };
    let token_id = TokenId::from_uuid(state.app.new_id());
    let new = NewToken { id: token_id, name: name.unwrap_or_default(), scope, expires_at };
    let (token, _) = accounts.create_token(&caller.by, user, new).await?;
    let mut shown = shape(&accounts.token(&caller.by, user, token_id).await?);
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("token".to_owned(), token.expose_secret().into());
    }
    Ok((StatusCode::CREATED, Json(shown)))
}

pub(super) async fn remove(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
    Second(token): Second,
) -> Result<StatusCode, RestError> {
    let (id, token) = (UserId::from_uuid(id), TokenId::from_uuid(token));
    state.app.accounts().revoke_token(&caller.by, id, token).await?;
    Ok(StatusCode::NO_CONTENT)
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

fn shape(token: &Token) -> Value {
    let permissions: Option<Vec<u8>> =
        token.scope.permissions.map(|held| held.iter().map(Permission::number).collect());
    json!({
        "id": token.id,
        "name": token.name,
        "permissions": permissions,
        "organizations": token.scope.organizations,
        "read_only": token.scope.read_only,
        "expires_at": token.expires_at.map(moment::show),
        "created": moment::show(token.created_at),
        "last_used": token.last_used_at.map(moment::show),
    })
}
