use std::time::Duration;

use app::{App, Failure, store::Retry};
use async_trait::async_trait;
use projections::WebhookNotice;

use crate::{Owner, Reconciler, Report, Rhythm};

/// A worker that does not report for so long is taken for dead.
const HOLD: Duration = Duration::from_mins(1);
const RETRY: Retry =
    Retry { pause: Duration::from_secs(5), longest: Duration::from_mins(15), attempts: 20 };

/// Orders mails to those who may change a webhook that was given up.
pub struct NotifyOfWebhooks {
    app: App,
    owner: Owner,
}

impl NotifyOfWebhooks {
    /// Over this system.
    pub fn new(app: App, owner: Owner) -> Self {
        Self { app, owner }
    }
}

#[async_trait]
impl Reconciler for NotifyOfWebhooks {
    fn name(&self) -> &'static str {
        "notify_of_webhooks"
    }

    fn rhythm(&self) -> Rhythm {
        Rhythm { every: Duration::from_secs(15), on_events: true }
    }

    async fn reconcile(&self) -> Result<Report, Failure> {
        let (jobs, now) = (self.app.jobs(), self.app.world().now());
        let leased = jobs.lease(&[WebhookNotice::KIND], &self.owner.name, now, HOLD).await?;
        let Some(job) = leased else { return Ok(Report::default()) };
        match self.app.webhook_queues().notify(&job).await {
            Ok(_) => {
                jobs.finish(&job, self.app.world().now()).await?;
                Ok(Report { found: 1, closed: 1 })
            }
            Err(failure) => {
                let (reason, now) = (failure.to_string(), self.app.world().now());
                jobs.fail_or_retry(&job, &reason, &RETRY, now).await?;
                Err(failure)
            }
        }
    }
}
