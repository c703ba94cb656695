use crate::FieldError;

/// Why an organization does not do what it is asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrganizationError {
    /// There is no such organization.
    #[error("the organization does not exist")]
    Unknown,
    /// The id is taken.
    #[error("the organization exists already")]
    Exists,
    /// A value is not acceptable.
    #[error(transparent)]
    Invalid(#[from] FieldError),
    /// It has more devices than the limit would allow.
    #[error(
        "the limit cannot be lower than the {devices} devices that the organization has: remove devices first"
    )]
    LimitBelowDevices {
        /// How many it has.
        devices: u64,
    },
}
