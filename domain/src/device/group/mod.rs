//! Devices with common templates and variables (manual 04, "Device Groups").

mod aggregate;
mod command;
mod error;
mod event;
#[cfg(test)]
mod tests;

pub use aggregate::Group;
pub use command::{CreateGroup, GroupCommand};
pub use error::GroupError;
pub use event::{GroupCreated, GroupEvent};
