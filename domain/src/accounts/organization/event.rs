use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Claim, ClaimChange, Document, Fact, OrganizationId, Sealed, fact::stored_as, kind};

/// What has happened to an organization. Stored for ever: variants and fields are only ever added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrganizationEvent {
    /// The tenant exists from here on. *Public.*
    Created(Box<OrganizationCreated>),
    /// It carries another name.
    Renamed {
        /// The tenant.
        organization_id: OrganizationId,
        /// The name before.
        from: String,
        /// The name from here on.
        to: String,
    },
    /// It is addressed by another slug.
    SlugChanged {
        /// The tenant.
        organization_id: OrganizationId,
        /// The slug before.
        from: String,
        /// The slug from here on.
        to: String,
    },
    /// Description and contact were changed.
    DetailsChanged {
        /// The tenant.
        organization_id: OrganizationId,
        /// From here on.
        details: OrganizationDetails,
    },
    /// Its people and devices are served again. *Public.*
    Enabled {
        /// The tenant.
        organization_id: OrganizationId,
    },
    /// Its people and devices are refused. *Public.*
    Disabled {
        /// The tenant.
        organization_id: OrganizationId,
    },
    /// Agents may register devices.
    RegistrationOpened {
        /// The tenant.
        organization_id: OrganizationId,
    },
    /// Agents may not register devices.
    RegistrationClosed {
        /// The tenant.
        organization_id: OrganizationId,
    },
    /// Agents register with another secret.
    SharedSecretChanged {
        /// The tenant.
        organization_id: OrganizationId,
        /// Fingerprint of the secret before.
        from: String,
        /// From here on.
        secret: Sealed,
    },
    /// Its configuration variables were changed. *Public.*
    VariablesChanged {
        /// The tenant.
        organization_id: OrganizationId,
        /// All of them.
        variables: Document,
    },
    /// It may have another number of devices.
    DeviceLimitChanged {
        /// The tenant.
        organization_id: OrganizationId,
        /// From here on.
        limit: DeviceLimit,
    },
    /// It is gone for everybody, its slug and secret are free; what was its is being removed. *Public.*
    RemovalStarted {
        /// The tenant.
        organization_id: OrganizationId,
    },
    /// Nothing is left of it but its history. *Public.*
    Removed {
        /// The tenant.
        organization_id: OrganizationId,
    },
}

stored_as! { OrganizationEvent:
    Created => "organization.created",
    Renamed => "organization.renamed",
    SlugChanged => "organization.slug_changed",
    DetailsChanged => "organization.details_changed",
    Enabled => "organization.enabled",
    Disabled => "organization.disabled",
    RegistrationOpened => "organization.registration_opened",
    RegistrationClosed => "organization.registration_closed",
    SharedSecretChanged => "organization.shared_secret_changed",
    VariablesChanged => "organization.variables_changed",
    DeviceLimitChanged => "organization.device_limit_changed",
    RemovalStarted => "organization.removal_started",
    Removed => "organization.removed",
}

/// Payload of [`OrganizationEvent::Created`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrganizationCreated {
    /// Same as the stream's id.
    pub organization_id: OrganizationId,
    /// Shown to people; may repeat.
    pub name: String,
    /// For paths; unique.
    pub slug: String,
    /// Description and contact.
    pub details: OrganizationDetails,
    /// Are its people and devices served?
    pub active: bool,
    /// May agents register devices?
    pub registration_open: bool,
    /// What agents register with.
    pub secret: Sealed,
    /// Configuration variables.
    pub variables: Document,
    /// How many devices it may have.
    pub limit: DeviceLimit,
}

/// Description and contact of an organization.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrganizationDetails {
    /// Free text.
    pub description: String,
    /// Contact address of the organization, not of a person.
    pub email: String,
    /// Web site.
    pub url: String,
}

/// How many devices an organization may have, deactivated ones included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeviceLimit {
    /// Any number.
    #[default]
    Unlimited,
    /// At most so many, at least one.
    AtMost(u32),
    /// None at all.
    NoDevices,
}

impl DeviceLimit {
    /// The highest allowed number, if there is one.
    pub fn max(self) -> Option<u64> {
        match self {
            Self::Unlimited => None,
            Self::AtMost(limit) => Some(limit.into()),
            Self::NoDevices => Some(0),
        }
    }
}

impl Fact for OrganizationEvent {
    const TYPES: &'static [&'static str] = Self::STORED;

    fn claims(&self, _: Uuid) -> Vec<ClaimChange> {
        let slug = |slug: &str| Claim::new(kind::ORGANIZATION_SLUG, None, slug);
        let secret = |fingerprint: &str| Claim::new(kind::ORGANIZATION_SECRET, None, fingerprint);
        match self {
            Self::Created(created) => vec![
                ClaimChange::Take(slug(&created.slug)),
                ClaimChange::Take(secret(&created.secret.fingerprint)),
            ],
            Self::SlugChanged { from, to, .. } => {
                vec![ClaimChange::Release(slug(from)), ClaimChange::Take(slug(to))]
            }
            Self::SharedSecretChanged { from, secret: to, .. } => {
                vec![ClaimChange::Release(secret(from)), ClaimChange::Take(secret(&to.fingerprint))]
            }
            Self::RemovalStarted { .. } => vec![ClaimChange::ReleaseAll],
            // Organizations are told apart by slug; names may repeat, as they do elsewhere.
            Self::Renamed { .. }
            | Self::DetailsChanged { .. }
            | Self::Enabled { .. }
            | Self::Disabled { .. }
            | Self::RegistrationOpened { .. }
            | Self::RegistrationClosed { .. }
            | Self::VariablesChanged { .. }
            | Self::DeviceLimitChanged { .. }
            | Self::Removed { .. } => Vec::new(),
        }
    }

    fn organization(&self) -> Option<OrganizationId> {
        match self {
            Self::Created(created) => Some(created.organization_id),
            Self::Renamed { organization_id, .. }
            | Self::SlugChanged { organization_id, .. }
            | Self::DetailsChanged { organization_id, .. }
            | Self::Enabled { organization_id }
            | Self::Disabled { organization_id }
            | Self::RegistrationOpened { organization_id }
            | Self::RegistrationClosed { organization_id }
            | Self::SharedSecretChanged { organization_id, .. }
            | Self::VariablesChanged { organization_id, .. }
            | Self::DeviceLimitChanged { organization_id, .. }
            | Self::RemovalStarted { organization_id }
            | Self::Removed { organization_id } => Some(*organization_id),
        }
    }
}
