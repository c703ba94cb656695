use super::Membership;
use crate::{Sealed, UserId, authority::Role};

/// What can be asked of an account.
#[derive(Clone, Debug, PartialEq)]
pub enum UserCommand {
    /// Open an account.
    Create(Box<CreateUser>),
    /// Let another password be valid: an Argon2 hash, sealed.
    ChangePassword(Sealed),
    /// Let a bearer token be valid: its keyed hash.
    IssueToken(String),
    /// Refuse a bearer token from here on: its keyed hash.
    RevokeToken(String),
    /// Let the account work, or refuse it.
    SetActive(bool),
}

/// The facts of a new account.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateUser {
    /// Chosen by the caller.
    pub id: UserId,
    /// What they log in with.
    pub username: Sealed,
    /// Where mail goes.
    pub email: Option<Sealed>,
    /// An Argon2 hash, sealed.
    pub password: Option<Sealed>,
    /// May do everything.
    pub superuser: bool,
    /// May use the administration.
    pub staff: bool,
    /// Permission groups.
    pub roles: Vec<Role>,
    /// Organizations.
    pub memberships: Vec<Membership>,
}
