//! `jobProgress`: a job on many devices as it goes on.

use app::{BulkJob, JobId, JobLive, store::JobState};
use async_graphql::{Context, Enum, ID, Result, SimpleObject, Subscription};
use chrono::{DateTime, Utc};
use futures::{StreamExt as _, stream};

use super::{Answers, ended, listener};
use crate::graphql::{error::failure, request::app, scalar::uuid};

/// What is happening to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "JobState")]
enum JobProgressState {
    /// Waits for its time and a worker.
    Queued,
    /// A worker holds it.
    Running,
    /// Complete.
    Done,
    /// Given up after its last attempt; it can be resumed.
    Failed,
    /// Ended by a person.
    Cancelled,
    /// Stopped by a person, to go on where it was.
    Paused,
}

/// A device that a job could not do.
#[derive(SimpleObject)]
struct JobProgressFailure {
    /// Which.
    device_id: ID,
    /// Why, for people.
    reason: String,
}

/// How far a job is.
#[derive(SimpleObject)]
struct JobProgress {
    /// The job.
    id: ID,
    /// What is happening to it.
    state: JobProgressState,
    /// Devices to look at, as counted at the start; null where they were not counted.
    total: Option<u64>,
    /// Devices that were looked at.
    done: u64,
    /// Of these, those that were changed.
    changed: u64,
    /// Of these, those that refused.
    failed: u64,
    /// The first 50 of them.
    failures: Vec<JobProgressFailure>,
    /// Why the job does not go on, or what went wrong last.
    error: Option<String>,
    /// When it was ordered.
    created_at: DateTime<Utc>,
    /// When it changed last.
    updated_at: DateTime<Utc>,
}

impl From<BulkJob> for JobProgress {
    fn from(job: BulkJob) -> Self {
        let failure = |(device, reason): (domain::DeviceId, String)| JobProgressFailure {
            device_id: device.to_string().into(),
            reason,
        };
        Self {
            id: job.id.to_string().into(),
            state: job.state.into(),
            total: job.total,
            done: job.done,
            changed: job.changed,
            failed: job.failed,
            failures: job.failures.into_iter().map(failure).collect(),
            error: job.error,
            created_at: job.created_at,
            updated_at: job.updated_at,
        }
    }
}

#[derive(Default)]
pub(super) struct JobSubscription;

#[Subscription]
impl JobSubscription {
    /// A job on many devices: at once, and then each time that it changed, at most four times a second. Complete when the
    /// job is done or cancelled; paused and failed jobs may go on. A job that the viewer cannot see is NOT_FOUND.
    #[graphql(complexity = "50 + child_complexity")]
    async fn job_progress(&self, ctx: &Context<'_>, id: ID) -> Result<Answers<JobProgress>> {
        let id = JobId::from_uuid(uuid("id", &id)?);
        let live = app(ctx)?.live().job(listener(ctx)?, id).await.map_err(failure)?;
        let next = |live: Option<JobLive>| async move {
            let mut live = live?;
            match live.next().await {
                Ok(job) => job.map(|job| (Ok(job.into()), Some(live))),
                Err(reason) => Some((Err(ended(reason)), None)),
            }
        };
        Ok(stream::unfold(Some(live), next).boxed())
    }
}
