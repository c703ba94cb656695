//! Every identifier of the system, one newtype each.
//!
//! The list is alphabetical and append-only. Mixing two kinds does not compile.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! typed_ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
        )]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps an existing UUID, for example one read from a request path.
            pub const fn from_uuid(id: Uuid) -> Self {
                Self(id)
            }

            /// The UUID itself, for SQL parameters and response bodies.
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )+};
}

typed_ids! {
    /// A managed device; also the id of its configuration's stream.
    DeviceId,
    /// Devices with common templates and variables.
    GroupId,
    /// A try to log in.
    LogInId,
    /// A tenant.
    OrganizationId,
    /// Permissions that are given together.
    PermissionGroupId,
    /// A reusable piece of configuration.
    TemplateId,
    /// A bearer token that somebody made for a purpose.
    TokenId,
    /// A person, or a program with an account.
    UserId,
    /// An endpoint of an integration.
    WebhookId,
}
