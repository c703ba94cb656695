//! Who asks: bearer tokens.

use app::{App, By};
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use domain::{Permission, authority::Scope};

use super::{failure::RestError, sentences};
use crate::request::Sender;

const NOT_PROVIDED: &str = "Authentication credentials were not provided.";

/// Somebody whose token is known.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) by: By,
    /// Is the password so old that nothing but choosing another one is possible?
    expired: bool,
}

impl Caller {
    /// Looks the token up.
    pub(super) async fn of(app: &App, parts: &Parts) -> Result<Self, RestError> {
        let token = bearer(&parts.headers).map_err(RestError::Unauthenticated)?;
        let sender = Sender::of(parts);
        let by = app.accounts().bearer(token, sender.correlation_id).await?;
        Ok(Self { by: by.from(sender.peer()), expired: false })
    }

    /// The same where passwords are changed: an expired one does not hinder that.
    pub(super) async fn for_password(app: &App, parts: &Parts) -> Result<Self, RestError> {
        match Self::of(app, parts).await {
            Err(RestError::PasswordExpired) => {
                let token = bearer(&parts.headers).map_err(RestError::Unauthenticated)?;
                let sender = Sender::of(parts);
                let by = app.accounts().bearer_for_password(token, sender.correlation_id).await?;
                Ok(Self { by: by.from(sender.peer()), expired: true })
            }
            other => other,
        }
    }

    /// Refuses those that have to choose another password first.
    pub(super) fn not_expired(&self) -> Result<(), RestError> {
        if self.expired { Err(RestError::PasswordExpired) } else { Ok(()) }
    }

    /// May the caller do this to anything at all? Asked before bodies are read and objects are looked up.
    pub(super) fn may(&self, permission: Permission) -> Result<(), RestError> {
        let allowed = self.by.authority.require_anywhere(permission);
        allowed.map_err(|_| match &self.by.authority.scope {
            Scope::Member { manages, .. } | Scope::Token { manages: Some(manages), .. }
                if manages.is_empty() =>
            {
                RestError::forbidden(sentences::NOT_A_MANAGER)
            }
            _ => RestError::forbidden(sentences::NO_PERMISSION),
        })
    }

    /// The same where clients know only one sentence.
    pub(super) fn may_plainly(&self, permission: Permission) -> Result<(), RestError> {
        let allowed = self.by.authority.require_anywhere(permission);
        allowed.map_err(|_| RestError::forbidden(sentences::NO_PERMISSION))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = RestError;

    /// Found by the endpoint's gate.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, RestError> {
        parts.extensions.get().cloned().ok_or(RestError::Unauthenticated(NOT_PROVIDED))
    }
}

/// The token of `Authorization: Bearer <token>` (RFC 6750 §2.1), or what is wrong.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<&str, &'static str> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Err(NOT_PROVIDED) };
    let Ok(value) = value.to_str() else {
        return Err("Invalid token header. Token string should not contain invalid characters.");
    };
    let mut words = value.split_ascii_whitespace();
    if !words.next().is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer")) {
        return Err(NOT_PROVIDED);
    }
    match (words.next(), words.next()) {
        (None, _) => Err("Invalid token header. No credentials provided."),
        (Some(token), None) => Ok(token),
        (Some(_), Some(_)) => Err("Invalid token header. Token string should not contain spaces."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &[u8]) -> Result<String, &'static str> {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, value.try_into().unwrap());
        bearer(&headers).map(str::to_owned)
    }

    #[test]
    fn the_scheme_is_bearer_in_any_case() {
        assert_eq!(of(b"Bearer abc"), Ok("abc".to_owned()));
        assert_eq!(of(b"bEARER abc"), Ok("abc".to_owned()));
        assert_eq!(of(b"Token abc"), Err(NOT_PROVIDED));
        assert_eq!(of(b"Basic YWRtaW46YWRtaW4="), Err(NOT_PROVIDED));
        assert_eq!(of(b""), Err(NOT_PROVIDED));
        assert_eq!(bearer(&HeaderMap::new()), Err(NOT_PROVIDED));
    }

    #[test]
    fn a_token_is_one_word() {
        assert_eq!(of(b"Bearer"), Err("Invalid token header. No credentials provided."));
        let spaces = "Invalid token header. Token string should not contain spaces.";
        assert_eq!(of(b"Bearer a b"), Err(spaces));
        assert!(of(b"Bearer \xff").is_err());
    }
}
