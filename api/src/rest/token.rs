//! `POST /api/v1/users/token/`: a user name or e-mail address and a password become a bearer token.

use app::Failure;
use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
    routing::post,
};
use serde_json::json;

use super::{
    endpoint::{self, Endpoint, Unread},
    failure::{NON_FIELD, RestError},
    fields::{Fields, Text},
};
use crate::{ApiState, request::Sender, routes::Routes};

const TOKEN: Endpoint = Endpoint {
    path: "/api/v1/users/token/",
    name: "Obtain Auth Token",
    methods: endpoint::DO,
    open: true,
};

/// Longest user name, e-mail address or password that is looked at, in characters.
const LONGEST: usize = 1024;

pub(super) fn routes() -> Routes {
    endpoint::add(Routes::default(), &TOKEN, post(handle))
}

async fn handle(
    State(state): State<ApiState>,
    sender: Sender,
    body: Unread,
) -> Result<Response, RestError> {
    let input = body.small_input().await?;
    let mut fields = Fields::whole(&input);
    let username = fields.short("username", Text::NAME, LONGEST);
    let password = fields.short("password", Text { verbatim: true, ..Text::NAME }, LONGEST);
    fields.check()?;
    let (username, password) = (username.unwrap_or_default(), password.unwrap_or_default());
    match state.app.accounts().log_in_from(&username, &password, Some(sender.peer())).await {
        Ok(token) => Ok(Json(json!({ "token": token })).into_response()),
        Err(Failure::Unauthenticated | Failure::Refused(_)) => {
            let sentence = "Unable to log in with provided credentials.";
            Err(RestError::field(NON_FIELD, sentence))
        }
        Err(failure) => Err(failure.into()),
    }
}
