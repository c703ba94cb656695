use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{UserError, UserEvent};
use crate::{FieldError, Problem, Sealed, UserId};

/// Most addresses of an account.
const MOST: usize = 20;

/// One of the addresses that an account listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EmailAddress {
    /// What REST calls it by; given once and never again.
    pub number: u32,
    /// Sealed for the person; lower case in the fingerprint.
    pub address: Sealed,
    /// Did somebody open the link that was sent there?
    pub verified: bool,
    /// The one that mail goes to; at most one of an account's.
    pub primary: bool,
}

/// The rules of addresses.
#[derive(Clone, Copy, Debug)]
pub(super) struct Addresses<'a> {
    pub(super) user_id: UserId,
    pub(super) held: &'a [EmailAddress],
    /// The account's own, which may be listed, too.
    pub(super) main: Option<&'a Sealed>,
}

impl<'a> Addresses<'a> {
    fn of(self, number: u32) -> Result<&'a EmailAddress, UserError> {
        self.held.iter().find(|held| held.number == number).ok_or(UserError::UnknownAddress)
    }

    pub(super) fn add(self, new: EmailAddress) -> Result<Option<UserEvent>, UserError> {
        let user_id = self.user_id;
        let same = |held: &&EmailAddress| held.number == new.number || held.address == new.address;
        match self.held.iter().find(same) {
            Some(held) if held.number == new.number && held.address == new.address => {
                return Ok(None);
            }
            Some(_) => return Err(UserError::AddressListed),
            None => {}
        }
        if self.held.len() >= MOST {
            return Err(UserError::TooManyAddresses);
        }
        // The first address of an account may be its primary one before anybody looked at its mail.
        if new.primary && !new.verified && !self.held.is_empty() {
            return Err(unverified());
        }
        Ok(Some(UserEvent::EmailAddressAdded { user_id, address: new }))
    }

    pub(super) fn change(
        self,
        number: u32,
        address: Sealed,
    ) -> Result<Option<UserEvent>, UserError> {
        let held = self.of(number)?;
        if self.held.iter().any(|other| other.number != number && other.address == address) {
            return Err(UserError::AddressListed);
        }
        let (user_id, from) = (self.user_id, held.address.fingerprint.clone());
        let main = self.main == Some(&held.address);
        Ok((held.address != address).then_some(UserEvent::EmailAddressChanged {
            user_id,
            number,
            from,
            address,
            main,
        }))
    }

    pub(super) fn verify(self, number: u32) -> Result<Option<UserEvent>, UserError> {
        let held = self.of(number)?;
        let user_id = self.user_id;
        Ok((!held.verified).then_some(UserEvent::EmailAddressVerified { user_id, number }))
    }

    pub(super) fn set_primary(
        self,
        number: u32,
        primary: bool,
    ) -> Result<Option<UserEvent>, UserError> {
        let held = self.of(number)?;
        if held.primary == primary {
            return Ok(None);
        }
        if primary && !held.verified {
            return Err(unverified());
        }
        let number = primary.then_some(number);
        Ok(Some(UserEvent::PrimaryEmailAddressChanged { user_id: self.user_id, number }))
    }

    pub(super) fn remove(self, number: u32) -> Option<UserEvent> {
        let held = self.of(number).ok()?;
        let (user_id, from) = (self.user_id, held.address.fingerprint.clone());
        let main = self.main == Some(&held.address);
        Some(UserEvent::EmailAddressRemoved { user_id, number, from, main })
    }
}

fn unverified() -> UserError {
    let problem = Problem::Rule("can only be set for a verified address".to_owned());
    FieldError::new("primary", problem).into()
}
