use std::time::Duration;

use app::{
    App, Failure,
    store::{Job, Progress, Retry},
};
use async_trait::async_trait;
use domain::DeviceId;
use projections::{FanOutJob, Ordered};

use crate::{Owner, Reconciler, Report, Rhythm};

/// Devices between two looks at whether the job is still wanted.
const PAGE: u32 = 500;
/// A worker that does not report for so long is taken for dead.
const HOLD: Duration = Duration::from_mins(1);
const RETRY: Retry =
    Retry { pause: Duration::from_secs(1), longest: Duration::from_mins(5), attempts: 20 };

/// Works on jobs that follow from one event for many devices, one job at a time, page by page.
pub struct FanOut {
    app: App,
    owner: Owner,
}

impl FanOut {
    /// Over this system.
    pub fn new(app: App, owner: Owner) -> Self {
        Self { app, owner }
    }

    async fn work(&self, job: &Job) -> Result<Report, Failure> {
        let jobs = self.app.jobs();
        let now = || self.app.world().now();
        let ordered: Ordered = match serde_json::from_str(&job.payload) {
            Ok(ordered) => ordered,
            Err(error) => {
                let never = Retry { attempts: 0, ..RETRY };
                jobs.fail_or_retry(job, &error.to_string(), &never, now()).await?;
                return Ok(Report::default());
            }
        };
        let total = i64::try_from(self.app.fan_outs().total(&ordered).await?).ok();
        let mut cursor: Option<DeviceId> = job.cursor.as_deref().and_then(|id| id.parse().ok());
        let mut report = Report { found: 1, closed: 0 };
        let mut done = job.done;
        loop {
            if self.owner.stop.is_cancelled() {
                jobs.release(job, now()).await?;
                return Ok(report);
            }
            let step = self.app.fan_outs().step(&ordered, cursor, PAGE).await?;
            report.found += step.devices;
            report.closed += step.changed;
            done += i64::try_from(step.devices).unwrap_or(0);
            let Some(next) = step.cursor else { break };
            cursor = Some(next);
            let progress = Progress { cursor: Some(next.to_string()), done, total };
            if !jobs.progress(job, progress, now(), HOLD).await? {
                // Paused, cancelled, or somebody else's by now.
                return Ok(report);
            }
        }
        let progress =
            Progress { cursor: cursor.map(|id| id.to_string()), done, total: Some(done) };
        if jobs.progress(job, progress, now(), HOLD).await? {
            jobs.finish(job, now()).await?;
        }
        Ok(report)
    }
}

#[async_trait]
impl Reconciler for FanOut {
    fn name(&self) -> &'static str {
        "fan_out"
    }

    fn rhythm(&self) -> Rhythm {
        Rhythm { every: Duration::from_secs(15), on_events: true }
    }

    async fn reconcile(&self) -> Result<Report, Failure> {
        let now = self.app.world().now();
        let leased = self.app.jobs().lease(FanOutJob::KINDS, &self.owner.name, now, HOLD).await?;
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
