use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    ClaimChange, DeviceId, Document, Fact, OrganizationId, TemplateId, configuration::Backend,
    fact::stored_as,
};

/// What has happened to the configuration of a device. Stored for ever: variants and fields are only ever added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConfigurationEvent {
    /// The device has a configuration from here on. *Public.*
    Created(Box<ConfigurationCreated>),
    /// Its own contents were changed.
    ContentsChanged {
        /// The owner.
        organization_id: OrganizationId,
        /// `NetJSON`, all of it.
        config: Document,
    },
    /// Its own variables were changed.
    VariablesChanged {
        /// The owner.
        organization_id: OrganizationId,
        /// All of them.
        variables: Document,
    },
    /// Another generator makes its files. *Public.*
    BackendChanged {
        /// The owner.
        organization_id: OrganizationId,
        /// Before.
        from: Backend,
        /// From here on.
        to: Backend,
    },
    /// It is built on other templates, or on the same in another order. *Public.*
    TemplatesChanged {
        /// The owner.
        organization_id: OrganizationId,
        /// Before.
        from: Vec<TemplateId>,
        /// From here on, first to last.
        to: Vec<TemplateId>,
    },
    /// What the device downloads is different from here on. *Public.*
    Rendered {
        /// The owner.
        organization_id: OrganizationId,
        /// The archive.
        archive: ArchiveRendered,
    },
    /// The inputs do not make an archive; the one before stays.
    RenderingFailed {
        /// The owner.
        organization_id: OrganizationId,
        /// Position of the log that the inputs were read at.
        inputs_position: i64,
        /// What does not fit, in words for people.
        reason: String,
    },
    /// The inputs make an archive again, the same as before the failure.
    RenderingRecovered {
        /// The owner.
        organization_id: OrganizationId,
        /// Position of the log that the inputs were read at.
        inputs_position: i64,
    },
    /// The device has to confirm the archive again, although it may be the same. *Public.*
    ConfirmationRequired {
        /// The owner.
        organization_id: OrganizationId,
        /// Such as `device_renamed`.
        reason: String,
    },
    /// The device runs the archive. *Public.*
    Applied {
        /// The owner.
        organization_id: OrganizationId,
        /// MD5 of the archive, where it is known.
        md5: Option<String>,
    },
    /// The device could not apply the archive. *Public.*
    ApplyFailed {
        /// The owner.
        organization_id: OrganizationId,
        /// What the agent said; at most 1024 characters.
        reason: String,
    },
    /// The device said that its configuration is to be confirmed.
    ReportedModified {
        /// The owner.
        organization_id: OrganizationId,
    },
    /// The device reported on an archive that is not the present one; the status stays.
    ReportedOutdated {
        /// The owner.
        organization_id: OrganizationId,
        /// What it said: `applied`, `error`, `modified`.
        status: String,
        /// What the agent said with an error.
        reason: Option<String>,
        /// MD5 of the archive that it had downloaded last.
        md5: String,
    },
    /// Contents and templates were taken away; the device is to be emptied. *Public.*
    DeactivationStarted {
        /// The owner.
        organization_id: OrganizationId,
        /// The templates it had.
        templates: Vec<TemplateId>,
    },
    /// The device is empty, or was so before. *Public.*
    Deactivated {
        /// The owner.
        organization_id: OrganizationId,
    },
    /// The device is served again. *Public.*
    Activated {
        /// The owner.
        organization_id: OrganizationId,
        /// Default, required and group templates, first to last.
        templates: Vec<TemplateId>,
        /// Position of the log that the list of templates was read at.
        defaults_position: i64,
    },
    /// The device belongs to another organization, whose templates it has. *Public.*
    Moved {
        /// The owner before.
        from: OrganizationId,
        /// The owner from here on.
        to: OrganizationId,
        /// Templates from here on, first to last.
        templates: Vec<TemplateId>,
    },
    /// It does not exist any more. *Public.*
    Removed {
        /// The last owner.
        organization_id: OrganizationId,
    },
}

stored_as! { ConfigurationEvent:
    Created => "configuration.created",
    ContentsChanged => "configuration.contents_changed",
    VariablesChanged => "configuration.variables_changed",
    BackendChanged => "configuration.backend_changed",
    TemplatesChanged => "configuration.templates_changed",
    Rendered => "configuration.rendered",
    RenderingFailed => "configuration.rendering_failed",
    RenderingRecovered => "configuration.rendering_recovered",
    ConfirmationRequired => "configuration.confirmation_required",
    Applied => "configuration.applied",
    ApplyFailed => "configuration.apply_failed",
    ReportedModified => "configuration.reported_modified",
    ReportedOutdated => "configuration.reported_outdated",
    DeactivationStarted => "configuration.deactivation_started",
    Deactivated => "configuration.deactivated",
    Activated => "configuration.activated",
    Moved => "configuration.moved",
    Removed => "configuration.removed",
}

/// Payload of [`ConfigurationEvent::Created`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConfigurationCreated {
    /// Same as the stream's id.
    pub device_id: DeviceId,
    /// The owner.
    pub organization_id: OrganizationId,
    /// Which generator makes its files.
    pub backend: Backend,
    /// Its own contents, `NetJSON`.
    pub config: Document,
    /// Its own variables.
    pub variables: Document,
    /// First to last.
    pub templates: Vec<TemplateId>,
    /// Position of the log that the list of default templates was read at.
    pub defaults_position: i64,
}

/// An archive by its hashes; the bytes are a blob of the organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ArchiveRendered {
    /// Lower-case hexadecimal; names the blob.
    pub sha256: String,
    /// Lower-case hexadecimal; the checksum that agents know.
    pub md5: String,
    /// In bytes.
    pub size: u64,
    /// Position of the log that the inputs were read at.
    pub inputs_position: i64,
    /// Which version of the generators made it.
    pub renderer: u32,
}

impl Fact for ConfigurationEvent {
    const TYPES: &'static [&'static str] = Self::STORED;

    fn claims(&self, _: Uuid) -> Vec<ClaimChange> {
        Vec::new()
    }

    fn organization(&self) -> Option<OrganizationId> {
        match self {
            Self::Created(created) => Some(created.organization_id),
            Self::Moved { to, .. } => Some(*to),
            Self::ContentsChanged { organization_id, .. }
            | Self::VariablesChanged { organization_id, .. }
            | Self::BackendChanged { organization_id, .. }
            | Self::TemplatesChanged { organization_id, .. }
            | Self::Rendered { organization_id, .. }
            | Self::RenderingFailed { organization_id, .. }
            | Self::RenderingRecovered { organization_id, .. }
            | Self::ConfirmationRequired { organization_id, .. }
            | Self::Applied { organization_id, .. }
            | Self::ApplyFailed { organization_id, .. }
            | Self::ReportedModified { organization_id }
            | Self::ReportedOutdated { organization_id, .. }
            | Self::DeactivationStarted { organization_id, .. }
            | Self::Deactivated { organization_id }
            | Self::Activated { organization_id, .. }
            | Self::Removed { organization_id } => Some(*organization_id),
        }
    }
}
