use std::time::Duration;

use app::{
    App, BULK, Failure, Stepped,
    store::{Job, Progress, Retry},
};
use async_trait::async_trait;

use crate::{Owner, Reconciler, Report, Rhythm};

/// Devices between two looks at whether the job is still wanted.
const PAGE: u32 = 100;
/// A worker that does not report for so long is taken for dead.
const HOLD: Duration = Duration::from_mins(1);
const RETRY: Retry =
    Retry { pause: Duration::from_secs(1), longest: Duration::from_mins(5), attempts: 20 };
const NEVER: Retry = Retry { attempts: 0, ..RETRY };

/// Works on operations that people ordered for many devices, one job at a time, page by page.
pub struct Bulk {
    app: App,
    owner: Owner,
}

impl Bulk {
    /// Over this system.
    pub fn new(app: App, owner: Owner) -> Self {
        Self { app, owner }
    }

    async fn work(&self, job: &Job) -> Result<Report, Failure> {
        let jobs = self.app.jobs();
        let now = || self.app.world().now();
        let mut progress =
            Progress { cursor: job.cursor.clone(), done: job.done, total: job.total };
        let mut report = Report { found: 1, closed: 0 };
        loop {
            if self.owner.stop.is_cancelled() {
                jobs.release(job, now()).await?;
                return Ok(report);
            }
            let (further, complete) = match self.app.bulk().step(job, &progress, PAGE).await? {
                Stepped::More(further) => (further, false),
                Stepped::Complete(further) => (further, true),
                Stepped::Stopped(reason) => {
                    jobs.fail_or_retry(job, &reason, &NEVER, now()).await?;
                    return Ok(report);
                }
            };
            let looked_at = u64::try_from(further.done - progress.done).unwrap_or(0);
            report.found += looked_at;
            report.closed += looked_at;
            progress = further;
            if !jobs.progress(job, progress.clone(), now(), HOLD).await? {
                // Paused, cancelled, or somebody else's by now.
                return Ok(report);
            }
            if complete {
                jobs.finish(job, now()).await?;
                return Ok(report);
            }
        }
    }
}

#[async_trait]
impl Reconciler for Bulk {
    fn name(&self) -> &'static str {
        "bulk"
    }

    fn rhythm(&self) -> Rhythm {
        // Ordering a job is no event.
        Rhythm { every: Duration::from_secs(1), on_events: true }
    }

    async fn reconcile(&self) -> Result<Report, Failure> {
        let now = self.app.world().now();
        let leased = self.app.jobs().lease(&[BULK], &self.owner.name, now, HOLD).await?;
        let Some(job) = leased else { return Ok(Report::default()) };
        match self.work(&job).await {
            Ok(report) => Ok(report),
            Err(failure) => {
                let reason = failure.to_string();
                self.app
                    .jobs()
                    .fail_or_retry(&job, &reason, &RETRY, self.app.world().now())
                    .await?;
                Err(failure)
            }
        }
    }
}
