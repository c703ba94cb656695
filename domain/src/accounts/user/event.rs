use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{EmailAddress, IssuedLink, LinkPurpose, Membership, Profile, ProfileField};
use crate::{
    Claim, ClaimChange, Fact, OrganizationId, PermissionGroupId, Permissions, Sealed, TokenId,
    UserId,
    authority::{Role, TokenScope},
    fact::stored_as,
    kind,
};

/// What has happened to an account. Personal data is sealed under the person's own key, so that it can be erased. Stored for
/// ever: variants and fields are only ever added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UserEvent {
    /// The account exists from here on.
    Created(Box<UserCreated>),
    /// It is called by another name.
    Renamed {
        /// The account.
        user_id: UserId,
        /// Fingerprint of the name before.
        from: String,
        /// From here on.
        username: Sealed,
    },
    /// Mail goes to another address.
    EmailChanged {
        /// The account.
        user_id: UserId,
        /// Fingerprint of the address before.
        from: Option<String>,
        /// From here on.
        email: Option<Sealed>,
        /// Is the address before still listed?
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        listed: bool,
    },
    /// It has another phone number.
    PhoneChanged {
        /// The account.
        user_id: UserId,
        /// Fingerprint of the number before.
        from: Option<String>,
        /// From here on.
        phone: Option<Sealed>,
    },
    /// Personal details were changed.
    ProfileChanged {
        /// The account.
        user_id: UserId,
        /// Those that were, from here on; none was taken away.
        profile: BTreeMap<ProfileField, Option<Sealed>>,
    },
    /// It is spoken to differently.
    PreferencesChanged {
        /// The account.
        user_id: UserId,
        /// A language tag; empty is the installation's.
        language: String,
        /// A name of the time zone database; empty is the installation's.
        time_zone: String,
    },
    /// It is refused after another day.
    ExpiryChanged {
        /// The account.
        user_id: UserId,
        /// The last day.
        expires_on: Option<NaiveDate>,
    },
    /// It may use the administration, or may not any more.
    StaffChanged {
        /// The account.
        user_id: UserId,
        /// May it?
        staff: bool,
    },
    /// It may do everything, or may not any more.
    SuperuserChanged {
        /// The account.
        user_id: UserId,
        /// May it?
        superuser: bool,
    },
    /// It is in other permission groups.
    GroupsChanged {
        /// The account.
        user_id: UserId,
        /// Before.
        from: Vec<PermissionGroupId>,
        /// From here on.
        to: Vec<PermissionGroupId>,
    },
    /// It holds other permissions beside those of its groups.
    PermissionsChanged {
        /// The account.
        user_id: UserId,
        /// Before.
        from: Permissions,
        /// From here on.
        to: Permissions,
    },
    /// Another password is valid.
    PasswordChanged {
        /// The account.
        user_id: UserId,
        /// A hash, sealed: an Argon2 one (PHC string), or one that another system made.
        password: Sealed,
    },
    /// The same password is kept under another hash.
    PasswordRehashed {
        /// The account.
        user_id: UserId,
        /// An Argon2 hash (PHC string), sealed.
        password: Sealed,
    },
    /// A bearer token is valid from here on.
    TokenIssued {
        /// The account.
        user_id: UserId,
        /// Keyed hash of the token; the token itself is not stored.
        token: String,
    },
    /// A bearer token is not valid any more.
    TokenRevoked {
        /// The account.
        user_id: UserId,
        /// Keyed hash of the token.
        token: String,
    },
    /// A bearer token for a purpose is valid from here on.
    NamedTokenIssued {
        /// The account.
        user_id: UserId,
        /// What it is revoked by.
        token_id: TokenId,
        /// What it is for.
        name: Sealed,
        /// Keyed hash of the token; the token itself is not stored.
        token: String,
        /// How far it goes.
        #[serde(default)]
        scope: TokenScope,
        /// It is refused from then on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at: Option<DateTime<Utc>>,
    },
    /// A bearer token for a purpose is not valid any more.
    NamedTokenRevoked {
        /// The account.
        user_id: UserId,
        /// Which.
        token_id: TokenId,
        /// Keyed hash of the token.
        token: String,
    },
    /// The bearer tokens of log-ins are not valid any more, and perhaps others; the account gets another one when it asks.
    TokensEnded {
        /// The account.
        user_id: UserId,
        /// How often this has happened.
        epoch: u32,
        /// Keyed hashes of those that end.
        tokens: Vec<String>,
    },
    /// The account works again.
    Enabled {
        /// The account.
        user_id: UserId,
    },
    /// The account and its tokens are refused.
    Disabled {
        /// The account.
        user_id: UserId,
    },
    /// It belongs to an organization.
    MembershipAdded {
        /// The account.
        user_id: UserId,
        /// How.
        membership: Membership,
    },
    /// It manages an organization, or only belongs to it.
    MembershipChanged {
        /// The account.
        user_id: UserId,
        /// Which.
        organization_id: OrganizationId,
        /// Manages it?
        manager: bool,
    },
    /// It does not belong to an organization any more.
    MembershipRemoved {
        /// The account.
        user_id: UserId,
        /// Which.
        organization_id: OrganizationId,
    },
    /// It owns an organization.
    OwnershipTaken {
        /// The account.
        user_id: UserId,
        /// Which.
        organization_id: OrganizationId,
    },
    /// It does not own an organization any more.
    OwnershipGivenUp {
        /// The account.
        user_id: UserId,
        /// Which.
        organization_id: OrganizationId,
    },
    /// It listed an address.
    EmailAddressAdded {
        /// The account.
        user_id: UserId,
        /// Which.
        address: EmailAddress,
    },
    /// A listed address is spelt differently, and not verified.
    EmailAddressChanged {
        /// The account.
        user_id: UserId,
        /// Which.
        number: u32,
        /// Fingerprint of the address before.
        from: String,
        /// From here on.
        address: Sealed,
        /// Does the account's mail still go to the address before?
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        main: bool,
    },
    /// Somebody opened the link that was sent to a listed address.
    EmailAddressVerified {
        /// The account.
        user_id: UserId,
        /// Which.
        number: u32,
    },
    /// Another listed address is the primary one.
    PrimaryEmailAddressChanged {
        /// The account.
        user_id: UserId,
        /// Which; none any more.
        number: Option<u32>,
    },
    /// An address is not listed any more.
    EmailAddressRemoved {
        /// The account.
        user_id: UserId,
        /// Which.
        number: u32,
        /// Its fingerprint.
        from: String,
        /// Does the account's mail still go there?
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        main: bool,
    },
    /// A link was mailed to one of its addresses.
    LinkIssued {
        /// The account.
        user_id: UserId,
        /// Which.
        link: IssuedLink,
    },
    /// Somebody opened a link; it does not work a second time.
    LinkUsed {
        /// The account.
        user_id: UserId,
        /// What for.
        purpose: LinkPurpose,
        /// Keyed hash of the token in the link.
        token: String,
    },
    /// The account does not exist any more.
    Removed {
        /// The account.
        user_id: UserId,
    },
    /// The person was erased: nothing of them can be read any more, here and in the events before.
    Erased {
        /// The account.
        user_id: UserId,
        /// The highest number that a listed address had by then: numbers are never given again, also when the events that
        /// gave them are gone.
        last_address_number: u32,
    },
}

stored_as! { UserEvent:
    Created => "user.created",
    Renamed => "user.renamed",
    EmailChanged => "user.email_changed",
    PhoneChanged => "user.phone_changed",
    ProfileChanged => "user.profile_changed",
    PreferencesChanged => "user.preferences_changed",
    ExpiryChanged => "user.expiry_changed",
    StaffChanged => "user.staff_changed",
    SuperuserChanged => "user.superuser_changed",
    GroupsChanged => "user.groups_changed",
    PermissionsChanged => "user.permissions_changed",
    PasswordChanged => "user.password_changed",
    PasswordRehashed => "user.password_rehashed",
    TokenIssued => "user.token_issued",
    TokenRevoked => "user.token_revoked",
    NamedTokenIssued => "user.named_token_issued",
    NamedTokenRevoked => "user.named_token_revoked",
    TokensEnded => "user.tokens_ended",
    Enabled => "user.enabled",
    Disabled => "user.disabled",
    MembershipAdded => "user.membership_added",
    MembershipChanged => "user.membership_changed",
    MembershipRemoved => "user.membership_removed",
    OwnershipTaken => "user.ownership_taken",
    OwnershipGivenUp => "user.ownership_given_up",
    EmailAddressAdded => "user.email_address_added",
    EmailAddressChanged => "user.email_address_changed",
    EmailAddressVerified => "user.email_address_verified",
    PrimaryEmailAddressChanged => "user.primary_email_address_changed",
    EmailAddressRemoved => "user.email_address_removed",
    LinkIssued => "user.link_issued",
    LinkUsed => "user.link_used",
    Removed => "user.removed",
    Erased => "user.erased",
}

/// Payload of [`UserEvent::Created`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserCreated {
    /// Same as the stream's id.
    pub user_id: UserId,
    /// What they log in with; case-sensitive.
    pub username: Sealed,
    /// Where mail goes, and another way to log in; lower case in the fingerprint.
    pub email: Option<Sealed>,
    /// An Argon2 hash (PHC string), sealed; none cannot log in with a password.
    pub password: Option<Sealed>,
    /// May do everything.
    pub superuser: bool,
    /// May use the administration.
    pub staff: bool,
    /// Permission groups of accounts from before those could be changed.
    pub roles: Vec<Role>,
    /// Organizations.
    pub memberships: Vec<Membership>,
    /// Permission groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<PermissionGroupId>,
    /// Permissions beside those of the groups.
    #[serde(default, skip_serializing_if = "Permissions::is_empty")]
    pub permissions: Permissions,
    /// In international spelling (E.164), another way to log in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Sealed>,
    /// Personal details.
    #[serde(default, skip_serializing_if = "Profile::is_empty")]
    pub profile: Profile,
    /// A language tag; empty is the installation's.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub language: String,
    /// A name of the time zone database; empty is the installation's.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub time_zone: String,
    /// The last day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_on: Option<NaiveDate>,
    /// Listed addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<EmailAddress>,
    /// Is it refused from the start?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
    /// Since when they have the password; none is since the account is here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_since: Option<DateTime<Utc>>,
}

impl UserCreated {
    /// All permission groups.
    pub fn all_groups(&self) -> Vec<PermissionGroupId> {
        let mut groups: Vec<_> = self.roles.iter().map(|role| role.group()).collect();
        groups.extend(&self.groups);
        groups
    }
}

impl Fact for UserEvent {
    const TYPES: &'static [&'static str] = Self::STORED;

    fn claims(&self, _: Uuid) -> Vec<ClaimChange> {
        match self {
            Self::Created(created) => created.claims(),
            Self::Renamed { from, username, .. } => {
                exchange(kind::USER_NAME, Some(from), Some(username))
            }
            Self::EmailChanged { from, email, listed, .. } => {
                let given_up = from.as_ref().filter(|_| !listed);
                let mut changes = exchange(kind::USER_EMAIL, from.as_ref(), email.as_ref());
                changes.extend(exchange(kind::USER_EMAIL_ADDRESS, given_up, email.as_ref()));
                changes
            }
            Self::PhoneChanged { from, phone, .. } => {
                exchange(kind::USER_PHONE, from.as_ref(), phone.as_ref())
            }
            Self::TokenIssued { token: issued, .. }
            | Self::NamedTokenIssued { token: issued, .. } => {
                vec![ClaimChange::Take(token(issued))]
            }
            Self::TokenRevoked { token: revoked, .. }
            | Self::NamedTokenRevoked { token: revoked, .. } => {
                vec![ClaimChange::Release(token(revoked))]
            }
            Self::TokensEnded { tokens, .. } => {
                tokens.iter().map(|ended| ClaimChange::Release(token(ended))).collect()
            }
            Self::MembershipAdded { membership, .. } => {
                let owned = membership.owner.then(|| owner(membership.organization_id));
                owned.map(ClaimChange::Take).into_iter().collect()
            }
            Self::OwnershipTaken { organization_id, .. } => {
                vec![ClaimChange::Take(owner(*organization_id))]
            }
            Self::OwnershipGivenUp { organization_id, .. } => {
                vec![ClaimChange::Release(owner(*organization_id))]
            }
            Self::EmailAddressAdded { address, .. } => address.claims().into(),
            Self::EmailAddressChanged { from, address, main, .. } => {
                let given_up = Some(from).filter(|_| !main);
                exchange(kind::USER_EMAIL_ADDRESS, given_up, Some(address))
            }
            Self::EmailAddressRemoved { from, main, .. } => {
                exchange(kind::USER_EMAIL_ADDRESS, Some(from).filter(|_| !main), None)
            }
            Self::Removed { .. } | Self::Erased { .. } => vec![ClaimChange::ReleaseAll],
            Self::ProfileChanged { .. }
            | Self::PreferencesChanged { .. }
            | Self::ExpiryChanged { .. }
            | Self::StaffChanged { .. }
            | Self::SuperuserChanged { .. }
            | Self::GroupsChanged { .. }
            | Self::PermissionsChanged { .. }
            | Self::PasswordChanged { .. }
            | Self::PasswordRehashed { .. }
            | Self::Enabled { .. }
            | Self::Disabled { .. }
            | Self::MembershipChanged { .. }
            | Self::MembershipRemoved { .. }
            | Self::EmailAddressVerified { .. }
            | Self::PrimaryEmailAddressChanged { .. }
            | Self::LinkIssued { .. }
            | Self::LinkUsed { .. } => Vec::new(),
        }
    }

    /// Accounts belong to the installation, their memberships to the organizations.
    fn organization(&self) -> Option<OrganizationId> {
        match self {
            Self::MembershipAdded { membership, .. } => Some(membership.organization_id),
            Self::MembershipChanged { organization_id, .. }
            | Self::MembershipRemoved { organization_id, .. }
            | Self::OwnershipTaken { organization_id, .. }
            | Self::OwnershipGivenUp { organization_id, .. } => Some(*organization_id),
            _ => None,
        }
    }
}

impl UserCreated {
    fn claims(&self) -> Vec<ClaimChange> {
        let sealed = |kind, value: &Sealed| Claim::new(kind, None, &*value.fingerprint);
        let mut taken = vec![sealed(kind::USER_NAME, &self.username)];
        for kind in [kind::USER_EMAIL, kind::USER_EMAIL_ADDRESS] {
            taken.extend(self.email.as_ref().map(|email| sealed(kind, email)));
        }
        taken.extend(self.phone.as_ref().map(|phone| sealed(kind::USER_PHONE, phone)));
        let owned = self.memberships.iter().filter(|membership| membership.owner);
        taken.extend(owned.map(|membership| owner(membership.organization_id)));
        let mut taken: Vec<ClaimChange> = taken.into_iter().map(ClaimChange::Take).collect();
        for claim in self.addresses.iter().flat_map(EmailAddress::claims) {
            // Its own address may be listed, too.
            if !taken.contains(&claim) {
                taken.push(claim);
            }
        }
        taken
    }
}

impl EmailAddress {
    fn claims(&self) -> [ClaimChange; 2] {
        let address = Claim::new(kind::USER_EMAIL_ADDRESS, None, &*self.address.fingerprint);
        let number = Claim::new(kind::USER_EMAIL_ADDRESS_NUMBER, None, self.number.to_string());
        [ClaimChange::Take(address), ClaimChange::Take(number)]
    }
}

fn token(token: &str) -> Claim {
    Claim::new(kind::USER_TOKEN, None, token)
}

fn owner(organization: OrganizationId) -> Claim {
    Claim::new(kind::ORGANIZATION_OWNER, Some(organization.as_uuid()), "owner")
}

fn exchange(kind: &'static str, from: Option<&String>, to: Option<&Sealed>) -> Vec<ClaimChange> {
    let from = from.map(|from| ClaimChange::Release(Claim::new(kind, None, from)));
    let to = to.map(|to| ClaimChange::Take(Claim::new(kind, None, &*to.fingerprint)));
    from.into_iter().chain(to).collect()
}
