//! `POST /api/v1/users/token/`: a user name or e-mail address and a password become a bearer token.

use app::Failure;
use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    endpoint::{self, Endpoint, Endpoints, OPEN_LIMIT},
    failure::{NON_FIELD, RestError},
    fields::{Fields, Text},
    operation::Methods,
    sent::{Body, Reader, Sent},
};
use crate::{ApiState, request::Sender};

const TOKEN: Endpoint = Endpoint {
    path: "/api/v1/users/token/",
    name: "Obtain Auth Token",
    methods: endpoint::DO,
    open: true,
};

/// Longest user name, e-mail address or password that is looked at, in characters.
const LONGEST: usize = 1024;

/// Who wants a token.
struct LogIn {
    username: String,
    password: String,
}

impl Sent for LogIn {
    const NAME: &'static str = "ObtainToken";
    const LIMIT: usize = OPEN_LIMIT;

    fn read(fields: &mut Fields<'_>, _: Reader<'_>) -> Self {
        let username = fields.short("username", Text::NAME, LONGEST);
        let password = fields.short("password", Text::SECRET, LONGEST);
        Self { username: username.unwrap_or_default(), password: password.unwrap_or_default() }
    }
}

/// The token of an account.
#[derive(Serialize, ToSchema)]
struct ObtainTokenResponse {
    /// The same until a password changes, or rights end.
    token: String,
}

pub(super) fn endpoints() -> Endpoints {
    let token = Methods::default().post("users_token_create", "Logs in", handle);
    Endpoints::default().add(&TOKEN, token)
}

async fn handle(
    State(state): State<ApiState>,
    sender: Sender,
    body: Body<LogIn>,
) -> Result<Json<ObtainTokenResponse>, RestError> {
    let LogIn { username, password } = body.checked(Reader::anybody(&state)).await?;
    match state.app.accounts().log_in_from(&username, &password, Some(sender.peer())).await {
        Ok(token) => Ok(Json(ObtainTokenResponse { token })),
        Err(Failure::Unauthenticated | Failure::Refused(_)) => {
            let sentence = "Unable to log in with provided credentials.";
            Err(RestError::field(NON_FIELD, sentence))
        }
        Err(failure) => Err(failure.into()),
    }
}
