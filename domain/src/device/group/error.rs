use crate::FieldError;

/// Why a group does not do what it is asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GroupError {
    /// There is no such group.
    #[error("the group does not exist")]
    Unknown,
    /// The id is taken.
    #[error("the group exists already")]
    Exists,
    /// A value is not acceptable.
    #[error(transparent)]
    Invalid(#[from] FieldError),
}
