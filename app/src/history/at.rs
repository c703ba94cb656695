//! Objects as they were at a moment. None of these holds a secret.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use domain::{
    DeviceId, Document, GroupId, OrganizationId, TemplateId,
    configuration::{ArchiveRendered, ConfigurationStatus, TemplateFlags},
    device::Information,
};

/// A device as it was at a moment, with everything that its archive was made of, except its key.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceAt {
    /// What the moment stands for: the last event that is in it.
    pub position: i64,
    /// The device.
    pub id: DeviceId,
    /// The owner at that time.
    pub organization_id: OrganizationId,
    /// Its name at that time.
    pub organization_name: String,
    /// Unique inside the organization.
    pub name: String,
    /// Upper case, with the separator it came with.
    pub mac_address: String,
    /// Of the hardware.
    pub hardware_id: Option<String>,
    /// What it said about itself.
    pub information: Information,
    /// What operators had written down.
    pub notes: String,
    /// Its group, by the name at that time.
    pub group: Option<GroupLink>,
    /// Was it served?
    pub active: bool,
    /// Where it was reached, as recorded.
    pub management_ip: Option<IpAddr>,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
    /// When something last happened to it, up to the moment.
    pub modified_at: DateTime<Utc>,
    /// Its configuration, if it had one.
    pub configuration: Option<ConfigurationAt>,
}

/// A group by its name at that time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupLink {
    /// The group.
    pub id: GroupId,
    /// Its name.
    pub name: String,
}

/// A template by its name at that time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateLink {
    /// The template.
    pub id: TemplateId,
    /// The owner; none is shared.
    pub organization_id: Option<OrganizationId>,
    /// Its name.
    pub name: String,
    /// Default, required, or neither.
    pub flags: TemplateFlags,
}

/// The configuration of a device as it was.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigurationAt {
    /// Generator of its files, by its name on the wire.
    pub backend: String,
    /// Its own contents.
    pub config: Document,
    /// Its own variables.
    pub variables: Document,
    /// Its templates, first to last; those that did not exist any more are left out.
    pub templates: Vec<TemplateLink>,
    /// How the device stood to it.
    pub status: ConfigurationStatus,
    /// What the agent had said with the last error; empty in other states.
    pub error_reason: String,
    /// What the device downloaded.
    pub archive: Option<ArchiveAt>,
    /// Why the inputs made no archive.
    pub failure: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When something last happened to it, up to the moment.
    pub modified_at: DateTime<Utc>,
}

/// The archive that a device had, and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveAt {
    /// Its hashes, size and the position that its inputs were read at.
    pub rendered: ArchiveRendered,
    /// Position of the event that names it.
    pub position: i64,
    /// When that was recorded.
    pub recorded_at: DateTime<Utc>,
}

/// A template as it was at a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct TemplateAt {
    /// The template.
    pub id: TemplateId,
    /// The owner; none is shared.
    pub organization_id: Option<OrganizationId>,
    /// Unique inside the organization.
    pub name: String,
    /// Generator of its files, by its name on the wire.
    pub backend: String,
    /// `NetJSON`.
    pub config: Document,
    /// Default values of variables.
    pub default_values: Document,
    /// What agents asked for at registration.
    pub tags: Vec<String>,
    /// Who got it.
    pub flags: TemplateFlags,
    /// What operators had written down.
    pub notes: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When something last happened to it, up to the moment.
    pub modified_at: DateTime<Utc>,
}

impl TemplateAt {
    /// Its name with what is needed to tell it apart.
    pub fn link(&self) -> TemplateLink {
        TemplateLink {
            id: self.id,
            organization_id: self.organization_id,
            name: self.name.clone(),
            flags: self.flags,
        }
    }
}

/// A device group as it was at a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupAt {
    /// The group.
    pub id: GroupId,
    /// The owner.
    pub organization_id: OrganizationId,
    /// Unique inside the organization.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Templates of its devices, in order; some of them may not have existed any more.
    pub templates: Vec<TemplateId>,
    /// Configuration variables.
    pub variables: Document,
    /// Whatever operators kept with it.
    pub meta_data: Document,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When something last happened to it, up to the moment.
    pub modified_at: DateTime<Utc>,
}
