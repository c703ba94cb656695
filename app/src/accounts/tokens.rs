//! Tokens for a purpose: named, of a scope, with an end, and shown once.

use chrono::{DateTime, Utc};
use domain::{
    Permission, Problem, TokenId, UserId,
    accounts::{NamedToken, User, UserCommand},
    authority::TokenScope,
    field,
};
use projections::accounts::{self, NamedTokenRow};
use secrecy::{ExposeSecret as _, SecretString};
use tracing::instrument;

use super::{Accounts, MODEL, account, token_uses::TokenUses};
use crate::{By, Done, Failure, Refusal, sealing::Place, work::decide};

const TOKEN: &str = "Token";
/// What all of them begin with, so that people and scanners know one where they see it.
const PREFIX: &str = "wt_";

/// A token that is to be.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Chosen by the caller.
    pub id: TokenId,
    /// What it is for, 1 to 100 characters; unique among those of the account.
    pub name: String,
    /// How far it goes; no further than what it is made with.
    pub scope: TokenScope,
    /// It is refused from then on; none is never.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A token for a purpose, without the token itself, which nobody knows any more.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// What it is revoked by.
    pub id: TokenId,
    /// Whose it is.
    pub user_id: UserId,
    /// What it is for.
    pub name: String,
    /// How far it goes, at most as far as the account.
    pub scope: TokenScope,
    /// It is refused from then on.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was used last, give or take a few seconds.
    pub last_used_at: Option<DateTime<Utc>>,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Accounts<'_> {
    /// Makes a token for a purpose, and tells it: nobody can tell it again. None where the same request made it before. For
    /// oneself, with what goes as far as the account; superusers and people on the machine make them for others.
    #[instrument(name = "user.create_token", skip_all, fields(user.id = %user, token.id = %new.id))]
    pub async fn create_token(
        &self,
        by: &By,
        user: UserId,
        new: NewToken,
    ) -> Result<(Option<SecretString>, Done), Failure> {
        let denied = |denied| Failure::denied(denied, "Organization");
        self.for_tokens(by, user).await?;
        by.authority.require_token(&new.scope).map_err(denied)?;
        self.ends_in_time(by, &new)?;
        let name =
            field::name(&new.name, 100).map_err(|problem| Failure::field("name", problem))?;
        self.0.unused(new.id.as_uuid()).await?;

        let token = SecretString::from(format!("{PREFIX}{}", self.0.world().secret(32)));
        let sealing = self.0.sealing();
        let named = NamedToken {
            token_id: new.id,
            name: sealing.seal(Place::TokenName(user, new.id), &name).await?,
            token: sealing.token(token.expose_secret()),
            scope: new.scope,
            expires_at: new.expires_at,
        };
        let (_, done) = decide!(self.0, by, work => {
            let issue = UserCommand::IssueNamedToken(Box::new(named.clone()));
            work.handle::<User>(user.as_uuid(), issue).await
        })?;
        // Of several at once, one made it; what the others would tell never works.
        let mine = accounts::by_token(self.0.store(), &named.token).await?.is_some();
        Ok((mine.then_some(token), done))
    }

    /// The tokens for a purpose of an account, the oldest first: one's own, and those of accounts that the actor may change as
    /// a whole.
    pub async fn tokens(&self, by: &By, user: UserId) -> Result<Vec<Token>, Failure> {
        if !by.authority.is(user) {
            self.account(by, user, Permission::ChangeUser).await?;
        }
        let mut told = Vec::new();
        for row in accounts::tokens(self.0.store(), user).await? {
            told.push(self.told(row).await?);
        }
        Ok(told)
    }

    /// One token for a purpose; see [`tokens`](Self::tokens).
    pub async fn token(&self, by: &By, user: UserId, id: TokenId) -> Result<Token, Failure> {
        let all = self.tokens(by, user).await?;
        all.into_iter().find(|token| token.id == id).ok_or(Failure::NotFound(TOKEN))
    }

    /// Refuses a token for a purpose from here on: one's own, and those of accounts that the actor may change as a whole. Who
    /// comes with a token that goes less far than the account may end that one and no other.
    #[instrument(name = "user.revoke_token", skip_all, fields(user.id = %user, token.id = %id))]
    pub async fn revoke_token(&self, by: &By, user: UserId, id: TokenId) -> Result<Done, Failure> {
        let itself = by.token.is_some_and(|token| token.id == id);
        let ((), done) = decide!(self.0, by, work => {
            if !by.authority.is(user) {
                self.account(by, user, Permission::ChangeUser).await?;
            } else if !itself {
                Self::not_narrow(by, user)?;
            }
            let owner = accounts::token_owner(self.0.store(), id).await?;
            if owner != Some(user) {
                return Err(Failure::NotFound(TOKEN));
            }
            work.handle::<User>(user.as_uuid(), UserCommand::RevokeNamedToken(id)).await?;
            Ok(())
        })?;
        Ok(done)
    }

    /// Whose token this is, as far as the actor may know.
    pub async fn token_owner(&self, by: &By, id: TokenId) -> Result<UserId, Failure> {
        let owner = accounts::token_owner(self.0.store(), id).await?;
        // What nobody has is looked for like what others have.
        let owner = owner.unwrap_or(UserId::from_uuid(uuid::Uuid::nil()));
        if !by.authority.is(owner) {
            let seen = self.account(by, owner, Permission::ChangeUser).await;
            // What is somebody else's does not exist.
            seen.map_err(|failure| match failure {
                Failure::NotFound(_) | Failure::Forbidden => Failure::NotFound(TOKEN),
                other => other,
            })?;
        }
        Ok(owner)
    }

    /// Writes down when tokens were used. How many rows.
    pub async fn flush_token_uses(&self) -> Result<usize, Failure> {
        Ok(self.0.token_uses().flush(self.0.store()).await?)
    }

    /// Forgets when tokens were used that are there no more. How many rows.
    pub async fn prune_token_uses(&self) -> Result<u64, Failure> {
        Ok(TokenUses::prune(self.0.store()).await?)
    }

    async fn for_tokens(&self, by: &By, user: UserId) -> Result<(), Failure> {
        Self::not_narrow(by, user)?;
        let known = accounts::by_id(self.0.store(), user).await?;
        if by.authority.is(user) || by.authority.is_unlimited() {
            return known.map(drop).ok_or(Failure::NotFound(MODEL));
        }
        // Whoever sees the account may be told that this is not theirs to do.
        self.person(by, user, Permission::ViewUser).await?;
        Err(Failure::Forbidden)
    }

    fn ends_in_time(&self, by: &By, new: &NewToken) -> Result<(), Failure> {
        if new.expires_at.is_some_and(|end| end <= self.0.world().now()) {
            let rule = "must be in the future".to_owned();
            return Err(Failure::field("expires_at", Problem::Rule(rule)));
        }
        let own = by.token.and_then(|token| token.expires_at);
        let outlives = own.is_some_and(|own| new.expires_at.is_none_or(|end| end > own));
        if outlives { Err(Failure::Refused(Refusal::OutlivesToken)) } else { Ok(()) }
    }

    async fn told(&self, row: NamedTokenRow) -> Result<Token, Failure> {
        let NamedTokenRow { id, user_id, name, scope, expires_at, created_at, used_at } = row;
        let name = account::open(self.0, Place::TokenName(user_id, id), &name).await?;
        let last_used_at = self.0.token_uses().of(id).max(used_at);
        Ok(Token { id, user_id, name, scope, expires_at, created_at, last_used_at })
    }
}
