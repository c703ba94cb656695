//! Organizations and the people in them (manual 03).

mod organization;
mod user;

pub use organization::{
    CreateOrganization, DeviceLimit, Organization, OrganizationCommand, OrganizationCreated,
    OrganizationDetails, OrganizationError, OrganizationEvent,
};
pub use user::{CreateUser, Membership, User, UserCommand, UserCreated, UserError, UserEvent};
