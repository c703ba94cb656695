use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EmailAddress, UserError, UserEvent};
use crate::{Sealed, UserId};

/// Links of one purpose to one address that are valid at a time; the oldest goes first.
const MOST: usize = 3;

/// What a mailed link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LinkPurpose {
    /// Choosing another password without knowing the present one.
    PasswordReset,
    /// Proving that one reads the mail of a listed address.
    Confirmation,
    /// Logging in without a password.
    LogIn,
}

/// A link that was mailed to an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IssuedLink {
    /// What it is for.
    pub purpose: LinkPurpose,
    /// Keyed hash of the token in the link; the token itself is not stored.
    pub token: String,
    /// Fingerprint of the address that it goes to.
    pub address: String,
    /// Refused from then on.
    pub expires_at: DateTime<Utc>,
}

/// The rules of links.
#[derive(Clone, Copy, Debug)]
pub(super) struct Links<'a> {
    pub(super) user_id: UserId,
    pub(super) held: &'a [IssuedLink],
    pub(super) email: Option<&'a Sealed>,
    pub(super) addresses: &'a [EmailAddress],
}

impl Links<'_> {
    /// Does mail to this address reach the account?
    fn reaches(self, address: &str) -> bool {
        self.email.is_some_and(|email| email.fingerprint == address)
            || self.addresses.iter().any(|held| held.address.fingerprint == address)
    }

    pub(super) fn issue(self, link: IssuedLink) -> Result<Option<UserEvent>, UserError> {
        if !self.reaches(&link.address) {
            return Err(UserError::UnknownAddress);
        }
        let user_id = self.user_id;
        let known = self.held.iter().any(|held| held.token == link.token);
        Ok((!known).then_some(UserEvent::LinkIssued { user_id, link }))
    }

    /// A link works once, until it expires, and as long as the address is the account's; for one that confirms, as long as it
    /// is listed.
    pub(super) fn use_up(
        self,
        purpose: LinkPurpose,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<Vec<UserEvent>, UserError> {
        let fits = |held: &&IssuedLink| held.purpose == purpose && held.token == token;
        let link = self.held.iter().find(fits).ok_or(UserError::InvalidLink)?;
        if now >= link.expires_at || !self.reaches(&link.address) {
            return Err(UserError::InvalidLink);
        }
        let (user_id, token) = (self.user_id, token.to_owned());
        let mut events = vec![UserEvent::LinkUsed { user_id, purpose, token }];
        if purpose == LinkPurpose::Confirmation {
            let of = |held: &&EmailAddress| held.address.fingerprint == link.address;
            let listed = self.addresses.iter().find(of).ok_or(UserError::InvalidLink)?;
            let number = listed.number;
            let verified = UserEvent::EmailAddressVerified { user_id, number };
            events.extend((!listed.verified).then_some(verified));
        }
        Ok(events)
    }
}

/// Keeps a link, and no more than a few of its kind.
pub(super) fn keep(held: &mut Vec<IssuedLink>, link: IssuedLink) {
    let same = |held: &IssuedLink| held.purpose == link.purpose && held.address == link.address;
    if held.iter().filter(|held| same(held)).count() >= MOST
        && let Some(oldest) = held.iter().position(same)
    {
        held.remove(oldest);
    }
    held.push(link);
}
