//! Organizations and the people in them (manual 03).

mod organization;
mod permission_group;
mod secret_reading;
mod user;

pub use organization::{
    CreateOrganization, DeviceLimit, Organization, OrganizationCommand, OrganizationCreated,
    OrganizationDetails, OrganizationError, OrganizationEvent,
};
pub use permission_group::{
    CreatePermissionGroup, PermissionGroup, PermissionGroupCommand, PermissionGroupCreated,
    PermissionGroupError, PermissionGroupEvent,
};
pub use secret_reading::{
    READ_AT_ONCE, SecretKind, SecretReading, SecretReadingCommand, SecretReadingError,
    SecretReadingEvent, SecretsRead,
};
pub use user::{
    CreateUser, EmailAddress, Membership, Profile, ProfileField, User, UserCommand, UserCreated,
    UserError, UserEvent,
};
