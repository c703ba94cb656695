//! A person, or a program with an account.

mod aggregate;
mod command;
mod error;
mod event;
#[cfg(test)]
mod tests;

pub use aggregate::User;
pub use command::{CreateUser, UserCommand};
pub use error::UserError;
pub use event::{Membership, UserCreated, UserEvent};
