//! Accounts: who they are, what they log in with, how far they reach.

mod account;
mod addresses;
mod change;
mod create;
mod fields;
mod guesses;
mod memberships;
mod password;
mod passwords;
mod phone;

use domain::{
    Actor, Authority, Permission, UserId,
    accounts::{User, UserCommand},
    authority::Scope,
};
use projections::accounts::{self, UserRow};
use tracing::instrument;

pub use account::{Account, Address};
pub use change::UserChange;
pub(crate) use create::overtaken;
pub use create::{NewMembership, NewUser};
pub(crate) use guesses::Guesses;
pub use memberships::membership_id;
pub use phone::is_phone;

use crate::{App, By, Failure, Refusal, sealing::Place, work::decide};

/// Use cases of accounts; see [`App::accounts`].
pub struct Accounts<'a>(pub(crate) &'a App);

const MODEL: &str = "User";

impl Accounts<'_> {
    /// Whose token it is and how far that reaches.
    pub async fn authenticate(&self, token: &str) -> Result<Authority, Failure> {
        let hash = self.0.sealing().token(token);
        let user =
            accounts::by_token(self.0.store(), &hash).await?.ok_or(Failure::Unauthenticated)?;
        if !self.works(&user) {
            return Err(Failure::Refused(Refusal::InactiveUser));
        }
        Ok(authority(&user))
    }

    /// Exchanges a user name, an e-mail address or a phone number and a password for the account's bearer token, which is the
    /// same every time until all tokens are ended.
    #[instrument(name = "user.log_in", skip_all)]
    pub async fn log_in(&self, login: &str, password: &str) -> Result<String, Failure> {
        let sealing = self.0.sealing();
        let name = sealing.username(login);
        let now = self.0.world().now();
        if !self.0.guesses().allow(&name, now) {
            return Err(Failure::RateLimited);
        }
        let prefixes = &self.0.settings().accounts.phone_prefixes;
        let phones: Vec<String> =
            phone::spellings(login, prefixes).iter().map(|phone| sealing.phone(phone)).collect();
        let email = sealing.email(login);
        let found = accounts::by_login(self.0.store(), &phones, &email, &name).await?;
        let hash = match &found {
            Some(user) => match &user.password {
                Some(sealed) => Some(sealing.open(Place::Password(user.id), sealed).await?),
                None => None,
            },
            None => None,
        };
        // Unknown accounts take as long as known ones.
        let fits = password::verify(self.0, password, hash).await?;
        let Some(user) = found.filter(|user| fits && self.works(user)) else {
            self.0.guesses().failed(&name, now);
            return Err(Failure::Unauthenticated);
        };
        self.0.guesses().succeeded(&name);

        let token = sealing.derived_token(user.id, user.epoch);
        let hash = sealing.token(&token);
        if accounts::by_token(self.0.store(), &hash).await?.is_none() {
            let by = By::new(authority(&user), None);
            decide!(self.0, &by, work => {
                let command = UserCommand::IssueToken(hash.clone());
                work.handle::<User>(user.id.as_uuid(), command).await
            })?;
        }
        Ok(token)
    }

    /// Is there any account? Without one, the program makes its administrator.
    pub async fn exist(&self) -> Result<bool, Failure> {
        Ok(accounts::exist(self.0.store()).await?)
    }

    /// Is it active, and not past its last day?
    fn works(&self, user: &UserRow) -> bool {
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

    /// An account that the actor may change as a whole. Whoever may do more than the actor is out of reach: with their password
    /// or address one would have their rights.
    async fn account(
        &self,
        by: &By,
        id: UserId,
        permission: Permission,
    ) -> Result<UserRow, Failure> {
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
