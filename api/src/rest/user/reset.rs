//! `POST /api/v1/users/password/reset/` and `POST /api/v1/users/password/reset/confirm/`

use app::{Failure, LinkKey, Refusal};
use axum::{Json, extract::State};
use secrecy::SecretString;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    super::{
        endpoint::OPEN_LIMIT,
        failure::{NON_FIELD, RestError},
        fields::{Fields, Text},
        sent::{Body, Reader, Sent},
    },
    password::twice,
    sent::LONGEST,
};
use crate::{ApiState, request::Sender};

/// Who wants another password.
pub(super) struct PasswordReset {
    name: String,
}

impl Sent for PasswordReset {
    const NAME: &'static str = "PasswordReset";
    const LIMIT: usize = OPEN_LIMIT;

    fn read(fields: &mut Fields<'_>, _: Reader<'_>) -> Self {
        let name = fields.short("input", Text::NAME, LONGEST);
        Self { name: name.unwrap_or_default() }
    }
}

/// The password, and the link that allows it.
pub(super) struct PasswordResetConfirm {
    new: SecretString,
    user: String,
    token: String,
}

impl Sent for PasswordResetConfirm {
    const NAME: &'static str = "PasswordResetConfirm";
    const LIMIT: usize = OPEN_LIMIT;

    fn read(fields: &mut Fields<'_>, _: Reader<'_>) -> Self {
        let new = twice(fields, "new_password1", "new_password2");
        let user = fields.short("uid", Text::NAME, LONGEST).unwrap_or_default();
        let token = fields.short("token", Text::NAME, LONGEST).unwrap_or_default();
        Self { new, user, token }
    }
}

/// What was done.
#[derive(Serialize, ToSchema)]
pub(super) struct PasswordResetAnswer {
    detail: &'static str,
}

/// The answer is the same whoever is named, and whether or not mail is set up: clients know no other. Our log says more.
pub(super) async fn request(
    State(state): State<ApiState>,
    sender: Sender,
    body: Body<PasswordReset>,
) -> Result<Json<PasswordResetAnswer>, RestError> {
    let PasswordReset { name } = body.checked(Reader::anybody(&state)).await?;
    match state.app.accounts().request_password_reset(&name, sender.address).await {
        Ok(()) | Err(Failure::Refused(Refusal::NoMail)) => {
            Ok(Json(PasswordResetAnswer { detail: "Password reset e-mail has been sent." }))
        }
        Err(failure) => Err(failure.into()),
    }
}

pub(super) async fn confirm(
    State(state): State<ApiState>,
    sender: Sender,
    body: Body<PasswordResetConfirm>,
) -> Result<Json<PasswordResetAnswer>, RestError> {
    let PasswordResetConfirm { new, user, token } = body.checked(Reader::anybody(&state)).await?;
    let Some(key) = LinkKey::new(&user, &token) else {
        return Err(RestError::field(NON_FIELD, format!("“{user}” is not a valid UUID.")));
    };
    let accounts = state.app.accounts();
    let reset = accounts.reset_password(&key, new, "new_password1", sender.correlation_id).await;
    match reset {
        Ok(_) => Ok(Json(PasswordResetAnswer {
            detail: "Password has been reset with the new password.",
        })),
        Err(Failure::Refused(refusal @ (Refusal::SamePassword | Refusal::FormerPassword))) => {
            Err(RestError::field("new_password1", refusal.to_string()))
        }
        Err(failure) => Err(failure.into()),
    }
}
