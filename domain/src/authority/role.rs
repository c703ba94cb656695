//! The permission groups that come with the installation (manual 03, "Default Permission Groups").

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Permission, Permissions};
use crate::PermissionGroupId;

/// A permission group that comes with the installation. What it allows can be changed like that of any other group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything in the organizations that the user manages.
    Administrator,
    /// Devices, templates and groups of the organizations that the user manages.
    Operator,
}

impl Role {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Administrator, Self::Operator];

    /// The group that this is; the same in every installation.
    pub const fn group(self) -> PermissionGroupId {
        PermissionGroupId::from_uuid(Uuid::from_u128(
            0x0190_0000_0000_7000_8000_0000_0000_0000 | self.number() as u128,
        ))
    }

    /// What REST calls it by.
    pub const fn number(self) -> u32 {
        match self {
            Self::Administrator => 1,
            Self::Operator => 2,
        }
    }

    /// Its name at first.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Administrator => "Administrator",
            Self::Operator => "Operator",
        }
    }

    /// What it allows at first: reading wherever changing is allowed, beside what the groups of that name always had.
    pub fn permissions(self) -> Permissions {
        use Permission::{
            AddDevice, AddGroup, AddMembership, AddTemplate, AddUser, AddWebhook, ChangeDevice,
            ChangeEmailAddress, ChangeGroup, ChangeMembership, ChangeOrganization,
            ChangeOrganizationSettings, ChangeOwner, ChangeTemplate, ChangeUser, ChangeWebhook,
            DeleteDevice, DeleteEmailAddress, DeleteGroup, DeleteMembership, DeleteTemplate,
            DeleteUser, DeleteWebhook, PushConfiguration, RebootDevice, RunCustomCommand,
            SeeSecrets, ViewEmailAddress, ViewMembership, ViewOrganization,
            ViewOrganizationSettings, ViewPermissionGroup, ViewUser,
        };
        let common = [
            AddDevice,
            ChangeDevice,
            DeleteDevice,
            AddTemplate,
            ChangeTemplate,
            DeleteTemplate,
            AddGroup,
            ChangeGroup,
            DeleteGroup,
            ViewOrganization,
            ViewOrganizationSettings,
            PushConfiguration,
            RebootDevice,
            RunCustomCommand,
            // Clients of the reference are shown keys with devices.
            SeeSecrets,
        ];
        let administration = [
            ChangeOrganization,
            ChangeOrganizationSettings,
            ViewUser,
            AddUser,
            ChangeUser,
            DeleteUser,
            ViewPermissionGroup,
            ViewEmailAddress,
            ChangeEmailAddress,
            DeleteEmailAddress,
            ViewMembership,
            AddMembership,
            ChangeMembership,
            DeleteMembership,
            ChangeOwner,
            AddWebhook,
            ChangeWebhook,
            DeleteWebhook,
        ];
        let common = common.into_iter().collect::<Permissions>();
        match self {
            Self::Administrator => common.union(administration.into_iter().collect()),
            Self::Operator => common,
        }
        .effective()
    }
}
