use crate::FieldError;

/// Why a template does not do what it is asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// There is no such template.
    #[error("the template does not exist")]
    Unknown,
    /// The id is taken.
    #[error("the template exists already")]
    Exists,
    /// Generic templates must say something.
    #[error("the configuration of a template cannot be empty")]
    EmptyContents,
    /// A value is not acceptable.
    #[error(transparent)]
    Invalid(#[from] FieldError),
}
