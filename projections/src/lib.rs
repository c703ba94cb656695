//! Keeps tables made for reading: one module per noun with its rows, its queries and its fold.
//!
//! `render_inputs` owns everything that rendering and the agents' edge read, so that both always see one
//! position; `accounts` owns people and what they may; `fan_out` turns single events into jobs for many devices.

pub mod accounts;
mod catalogue;
mod conditions;
pub mod configuration;
pub mod device;
mod fan_out;
pub mod group;
mod mail;
pub mod noun;
pub mod organization;
mod removal;
mod render_inputs;
mod secret;
pub mod template;
pub mod webhook;
mod whose;

use std::sync::Arc;

use store::{Projection, Store, StoreError};

pub use accounts::Accounts;
pub use catalogue::{Catalogue, decode};
pub use conditions::{NamedOrder, Order, Page, Place, Slice, Stretch, Stretched};
pub use fan_out::{FanOut, FanOutJob, Ordered};
pub use mail::{LogInNames, MailJob, Mails, WebhookNotice};
pub use removal::{REMOVAL, RemovalOrder};
pub use render_inputs::RenderInputs;
pub use secret::SealedText;
pub use whose::whose;

/// All projections, inline ones first.
pub fn all() -> Vec<Arc<dyn Projection>> {
    vec![
        Arc::new(RenderInputs),
        Arc::new(Accounts),
        Arc::new(webhook::Webhooks),
        Arc::new(FanOut),
        Arc::new(Mails),
    ]
}

/// The first row of an answer, if there is one.
pub(crate) async fn first<T>(
    store: &Store,
    query: store::Query,
    read: impl Fn(&store::Row) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    store.fetch(query).await?.first().map(read).transpose()
}
