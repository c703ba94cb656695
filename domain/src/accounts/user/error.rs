/// Why an account does not do what it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserError {
    /// There is no such account.
    #[error("the user does not exist")]
    Unknown,
    /// The id is taken.
    #[error("the user exists already")]
    Exists,
    /// An account can hold 100 tokens.
    #[error("the user has too many tokens: revoke one first")]
    TooManyTokens,
}
