use crate::FieldError;

/// Why a configuration does not do what it is asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigurationError {
    /// The device has no configuration.
    #[error("the device has no configuration")]
    Unknown,
    /// The device has one.
    #[error("the device has a configuration already")]
    Exists,
    /// It is deactivated or being so; activate the device first.
    #[error("the device is deactivated: activate it first")]
    Deactivated,
    /// A value is not acceptable.
    #[error(transparent)]
    Invalid(#[from] FieldError),
}
