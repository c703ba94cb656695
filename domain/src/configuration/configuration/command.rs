use super::ArchiveRendered;
use crate::{DeviceId, Document, OrganizationId, TemplateId, configuration::Backend};

/// What can be asked of the configuration of a device. Lists of templates are complete and in order;
/// that they exist, fit and hold the required ones is a fact that comes in with the command.
#[derive(Clone, Debug, PartialEq)]
pub enum ConfigurationCommand {
    /// Give the device a configuration.
    Create(Box<CreateConfiguration>),
    /// Change its own contents.
    ChangeContents(Document),
    /// Change its own variables.
    ChangeVariables(Document),
    /// Let another generator make its files.
    ChangeBackend(Backend),
    /// Build it on these templates.
    AssignTemplates(Vec<TemplateId>),
    /// Take over what the inputs make.
    AcceptRendering(ArchiveRendered),
    /// Note that the inputs do not make an archive.
    AcceptFailure {
        /// Position of the log that the inputs were read at.
        inputs_position: i64,
        /// What does not fit.
        reason: String,
    },
    /// Let the device confirm again.
    RequireConfirmation(&'static str),
    /// Take over what the device says.
    Report {
        /// What it says.
        status: ReportedStatus,
        /// About which archive.
        archive: DownloadedArchive,
    },
    /// Take contents and templates away.
    Deactivate,
    /// Serve the device again, with these templates.
    Activate {
        /// Default, required and group templates.
        templates: Vec<TemplateId>,
        /// Position of the log that the list was read at.
        defaults_position: i64,
    },
    /// Hand it over with its device.
    Move {
        /// The new owner.
        to: OrganizationId,
        /// Templates of the new owner.
        templates: Vec<TemplateId>,
    },
    /// Let it not exist any more.
    Remove,
}

/// The facts of a new configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateConfiguration {
    /// Whose configuration it is.
    pub device_id: DeviceId,
    /// The owner.
    pub organization_id: OrganizationId,
    /// Which generator makes its files.
    pub backend: Backend,
    /// Its own contents.
    pub config: Document,
    /// Its own variables.
    pub variables: Document,
    /// First to last.
    pub templates: Vec<TemplateId>,
    /// Position of the log that the list of default templates was read at.
    pub defaults_position: i64,
}

/// What a device says about its configuration (agent protocol, "Report status").
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReportedStatus {
    /// It runs.
    Applied,
    /// It does not, and why.
    Error(Option<String>),
    /// It is to be confirmed.
    Modified,
}

/// The archive that a device downloaded last; reports do not say which one they are about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DownloadedArchive {
    /// Not known, for example after a restart of the server.
    Unknown,
    /// Its MD5.
    Known(String),
}
