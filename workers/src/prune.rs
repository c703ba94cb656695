use std::time::Duration;

use app::{App, Failure};
use async_trait::async_trait;
use chrono::TimeDelta;

use crate::{Reconciler, Report, Rhythm};

/// Ended jobs are shown for so long.
const JOBS: TimeDelta = TimeDelta::days(30);

/// Removes what is only kept for a while: idempotency keys, answers, ended jobs and deliveries, uses of tokens that are no more, contents of events.
pub struct Prune(App);

impl Prune {
    /// Over this system.
    pub fn new(app: App) -> Self {
        Self(app)
    }
}

#[async_trait]
impl Reconciler for Prune {
    fn name(&self) -> &'static str {
        "prune"
    }

    fn rhythm(&self) -> Rhythm {
        Rhythm { every: Duration::from_hours(1), on_events: false }
    }

    async fn reconcile(&self) -> Result<Report, Failure> {
        let keys = self.0.store().prune().await?;
        let requests = self.0.requests().prune().await?;
        let jobs = self.0.jobs().prune(self.0.world().now() - JOBS).await?;
        let uses = self.0.accounts().prune_token_uses().await?;
        let deliveries = self.0.webhook_queues().prune().await?;
        let expired = self.0.expire().await?;
        Ok(Report { found: 0, closed: keys + requests + jobs + uses + deliveries + expired })
    }
}
