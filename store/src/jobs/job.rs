//! A job as it stands in the table.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};
use uuid::{Builder, Uuid};

use crate::{Row, StoreError};

/// What is happening to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobState {
    /// Waits for its time and a worker.
    Queued,
    /// A worker holds it.
    Running,
    /// Complete.
    Done,
    /// Given up after its last attempt.
    Failed,
    /// Ended by a person.
    Cancelled,
    /// Stopped by a person, to go on where it was.
    Paused,
}

impl JobState {
    /// As in the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Paused => "paused",
        }
    }

    fn from_text(text: &str) -> Option<Self> {
        [Self::Queued, Self::Running, Self::Done, Self::Failed, Self::Cancelled, Self::Paused]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// A job that is to be.
#[derive(Clone, Debug, PartialEq)]
pub struct NewJob {
    /// What is to be done, such as `render.batch`.
    pub kind: String,
    /// `<reactor>|<position>|<target>`: a second one under the same key is the same job.
    pub key: String,
    /// Whose it is.
    pub organization_id: Option<Uuid>,
    /// JSON for the worker.
    pub payload: String,
    /// How much there is to do, if that is known.
    pub total: Option<i64>,
    /// Not before.
    pub run_after: DateTime<Utc>,
    /// When it was ordered: the event's time.
    pub created_at: DateTime<Utc>,
}

impl NewJob {
    /// The identifier: the same for the same key, so that it can be told before the job is there.
    pub fn id(&self) -> Uuid {
        let digest = Sha256::digest(self.key.as_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Builder::from_custom_bytes(bytes).into_uuid()
    }
}

/// A job.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// See [`NewJob::id`].
    pub id: Uuid,
    /// What is to be done.
    pub kind: String,
    /// `<reactor>|<position>|<target>`
    pub key: String,
    /// Whose it is.
    pub organization_id: Option<Uuid>,
    /// JSON for the worker.
    pub payload: String,
    /// What is happening to it.
    pub state: JobState,
    /// How much is done.
    pub done: i64,
    /// How much there is to do, if that is known.
    pub total: Option<i64>,
    /// Where a batch goes on.
    pub cursor: Option<String>,
    /// Starts since the last progress, this one included.
    pub attempts: i64,
    /// Not before.
    pub run_after: DateTime<Utc>,
    /// The worker that holds it.
    pub lease_owner: Option<String>,
    /// How long it holds it.
    pub lease_until: Option<DateTime<Utc>>,
    /// What went wrong last.
    pub error: Option<String>,
    /// When it was ordered.
    pub created_at: DateTime<Utc>,
    /// When it changed last.
    pub updated_at: DateTime<Utc>,
}

/// The columns of [`Job::from_row`].
pub(super) const COLUMNS: &str = "id, kind, key, organization_id, payload, state, done_count, total_count, cursor, attempts, run_after, lease_owner, lease_until, error, created_at, updated_at";

impl Job {
    pub(super) fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.uuid(0)?,
            kind: row.text(1)?,
            key: row.text(2)?,
            organization_id: row.uuid_or_null(3)?,
            payload: row.text(4)?,
            state: JobState::from_text(&row.text(5)?)
                .ok_or_else(|| StoreError::column(5, "state of a job"))?,
            done: row.int(6)?,
            total: row.int_or_null(7)?,
            cursor: row.text_or_null(8)?,
            attempts: row.int(9)?,
            run_after: row.time(10)?,
            lease_owner: row.text_or_null(11)?,
            lease_until: row.time_or_null(12)?,
            error: row.text_or_null(13)?,
            created_at: row.time(14)?,
            updated_at: row.time(15)?,
        })
    }
}

/// How a job that failed is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// The pause after the first attempt; it doubles with each further one.
    pub pause: Duration,
    /// The longest pause.
    pub longest: Duration,
    /// After so many attempts without progress the job has failed.
    pub attempts: i64,
}

impl Retry {
    /// The pause after an attempt, up to a quarter longer or shorter than its nominal length, so that jobs that failed
    /// together do not come back together; the same for the same job and attempt.
    pub(super) fn pause_after(&self, id: Uuid, attempts: i64) -> Duration {
        let doublings = u32::try_from(attempts.saturating_sub(1).max(0)).unwrap_or(u32::MAX);
        let nominal = self.pause.saturating_mul(2_u32.saturating_pow(doublings)).min(self.longest);
        let digest = Sha256::digest([&id.as_bytes()[..], &attempts.to_be_bytes()].concat());
        nominal.mul_f64(0.75 + f64::from(digest[0]) / 510.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_the_longest() {
        let retry =
            Retry { pause: Duration::from_secs(1), longest: Duration::from_mins(1), attempts: 9 };
        for (attempts, nominal) in [(1, 1.0), (2, 2.0), (4, 8.0), (7, 60.0), (i64::MAX, 60.0)] {
            let pause = retry.pause_after(Uuid::from_u128(7), attempts).as_secs_f64();
            assert!((nominal * 0.75..=nominal * 1.26).contains(&pause), "{attempts}: {pause}");
        }
    }

    #[test]
    fn a_key_has_one_id() {
        let job = |key: &str| NewJob {
            kind: "k".to_owned(),
            key: key.to_owned(),
            organization_id: None,
            payload: "{}".to_owned(),
            total: None,
            run_after: DateTime::UNIX_EPOCH,
            created_at: DateTime::UNIX_EPOCH,
        };
        assert_eq!(job("a").id(), job("a").id());
        assert_ne!(job("a").id(), job("b").id());
    }
}
