//! Accounts: who they are, what they log in with, how far they reach.

mod detail;
mod guesses;
mod password;

use domain::{
    Actor, Authority, FieldError, OrganizationId, Problem, UserId,
    accounts::{CreateUser, Membership, User, UserCommand},
    authority::{Role, Scope},
};
use projections::{
    organization,
    user::{self, UserRow},
};
use secrecy::{ExposeSecret as _, SecretString};
use tracing::instrument;

pub use detail::UserDetail;
pub(crate) use guesses::Guesses;

use crate::{App, By, Done, Failure, Refusal, sealing::Place, work::decide};

/// Use cases of accounts; see [`App::accounts`].
pub struct Accounts<'a>(pub(crate) &'a App);

/// An account that is to be.
pub struct NewUser {
    /// Chosen by the caller.
    pub id: UserId,
    /// Case-sensitive.
    pub username: String,
    /// None gets no mail.
    pub email: Option<String>,
    /// None cannot log in with a password.
    pub password: Option<SecretString>,
    /// A token that is valid from the start, beside the one that the account gets when it asks.
    pub token: Option<SecretString>,
    /// May do everything.
    pub superuser: bool,
    /// May use the administration.
    pub staff: bool,
    /// Permission groups.
    pub roles: Vec<Role>,
    /// Organizations, and whether it manages them.
    pub memberships: Vec<(OrganizationId, bool)>,
}

const MODEL: &str = "User";

impl Accounts<'_> {
    /// Whose token it is and how far that reaches.
    pub async fn authenticate(&self, token: &str) -> Result<Authority, Failure> {
        let hash = self.0.sealing().token(token);
        let user = user::by_token(self.0.store(), &hash).await?.ok_or(Failure::Unauthenticated)?;
        if !user.active {
            return Err(Failure::Refused(Refusal::InactiveUser));
        }
        Ok(authority(&user))
    }

    /// Exchanges a user name or e-mail address and a password for the account's bearer token, which is the same every time.
    #[instrument(name = "user.log_in", skip_all)]
    pub async fn log_in(&self, login: &str, password: &str) -> Result<String, Failure> {
        let sealing = self.0.sealing();
        let name = sealing.username(login);
        let now = self.0.world().now();
        if !self.0.guesses().allow(&name, now) {
            return Err(Failure::RateLimited);
        }
        let found = user::by_login(self.0.store(), &name, &sealing.email(login)).await?;
        let hash = match &found {
            Some(user) => match &user.password {
                Some(sealed) => Some(sealing.open(Place::Password(user.id), sealed).await?),
                None => None,
            },
            None => None,
        };
        // Unknown accounts take as long as known ones.
        let fits = password::verify(self.0, password, hash).await?;
        let Some(user) = found.filter(|user| fits && user.active) else {
            self.0.guesses().failed(&name, now);
            return Err(Failure::Unauthenticated);
        };
        self.0.guesses().succeeded(&name);

        let token = sealing.derived_token(user.id);
        let hash = sealing.token(&token);
        if user::by_token(self.0.store(), &hash).await?.is_none() {
            let by = By::new(authority(&user), None);
            decide!(self.0, &by, work => {
                let command = UserCommand::IssueToken(hash.clone());
                work.handle::<User>(user.id.as_uuid(), command).await
            })?;
        }
        Ok(token)
    }

    /// Opens an account: for superusers, and for the program itself.
    #[instrument(name = "user.create", skip_all, fields(user.id = %new.id))]
    pub async fn create(&self, by: &By, new: NewUser) -> Result<Done, Failure> {
        require(by)?;
        self.known_organizations(&new.memberships).await?;
        let username = domain::field::name(&new.username, 150)
            .map_err(|problem| Failure::Invalid(vec![FieldError::new("username", problem)]))?;
        let email = match &new.email {
            Some(email) if !email.contains('@') => {
                let problem = Problem::Rule("must be an e-mail address".to_owned());
                return Err(Failure::field("email", problem));
            }
            Some(email) => Some(
                domain::field::text(email, 254)
                    .map_err(|problem| Failure::field("email", problem))?,
            ),
            None => None,
        };
        let sealing = self.0.sealing();
        let password = match &new.password {
            Some(password) => {
                let hash = password::hash(self.0, password.clone()).await?;
                Some(sealing.seal(Place::Password(new.id), hash.expose_secret()).await?)
            }
            None => None,
        };
        let email = match email {
            Some(email) => Some(sealing.seal(Place::Email(new.id), &email).await?),
            None => None,
        };
        let membership = |(organization_id, manager): &(OrganizationId, bool)| Membership {
            organization_id: *organization_id,
            manager: *manager,
        };
        let create = UserCommand::Create(Box::new(CreateUser {
            id: new.id,
            username: sealing.seal(Place::Username(new.id), &username).await?,
            email,
            password,
            superuser: new.superuser,
            staff: new.staff,
            roles: new.roles.clone(),
            memberships: new.memberships.iter().map(membership).collect(),
        }));
        let token = new.token.as_ref().map(|token| sealing.token(token.expose_secret()));
        let (_, done) = decide!(self.0, by, work => {
            let issue = token.clone().map(UserCommand::IssueToken);
            let commands = std::iter::once(create.clone()).chain(issue).collect();
            work.handle_all::<User>(new.id.as_uuid(), commands).await
        })?;
        Ok(done)
    }

    /// Lets an account work, or refuses it and its tokens. Nobody shuts themselves out.
    #[instrument(name = "user.set_active", skip_all, fields(user.id = %id))]
    pub async fn set_active(&self, by: &By, id: UserId, active: bool) -> Result<Done, Failure> {
        require(by)?;
        if !active && by.authority.actor == Actor::User(id) {
            let rule = "cannot be taken from oneself: another superuser has to do it".to_owned();
            return Err(Failure::field("active", Problem::Rule(rule)));
        }
        let (_, done) = decide!(self.0, by, work => {
            work.handle::<User>(id.as_uuid(), UserCommand::SetActive(active)).await
        })?;
        Ok(done)
    }

    /// Lets another password be valid. Whoever changes their own tells the one before; superusers change those of others.
    /// Tokens stay as they are.
    #[instrument(name = "user.change_password", skip_all, fields(user.id = %id))]
    pub async fn change_password(
        &self,
        by: &By,
        id: UserId,
        before: Option<SecretString>,
        password: SecretString,
    ) -> Result<Done, Failure> {
        let user = self.account(by, id).await?;
        if by.authority.actor == Actor::User(id) {
            let (now, sealing) = (self.0.world().now(), self.0.sealing());
            let name = sealing.open(Place::Username(id), &user.username).await?;
            // Counted together with those who try to log in.
            let name = sealing.username(name.expose_secret());
            if !self.0.guesses().allow(&name, now) {
                return Err(Failure::RateLimited);
            }
            let hash = match &user.password {
                Some(sealed) => Some(sealing.open(Place::Password(id), sealed).await?),
                None => None,
            };
            let before = before.unwrap_or_default();
            if !password::verify(self.0, before.expose_secret(), hash).await? {
                self.0.guesses().failed(&name, now);
                let rule = "is not the password that is valid now".to_owned();
                return Err(Failure::field("current_password", Problem::Rule(rule)));
            }
            self.0.guesses().succeeded(&name);
        }
        let hash = password::hash(self.0, password).await?;
        let sealed = self.0.sealing().seal(Place::Password(id), hash.expose_secret()).await?;
        let (_, done) = decide!(self.0, by, work => {
            work.handle::<User>(id.as_uuid(), UserCommand::ChangePassword(sealed.clone())).await
        })?;
        Ok(done)
    }

    /// Refuses all tokens of an account from here on, until it logs in again. For the account itself, and for superusers.
    #[instrument(name = "user.revoke_tokens", skip_all, fields(user.id = %id))]
    pub async fn revoke_tokens(&self, by: &By, id: UserId) -> Result<Done, Failure> {
        self.account(by, id).await?;
        let ((), done) = decide!(self.0, by, work => {
            work.open::<User>(id.as_uuid()).await?;
            let tokens = user::tokens_of(self.0.store(), id).await?;
            let commands = tokens.into_iter().map(UserCommand::RevokeToken).collect();
            work.handle_all::<User>(id.as_uuid(), commands).await?;
            Ok(())
        })?;
        Ok(done)
    }

    /// One account, for itself and for superusers.
    pub async fn get(&self, by: &By, id: UserId) -> Result<UserDetail, Failure> {
        let row = self.account(by, id).await?;
        UserDetail::open(self.0.sealing(), row).await
    }

    /// Others than superusers know of nobody but themselves.
    async fn account(&self, by: &By, id: UserId) -> Result<UserRow, Failure> {
        if by.authority.actor != Actor::User(id) && require(by).is_err() {
            return Err(Failure::NotFound(MODEL));
        }
        user::by_id(self.0.store(), id).await?.ok_or(Failure::NotFound(MODEL))
    }

    async fn known_organizations(
        &self,
        memberships: &[(OrganizationId, bool)],
    ) -> Result<(), Failure> {
        let mut errors = Vec::new();
        for (id, _) in memberships {
            if organization::by_id(self.0.store(), *id).await?.is_none() {
                errors.push(FieldError::new("memberships", Problem::Unknown(id.to_string())));
            }
        }
        Failure::unless_empty(errors)
    }

    /// Is there any account? Without one, the program makes its administrator.
    pub async fn exist(&self) -> Result<bool, Failure> {
        Ok(user::exist(self.0.store()).await?)
    }
}

/// Accounts belong to the installation.
fn require(by: &By) -> Result<(), Failure> {
    by.authority
        .require(domain::Permission::ChangeUser, None)
        .map_err(|denied| Failure::denied(denied, MODEL))
}

/// What an account is allowed.
pub(crate) fn authority(user: &UserRow) -> Authority {
    let scope = if user.superuser {
        Scope::Everything
    } else {
        Scope::Member {
            roles: user.roles.clone(),
            manages: user.manages(),
            belongs: user.memberships.iter().map(|member| member.organization_id).collect(),
        }
    };
    Authority { actor: Actor::User(user.id), scope }
}
