//! A job on many devices as it goes on.

use std::time::Duration;

use store::JobState;

use super::{Ended, Listener};
use crate::{App, BulkJob, Failure, JobId};

/// How often a job is looked at while it goes on.
const PAUSE: Duration = Duration::from_millis(250);

/// Somebody who watches a job.
pub struct JobLive {
    app: App,
    listener: Listener,
    id: JobId,
    told: Option<BulkJob>,
}

impl JobLive {
    pub(super) fn new(app: App, listener: Listener, id: JobId) -> Self {
        Self { app, listener, id, told: None }
    }

    /// The job: at once, and then each time that it changed; none after it has ended. Paused and failed jobs have not ended:
    /// they can be resumed.
    pub async fn next(&mut self) -> Result<Option<BulkJob>, Ended> {
        if self.told.as_ref().is_some_and(|job| has_ended(job.state)) {
            return Ok(None);
        }
        loop {
            self.listener.check().await?;
            let job = match self.app.bulk().job(self.listener.by(), self.id).await {
                Ok(job) => job,
                // Ended jobs are removed some day.
                Err(Failure::NotFound(_)) => return Ok(None),
                Err(failure) => return Err(failure.into()),
            };
            if self.told.as_ref() != Some(&job) {
                self.told = Some(job.clone());
                return Ok(Some(job));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

fn has_ended(state: JobState) -> bool {
    match state {
        JobState::Done | JobState::Cancelled => true,
        JobState::Queued | JobState::Running | JobState::Paused | JobState::Failed => false,
    }
}
