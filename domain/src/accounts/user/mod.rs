//! A person, or a program with an account.

mod addresses;
mod aggregate;
mod command;
mod error;
mod event;
mod links;
mod memberships;
mod profile;
#[cfg(test)]
mod tests;
mod token;

pub use addresses::EmailAddress;
pub use aggregate::User;
pub use command::{CreateUser, UserCommand};
pub use error::UserError;
pub use event::{UserCreated, UserEvent};
pub use links::{IssuedLink, LinkPurpose};
pub use memberships::Membership;
pub use profile::{Profile, ProfileField};
pub use token::NamedToken;
