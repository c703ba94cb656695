use crate::FieldError;

/// Why a device does not do what it is asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// There is no such device.
    #[error("the device does not exist")]
    Unknown,
    /// The id is taken.
    #[error("the device is registered already")]
    AlreadyRegistered,
    /// It is not served; activate it first.
    #[error("the device is deactivated: activate it first")]
    Deactivated,
    /// It is served.
    #[error("the device is active already")]
    AlreadyActive,
    /// Only deactivated devices are removed without force.
    #[error("the device must be deactivated before it can be deleted")]
    StillActive,
    /// A value is not acceptable.
    #[error(transparent)]
    Invalid(#[from] FieldError),
}
