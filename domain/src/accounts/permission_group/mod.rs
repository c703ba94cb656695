//! Permissions that are given together (manual 03, "Default Permission Groups").

mod aggregate;
mod command;
mod error;
mod event;
#[cfg(test)]
mod tests;

pub use aggregate::PermissionGroup;
pub use command::{CreatePermissionGroup, PermissionGroupCommand};
pub use error::PermissionGroupError;
pub use event::{PermissionGroupCreated, PermissionGroupEvent};
