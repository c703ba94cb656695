use crate::FieldError;

/// Why a permission group does not do what it is asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PermissionGroupError {
    /// There is no such group.
    #[error("the permission group does not exist")]
    Unknown,
    /// The id is taken.
    #[error("the permission group exists already")]
    Exists,
    /// A value is not acceptable.
    #[error(transparent)]
    Invalid(#[from] FieldError),
}
