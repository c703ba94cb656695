//! Opening accounts.

use chrono::{DateTime, NaiveDate, Utc};
use domain::{
    FieldError, OrganizationId, Permission, Permissions, Problem, UserId,
    accounts::{CreateUser, EmailAddress, Membership, ProfileField, User, UserCommand},
    kind,
};
use projections::{
    accounts::{self, Numbered},
    organization,
};
use secrecy::{ExposeSecret, SecretString};
use tracing::instrument;

use super::{
    Accounts, MODEL,
    fields::{self, Checked},
    password,
};
use crate::{
    By, Done, Failure, Refusal, TakenValue,
    sealing::Place,
    work::{ATTEMPTS, decide},
};

/// An account that is to be; [`NewUser::new`] fills everything but id and name.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Chosen by the caller.
    pub id: UserId,
    /// Case-sensitive.
    pub username: String,
    /// None gets no mail.
    pub email: Option<String>,
    /// Is that address listed, and is it known to be theirs? None lists nothing.
    pub email_verified: Option<bool>,
    /// With its country; none cannot log in with it.
    pub phone: Option<String>,
    /// None cannot log in with a password.
    pub password: Option<SecretString>,
    /// A hash of the password that another system made, for superusers who bring accounts from there; replaced at the first
    /// log-in. Not beside a password.
    pub password_hash: Option<SecretString>,
    /// Since when they have this password, for superusers who bring accounts from elsewhere; none is from now on.
    pub password_since: Option<DateTime<Utc>>,
    /// A token that is valid from the start, beside the one that the account gets when it asks.
    pub token: Option<SecretString>,
    /// May do everything.
    pub superuser: bool,
    /// May use the administration.
    pub staff: bool,
    /// Is it refused from the start?
    pub inactive: bool,
    /// Permission groups, by number.
    pub groups: Vec<u32>,
    /// Permissions beside those of the groups.
    pub permissions: Permissions,
    /// Organizations.
    pub memberships: Vec<NewMembership>,
    /// Personal details.
    pub profile: Vec<(ProfileField, String)>,
    /// A language tag; empty is the installation's.
    pub language: String,
    /// A name of the time zone database; empty is the installation's.
    pub time_zone: String,
    /// The last day.
    pub expires_on: Option<NaiveDate>,
}

impl NewUser {
    /// An account that may nothing, belongs nowhere and cannot log in.
    pub fn new(id: UserId, username: impl Into<String>) -> Self {
        Self {
            id,
            username: username.into(),
            email: None,
            email_verified: None,
            phone: None,
            password: None,
            password_hash: None,
            password_since: None,
            token: None,
            superuser: false,
            staff: false,
            inactive: false,
            groups: Vec::new(),
            permissions: Permissions::NONE,
            memberships: Vec::new(),
            profile: Vec::new(),
            language: String::new(),
            time_zone: String::new(),
            expires_on: None,
        }
    }
}

/// Belonging to an organization. The first manager of one becomes its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewMembership {
    /// Which.
    pub organization_id: OrganizationId,
    /// Manages it, rather than only belonging to it.
    pub manager: bool,
}

impl Accounts<'_> {
    /// Opens an account.
    #[instrument(name = "user.create", skip_all, fields(user.id = %new.id))]
    pub async fn create(&self, by: &By, new: NewUser) -> Result<Done, Failure> {
        by.authority
            .require_anywhere(Permission::AddUser)
            .map_err(|denied| Failure::denied(denied, MODEL))?;
        let brought = new.password_hash.is_some() || new.password_since.is_some();
        if (new.superuser || brought) && !by.authority.is_unlimited() {
            return Err(Failure::Forbidden);
        }
        self.reaches(by, &new.memberships).await?;
        self.0.unused(new.id.as_uuid()).await?;
        let (groups, given) = self.groups(by, &new.groups).await?;
        let given = given.union(new.permissions);
        by.authority.require_holding(given).map_err(|_| Failure::Refused(Refusal::NotHeld))?;

        let mut checked = Checked::default();
        let username = checked.username(&new.username);
        let email = checked.email("email", new.email.as_deref().unwrap_or_default());
        let phone = checked.phone(new.phone.as_deref().unwrap_or_default());
        let details = new
            .profile
            .iter()
            .map(|(field, value)| (*field, checked.detail(*field, value, self.0.world().now())))
            .collect();
        let (language, time_zone) =
            (checked.language(&new.language), checked.time_zone(&new.time_zone));
        if let Some(new_password) = &new.password {
            let names = [Some(new.username.as_str()), new.email.as_deref()];
            let shortest = self.shortest_password(by);
            checked.wrong.extend(password::problem("password", new_password, shortest, names));
        }
        if new.password.is_some() && new.password_hash.is_some() {
            let rule = "must not be given together with a password".to_owned();
            checked.wrong.push(FieldError::new("password_hash", Problem::Rule(rule)));
        }
        if let Some(hash) = &new.password_hash {
            checked.wrong.extend(password::hash_problem("password_hash", hash));
        }
        checked.done()?;

        let (app, id) = (self.0, new.id);
        let sealing = app.sealing();
        let hash = match &new.password {
            Some(password) => Some(password::hash(app, password.clone()).await?),
            None => new.password_hash.clone(),
        };
        let username = sealing.seal(Place::Username(id), &username.unwrap_or_default()).await;
        let mut create = CreateUser {
            id,
            username: username.map_err(|failure| match failure {
                // Nothing is sealed for somebody who was erased: the id was theirs.
                Failure::NotFound(_) => Failure::Refused(Refusal::Exists),
                other => other,
            })?,
            email: fields::seal(app, Place::Email(id), email.as_deref()).await?,
            phone: fields::seal(app, Place::Phone(id), phone.as_deref()).await?,
            password: fields::seal(
                app,
                Place::Password(id),
                hash.as_ref().map(ExposeSecret::expose_secret),
            )
            .await?,
            password_since: new.password_since.map(|since| since.min(app.world().now())),
            superuser: new.superuser,
            staff: new.staff,
            active: !new.inactive,
            groups,
            permissions: new.permissions,
            memberships: Vec::new(),
            profile: fields::seal_details(app, id, details)
                .await?
                .into_iter()
                .filter_map(|(field, value)| Some((field, value?)))
                .collect(),
            language,
            time_zone,
            expires_on: new.expires_on,
            addresses: Vec::new(),
        };
        let token = new.token.as_ref().map(|token| sealing.token(token.expose_secret()));
        let listed = email.as_deref().zip(new.email_verified);
        let mut attempt = 0;
        loop {
            create.memberships = self.with_owners(&new.memberships).await?;
            create.addresses = match listed {
                Some((address, verified)) => vec![self.numbered(id, address, verified).await?],
                None => Vec::new(),
            };
            let done = decide!(app, by, work => {
                let create = UserCommand::Create(Box::new(create.clone()));
                let issue = token.clone().map(UserCommand::IssueToken);
                let commands = std::iter::once(create).chain(issue).collect();
                work.handle_all::<User>(id.as_uuid(), commands).await
            });
            match done {
                Err(failure) if overtaken(&failure) && attempt + 1 < ATTEMPTS => attempt += 1,
                done => return Ok(done?.1),
            }
        }
    }

    /// Managers take people into organizations that they manage; for them, no others exist. An account that belongs nowhere
    /// would be out of reach of the one who made it.
    async fn reaches(&self, by: &By, memberships: &[NewMembership]) -> Result<(), Failure> {
        const FIELD: &str = "organization_users.organization";
        if memberships.is_empty() && !by.authority.is_unlimited() {
            return Err(Failure::field("organization_users", Problem::Required));
        }
        for membership in memberships {
            let id = membership.organization_id;
            let theirs = by.authority.require(Permission::AddUser, Some(id)).is_ok();
            if !theirs || organization::by_id(self.0.store(), crate::RULES, id).await?.is_none() {
                return Err(Failure::field(FIELD, Problem::Unknown(id.to_string())));
            }
        }
        Ok(())
    }

    /// Permission groups by number, and all that they allow.
    pub(super) async fn groups(
        &self,
        by: &By,
        numbers: &[u32],
    ) -> Result<(Vec<domain::PermissionGroupId>, Permissions), Failure> {
        let rows = accounts::group_numbers(self.0.store(), numbers).await?;
        if let Some(unknown) =
            numbers.iter().find(|number| !rows.iter().any(|row| row.number == **number))
        {
            return Err(Failure::field("groups", Problem::Unknown(unknown.to_string())));
        }
        let all =
            rows.iter().fold(Permissions::NONE, |all, row| all.union(row.permissions)).effective();
        if by.authority.require_holding(all).is_err() {
            return Err(Failure::Invalid(vec![FieldError::new(
                "groups",
                Problem::Rule("allow more than you may do yourself".to_owned()),
            )]));
        }
        Ok((rows.into_iter().map(|row| row.id).collect(), all))
    }

    /// The first manager of an organization owns it.
    async fn with_owners(&self, memberships: &[NewMembership]) -> Result<Vec<Membership>, Failure> {
        let mut all = Vec::with_capacity(memberships.len());
        for NewMembership { organization_id, manager } in memberships.iter().copied() {
            let owner = manager && self.ownerless(organization_id).await?;
            all.push(Membership { organization_id, manager, owner });
        }
        Ok(all)
    }

    pub(super) async fn ownerless(&self, organization: OrganizationId) -> Result<bool, Failure> {
        Ok(accounts::owner_of(self.0.store(), organization).await?.is_none())
    }

    /// The account's address as the first of the listed ones.
    async fn numbered(
        &self,
        id: UserId,
        address: &str,
        verified: bool,
    ) -> Result<EmailAddress, Failure> {
        let number = self.next_address_number().await?;
        let place = Place::ListedAddress(id, number);
        let address = self.0.sealing().seal(place, address).await?;
        Ok(EmailAddress { number, address, verified, primary: true })
    }

    pub(super) async fn next_address_number(&self) -> Result<u32, Failure> {
        let last = accounts::last_number(self.0.store(), Numbered::EmailAddress).await?;
        Ok(last.saturating_add(1))
    }

    /// People on the machine and fixtures know what they do.
    pub(super) fn shortest_password(&self, by: &By) -> usize {
        match by.authority.actor {
            domain::Actor::System(_) => 1,
            _ => self.0.settings().accounts.shortest_password,
        }
    }
}

/// Did somebody else get the number, or the organization, in between? Then another try finds other facts.
pub(crate) fn overtaken(failure: &Failure) -> bool {
    let races = |taken: &TakenValue| {
        [kind::USER_EMAIL_ADDRESS_NUMBER, kind::PERMISSION_GROUP_NUMBER, kind::ORGANIZATION_OWNER]
            .contains(&taken.kind.as_str())
    };
    matches!(failure, Failure::Taken(taken) if !taken.is_empty() && taken.iter().all(races))
}
