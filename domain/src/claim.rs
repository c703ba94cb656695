//! Uniqueness, computed from events (docs/adr/0003).

use uuid::Uuid;

/// A value that one aggregate at a time may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Such as `device.mac_address`; the constants are in [`kind`].
    pub kind: &'static str,
    /// Inside what it is unique; none is the whole installation.
    pub scope: Option<Uuid>,
    /// The canonical value; a secret's is its fingerprint.
    pub value: String,
    /// What it counts towards, where a limit is on the number of claims.
    pub counts_for: Option<Uuid>,
}

impl Claim {
    /// A claim that counts for nothing.
    pub fn new(kind: &'static str, scope: Option<Uuid>, value: impl Into<String>) -> Self {
        Self { kind, scope, value: value.into(), counts_for: None }
    }
}

/// What an event does to claims. The holder is the event's own stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimChange {
    /// Held from here on.
    Take(Claim),
    /// Given back.
    Release(Claim),
    /// All that the stream holds is given back.
    ReleaseAll,
}

/// The kinds of claims; each edge has one table from these to its fields and sentences.
pub mod kind {
    /// A device's hardware id, inside its organization.
    pub const DEVICE_HARDWARE_ID: &str = "device.hardware_id";
    /// A device's key, everywhere.
    pub const DEVICE_KEY: &str = "device.key";
    /// A device's MAC address in canonical spelling, inside its organization.
    pub const DEVICE_MAC_ADDRESS: &str = "device.mac_address";
    /// A device's name in lower case, inside its organization.
    pub const DEVICE_NAME: &str = "device.name";
    /// A device's place under its organization's limit.
    pub const DEVICE_PLACE: &str = "device.place";
    /// A group's name, inside its organization.
    pub const GROUP_NAME: &str = "device_group.name";
    /// An organization's registration secret, everywhere.
    pub const ORGANIZATION_SECRET: &str = "organization.shared_secret";
    /// An organization's slug, everywhere.
    pub const ORGANIZATION_SLUG: &str = "organization.slug";
    /// An organization's owner: one at a time.
    pub const ORGANIZATION_OWNER: &str = "organization.owner";
    /// A permission group's name, everywhere.
    pub const PERMISSION_GROUP_NAME: &str = "permission_group.name";
    /// A permission group's number, everywhere and for ever.
    pub const PERMISSION_GROUP_NUMBER: &str = "permission_group.number";
    /// A template's name, inside its organization or among the shared ones.
    pub const TEMPLATE_NAME: &str = "template.name";
    /// What a user is written to and logs in with, everywhere.
    pub const USER_EMAIL: &str = "user.email";
    /// An address that a user has or listed, everywhere.
    pub const USER_EMAIL_ADDRESS: &str = "user.email_address";
    /// The number of such an address, everywhere and for ever.
    pub const USER_EMAIL_ADDRESS_NUMBER: &str = "user.email_address_number";
    /// A user's phone number, everywhere.
    pub const USER_PHONE: &str = "user.phone";
    /// A user's bearer token, everywhere.
    pub const USER_TOKEN: &str = "user.token";
    /// A user's name, everywhere.
    pub const USER_NAME: &str = "user.username";
}
