//! Organizations and the people in them (manual 03).

mod log_in;
mod organization;
mod permission_group;
mod secret_reading;
mod user;

pub use log_in::{
    LogIn, LogInCommand, LogInError, LogInEvent, LogInMethod, LogInOutcome, LogInTried,
};
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
    CreateUser, EmailAddress, IssuedLink, LinkPurpose, Membership, NamedToken, Profile,
    ProfileField, User, UserCommand, UserCreated, UserError, UserEvent,
};
