use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{UserError, UserEvent};
use crate::{FieldError, Problem, Sealed, TokenId, UserId, authority::TokenScope};

/// Most tokens that an account can hold.
const MOST: usize = 100;

/// A bearer token that somebody made for a purpose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NamedToken {
    /// What it is revoked by.
    pub token_id: TokenId,
    /// What it is for; unique among the tokens of the account.
    pub name: Sealed,
    /// Its keyed hash; the token itself is not stored.
    pub token: String,
    /// How far it goes.
    #[serde(default)]
    pub scope: TokenScope,
    /// It is refused from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
}

/// What the rules remember of a named token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Held {
    id: TokenId,
    /// Fingerprint.
    name: String,
    /// Keyed hash.
    token: String,
}

impl From<&NamedToken> for Held {
    fn from(named: &NamedToken) -> Self {
        let (name, token) = (named.name.fingerprint.clone(), named.token.clone());
        Self { id: named.token_id, name, token }
    }
}

/// The rules of tokens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tokens<'a> {
    pub(super) user_id: UserId,
    /// Keyed hashes of those that come with logging in.
    pub(super) plain: &'a [String],
    pub(super) named: &'a [Held],
    /// How often the plain ones were ended.
    pub(super) epoch: u32,
}

impl Tokens<'_> {
    fn full(self) -> bool {
        self.plain.len() + self.named.len() >= MOST
    }

    pub(super) fn issue(self, token: String) -> Result<Option<UserEvent>, UserError> {
        if self.plain.contains(&token) {
            return Ok(None);
        }
        // Logging in always works: named ones do not count.
        if self.plain.len() >= MOST {
            return Err(UserError::TooManyTokens);
        }
        Ok(Some(UserEvent::TokenIssued { user_id: self.user_id, token }))
    }

    pub(super) fn revoke(self, token: String) -> Option<UserEvent> {
        let user_id = self.user_id;
        self.plain.contains(&token).then_some(UserEvent::TokenRevoked { user_id, token })
    }

    pub(super) fn name(self, new: NamedToken) -> Result<Option<UserEvent>, UserError> {
        if self.named.iter().any(|held| held.id == new.token_id) {
            return Ok(None);
        }
        if self.full() {
            return Err(UserError::TooManyTokens);
        }
        if self.named.iter().any(|held| held.name == new.name.fingerprint) {
            let rule = "is the name of another token of the account".to_owned();
            return Err(FieldError::new("name", Problem::Rule(rule)).into());
        }
        let organizations = new.scope.organizations.as_ref().map_or(0, Vec::len);
        if organizations > TokenScope::ORGANIZATIONS {
            let rule = format!("must be at most {}", TokenScope::ORGANIZATIONS);
            return Err(FieldError::new("organizations", Problem::Rule(rule)).into());
        }
        let NamedToken { token_id, name, token, scope, expires_at } = new;
        let user_id = self.user_id;
        Ok(Some(UserEvent::NamedTokenIssued { user_id, token_id, name, token, scope, expires_at }))
    }

    pub(super) fn revoke_named(self, id: TokenId) -> Option<UserEvent> {
        let held = self.named.iter().find(|held| held.id == id)?;
        let (user_id, token) = (self.user_id, held.token.clone());
        Some(UserEvent::NamedTokenRevoked { user_id, token_id: id, token })
    }

    /// Those of log-ins end with the password and with rights; named ones only when somebody says so.
    pub(super) fn end(self, named: bool) -> UserEvent {
        let mut tokens = self.plain.to_vec();
        if named {
            tokens.extend(self.named.iter().map(|held| held.token.clone()));
        }
        UserEvent::TokensEnded {
            user_id: self.user_id,
            epoch: self.epoch.saturating_add(1),
            tokens,
        }
    }
}

impl Held {
    pub(super) fn is(&self, id: TokenId) -> bool {
        self.id == id
    }

    pub(super) fn is_among(&self, tokens: &[String]) -> bool {
        tokens.contains(&self.token)
    }
}
