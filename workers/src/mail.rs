use std::{sync::Arc, time::Duration};

use app::{
    Addressed, App, Failure, Letter,
    store::{Job, JobState, Retry},
};
use async_trait::async_trait;
use projections::MailJob;
use secrecy::SecretString;

use crate::{Owner, Reconciler, Report, Rhythm};

/// Four hours of tries, with pauses from 15 seconds to an hour.
const RETRY: Retry =
    Retry { pause: Duration::from_secs(15), longest: Duration::from_hours(1), attempts: 12 };
const NEVER: Retry = Retry { attempts: 0, ..RETRY };
/// What a job says between the moment in which its mail begins to leave and the moment in which that has an end.
const LEAVING: &str = "leaving";
/// For whatever is neither connection nor mail server.
const SLACK: Duration = Duration::from_secs(5);

/// Why a mail did not leave. Reasons name no address and repeat nothing of what is in the mail.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// Another attempt may succeed.
    #[error("{0}")]
    Later(String),
    /// No attempt will.
    #[error("{0}")]
    Never(String),
    /// It may have left.
    #[error("{0}")]
    Doubtful(String),
}

/// Takes mails to where they are taken over: a mail server, or a folder.
#[async_trait]
pub trait Postman: Send + Sync {
    /// Comes as far as somebody being ready to take a mail to this address over. Nothing has left by then.
    async fn call(&self, to: &SecretString) -> Result<Box<dyn Delivery>, MailError>;

    /// The longest time that a call takes, and the longest that handing over takes.
    fn patience(&self) -> Duration;
}

/// Somebody who waits for one mail.
#[async_trait]
pub trait Delivery: Send {
    /// Hands it over. An error that is not doubtful says that it was not taken.
    async fn hand_over(self: Box<Self>, letter: &Letter) -> Result<(), MailError>;
}

/// Sends the mails that were ordered, one at a time.
///
/// No mail is sent twice. Right before one begins to leave, its job says so, durably; whoever finds a job that says so, after a
/// crash or a silent server, does not know whether the mail has left, does not send it again, and tells that. Everything that
/// can be known to have failed is tried again.
pub struct Mail {
    app: App,
    owner: Owner,
    postman: Option<Arc<dyn Postman>>,
}

/// How an attempt ended.
enum End {
    /// The mail was taken over, or nobody needs it; for counters.
    Done(&'static str),
    /// The job is somebody else's by now.
    Lost,
    /// It was not.
    Failed(MailError),
}

impl Mail {
    /// Over this system. Without a postman, every mail ends with a warning.
    pub fn new(app: App, owner: Owner, postman: Option<Arc<dyn Postman>>) -> Self {
        Self { app, owner, postman }
    }

    /// A worker that does not report for so long is taken for dead.
    fn hold(&self) -> Duration {
        let patience = self.postman.as_ref().map_or(Duration::ZERO, |postman| postman.patience());
        patience * 2 + SLACK
    }

    async fn attempt(&self, job: &Job) -> Result<End, Failure> {
        let failed = |error| Ok(End::Failed(error));
        if job.cursor.as_deref() == Some(LEAVING) {
            let reason = "the program ended while the mail was leaving";
            return failed(MailError::Doubtful(reason.to_owned()));
        }
        let addressee = match self.app.mails().addressee(job).await? {
            Addressed::To(addressee) => addressee,
            Addressed::Nobody => return Ok(End::Done("nobody")),
            // Nobody waits for what was ordered before mail was set up, or by an older program.
            Addressed::TooLate if job.attempts <= 1 && job.error.is_none() => {
                return Ok(End::Done("too_late"));
            }
            Addressed::TooLate => {
                let reason = job.error.as_deref().unwrap_or("the program was busy");
                let reason = format!("no attempt succeeded in time; the last: {reason}");
                return failed(MailError::Never(reason));
            }
        };
        let Some(postman) = &self.postman else {
            let reason = "mail is not set up: see the settings mail.smtp_host and http.public_url";
            return failed(MailError::Never(reason.to_owned()));
        };
        let called = tokio::select! {
            called = postman.call(addressee.address()) => called,
            // Nothing has left: whoever is next begins anew.
            () = self.owner.stop.cancelled() => {
                self.app.jobs().release(job, self.app.world().now()).await?;
                return Ok(End::Lost);
            }
        };
        let delivery = match called {
            Ok(delivery) => delivery,
            Err(error) => return failed(error),
        };
        let letter = match self.app.mails().write(&addressee).await {
            // Whose account was closed or erased meanwhile.
            Err(Failure::NotFound(_)) => return Ok(End::Done("nobody")),
            letter => letter?,
        };
        let now = self.app.world().now();
        if !self.app.jobs().mark(job, Some(LEAVING), now, self.hold()).await? {
            return Ok(End::Lost);
        }
        match delivery.hand_over(&letter).await {
            Ok(()) => Ok(End::Done("sent")),
            Err(error) => failed(error),
        }
    }

    async fn end(&self, job: &Job, end: End) -> Result<(), Failure> {
        let (jobs, now) = (self.app.jobs(), self.app.world().now());
        let outcome = match end {
            End::Lost => return Ok(()),
            End::Done(outcome) => {
                jobs.finish(job, now).await?;
                outcome
            }
            End::Failed(MailError::Later(reason)) => {
                jobs.mark(job, None, now, self.hold()).await?;
                let state = jobs.fail_or_retry(job, &reason, &RETRY, now).await?;
                if state == Some(JobState::Queued) {
                    tracing::info!(job.id = %job.id, "a mail is tried again later: {reason}");
                    "retried"
                } else {
                    tracing::error!(job.id = %job.id, "a mail was given up: {reason}");
                    "failed"
                }
            }
            End::Failed(MailError::Never(reason)) => {
                jobs.fail_or_retry(job, &reason, &NEVER, now).await?;
                tracing::error!(job.id = %job.id, "a mail was given up: {reason}");
                "failed"
            }
            End::Failed(MailError::Doubtful(reason)) => {
                jobs.fail_or_retry(job, &reason, &NEVER, now).await?;
                tracing::error!(
                    job.id = %job.id,
                    "a mail may have been sent, and is not sent again: {reason}"
                );
                "doubtful"
            }
        };
        metrics::counter!("wisptrail_mails_total", "outcome" => outcome).increment(1);
        Ok(())
    }
}

#[async_trait]
impl Reconciler for Mail {
    fn name(&self) -> &'static str {
        "mail"
    }

    fn rhythm(&self) -> Rhythm {
        // Ordering a mail is no event.
        Rhythm { every: Duration::from_secs(1), on_events: true }
    }

    async fn reconcile(&self) -> Result<Report, Failure> {
        let now = self.app.world().now();
        let kinds = [MailJob::KIND];
        let leased = self.app.jobs().lease(&kinds, &self.owner.name, now, self.hold()).await?;
        let Some(job) = leased else { return Ok(Report::default()) };
        match self.attempt(&job).await {
            Ok(end) => {
                self.end(&job, end).await?;
                Ok(Report { found: 1, closed: 1 })
            }
            Err(failure) => {
                // Nothing had begun to leave: that is the last thing that can fail here.
                let reason = failure.to_string();
                let now = self.app.world().now();
                self.app.jobs().fail_or_retry(&job, &reason, &RETRY, now).await?;
                Err(failure)
            }
        }
    }
}
