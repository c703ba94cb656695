//! Says what may happen and records what did.
//!
//! Pure: no clock, no randomness, no database. Ids, keys, sealed values and facts about other
//! aggregates come in with the commands.

pub mod accounts;
pub mod authority;
pub mod catalogue;
mod claim;
pub mod classified;
pub mod configuration;
pub mod device;
mod event;
mod fact;
pub mod field;
mod ids;
#[cfg(test)]
mod sample;
mod sealed;
mod upcast;
pub mod webhook;

pub use authority::{Actor, Authority, Permission, Permissions};
pub use claim::{Claim, ClaimChange, kind};
pub use event::{Event, Undecodable, event_types, schemas};
pub use fact::{Fact, Retention, is_gone};
pub use field::{Document, FieldError, Problem};
pub use ids::{
    DeviceId, GroupId, LogInId, OrganizationId, PermissionGroupId, TemplateId, TokenId, UserId,
    WebhookId,
};
pub use sealed::Sealed;
pub use upcast::raised;
