//! A reusable piece of configuration (manual 04, "Configuration Templates").

mod aggregate;
mod command;
mod error;
mod event;
#[cfg(test)]
mod tests;

pub use aggregate::Template;
pub use command::{CreateTemplate, TemplateCommand};
pub use error::TemplateError;
pub use event::{TemplateCreated, TemplateEvent, TemplateFlags};
