//! Listed e-mail addresses.

use domain::{
    Permission, Problem, UserId,
    accounts::{EmailAddress, User, UserCommand},
    kind,
};
use projections::accounts;
use tracing::instrument;

use super::{Accounts, Address, create::overtaken, fields};
use crate::{
    By, Done, Failure, TakenValue,
    sealing::Place,
    work::{ATTEMPTS, decide},
};

pub(super) const ADDRESS: &str = "EmailAddress";

/// New values for some of a listed address; what is left out stays.
#[derive(Clone, Copy, Debug, Default)]
pub struct AddressChange<'a> {
    /// Spelt differently.
    pub address: Option<&'a str>,
    /// Is it the one that mail goes to?
    pub primary: Option<bool>,
    /// Somebody answers for it being the person's; it cannot be taken back.
    pub verified: Option<bool>,
}

/// Whoever doubts an address removes it.
const STAYS_VERIFIED: &str = "cannot be taken back: remove the address instead";

impl Accounts<'_> {
    /// All addresses of an account, in the order in which they were listed.
    pub async fn addresses(&self, by: &By, id: UserId) -> Result<Vec<Address>, Failure> {
        self.person(by, id, Permission::ViewEmailAddress).await?;
        let mut opened = Vec::new();
        for row in accounts::addresses(self.0.store(), id).await? {
            opened.push(self.opened_address(row).await?);
        }
        Ok(opened)
    }

    /// One address of an account.
    pub async fn address(&self, by: &By, id: UserId, number: u32) -> Result<Address, Failure> {
        self.person(by, id, Permission::ViewEmailAddress).await?;
        let row = accounts::address(self.0.store(), id, number).await?;
        self.opened_address(row.ok_or(Failure::NotFound(ADDRESS))?).await
    }

    /// Lists a further address, which is not verified. Answers its number, too.
    #[instrument(name = "user.add_address", skip_all, fields(user.id = %id))]
    pub async fn add_address(
        &self,
        by: &By,
        id: UserId,
        address: &str,
        primary: bool,
    ) -> Result<(u32, Done), Failure> {
        self.account(by, id, Permission::AddEmailAddress).await?;
        let address =
            fields::address(address).map_err(|problem| Failure::field("email", problem))?;
        let mut attempt = 0;
        loop {
            let number = self.next_address_number().await?;
            let sealed = self.0.sealing().seal(Place::ListedAddress(id, number), &address).await?;
            let done = decide!(self.0, by, work => {
                self.account(by, id, Permission::AddEmailAddress).await?;
                self.free(id, &address).await?;
                let listed =
                    EmailAddress { number, address: sealed.clone(), verified: false, primary };
                work.handle::<User>(id.as_uuid(), UserCommand::AddEmailAddress(listed)).await
            });
            match done {
                Err(failure) if overtaken(&failure) && attempt + 1 < ATTEMPTS => attempt += 1,
                done => return Ok((number, done?.1)),
            }
        }
    }

    /// Spells a listed address differently, says that it is verified without a link, or lets it be the one that mail goes to, or
    /// not. A changed address is not verified unless the same change says so. Of one's own addresses only superusers
    /// say it: everybody else opens the link.
    #[instrument(name = "user.change_address", skip_all, fields(user.id = %id))]
    pub async fn change_address(
        &self,
        by: &By,
        id: UserId,
        number: u32,
        change: AddressChange<'_>,
    ) -> Result<Done, Failure> {
        let ((), done) = decide!(self.0, by, work => {
            self.account(by, id, Permission::ChangeEmailAddress).await?;
            self.listed(id, number).await?;
            let mut commands = Vec::new();
            match change.verified {
                Some(true) if by.authority.is(id) && !by.authority.is_unlimited() => {
                    return Err(Failure::Forbidden);
                }
                Some(false) => return Err(Failure::field("verified", Problem::Rule(STAYS_VERIFIED.to_owned()))),
                _ => {}
            }
            if let Some(address) = change.address {
                let address =
                    fields::address(address).map_err(|problem| Failure::field("email", problem))?;
                self.free(id, &address).await?;
                let place = Place::ListedAddress(id, number);
                let address = self.0.sealing().seal(place, &address).await?;
                commands.push(UserCommand::ChangeEmailAddress { number, address });
            }
            if change.verified == Some(true) {
                commands.push(UserCommand::VerifyEmailAddress(number));
            }
            let primary = change.primary.map(|primary| UserCommand::SetPrimaryEmailAddress { number, primary });
            commands.extend(primary);
            work.handle_all::<User>(id.as_uuid(), commands).await?;
            Ok(())
        })?;
        Ok(done)
    }

    /// Lists an address no more.
    #[instrument(name = "user.remove_address", skip_all, fields(user.id = %id))]
    pub async fn remove_address(&self, by: &By, id: UserId, number: u32) -> Result<Done, Failure> {
        let ((), done) = decide!(self.0, by, work => {
            self.account(by, id, Permission::DeleteEmailAddress).await?;
            self.listed(id, number).await?;
            work.handle::<User>(id.as_uuid(), UserCommand::RemoveEmailAddress(number)).await?;
            Ok(())
        })?;
        Ok(done)
    }

    /// Nobody lists what somebody else logs in with; accounts that were opened before that was claimed hold it, too.
    async fn free(&self, id: UserId, address: &str) -> Result<(), Failure> {
        let value = self.0.sealing().email(address);
        let holder = accounts::by_login(self.0.store(), &[], Some(&value), &[]).await?;
        if holder.is_none_or(|holder| holder.id == id) {
            return Ok(());
        }
        let kind = kind::USER_EMAIL_ADDRESS.to_owned();
        Err(Failure::Taken(vec![TakenValue { kind, value }]))
    }

    async fn listed(&self, id: UserId, number: u32) -> Result<(), Failure> {
        let row = accounts::address(self.0.store(), id, number).await?;
        row.map(drop).ok_or(Failure::NotFound(ADDRESS))
    }
}
