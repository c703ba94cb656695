//! Accounts: who they are, what they log in with, how far they reach.

mod account;
mod addresses;
mod audit;
mod bearers;
mod bring;
mod change;
mod create;
mod erase;
mod fields;
mod foreign_hash;
mod former;
mod guesses;
mod links;
mod log_in;
mod memberships;
mod password;
mod passwords;
mod phone;
mod pool;
mod token_uses;
mod tokens;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::{Actor, Authority, Permission, Permissions, UserId, authority::Scope};
use projections::accounts::{self, Bearer, UserRow};

pub use account::{Account, Address};
pub use addresses::AddressChange;
pub use audit::{LogInSelection, LogInTry};
pub(crate) use bearers::Bearers;
pub use change::UserChange;
pub(crate) use create::overtaken;
pub use create::{NewMembership, NewUser};
pub use erase::PersonContents;
pub(crate) use erase::{Erasing, heard as erased_among};
pub(crate) use guesses::Guesses;
pub use links::LinkKey;
pub(crate) use links::lifetime;
pub use memberships::membership_id;
pub use phone::is_phone;
pub(crate) use pool::HashPool;
pub(crate) use token_uses::TokenUses;
pub use tokens::{NewToken, Token};

use crate::{App, By, Failure, Refusal, by::UsedToken};

/// Use cases of accounts; see [`App::accounts`].
pub struct Accounts<'a>(pub(crate) &'a App);

const MODEL: &str = "User";

/// Somebody whose token is known.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) authority: Authority,
    pub(crate) token: Option<UsedToken>,
    /// Token, account or password do not work from then on.
    pub(crate) until: Option<DateTime<Utc>>,
}

/// What this task asks for from here on reaches no further, also as the database sees it, where it is asked to.
pub(crate) fn hold(app: &App, authority: &Authority) {
    if !app.store().bounded() {
        return;
    }
    let reached = authority.visible();
    let reached = reached.map(|ids| ids.iter().map(|id| id.as_uuid()).collect::<Vec<_>>());
    store::reach::narrow(reached.as_deref());
}

impl Accounts<'_> {
    /// Whose token it is and how far that reaches.
    pub async fn authenticate(&self, token: &str) -> Result<Authority, Failure> {
        Ok(self.known(token).await?.authority)
    }

    /// Whoever shows this token, with a request of this id.
    pub async fn bearer(
        &self,
        token: &str,
        correlation_id: Option<uuid::Uuid>,
    ) -> Result<By, Failure> {
        Ok(self.known(token).await?.by(correlation_id))
    }

    /// The same for those who change their own password, which an expired one does not hinder: what they may otherwise is
    /// left out then.
    pub async fn bearer_for_password(
        &self,
        token: &str,
        correlation_id: Option<uuid::Uuid>,
    ) -> Result<By, Failure> {
        let bearer = self.holder(token).await?;
        let known = self.admitted_for_password(&bearer)?;
        Ok(known.by(correlation_id))
    }

    /// The same, as it was read at most a moment ago.
    async fn known(&self, token: &str) -> Result<Known, Failure> {
        if let Some(known) = self.viewer(token) {
            return Ok(known);
        }
        let bearer = self.holder(token).await?;
        self.admitted(&bearer)
    }

    /// The same, read just now.
    pub(crate) async fn known_now(&self, token: &str) -> Result<Known, Failure> {
        if let Some(known) = self.viewer(token) {
            return Ok(known);
        }
        let hash = self.0.sealing().token(token);
        let bearer = accounts::by_token(self.0.store(), &hash).await?;
        self.admitted(&bearer.ok_or(Failure::Unauthenticated)?)
    }

    /// Whoever started a program that shows what was.
    fn viewer(&self, token: &str) -> Option<Known> {
        if !self.0.read_only() {
            return None;
        }
        let authority = self.0.viewer(&self.0.sealing().token(token))?;
        Some(Known { authority, token: None, until: None })
    }

    /// Whose token it is, as it was read at most a moment ago.
    async fn holder(&self, token: &str) -> Result<Arc<Bearer>, Failure> {
        let hash = self.0.sealing().token(token);
        let bearers = self.0.edge().bearers();
        let generation = match bearers.get(&hash) {
            Ok(bearer) => return Ok(bearer),
            Err(generation) => generation,
        };
        let bearer = accounts::by_token(self.0.store(), &hash).await?;
        let bearer = Arc::new(bearer.ok_or(Failure::Unauthenticated)?);
        bearers.keep(hash, Arc::clone(&bearer), generation);
        Ok(bearer)
    }

    /// What depends on the time is looked at each time.
    fn admitted(&self, bearer: &Bearer) -> Result<Known, Failure> {
        let known = self.admitted_for_password(bearer)?;
        if self.password_expired(&bearer.user) {
            return Err(Failure::Refused(Refusal::PasswordExpired));
        }
        Ok(known)
    }

    /// The same for those who change their own password; where it has expired, nothing else is allowed.
    fn admitted_for_password(&self, bearer: &Bearer) -> Result<Known, Failure> {
        let Bearer { user, token } = bearer;
        let now = self.0.world().now();
        let end = token.as_ref().and_then(|token| token.expires_at);
        if end.is_some_and(|end| end <= now) {
            return Err(Failure::Unauthenticated);
        }
        if !self.works(user) {
            return Err(Failure::Refused(Refusal::InactiveUser));
        }
        let last_day = user.expires_on.and_then(|last| last.succ_opt());
        let last_day = last_day.map(|day| day.and_time(chrono::NaiveTime::MIN).and_utc());
        let password = self.password_expires_at(user);
        let until = end.into_iter().chain(last_day).chain(password).min();
        let mut authority = authority(user);
        if self.password_expired(user) {
            authority.scope = nothing();
        }
        if let Some(token) = token {
            self.0.token_uses().note(token.id, now);
            authority = authority.narrowed(&token.scope);
        }
        hold(self.0, &authority);
        let Some(token) = token else { return Ok(Known { authority, token: None, until }) };
        let used = UsedToken { id: token.id, expires_at: token.expires_at };
        Ok(Known { authority, token: Some(used), until })
    }

    /// Is there any account? Without one, the program makes its administrator.
    pub async fn exist(&self) -> Result<bool, Failure> {
        Ok(accounts::exist(self.0.store()).await?)
    }

    /// Is it active, and not past its last day?
    pub(crate) fn works(&self, user: &UserRow) -> bool {
        let today = self.0.world().now().date_naive();
        user.active && user.expires_on.is_none_or(|last| today <= last)
    }

    /// An account that exists for the actor.
    async fn person(
        &self,
        by: &By,
        id: UserId,
        permission: Permission,
    ) -> Result<UserRow, Failure> {
        let denied = |denied| Failure::denied(denied, MODEL);
        by.authority.require_anywhere(permission).map_err(denied)?;
        let row = accounts::by_id(self.0.store(), id).await?.ok_or(Failure::NotFound(MODEL))?;
        let memberships = row.all_memberships();
        by.authority.require_person(permission, row.person(&memberships)).map_err(denied)?;
        Ok(row)
    }

    /// Nothing is done to one's own account with a token that goes less far than it does: with what that brings, one would have
    /// all of it.
    fn not_narrow(by: &By, id: UserId) -> Result<(), Failure> {
        let narrow = by.authority.is(id) && !by.authority.is_wholly(id);
        if narrow { Err(Failure::Refused(Refusal::NarrowToken)) } else { Ok(()) }
    }

    /// An account that the actor may change as a whole. Whoever may do more than the actor is out of reach: with their password
    /// or address one would have their rights.
    async fn account(
        &self,
        by: &By,
        id: UserId,
        permission: Permission,
    ) -> Result<UserRow, Failure> {
        Self::not_narrow(by, id)?;
        let row = self.person(by, id, permission).await?;
        let memberships = row.all_memberships();
        by.authority
            .require_account(permission, row.person(&memberships))
            .map_err(|denied| Failure::denied(denied, MODEL))?;
        if !by.authority.is(row.id) {
            by.authority
                .require_holding(row.all_permissions())
                .map_err(|denied| Failure::denied(denied, MODEL))?;
        }
        Ok(row)
    }
}

impl Known {
    pub(crate) fn by(self, correlation_id: Option<uuid::Uuid>) -> By {
        By { token: self.token, ..By::new(self.authority, correlation_id) }
    }
}

/// What an account may whose password has expired.
fn nothing() -> Scope {
    Scope::Member {
        permissions: Permissions::NONE,
        manages: Vec::new(),
        owns: Vec::new(),
        belongs: Vec::new(),
    }
}

/// What an account is allowed.
pub(crate) fn authority(user: &UserRow) -> Authority {
    let scope = if user.superuser {
        Scope::Everything
    } else {
        Scope::Member {
            permissions: user.all_permissions(),
            manages: user.manages(),
            owns: user.owns(),
            belongs: user.belongs(),
        }
    };
    Authority { actor: Actor::User(user.id), scope }
}
