//! Endpoints of integrations, to which events are delivered (Standard Webhooks).

mod aggregate;
mod command;
mod error;
mod event;
mod selection;
#[cfg(test)]
mod tests;

pub use aggregate::Webhook;
pub use command::{CreateWebhook, WebhookCommand};
pub use error::WebhookError;
pub use event::{WebhookCreated, WebhookEvent, WhyDisabled};
pub use selection::WebhookSelection;
