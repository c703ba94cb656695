//! What can be allowed: a verb and a kind of object, or one of a few special acts.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::Error as _};

macro_rules! permissions {
    ($($(#[$doc:meta])* $number:literal $variant:ident $name:literal $model:literal $text:literal),+ $(,)?) => {
        /// What can be allowed. Stored by name; the number is what REST shows, and stays what it is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Permission {
            $($(#[$doc])* $variant = $number,)+
        }

        impl Permission {
            /// All there are, by number.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// As it is stored and as GraphQL and REST name it, such as `change_device`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// The kind of object that it is about, such as `device`.
            pub const fn model(self) -> &'static str {
                match self {
                    $(Self::$variant => $model,)+
                }
            }

            /// For people, such as `Can change Device`.
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }
    };
}

permissions! {
    /// Read devices and their configurations.
    1 ViewDevice "view_device" "device" "Can view Device",
    /// Make devices.
    2 AddDevice "add_device" "device" "Can add Device",
    /// Change devices and their configurations.
    3 ChangeDevice "change_device" "device" "Can change Device",
    /// Remove devices.
    4 DeleteDevice "delete_device" "device" "Can delete Device",
    /// Read templates.
    5 ViewTemplate "view_template" "template" "Can view template",
    /// Make templates.
    6 AddTemplate "add_template" "template" "Can add template",
    /// Change templates.
    7 ChangeTemplate "change_template" "template" "Can change template",
    /// Remove templates.
    8 DeleteTemplate "delete_template" "template" "Can delete template",
    /// Read device groups.
    9 ViewGroup "view_devicegroup" "devicegroup" "Can view Device Group",
    /// Make device groups.
    10 AddGroup "add_devicegroup" "devicegroup" "Can add Device Group",
    /// Change device groups.
    11 ChangeGroup "change_devicegroup" "devicegroup" "Can change Device Group",
    /// Remove device groups.
    12 DeleteGroup "delete_devicegroup" "devicegroup" "Can delete Device Group",
    /// Read an organization.
    13 ViewOrganization "view_organization" "organization" "Can view organization",
    /// Make organizations.
    14 AddOrganization "add_organization" "organization" "Can add organization",
    /// Change an organization.
    15 ChangeOrganization "change_organization" "organization" "Can change organization",
    /// Remove an organization.
    16 DeleteOrganization "delete_organization" "organization" "Can delete organization",
    /// Read accounts.
    17 ViewUser "view_user" "user" "Can view user",
    /// Open accounts.
    18 AddUser "add_user" "user" "Can add user",
    /// Change accounts.
    19 ChangeUser "change_user" "user" "Can change user",
    /// Remove accounts.
    20 DeleteUser "delete_user" "user" "Can delete user",
    /// Look for single accounts without browsing them.
    21 FindUser "find_user" "user" "Can find user",
    /// Read permission groups.
    22 ViewPermissionGroup "view_group" "group" "Can view group",
    /// Make permission groups.
    23 AddPermissionGroup "add_group" "group" "Can add group",
    /// Change permission groups.
    24 ChangePermissionGroup "change_group" "group" "Can change group",
    /// Remove permission groups.
    25 DeletePermissionGroup "delete_group" "group" "Can delete group",
    /// Read the e-mail addresses of accounts.
    26 ViewEmailAddress "view_emailaddress" "emailaddress" "Can view email address",
    /// Give accounts further e-mail addresses.
    27 AddEmailAddress "add_emailaddress" "emailaddress" "Can add email address",
    /// Change e-mail addresses of accounts.
    28 ChangeEmailAddress "change_emailaddress" "emailaddress" "Can change email address",
    /// Take e-mail addresses from accounts.
    29 DeleteEmailAddress "delete_emailaddress" "emailaddress" "Can delete email address",
    /// See who belongs to an organization.
    30 ViewMembership "view_organizationuser" "organizationuser" "Can view organization user",
    /// Take accounts into an organization.
    31 AddMembership "add_organizationuser" "organizationuser" "Can add organization user",
    /// Make members managers, and managers members.
    32 ChangeMembership "change_organizationuser" "organizationuser" "Can change organization user",
    /// Put accounts out of an organization.
    33 DeleteMembership "delete_organizationuser" "organizationuser" "Can delete organization user",
    /// Hand an organization over.
    34 ChangeOwner "change_organizationowner" "organizationowner" "Can change organization owner",
    /// Read what an organization set for its configurations.
    35 ViewOrganizationSettings "view_organizationconfigsettings" "organizationconfigsettings" "Can view Configuration management settings",
    /// Change what an organization set for its configurations.
    36 ChangeOrganizationSettings "change_organizationconfigsettings" "organizationconfigsettings" "Can change Configuration management settings",
    /// Push configurations to devices.
    37 PushConfiguration "push_configuration" "device" "Can push configuration",
    /// Let devices start anew.
    38 RebootDevice "reboot_device" "device" "Can reboot Device",
    /// Run any command on devices.
    39 RunCustomCommand "run_custom_command" "device" "Can run custom command",
    /// Read sealed values in clear.
    40 SeeSecrets "see_secrets" "secret" "Can see secrets",
    /// Read the raw log and verify it.
    41 ViewLog "replay_log" "log" "Can replay log",
    /// Read webhooks and what was delivered to them.
    42 ViewWebhook "view_webhook" "webhook" "Can view webhook",
    /// Make webhooks.
    43 AddWebhook "add_webhook" "webhook" "Can add webhook",
    /// Change, test and repeat webhooks.
    44 ChangeWebhook "change_webhook" "webhook" "Can change webhook",
    /// Remove webhooks.
    45 DeleteWebhook "delete_webhook" "webhook" "Can delete webhook",
}

impl Permission {
    /// What REST shows.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The permission of this number.
    pub fn from_number(number: u64) -> Option<Self> {
        Self::ALL.iter().copied().find(|permission| u64::from(permission.number()) == number)
    }

    /// Only reading? Those reach shared objects, too.
    pub(super) fn reads(self) -> bool {
        matches!(
            self,
            Self::ViewDevice
                | Self::ViewTemplate
                | Self::ViewGroup
                | Self::ViewOrganization
                | Self::ViewUser
                | Self::FindUser
                | Self::ViewPermissionGroup
                | Self::ViewEmailAddress
                | Self::ViewMembership
                | Self::ViewOrganizationSettings
        )
    }

    /// Who may change a kind of object may read it, too (manual 03, "Permission Classes").
    fn implied_view(self) -> Option<Self> {
        Some(match self {
            Self::ChangeDevice => Self::ViewDevice,
            Self::ChangeTemplate => Self::ViewTemplate,
            Self::ChangeGroup => Self::ViewGroup,
            Self::ChangeOrganization => Self::ViewOrganization,
            Self::ChangeUser => Self::ViewUser,
            Self::ViewUser => Self::FindUser,
            Self::ChangePermissionGroup => Self::ViewPermissionGroup,
            Self::ChangeEmailAddress => Self::ViewEmailAddress,
            Self::ChangeMembership => Self::ViewMembership,
            Self::ChangeOrganizationSettings => Self::ViewOrganizationSettings,
            Self::ChangeWebhook => Self::ViewWebhook,
            _ => return None,
        })
    }
}

impl FromStr for Permission {
    type Err = UnknownPermission;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.iter().copied().find(|permission| permission.name() == name);
        known.ok_or_else(|| UnknownPermission(name.chars().take(100).collect()))
    }
}

/// A name that no permission has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no permission `{0}`")]
pub struct UnknownPermission(String);

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Permission {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Permission {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = std::borrow::Cow::<str>::deserialize(deserializer)?;
        name.parse().map_err(D::Error::custom)
    }
}

impl JsonSchema for Permission {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Permission".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let names: Vec<&str> = Self::ALL.iter().map(|permission| permission.name()).collect();
        schemars::json_schema!({ "type": "string", "enum": names })
    }
}

/// Several permissions. Written as a list of names in the order of their numbers; each at most once.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Permissions([u64; 4]);

impl Permissions {
    /// None.
    pub const NONE: Self = Self([0; 4]);

    /// All there are.
    pub fn all() -> Self {
        Permission::ALL.iter().copied().collect()
    }

    /// With another one.
    #[must_use]
    pub fn with(mut self, permission: Permission) -> Self {
        let number = usize::from(permission.number());
        self.0[number / 64] |= 1 << (number % 64);
        self
    }

    /// Does it hold this one?
    pub fn holds(self, permission: Permission) -> bool {
        let number = usize::from(permission.number());
        self.0[number / 64] & (1 << (number % 64)) != 0
    }

    /// Does it hold all of the others?
    pub fn include(self, others: Self) -> bool {
        self.0.iter().zip(others.0).all(|(mine, theirs)| theirs & !mine == 0)
    }

    /// Those of both.
    #[must_use]
    pub fn union(self, others: Self) -> Self {
        Self(std::array::from_fn(|at| self.0[at] | others.0[at]))
    }

    /// Those that the others have, too.
    #[must_use]
    pub fn intersection(self, others: Self) -> Self {
        Self(std::array::from_fn(|at| self.0[at] & others.0[at]))
    }

    /// Those that the others do not have.
    #[must_use]
    pub fn without(self, others: Self) -> Self {
        Self(std::array::from_fn(|at| self.0[at] & !others.0[at]))
    }

    /// With reading wherever changing is held.
    #[must_use]
    pub fn effective(self) -> Self {
        let views = |held: Self| held.iter().filter_map(Permission::implied_view).collect();
        let once = self.union(views(self));
        once.union(views(once))
    }

    /// In the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.iter().copied().filter(move |permission| self.holds(*permission))
    }

    /// Is it none?
    pub fn is_empty(&self) -> bool {
        self.0 == [0; 4]
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        permissions.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Debug for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Serialize for Permissions {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Permissions {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<Permission>::deserialize(deserializer)?.into_iter().collect())
    }
}

impl JsonSchema for Permissions {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Permissions".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let items = generator.subschema_for::<Permission>();
        schemars::json_schema!({ "type": "array", "items": items, "uniqueItems": true })
    }
}
