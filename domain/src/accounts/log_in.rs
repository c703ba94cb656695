//! Tries to log in, good ones and others: facts that are kept for a year.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    ClaimChange, Fact, LogInId, OrganizationId, Retention, Sealed, UserId,
    fact::{aggregate, stored_as},
};

/// A try is one fact, and nothing happens to it afterwards.
#[derive(Debug, Default, Serialize, Deserialize)]
pub enum LogIn {
    /// No event yet.
    #[default]
    Unknown,
    /// It happened.
    Known,
}

/// What can be asked of a try.
#[derive(Clone, Debug, PartialEq)]
pub enum LogInCommand {
    /// Keep it.
    Note(LogInTried),
}

/// Why a try is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogInError {
    /// The id is taken.
    #[error("the log-in was noted already")]
    Exists,
}

/// How a try ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogInOutcome {
    /// They are who they say.
    Succeeded,
    /// The account is another one's, or the password is wrong.
    WrongPassword,
    /// There is no such account.
    UnknownAccount,
    /// The account does not work, or not any more; the password was right.
    Inactive,
    /// There were too many before: nothing was looked at.
    Limited,
}

impl LogInOutcome {
    /// As it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::WrongPassword => "wrong_password",
            Self::UnknownAccount => "unknown_account",
            Self::Inactive => "inactive",
            Self::Limited => "limited",
        }
    }

    /// All there are.
    pub const ALL: [Self; 5] =
        [Self::Succeeded, Self::WrongPassword, Self::UnknownAccount, Self::Inactive, Self::Limited];
}

/// How somebody showed who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogInMethod {
    /// With the password, for a token.
    Password,
    /// With the present password, to have another one.
    PasswordChange,
    /// With a link that was sent by mail.
    Link,
}

impl LogInMethod {
    /// As it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::PasswordChange => "password_change",
            Self::Link => "link",
        }
    }

    /// All there are.
    pub const ALL: [Self; 3] = [Self::Password, Self::PasswordChange, Self::Link];
}

/// What has happened. Stored for a year: variants and fields are only ever added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogInEvent {
    /// Somebody tried to log in.
    Tried(LogInTried),
}

stored_as! { LogInEvent:
    Tried => "log_in.tried",
}

/// Payload of [`LogInEvent::Tried`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LogInTried {
    /// Same as the stream's id.
    pub log_in_id: LogInId,
    /// Whose account, where there is one.
    pub user_id: Option<UserId>,
    /// Fingerprint of what was given for the account's name, where there is none: what people mistype may be a password.
    pub login: Option<String>,
    /// How it ended.
    pub outcome: LogInOutcome,
    /// How they showed who they are.
    pub method: LogInMethod,
    /// Where it came from, sealed for the person, or for the installation where nobody is known; the fingerprint is of the
    /// address, of the first 64 bits for IPv6. None on the machine itself.
    pub address: Option<Sealed>,
    /// How many it stands for: those that nobody looked at are counted together.
    pub times: u32,
}

aggregate!(LogIn, "log_in", LogInCommand, LogInEvent, LogInError);

impl LogIn {
    fn decide(&self, command: LogInCommand) -> Result<Vec<LogInEvent>, LogInError> {
        let LogInCommand::Note(tried) = command;
        match self {
            Self::Unknown => Ok(vec![LogInEvent::Tried(tried)]),
            Self::Known => Err(LogInError::Exists),
        }
    }

    fn evolve(&mut self, _: LogInEvent) {
        *self = Self::Known;
    }
}

impl Fact for LogInEvent {
    const TYPES: &'static [&'static str] = Self::STORED;

    fn claims(&self, _: Uuid) -> Vec<ClaimChange> {
        Vec::new()
    }

    /// Accounts belong to the installation.
    fn organization(&self) -> Option<OrganizationId> {
        None
    }

    fn retention(&self) -> Retention {
        Retention::Year
    }
}
