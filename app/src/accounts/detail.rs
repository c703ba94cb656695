use projections::user::UserRow;
use secrecy::ExposeSecret as _;

use crate::{Failure, Sealing, sealing::Place};

/// An account as it is shown: to itself, and to superusers.
#[derive(Clone)]
pub struct UserDetail {
    /// The account.
    pub row: UserRow,
    /// What they log in with.
    pub username: String,
    /// Where mail goes.
    pub email: Option<String>,
}

/// Personal data is not for logs.
impl std::fmt::Debug for UserDetail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserDetail").field("id", &self.row.id).finish_non_exhaustive()
    }
}

impl UserDetail {
    pub(super) async fn open(sealing: &Sealing, row: UserRow) -> Result<Self, Failure> {
        let username = sealing.open(Place::Username(row.id), &row.username).await?;
        let email = match &row.email {
            Some(email) => Some(sealing.open(Place::Email(row.id), email).await?),
            None => None,
        };
        Ok(Self {
            row,
            username: username.expose_secret().to_owned(),
            email: email.map(|email| email.expose_secret().to_owned()),
        })
    }
}
