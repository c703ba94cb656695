use std::time::Duration;

use app::{
    App, Failure,
    store::{Job, Progress, Retry},
};
use async_trait::async_trait;
use projections::{REMOVAL, RemovalOrder};

use crate::{Owner, Reconciler, Report, Rhythm};

/// Objects between two looks at whether the job is still this worker's.
const PAGE: u32 = 100;
/// A worker that does not report for so long is taken for dead.
const HOLD: Duration = Duration::from_mins(1);
/// Whatever is in the way, what nobody can find any more must not stay.
const RETRY: Retry =
    Retry { pause: Duration::from_secs(1), longest: Duration::from_mins(5), attempts: i64::MAX };

/// Removes what belongs to organizations that are gone, one organization at a time, page by page.
pub struct RemoveOrganizations {
    app: App,
    owner: Owner,
}

impl RemoveOrganizations {
    /// Over this system.
    pub fn new(app: App, owner: Owner) -> Self {
        Self { app, owner }
    }

    async fn work(&self, job: &Job) -> Result<Report, Failure> {
        let (jobs, organizations) = (self.app.jobs(), self.app.organizations());
        let now = || self.app.world().now();
        let order: RemovalOrder = match serde_json::from_str(&job.payload) {
            Ok(order) => order,
            Err(error) => {
                let never = Retry { attempts: 0, ..RETRY };
                jobs.fail_or_retry(job, &error.to_string(), &never, now()).await?;
                return Ok(Report::default());
            }
        };
        let left = i64::try_from(organizations.left(&order).await?).unwrap_or(i64::MAX);
        let total = Some(job.done.saturating_add(left));
        let mut done = job.done;
        let mut report = Report { found: 1, closed: 0 };
        loop {
            if self.owner.stop.is_cancelled() {
                jobs.release(job, now()).await?;
                return Ok(report);
            }
            let step = organizations.removal_step(&order, PAGE).await?;
            report.found += step.removed;
            report.closed += step.removed;
            done += i64::try_from(step.removed).unwrap_or(0);
            if !jobs.progress(job, Progress { cursor: None, done, total }, now(), HOLD).await? {
                // Somebody else's by now.
                return Ok(report);
            }
            if step.complete {
                jobs.finish(job, now()).await?;
                return Ok(report);
            }
        }
    }
}

#[async_trait]
impl Reconciler for RemoveOrganizations {
    fn name(&self) -> &'static str {
        "remove_organizations"
    }

    fn rhythm(&self) -> Rhythm {
        Rhythm { every: Duration::from_secs(15), on_events: true }
    }

    async fn reconcile(&self) -> Result<Report, Failure> {
        let now = self.app.world().now();
        let leased = self.app.jobs().lease(&[REMOVAL], &self.owner.name, now, HOLD).await?;
        let Some(job) = leased else { return Ok(Report::default()) };
        match self.work(&job).await {
            Ok(report) => Ok(report),
            Err(failure) => {
                let (reason, now) = (failure.to_string(), self.app.world().now());
                self.app.jobs().fail_or_retry(&job, &reason, &RETRY, now).await?;
                Err(failure)
            }
        }
    }
}
