use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};

use super::{EmailAddress, IssuedLink, LinkPurpose, Membership, NamedToken, Profile, ProfileField};
use crate::{OrganizationId, PermissionGroupId, Permissions, Sealed, TokenId, UserId};

/// What can be asked of an account.
#[derive(Clone, Debug, PartialEq)]
pub enum UserCommand {
    /// Open an account.
    Create(Box<CreateUser>),
    /// Let it be called by another name.
    Rename(Sealed),
    /// Write to another address, or to none.
    ChangeEmail(Option<Sealed>),
    /// Call another phone number, or none.
    ChangePhone(Option<Sealed>),
    /// Keep other personal details; none takes one away.
    ChangeProfile(BTreeMap<ProfileField, Option<Sealed>>),
    /// Speak another language, in another time zone.
    ChangePreferences {
        /// A language tag such as `de`, at most 16 characters; empty is the installation's.
        language: String,
        /// A name of the time zone database such as `Europe/Vienna`, at most 64 characters; empty is the installation's.
        time_zone: String,
    },
    /// Refuse it after this day, or never.
    SetExpiry(Option<NaiveDate>),
    /// Let it use the administration, or not.
    SetStaff(bool),
    /// Let it do everything, or not.
    SetSuperuser(bool),
    /// Let it be in these permission groups and no others.
    ChangeGroups(Vec<PermissionGroupId>),
    /// Let it hold these permissions beside those of its groups.
    ChangePermissions(Permissions),
    /// Let another password be valid: an Argon2 hash, sealed.
    ChangePassword(Sealed),
    /// Keep the same password under a better hash.
    RehashPassword(Sealed),
    /// Let a bearer token be valid: its keyed hash.
    IssueToken(String),
    /// Refuse a bearer token from here on: its keyed hash.
    RevokeToken(String),
    /// Let a bearer token for a purpose be valid.
    IssueNamedToken(Box<NamedToken>),
    /// Refuse a bearer token for a purpose from here on.
    RevokeNamedToken(TokenId),
    /// Refuse the bearer tokens of log-ins from here on.
    EndTokens,
    /// Refuse all bearer tokens from here on, those for a purpose too.
    EndAllTokens,
    /// Let the account work, or refuse it.
    SetActive(bool),
    /// Belong to an organization; for one that it belongs to, manage it or not.
    Join(Membership),
    /// Manage an organization, or only belong to it.
    SetManager {
        /// Which.
        organization_id: OrganizationId,
        /// Manage it?
        manager: bool,
    },
    /// Do not belong to an organization any more.
    Leave(OrganizationId),
    /// Own an organization, which has no other owner.
    TakeOwnership(OrganizationId),
    /// Do not own an organization any more.
    GiveUpOwnership(OrganizationId),
    /// List a further address.
    AddEmailAddress(EmailAddress),
    /// Spell a listed address differently; it is not verified then.
    ChangeEmailAddress {
        /// Which.
        number: u32,
        /// From here on.
        address: Sealed,
    },
    /// Somebody opened the link that was sent to a listed address.
    VerifyEmailAddress(u32),
    /// Let a listed address be the one that mail goes to, in place of any other, or not.
    SetPrimaryEmailAddress {
        /// Which.
        number: u32,
        /// Is it?
        primary: bool,
    },
    /// List an address no more.
    RemoveEmailAddress(u32),
    /// A link is on its way to one of the account's addresses.
    IssueLink(IssuedLink),
    /// Somebody opened a link; it does not work a second time.
    UseLink {
        /// What for.
        purpose: LinkPurpose,
        /// Keyed hash of the token in the link.
        token: String,
        /// The present.
        now: DateTime<Utc>,
    },
    /// Close the account for ever.
    Remove,
    /// Erase the person, whose account may be closed already.
    Erase {
        /// The account.
        user_id: UserId,
        /// The highest number that a listed address has.
        last_address_number: u32,
    },
}

/// The facts of a new account.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateUser {
    /// Chosen by the caller.
    pub id: UserId,
    /// What they log in with.
    pub username: Sealed,
    /// Where mail goes.
    pub email: Option<Sealed>,
    /// In international spelling.
    pub phone: Option<Sealed>,
    /// An Argon2 hash, sealed.
    pub password: Option<Sealed>,
    /// Since when they have it, where that was before.
    pub password_since: Option<DateTime<Utc>>,
    /// May do everything.
    pub superuser: bool,
    /// May use the administration.
    pub staff: bool,
    /// Does it work?
    pub active: bool,
    /// Permission groups.
    pub groups: Vec<PermissionGroupId>,
    /// Permissions beside those of the groups.
    pub permissions: Permissions,
    /// Organizations.
    pub memberships: Vec<Membership>,
    /// Personal details.
    pub profile: Profile,
    /// A language tag; empty is the installation's.
    pub language: String,
    /// A name of the time zone database; empty is the installation's.
    pub time_zone: String,
    /// The last day.
    pub expires_on: Option<NaiveDate>,
    /// Listed addresses.
    pub addresses: Vec<EmailAddress>,
}
