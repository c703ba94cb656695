//! Changing passwords, one's own and those of others.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    Permission, Sealed, UserId,
    accounts::{LogInMethod, LogInOutcome, User, UserCommand},
};
use projections::accounts::{self, UserRow};
use secrecy::{ExposeSecret as _, SecretString};
use tracing::instrument;

use super::{
    Accounts, MODEL, account,
    password::{self, Verified},
};
use crate::{By, Done, Failure, Refusal, sealing::Place, work::decide};

impl Accounts<'_> {
    /// Lets another password be valid and ends all tokens. Of oneself the present one is asked, always; of others it is not,
    /// and they are those who belong to no organization that the actor does not manage. `field` is what the caller knows the
    /// new one by.
    #[instrument(name = "user.change_password", skip_all, fields(user.id = %id))]
    pub async fn change_password(
        &self,
        by: &By,
        id: UserId,
        current: Option<SecretString>,
        new: SecretString,
        field: &'static str,
    ) -> Result<Done, Failure> {
        let oneself = by.authority.is(id);
        Self::not_narrow(by, id)?;
        let row = if oneself {
            accounts::by_id(self.0.store(), id).await?.ok_or(Failure::NotFound(MODEL))?
        } else {
            self.account(by, id, Permission::ChangeUser).await?
        };
        if oneself {
            // Counted together with those who try to log in.
            let tried = self.admit(Some(id), "", by.peer, LogInMethod::PasswordChange).await?;
            let given = current.as_ref().map_or("", |current| current.expose_secret());
            if !self.fits(&row, given).await? {
                self.note(tried, LogInOutcome::WrongPassword).await?;
                return Err(Failure::Refused(Refusal::WrongPassword));
            }
        }
        self.set_password(by, &row, new, field).await
    }

    /// Refuses all tokens of an account from here on, those for a purpose too: one's own, and those of accounts that the actor
    /// may change as a whole.
    #[instrument(name = "user.revoke_tokens", skip_all, fields(user.id = %id))]
    pub async fn revoke_tokens(&self, by: &By, id: UserId) -> Result<Done, Failure> {
        let ((), done) = decide!(self.0, by, work => {
            if by.authority.is(id) {
                Self::not_narrow(by, id)?;
            } else {
                self.account(by, id, Permission::ChangeUser).await?;
            }
            work.handle::<User>(id.as_uuid(), UserCommand::EndAllTokens).await?;
            Ok(())
        })?;
        Ok(done)
    }

    /// The hash of an account's password, for people on the machine who take accounts elsewhere.
    pub async fn password_hash(
        &self,
        by: &By,
        id: UserId,
    ) -> Result<Option<SecretString>, Failure> {
        if !matches!(by.authority.actor, domain::Actor::Local(_)) || !by.authority.is_unlimited() {
            return Err(Failure::Forbidden);
        }
        let row = accounts::by_id(self.0.store(), id).await?.ok_or(Failure::NotFound(MODEL))?;
        match &row.password {
            Some(sealed) => self.0.sealing().open(Place::Password(id), sealed).await.map(Some),
            None => Ok(None),
        }
    }

    /// Checks the new password, keeps it and ends all tokens.
    pub(super) async fn set_password(
        &self,
        by: &By,
        row: &UserRow,
        new: SecretString,
        field: &'static str,
    ) -> Result<Done, Failure> {
        let id = row.id;
        let sealed = self.chosen_password(by, row, new, field).await?;
        let (_, done) = decide!(self.0, by, work => {
            let commands = vec![UserCommand::ChangePassword(sealed.clone()), UserCommand::EndTokens];
            work.handle_all::<User>(id.as_uuid(), commands).await
        })?;
        Ok(done)
    }

    /// The hash of a password that may take the place of the account's present one, sealed.
    pub(super) async fn chosen_password(
        &self,
        by: &By,
        row: &UserRow,
        new: SecretString,
        field: &'static str,
    ) -> Result<Sealed, Failure> {
        let id = row.id;
        let username = account::open(self.0, Place::Username(id), &row.username).await?;
        let email = account::open_some(self.0, Place::Email(id), row.email.as_ref()).await?;
        let names = [Some(username.as_str()), email.as_deref()];
        let shortest = self.shortest_password(by);
        if let Some(problem) = password::problem(field, &new, shortest, names) {
            return Err(Failure::Invalid(vec![problem]));
        }
        if self.fits(row, new.expose_secret()).await? {
            return Err(Failure::Refused(Refusal::SamePassword));
        }
        if self.was_theirs(id, new.expose_secret()).await? {
            return Err(Failure::Refused(Refusal::FormerPassword));
        }
        let hash = password::hash(self.0, new).await?;
        self.0.sealing().seal(Place::Password(id), hash.expose_secret()).await
    }

    /// Is it the account's password? Accounts without one have none that fits.
    async fn fits(&self, row: &UserRow, given: &str) -> Result<bool, Failure> {
        Ok(self.verify(row, given).await? != Verified::No)
    }

    async fn verify(&self, row: &UserRow, given: &str) -> Result<Verified, Failure> {
        let hash = match &row.password {
            Some(sealed) => Some(self.0.sealing().open(Place::Password(row.id), sealed).await?),
            None => None,
        };
        password::verify(self.0, given, hash).await
    }

    /// Keeps the password that just fitted under a hash of ours, unless another one was chosen meanwhile.
    pub(super) async fn rehash(&self, row: &UserRow, given: &str) -> Result<(), Failure> {
        let id = row.id;
        let hash = password::hash(self.0, given.to_owned().into()).await?;
        let sealed = self.0.sealing().seal(Place::Password(id), hash.expose_secret()).await?;
        let by = By::new(super::authority(row), None);
        decide!(self.0, &by, work => {
            work.open::<User>(id.as_uuid()).await?;
            let now = accounts::by_id(self.0.store(), id).await?;
            if now.is_some_and(|now| now.password == row.password) {
                work.handle::<User>(id.as_uuid(), UserCommand::RehashPassword(sealed.clone())).await?;
            }
            Ok(())
        })?;
        Ok(())
    }

    /// Is the password older than passwords of such accounts may get?
    pub(super) fn password_expired(&self, row: &UserRow) -> bool {
        self.password_expires_at(row).is_some_and(|expires_at| self.0.world().now() >= expires_at)
    }

    /// In how many days, begun ones included, the password expires; none where it does not, or has.
    pub(crate) fn password_expires_in(&self, row: &UserRow) -> Option<i64> {
        let left = self.password_expires_at(row)? - self.0.world().now();
        (left > TimeDelta::zero()).then(|| (left - TimeDelta::microseconds(1)).num_days() + 1)
    }

    /// When the password gets too old; none where passwords of such accounts do not.
    pub(super) fn password_expires_at(&self, row: &UserRow) -> Option<DateTime<Utc>> {
        let settings = &self.0.settings().accounts;
        let days = if row.staff { settings.staff_password_days } else { settings.password_days };
        let since = row.password_at.filter(|_| row.password.is_some() && days > 0)?;
        since.checked_add_signed(TimeDelta::days(days.into()))
    }
}
