use std::time::Duration;

use app::{App, Failure};
use async_trait::async_trait;

use crate::{Reconciler, Report, Rhythm};

/// Writes held management addresses into the log, at most once a minute and device.
pub struct RecordAddresses(App);

impl RecordAddresses {
    /// Over this system.
    pub fn new(app: App) -> Self {
        Self(app)
    }
}

#[async_trait]
impl Reconciler for RecordAddresses {
    fn name(&self) -> &'static str {
        "record_addresses"
    }

    fn rhythm(&self) -> Rhythm {
        Rhythm { every: Duration::from_secs(1), on_events: false }
    }

    async fn reconcile(&self) -> Result<Report, Failure> {
        let written = self.0.devices().record_addresses().await?;
        let closed = u64::try_from(written).unwrap_or(u64::MAX);
        // Nothing is left: the next round is due at its own time.
        Ok(Report { found: 0, closed })
    }
}
