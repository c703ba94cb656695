use super::{DeviceLimit, OrganizationDetails};
use crate::{Document, OrganizationId, Sealed};

/// What can be asked of an organization.
#[derive(Clone, Debug, PartialEq)]
pub enum OrganizationCommand {
    /// Found a tenant.
    Create(Box<CreateOrganization>),
    /// Give it another name, at most 200 characters.
    Rename(String),
    /// Address it by another slug, at most 200 characters.
    ChangeSlug(String),
    /// Change description and contact.
    ChangeDetails(OrganizationDetails),
    /// Serve its people and devices, or refuse them.
    SetActive(bool),
    /// Let agents register devices, or not.
    SetRegistration(bool),
    /// Let agents register with another secret.
    ChangeSharedSecret(Sealed),
    /// Change its configuration variables.
    ChangeVariables(Document),
    /// Change how many devices it may have.
    ChangeDeviceLimit {
        /// The new limit.
        limit: DeviceLimit,
        /// How many it has at present.
        devices: u64,
    },
    /// Let it be gone for everybody; what is its is removed afterwards.
    StartRemoval,
    /// Nothing is left of it.
    Remove,
}

/// The facts of a foundation.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateOrganization {
    /// Chosen by the caller, so that a retried request stays one organization.
    pub id: OrganizationId,
    /// 1–200 characters.
    pub name: String,
    /// 1–200 letters, digits, hyphens, underscores.
    pub slug: String,
    /// Description and contact.
    pub details: OrganizationDetails,
    /// Served from the start?
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
