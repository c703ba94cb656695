//! A tenant.

mod aggregate;
mod command;
mod error;
mod event;
#[cfg(test)]
mod tests;

pub use aggregate::Organization;
pub use command::{CreateOrganization, OrganizationCommand};
pub use error::OrganizationError;
pub use event::{DeviceLimit, OrganizationCreated, OrganizationDetails, OrganizationEvent};
