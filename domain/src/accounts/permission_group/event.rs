use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Claim, ClaimChange, Fact, OrganizationId, PermissionGroupId, Permissions, fact::stored_as, kind,
};

/// What has happened to a permission group. Stored for ever: variants and fields are only ever added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PermissionGroupEvent {
    /// The group exists from here on.
    Created(PermissionGroupCreated),
    /// It carries another name.
    Renamed {
        /// Before.
        from: String,
        /// From here on.
        to: String,
    },
    /// It allows other things.
    PermissionsChanged {
        /// Before.
        from: Permissions,
        /// From here on.
        to: Permissions,
    },
    /// It allows what a newer program knows, beside what it allowed before.
    PermissionsIntroduced {
        /// What is new.
        permissions: Permissions,
    },
    /// It does not exist any more; nobody is in it.
    Removed {
        /// The name that it had.
        name: String,
    },
}

stored_as! { PermissionGroupEvent:
    Created => "permission_group.created",
    Renamed => "permission_group.renamed",
    PermissionsChanged => "permission_group.permissions_changed",
    PermissionsIntroduced => "permission_group.permissions_introduced",
    Removed => "permission_group.removed",
}

/// Payload of [`PermissionGroupEvent::Created`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PermissionGroupCreated {
    /// Same as the stream's id.
    pub group_id: PermissionGroupId,
    /// What REST calls it by.
    pub number: u32,
    /// Unique.
    pub name: String,
    /// What it allows.
    pub permissions: Permissions,
}

impl Fact for PermissionGroupEvent {
    const TYPES: &'static [&'static str] = Self::STORED;

    fn claims(&self, _: Uuid) -> Vec<ClaimChange> {
        let named = |name: &str| Claim::new(kind::PERMISSION_GROUP_NAME, None, name);
        match self {
            Self::Created(created) => {
                let number = created.number.to_string();
                vec![
                    ClaimChange::Take(named(&created.name)),
                    ClaimChange::Take(Claim::new(kind::PERMISSION_GROUP_NUMBER, None, number)),
                ]
            }
            Self::Renamed { from, to } => {
                vec![ClaimChange::Release(named(from)), ClaimChange::Take(named(to))]
            }
            // The number is never given again.
            Self::Removed { name } => vec![ClaimChange::Release(named(name))],
            Self::PermissionsChanged { .. } | Self::PermissionsIntroduced { .. } => Vec::new(),
        }
    }

    /// Permission groups belong to the installation.
    fn organization(&self) -> Option<OrganizationId> {
        None
    }
}
