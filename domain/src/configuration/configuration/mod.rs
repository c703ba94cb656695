//! The configuration of one device; its stream has the device's id.

mod aggregate;
mod command;
mod error;
mod event;
mod status;
#[cfg(test)]
mod tests;

pub use aggregate::Configuration;
pub use command::{ConfigurationCommand, CreateConfiguration, DownloadedArchive, ReportedStatus};
pub use error::ConfigurationError;
pub use event::{ArchiveRendered, ConfigurationCreated, ConfigurationEvent};
pub use status::ConfigurationStatus;
