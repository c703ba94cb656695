//! Accounts, their addresses and permission groups.

mod addresses;
mod fold;
mod groups;
mod log_ins;
mod tokens;
mod user;

use store::{Fault, Mode, Op, Projection, Query, Recorded, Store, StoreError, args};

use crate::{catalogue, first, render_inputs::At};

pub use addresses::{AddressRow, address, address_numbers, addresses};
pub use groups::{PermissionGroupRow, group_by_number, group_numbers, groups, permission_group};
pub use log_ins::{
    Failures, LogInFilter, LogInRow, failures, log_ins, log_ins_left, was_here, without_log_ins,
    without_log_ins_until,
};
pub use tokens::{Bearer, NamedTokenRow, by_token, token_owner, tokens};
pub use user::{
    MembershipRow, UserFilter, UserRow, aged_passwords, by_id, by_login, exist, is_there, list,
    managers_of, other_superuser, owner_of, stretch,
};

/// Fills the tables of accounts and permission groups.
#[derive(Clone, Copy, Debug, Default)]
pub struct Accounts;

impl Projection for Accounts {
    fn name(&self) -> &'static str {
        "accounts.v1"
    }

    fn mode(&self) -> Mode {
        Mode::Inline
    }

    fn tables(&self) -> &'static [&'static str] {
        &[
            "account_numbers",
            "log_ins",
            "permission_groups",
            "user_email_addresses",
            "user_groups",
            "user_memberships",
            "user_tokens",
            "users",
        ]
    }

    fn wants(&self, event_type: &str) -> bool {
        ["user.", "log_in.", "permission_group."].iter().any(|kind| event_type.starts_with(kind))
    }

    fn apply(&self, recorded: &Recorded) -> Result<Vec<Op>, Fault> {
        let event = catalogue::decode(recorded)?;
        let at = At {
            id: catalogue::stream(recorded)?,
            position: recorded.position,
            time: recorded.recorded_at,
        };
        match &*event {
            domain::Event::LogIn(event) => Ok(fold::log_in(at, event)),
            domain::Event::User(event) => Ok(fold::user(at, event)),
            domain::Event::PermissionGroup(event) => Ok(fold::permission_group(at, event)),
            _ => Ok(Vec::new()),
        }
    }
}

/// Things that get a number which is never given again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbered {
    /// Listed addresses.
    EmailAddress,
    /// Permission groups.
    PermissionGroup,
}

impl Numbered {
    fn as_str(self) -> &'static str {
        match self {
            Self::EmailAddress => "email_address",
            Self::PermissionGroup => "permission_group",
        }
    }
}

/// The highest number that was given so far.
pub async fn last_number(store: &Store, kind: Numbered) -> Result<u32, StoreError> {
    let query =
        Query::new("SELECT last FROM account_numbers WHERE kind = $1", args![kind.as_str()]);
    let last = first(store, query, |row| row.int(0)).await?;
    Ok(last.and_then(|last| u32::try_from(last).ok()).unwrap_or(0))
}
