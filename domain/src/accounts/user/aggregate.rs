use serde::{Deserialize, Serialize};

use super::{CreateUser, UserCommand, UserCreated, UserError, UserEvent};
use crate::{UserId, fact::aggregate};

/// Most tokens that an account can hold.
const TOKENS: usize = 100;

/// Just enough state to decide the next command.
#[derive(Debug, Default, Serialize, Deserialize)]
pub enum User {
    /// No event yet.
    #[default]
    Unknown,
    /// An account.
    Known {
        /// Whose.
        id: UserId,
        /// Does it work?
        active: bool,
        /// Keyed hashes of its tokens.
        tokens: Vec<String>,
    },
}

aggregate!(User, "user", UserCommand, UserEvent, UserError);

impl User {
    /// The rules. An empty answer means "nothing to do", which is a success.
    fn decide(&self, command: UserCommand) -> Result<Vec<UserEvent>, UserError> {
        let (user_id, active, tokens, command) = match (self, command) {
            (Self::Unknown, UserCommand::Create(new)) => return Ok(vec![create(*new)]),
            (Self::Unknown, _) => return Err(UserError::Unknown),
            (Self::Known { .. }, UserCommand::Create(_)) => return Err(UserError::Exists),
            (Self::Known { id, active, tokens }, command) => (*id, *active, tokens, command),
        };
        let event = match command {
            UserCommand::Create(_) => return Err(UserError::Exists),
            UserCommand::ChangePassword(password) => {
                Some(UserEvent::PasswordChanged { user_id, password })
            }
            UserCommand::IssueToken(token) if tokens.contains(&token) => None,
            UserCommand::IssueToken(_) if tokens.len() >= TOKENS => {
                return Err(UserError::TooManyTokens);
            }
            UserCommand::IssueToken(token) => Some(UserEvent::TokenIssued { user_id, token }),
            UserCommand::RevokeToken(token) => {
                tokens.contains(&token).then_some(UserEvent::TokenRevoked { user_id, token })
            }
            UserCommand::SetActive(wanted) => (wanted != active).then_some(if wanted {
                UserEvent::Enabled { user_id }
            } else {
                UserEvent::Disabled { user_id }
            }),
        };
        Ok(event.into_iter().collect())
    }

    fn evolve(&mut self, event: UserEvent) {
        match (self, event) {
            (state @ Self::Unknown, UserEvent::Created(created)) => {
                *state = Self::Known { id: created.user_id, active: true, tokens: Vec::new() };
            }
            (Self::Known { tokens, .. }, UserEvent::TokenIssued { token, .. }) => {
                tokens.push(token);
            }
            (Self::Known { tokens, .. }, UserEvent::TokenRevoked { token, .. }) => {
                tokens.retain(|held| *held != token);
            }
            (Self::Known { active, .. }, UserEvent::Enabled { .. }) => *active = true,
            (Self::Known { active, .. }, UserEvent::Disabled { .. }) => *active = false,
            _ => {}
        }
    }
}

fn create(new: CreateUser) -> UserEvent {
    let CreateUser { id, username, email, password, superuser, staff, roles, memberships } = new;
    UserEvent::Created(Box::new(UserCreated {
        user_id: id,
        username,
        email,
        password,
        superuser,
        staff,
        roles,
        memberships,
    }))
}
