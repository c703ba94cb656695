//! Accounts: who they are, what they log in with, how far they reach.

mod guesses;
mod password;

use domain::{
    Actor, Authority, FieldError, OrganizationId, Problem, UserId,
    accounts::{CreateUser, Membership, User, UserCommand},
    authority::{Role, Scope},
};
use projections::user::{self, UserRow};
use secrecy::{ExposeSecret as _, SecretString};
use tracing::instrument;

pub(crate) use guesses::Guesses;

use crate::{App, By, Failure, Refusal, sealing::Place, work::decide};

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

    /// Opens an account. For the program itself: at its first start, and for a fixture.
    #[instrument(name = "user.create", skip_all, fields(user.id = %new.id))]
    pub async fn create(&self, by: &By, new: NewUser) -> Result<UserId, Failure> {
        by.authority
            .require(domain::Permission::ChangeUser, None)
            .map_err(|denied| Failure::denied(denied, "User"))?;
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
        decide!(self.0, by, work => {
            let issue = token.clone().map(UserCommand::IssueToken);
            let commands = std::iter::once(create.clone()).chain(issue).collect();
            work.handle_all::<User>(new.id.as_uuid(), commands).await
        })?;
        Ok(new.id)
    }

    /// Is there any account? Without one, the program makes its administrator.
    pub async fn exist(&self) -> Result<bool, Failure> {
        Ok(user::exist(self.0.store()).await?)
    }
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
