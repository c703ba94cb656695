//! Organizations and the people in them (manual 03).

mod organization;
mod permission_group;
mod user;

pub use organization::{
    CreateOrganization, DeviceLimit, Organization, OrganizationCommand, OrganizationCreated,
    OrganizationDetails, OrganizationError, OrganizationEvent,
};
pub use permission_group::{
    CreatePermissionGroup, PermissionGroup, PermissionGroupCommand, PermissionGroupCreated,
    PermissionGroupError, PermissionGroupEvent,
};
pub use user::{
    CreateUser, EmailAddress, Membership, Profile, ProfileField, User, UserCommand, UserCreated,
    UserError, UserEvent,
};
