//! Changing and closing accounts.

use chrono::NaiveDate;
use domain::{
    Permission, Permissions, Problem, UserId,
    accounts::{ProfileField, User, UserCommand},
};
use projections::accounts::{self, UserRow};
use tracing::instrument;

use super::{
    Accounts, MODEL, NewMembership,
    account::open_some,
    create::overtaken,
    fields::{self, Checked},
};
use crate::{
    By, Done, Failure, Refusal,
    sealing::Place,
    work::{ATTEMPTS, decide},
};

/// New values for some of an account; `None` leaves the old one, an empty text takes a value away.
#[derive(Clone, Debug, Default)]
pub struct UserChange {
    /// Case-sensitive.
    pub username: Option<String>,
    /// Where mail goes.
    pub email: Option<String>,
    /// With its country.
    pub phone: Option<String>,
    /// Personal details.
    pub profile: Vec<(ProfileField, String)>,
    /// A language tag; empty is the installation's.
    pub language: Option<String>,
    /// A name of the time zone database; empty is the installation's.
    pub time_zone: Option<String>,
    /// The last day, or none.
    pub expires_on: Option<Option<NaiveDate>>,
    /// Let it work, or refuse it and end its tokens.
    pub active: Option<bool>,
    /// May use the administration.
    pub staff: Option<bool>,
    /// May do everything; for superusers to say.
    pub superuser: Option<bool>,
    /// All of its permission groups, by number.
    pub groups: Option<Vec<u32>>,
    /// All of its permissions beside those of the groups; for superusers to say.
    pub permissions: Option<Permissions>,
    /// An organization to belong to, or to manage or not.
    pub membership: Option<NewMembership>,
}

impl UserChange {
    /// Is there anything that concerns the account itself, and not only its place in one organization?
    fn concerns_account(&self) -> bool {
        let Self {
            username,
            email,
            phone,
            profile,
            language,
            time_zone,
            expires_on,
            active,
            staff,
            superuser,
            groups,
            permissions,
            membership: _,
        } = self;
        username.is_some()
            || email.is_some()
            || phone.is_some()
            || !profile.is_empty()
            || language.is_some()
            || time_zone.is_some()
            || expires_on.is_some()
            || [active, staff, superuser].iter().any(|flag| flag.is_some())
            || groups.is_some()
            || permissions.is_some()
    }
}

impl Accounts<'_> {
    /// Changes an account: as a whole by those who manage all its organizations, its place in one of them by those who manage
    /// that one.
    #[instrument(name = "user.change", skip_all, fields(user.id = %id))]
    pub async fn change(&self, by: &By, id: UserId, change: UserChange) -> Result<Done, Failure> {
        let mut attempt = 0;
        loop {
            match self.change_once(by, id, &change).await {
                Err(failure) if overtaken(&failure) && attempt + 1 < ATTEMPTS => attempt += 1,
                done => return done,
            }
        }
    }

    async fn change_once(&self, by: &By, id: UserId, change: &UserChange) -> Result<Done, Failure> {
        let ((), done) = decide!(self.0, by, work => {
            let row = if change.concerns_account() {
                self.account(by, id, Permission::ChangeUser).await?
            } else {
                Self::not_narrow(by, id)?;
                self.person(by, id, Permission::ChangeUser).await?
            };
            let mut commands = self.of_account(&row, change).await?;
            commands.extend(self.of_rights(by, &row, change).await?);
            commands.extend(self.of_membership(by, &row, change.membership).await?);
            if (change.active == Some(false) && row.active) || loses_rights(&row, change, &commands) {
                commands.push(UserCommand::EndTokens);
            }
            work.handle_all::<User>(id.as_uuid(), commands).await?;
            Ok(())
        })?;
        Ok(done)
    }

    /// Closes an account for ever. An owner hands the organization over first.
    #[instrument(name = "user.remove", skip_all, fields(user.id = %id))]
    pub async fn remove(&self, by: &By, id: UserId) -> Result<Done, Failure> {
        let ((), done) = decide!(self.0, by, work => {
            self.account(by, id, Permission::DeleteUser).await?;
            work.handle::<User>(id.as_uuid(), UserCommand::Remove).await?;
            Ok(())
        })?;
        Ok(done)
    }

    /// Who somebody is.
    async fn of_account(
        &self,
        row: &UserRow,
        change: &UserChange,
    ) -> Result<Vec<UserCommand>, Failure> {
        let id = row.id;
        let mut checked = Checked::default();
        let username = change.username.as_deref().map(|name| checked.username(name));
        let email = change.email.as_deref().map(|email| checked.email("email", email));
        let phone = change.phone.as_deref().map(|phone| checked.phone(phone));
        let details = change
            .profile
            .iter()
            .map(|(field, value)| (*field, checked.detail(*field, value, self.0.world().now())))
            .collect();
        // What was stored before this was looked at may stay.
        let language = change.language.clone().filter(|new| *new != row.language);
        let language = language.map_or_else(|| row.language.clone(), |new| checked.language(&new));
        let zone = change.time_zone.clone().filter(|new| *new != row.time_zone);
        let zone = zone.map_or_else(|| row.time_zone.clone(), |new| checked.time_zone(&new));
        checked.done()?;

        let app = self.0;
        let mut commands = Vec::new();
        if let Some(username) = username.flatten() {
            let sealed = app.sealing().seal(Place::Username(id), &username).await?;
            commands.push(UserCommand::Rename(sealed));
        }
        if let Some(email) = email {
            let sealed = fields::seal(app, Place::Email(id), email.as_deref()).await?;
            commands.push(UserCommand::ChangeEmail(sealed));
            commands.extend(self.of_listed(row, email.as_deref()).await?);
        }
        if let Some(phone) = phone {
            let sealed = fields::seal(app, Place::Phone(id), phone.as_deref()).await?;
            commands.push(UserCommand::ChangePhone(sealed));
        }
        let details = fields::seal_details(app, id, details).await?;
        if !details.is_empty() {
            commands.push(UserCommand::ChangeProfile(details.into_iter().collect()));
        }
        if language != row.language || zone != row.time_zone {
            commands.push(UserCommand::ChangePreferences { language, time_zone: zone });
        }
        Ok(commands)
    }

    /// The e-mail address that the account had is listed no more in the place of the new one: mail goes to listed addresses
    /// first, and whoever reads the old mailbox may be the reason for the change.
    async fn of_listed(
        &self,
        row: &UserRow,
        email: Option<&str>,
    ) -> Result<Vec<UserCommand>, Failure> {
        let (app, id) = (self.0, row.id);
        let same = |one: &str, other: &str| app.sealing().email(one) == app.sealing().email(other);
        let before = open_some(app, Place::Email(id), row.email.as_ref()).await?;
        let Some(before) = before.filter(|before| !email.is_some_and(|new| same(new, before)))
        else {
            return Ok(Vec::new());
        };
        let mut listed = Vec::new();
        for row in accounts::addresses(app.store(), id).await? {
            listed.push(self.opened_address(row).await?);
        }
        let Some(old) = listed.iter().find(|held| same(&held.address, &before)) else {
            return Ok(Vec::new());
        };
        let new = email.and_then(|email| listed.iter().find(|held| same(&held.address, email)));
        if let (Some(email), None) = (email, new) {
            let (number, place) = (old.number, Place::ListedAddress(id, old.number));
            let address = app.sealing().seal(place, email).await?;
            return Ok(vec![UserCommand::ChangeEmailAddress { number, address }]);
        }
        let mut commands = vec![UserCommand::RemoveEmailAddress(old.number)];
        if let Some(new) = new.filter(|new| old.primary && new.verified) {
            let (number, primary) = (new.number, true);
            commands.push(UserCommand::SetPrimaryEmailAddress { number, primary });
        }
        Ok(commands)
    }

    /// What somebody may, and for how long.
    async fn of_rights(
        &self,
        by: &By,
        row: &UserRow,
        change: &UserChange,
    ) -> Result<Vec<UserCommand>, Failure> {
        let unlimited = by.authority.is_unlimited();
        let mut commands = Vec::new();
        if change.expires_on.is_some_and(|new| new != row.expires_on)
            && by.authority.is(row.id)
            && !unlimited
        {
            let rule = "is moved by somebody else, not by oneself".to_owned();
            return Err(Failure::field("expires_on", Problem::Rule(rule)));
        }
        commands.extend(change.expires_on.map(UserCommand::SetExpiry));
        let given_up = [
            ("is_active", change.active == Some(false)),
            ("is_superuser", change.superuser == Some(false) && row.superuser),
        ];
        if let Some((field, _)) = given_up.iter().find(|(_, it)| *it && by.authority.is(row.id)) {
            let rule = "cannot be taken from oneself: somebody else has to do it".to_owned();
            return Err(Failure::field(field, Problem::Rule(rule)));
        }
        commands.extend(change.active.map(UserCommand::SetActive));
        commands.extend(change.staff.map(UserCommand::SetStaff));
        if let Some(superuser) = change.superuser {
            if !unlimited {
                return Err(Failure::Forbidden);
            }
            commands.push(UserCommand::SetSuperuser(superuser));
        }
        if let Some(numbers) = &change.groups {
            let held: Vec<u32> = row.groups.iter().map(|(_, number)| *number).collect();
            if *numbers != held {
                if by.authority.is(row.id) && !unlimited {
                    return Err(Failure::Refused(Refusal::OwnPermissions));
                }
                let (groups, _) = self.groups(by, numbers).await?;
                commands.push(UserCommand::ChangeGroups(groups));
            }
        }
        if let Some(permissions) = change.permissions {
            if !unlimited {
                return Err(Failure::Forbidden);
            }
            commands.push(UserCommand::ChangePermissions(permissions));
        }
        Ok(commands)
    }

    /// The answer to a membership that may not be changed is the same as to one that cannot exist.
    pub(super) fn denied_membership(denied: domain::authority::Denied) -> Failure {
        Failure::denied(denied, MODEL)
    }
}

/// Is there anything that the account may do now and may not do afterwards? Then its tokens of before end.
fn loses_rights(row: &UserRow, change: &UserChange, commands: &[UserCommand]) -> bool {
    let loses = |command: &UserCommand| match command {
        UserCommand::ChangeGroups(groups) => {
            row.groups.iter().any(|(held, _)| !groups.contains(held))
        }
        UserCommand::ChangePermissions(permissions) => !permissions.include(row.permissions),
        UserCommand::SetManager { manager, .. } => !manager,
        _ => false,
    };
    (change.superuser == Some(false) && row.superuser)
        || (change.staff == Some(false) && row.staff)
        || commands.iter().any(loses)
}
