//! Does what must happen without anyone asking.
//!
//! A reconciler compares what should be with what is and closes the gap. It takes no input, may be run at any
//! moment and any number of times, and does not retry: the next round is the retry. Events only make the round
//! come sooner.

mod bulk;
mod deliver;
mod fan_out;
mod flush_presence;
mod mail;
mod notify;
mod overwrite_erased;
mod owner;
mod prune;
mod record_addresses;
mod relay;
mod remind;
mod remove_organizations;
mod render;
mod runner;

use std::{sync::Arc, time::Duration};

use app::App;
use async_trait::async_trait;

pub use bulk::Bulk;
pub use deliver::{Answer, Courier, DeliverEvents};
pub use fan_out::FanOut;
pub use flush_presence::FlushPresence;
pub use mail::{Delivery, Mail, MailError, Postman};
pub use notify::NotifyOfWebhooks;
pub use overwrite_erased::OverwriteErased;
pub use owner::Owner;
pub use prune::Prune;
pub use record_addresses::RecordAddresses;
pub use relay::{Appended, End, Relay, RelayError, RelayEvents, RelayRules};
pub use remind::RemindOfPasswords;
pub use remove_organizations::RemoveOrganizations;
pub use render::RenderConfigurations;
pub use runner::run;

/// What one round achieved, for the status page and the logs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Gaps found.
    pub found: u64,
    /// Gaps closed.
    pub closed: u64,
}

/// When a reconciler runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rhythm {
    /// The longest pause.
    pub every: Duration,
    /// Soon after something happened in the log too?
    pub on_events: bool,
}

/// Closes one kind of gap.
#[async_trait]
pub trait Reconciler: Send + Sync {
    /// Shown in logs, metrics and on the status page.
    fn name(&self) -> &'static str;

    /// When it runs.
    fn rhythm(&self) -> Rhythm;

    /// One round.
    async fn reconcile(&self) -> Result<Report, app::Failure>;
}

/// All of them but [`Mail`], [`DeliverEvents`] and [`RelayEvents`], which need hands of their own.
pub fn all(app: &App, owner: &Owner) -> Vec<Arc<dyn Reconciler>> {
    vec![
        Arc::new(Bulk::new(app.clone(), owner.clone())),
        Arc::new(FanOut::new(app.clone(), owner.clone())),
        Arc::new(FlushPresence::new(app.clone())),
        Arc::new(NotifyOfWebhooks::new(app.clone(), owner.clone())),
        Arc::new(OverwriteErased::new(app.clone())),
        Arc::new(Prune::new(app.clone())),
        Arc::new(RecordAddresses::new(app.clone())),
        Arc::new(RemindOfPasswords::new(app.clone())),
        Arc::new(RemoveOrganizations::new(app.clone(), owner.clone())),
        Arc::new(RenderConfigurations::new(app.clone())),
    ]
}
