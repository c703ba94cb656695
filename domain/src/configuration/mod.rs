//! What devices are configured with (manual 04, "Configuration Templates", "Configuration Variables").

mod backend;
#[expect(clippy::module_inception, reason = "the context and its first aggregate share the noun")]
mod configuration;
mod template;

pub use backend::Backend;
pub use configuration::{
    ArchiveRendered, Configuration, ConfigurationCommand, ConfigurationCreated, ConfigurationError,
    ConfigurationEvent, ConfigurationStatus, CreateConfiguration, DownloadedArchive,
    ReportedStatus,
};
pub use template::{
    CreateTemplate, Template, TemplateCommand, TemplateCreated, TemplateError, TemplateEvent,
    TemplateFlags,
};
