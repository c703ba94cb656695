use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Claim, ClaimChange, Fact, OrganizationId, Sealed, UserId, authority::Role, fact::stored_as,
    kind,
};

/// What has happened to an account. Personal data is sealed under the person's own key, so that it can be erased.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UserEvent {
    /// The account exists from here on.
    Created(Box<UserCreated>),
    /// Another password is valid.
    PasswordChanged {
        /// The account.
        user_id: UserId,
        /// An Argon2 hash (PHC string), sealed.
        password: Sealed,
    },
    /// A bearer token is valid from here on.
    TokenIssued {
        /// The account.
        user_id: UserId,
        /// Keyed hash of the token; the token itself is not stored.
        token: String,
    },
    /// A bearer token is not valid any more.
    TokenRevoked {
        /// The account.
        user_id: UserId,
        /// Keyed hash of the token.
        token: String,
    },
    /// The account works again.
    Enabled {
        /// The account.
        user_id: UserId,
    },
    /// The account and its tokens are refused.
    Disabled {
        /// The account.
        user_id: UserId,
    },
}

stored_as! { UserEvent:
    Created => "user.created",
    PasswordChanged => "user.password_changed",
    TokenIssued => "user.token_issued",
    TokenRevoked => "user.token_revoked",
    Enabled => "user.enabled",
    Disabled => "user.disabled",
}

/// Payload of [`UserEvent::Created`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserCreated {
    /// Same as the stream's id.
    pub user_id: UserId,
    /// What they log in with; case-sensitive.
    pub username: Sealed,
    /// Where mail goes, and another way to log in; lower case in the fingerprint.
    pub email: Option<Sealed>,
    /// An Argon2 hash (PHC string), sealed; none cannot log in with a password.
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

/// Belonging to an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Membership {
    /// Which.
    pub organization_id: OrganizationId,
    /// Manages it, rather than only belonging to it.
    pub manager: bool,
}

impl Fact for UserEvent {
    const TYPES: &'static [&'static str] = Self::STORED;

    fn claims(&self, _: Uuid) -> Vec<ClaimChange> {
        let token = |token: &str| Claim::new(kind::USER_TOKEN, None, token);
        match self {
            Self::Created(created) => {
                let name = Claim::new(kind::USER_NAME, None, &*created.username.fingerprint);
                let email = created
                    .email
                    .as_ref()
                    .map(|email| Claim::new(kind::USER_EMAIL, None, &*email.fingerprint));
                [Some(name), email].into_iter().flatten().map(ClaimChange::Take).collect()
            }
            Self::TokenIssued { token: issued, .. } => vec![ClaimChange::Take(token(issued))],
            Self::TokenRevoked { token: revoked, .. } => vec![ClaimChange::Release(token(revoked))],
            Self::PasswordChanged { .. } | Self::Enabled { .. } | Self::Disabled { .. } => {
                Vec::new()
            }
        }
    }

    /// Accounts belong to the installation.
    fn organization(&self) -> Option<OrganizationId> {
        None
    }
}
