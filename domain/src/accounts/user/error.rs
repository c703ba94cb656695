use crate::FieldError;

/// Why an account does not do what it is asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
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
    /// An account can have 20 further addresses.
    #[error("the user has too many e-mail addresses: remove one first")]
    TooManyAddresses,
    /// Address or number are among the listed ones.
    #[error("the user has listed this e-mail address already")]
    AddressListed,
    /// An account can belong to 1,000 organizations.
    #[error("the user belongs to too many organizations")]
    TooManyMemberships,
    /// The account does not belong to the organization.
    #[error("the user does not belong to the organization")]
    NotAMember,
    /// An organization's owner stays its manager, and keeps the account.
    #[error("the user owns the organization: hand it over to another manager first")]
    IsOwner,
    /// Only managers own organizations.
    #[error("the user is not a manager of the organization: make them one first")]
    NotAManager,
    /// The account has no such address.
    #[error("the user has no such e-mail address")]
    UnknownAddress,
    /// The link was used, is too old, or belongs to an address or a password that are not valid any more.
    #[error("the link is not valid any more: ask for another one")]
    InvalidLink,
    /// A value is not acceptable.
    #[error(transparent)]
    Invalid(#[from] FieldError),
}
