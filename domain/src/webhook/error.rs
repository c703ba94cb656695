use crate::FieldError;

/// Why a webhook does not do what it is asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// There is no such webhook.
    #[error("the webhook does not exist")]
    Unknown,
    /// The id is taken.
    #[error("the webhook exists already")]
    Exists,
    /// A value is not acceptable.
    #[error(transparent)]
    Invalid(#[from] FieldError),
}
