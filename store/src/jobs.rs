//! Work that follows from events, done at least once, by one worker at a time (architecture, decision 8).

mod job;

use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use self::job::COLUMNS;
pub use self::job::{Job, JobState, NewJob, Retry};
use crate::{Arg, Op, Query, Sql, Store, StoreError, args};

/// Jobs of one page.
const MOST_JOBS: u32 = 1000;
/// Characters of an error that are kept.
const LONGEST_ERROR: usize = 2000;

/// The table of jobs.
#[derive(Clone, Debug)]
pub struct Jobs {
    store: Store,
}

/// Which jobs; by default all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// Of these kinds; empty is all.
    pub kinds: Vec<String>,
    /// In these states; empty is all.
    pub states: Vec<JobState>,
    /// Of these organizations; an empty list is none at all.
    pub organizations: Option<Vec<Uuid>>,
    /// Older than this one: the last of the page before.
    pub before: Option<(DateTime<Utc>, Uuid)>,
}

/// What a worker has done so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Where it goes on after an interruption.
    pub cursor: Option<String>,
    /// How much is done.
    pub done: i64,
    /// How much there is to do, if that is known.
    pub total: Option<i64>,
}

impl Jobs {
    /// The jobs of a store.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// Orders a job: an operation for a following projection (a *reactor*), in the transaction of its checkpoint.
    /// A key that was seen before orders nothing.
    pub fn enqueue_op(job: NewJob) -> Op {
        let text = |payload: &str| {
            format!(
                "INSERT INTO jobs (id, kind, key, organization_id, payload, state, done_count, total_count, attempts, run_after, created_at, updated_at)
                 VALUES ($1, $2, $3, $4, {payload}, 'queued', 0, $6, 0, $7, $8, $8) ON CONFLICT DO NOTHING"
            )
        };
        let sql =
            Sql::Each { sqlite: text("$5").into(), postgres: text("CAST($5 AS json)").into() };
        let id = job.id();
        let NewJob { kind, key, organization_id, payload, total, run_after, created_at } = job;
        Op {
            sql,
            args: args![id, kind, key, organization_id, payload, total, run_after, created_at],
        }
    }

    /// Removes jobs of a kind whose payloads name something, such as an id: an operation for the transaction in which that is
    /// erased. Whoever holds one finds that it is theirs no more.
    pub fn erase_op(kind: &str, named: &str) -> Op {
        Op::new(
            "DELETE FROM jobs WHERE kind = $1 AND CAST(payload AS text) LIKE $2",
            args![kind, format!("%{named}%")],
        )
    }

    /// Takes the longest due job of these kinds, or one whose worker did not come back in time, and holds it for a while.
    /// No two workers hold one job.
    pub async fn lease(
        &self,
        kinds: &[&str],
        owner: &str,
        now: DateTime<Utc>,
        hold: Duration,
    ) -> Result<Option<Job>, StoreError> {
        if kinds.is_empty() {
            return Ok(None);
        }
        let mut args = args![now, owner, now + hold];
        let kinds = places(&mut args, kinds.iter().map(|kind| Arg::from(*kind)));
        let text = |lock: &str| {
            format!(
                "UPDATE jobs SET state = 'running', lease_owner = $2, lease_until = $3, attempts = attempts + 1, updated_at = $1
                 WHERE id = (SELECT id FROM jobs WHERE kind IN ({kinds})
                     AND ((state = 'queued' AND run_after <= $1) OR (state = 'running' AND lease_until <= $1))
                     ORDER BY run_after, id LIMIT 1{lock})
                 RETURNING {COLUMNS}"
            )
        };
        let sql =
            Sql::Each { sqlite: text("").into(), postgres: text(" FOR UPDATE SKIP LOCKED").into() };
        self.store.returning(Op { sql, args }).await?.first().map(Job::from_row).transpose()
    }

    /// Notes progress and holds the job longer; counts as a success of the attempt. No is the answer when the job is not the
    /// worker's any more (paused, cancelled, or taken over): then it stops at once.
    pub async fn progress(
        &self,
        job: &Job,
        progress: Progress,
        now: DateTime<Utc>,
        hold: Duration,
    ) -> Result<bool, StoreError> {
        let Progress { cursor, done, total } = progress;
        self.held(
            job,
            "cursor = $3, done_count = $4, total_count = $5, lease_until = $6, updated_at = $7, attempts = 1, error = NULL",
            args![cursor, done, total, now + hold, now],
        )
        .await
    }

    /// Notes where the worker is without counting that as a success, and holds the job longer. No is the answer when the job
    /// is not the worker's any more: then it stops at once.
    pub async fn mark(
        &self,
        job: &Job,
        cursor: Option<&str>,
        now: DateTime<Utc>,
        hold: Duration,
    ) -> Result<bool, StoreError> {
        let set = "cursor = $3, lease_until = $4, updated_at = $5";
        self.held(job, set, args![cursor, now + hold, now]).await
    }

    /// The job is complete. No is the answer when it is not the worker's any more.
    pub async fn finish(&self, job: &Job, now: DateTime<Utc>) -> Result<bool, StoreError> {
        self.held(
            job,
            "state = 'done', lease_owner = NULL, lease_until = NULL, error = NULL, updated_at = $3,
             done_count = CASE WHEN total_count > done_count THEN total_count ELSE done_count END",
            args![now],
        )
        .await
    }

    /// The worker gives the job back as it is, at shutdown; the attempt does not count.
    pub async fn release(&self, job: &Job, now: DateTime<Utc>) -> Result<bool, StoreError> {
        self.held(
            job,
            "state = 'queued', lease_owner = NULL, lease_until = NULL, updated_at = $3,
             attempts = CASE WHEN attempts > 0 THEN attempts - 1 ELSE 0 END",
            args![now],
        )
        .await
    }

    /// Gives back what a process held that is gone, and says how many jobs; its owners are those whose names begin with its
    /// name and a slash. The attempt counts: the job may be what ended the process.
    pub async fn release_of(&self, process: &str, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let prefix = format!("{process}/");
        let op = Op::new(
            "UPDATE jobs SET state = 'queued', lease_owner = NULL, lease_until = NULL, updated_at = $1
             WHERE state = 'running' AND substr(lease_owner, 1, length($2)) = $2",
            args![now, prefix],
        );
        Ok(self.store.execute(vec![op]).await?.iter().sum())
    }

    /// The attempt failed: the job is tried again after a pause, or has failed for good. Which of the two, and none when it is
    /// not the worker's any more.
    pub async fn fail_or_retry(
        &self,
        job: &Job,
        error: &str,
        retry: &Retry,
        now: DateTime<Utc>,
    ) -> Result<Option<JobState>, StoreError> {
        // Progress may have been noted since the job was leased.
        let query = Query::new("SELECT attempts FROM jobs WHERE id = $1", args![job.id]);
        let attempts =
            self.store.fetch(query).await?.first().map_or(Ok(job.attempts), |row| row.int(0))?;
        let state = if attempts < retry.attempts { JobState::Queued } else { JobState::Failed };
        let error: String = error.chars().filter(|c| *c != '\0').take(LONGEST_ERROR).collect();
        let run_after = now + retry.pause_after(job.id, attempts);
        let changed = self
            .held(
                job,
                "state = $3, error = $4, run_after = $5, lease_owner = NULL, lease_until = NULL, updated_at = $6",
                args![state.as_str(), error, run_after, now],
            )
            .await?;
        Ok(changed.then_some(state))
    }

    /// Stops a queued or running job; its worker hears of it at its next progress.
    pub async fn pause(&self, id: Uuid, now: DateTime<Utc>) -> Result<bool, StoreError> {
        self.change(id, JobState::Paused, &[JobState::Queued, JobState::Running], now).await
    }

    /// Lets a paused job go on where it was, or a failed one try again.
    pub async fn resume(&self, id: Uuid, now: DateTime<Utc>) -> Result<bool, StoreError> {
        self.change(id, JobState::Queued, &[JobState::Paused, JobState::Failed], now).await
    }

    /// Ends a job that is not complete; its worker hears of it at its next progress.
    pub async fn cancel(&self, id: Uuid, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let open = [JobState::Queued, JobState::Running, JobState::Paused, JobState::Failed];
        self.change(id, JobState::Cancelled, &open, now).await
    }

    /// A job.
    pub async fn get(&self, id: Uuid) -> Result<Option<Job>, StoreError> {
        let query = Query::new(format!("SELECT {COLUMNS} FROM jobs WHERE id = $1"), args![id]);
        self.store.fetch(query).await?.first().map(Job::from_row).transpose()
    }

    /// The newest jobs first, at most `limit` and never more than 1000.
    pub async fn list(&self, filter: &JobFilter, limit: u32) -> Result<Vec<Job>, StoreError> {
        let mut args = Vec::new();
        let mut conditions = vec!["1 = 1".to_owned()];
        let mut one_of = |column: &str, values: Vec<Arg>, args: &mut Vec<Arg>| {
            conditions.push(if values.is_empty() {
                "1 = 0".to_owned()
            } else {
                format!("{column} IN ({})", places(args, values))
            });
        };
        if !filter.kinds.is_empty() {
            one_of("kind", filter.kinds.iter().map(Arg::from).collect(), &mut args);
        }
        if !filter.states.is_empty() {
            let states = filter.states.iter().map(|state| Arg::from(state.as_str()));
            one_of("state", states.collect(), &mut args);
        }
        if let Some(organizations) = &filter.organizations {
            let ids = organizations.iter().map(|id| Arg::from(*id));
            one_of("organization_id", ids.collect(), &mut args);
        }
        if let Some((created_at, id)) = filter.before {
            let place = places(&mut args, [created_at.into(), id.into()]);
            conditions.push(format!("(created_at, id) < ({place})"));
        }
        let limit = places(&mut args, [i64::from(limit.min(MOST_JOBS)).into()]);
        let text = format!(
            "SELECT {COLUMNS} FROM jobs WHERE {} ORDER BY created_at DESC, id DESC LIMIT {limit}",
            conditions.join(" AND ")
        );
        self.store.fetch(Query::new(text, args)).await?.iter().map(Job::from_row).collect()
    }

    /// How many jobs of a kind are queued, running or paused whose keys begin like this.
    pub async fn open_under(&self, kind: &str, beginning: &str) -> Result<u64, StoreError> {
        let query = Query::new(
            "SELECT count(*) FROM jobs WHERE kind = $1 AND state IN ('queued', 'running', 'paused') AND substr(key, 1, length($2)) = $2",
            args![kind, beginning],
        );
        let rows = self.store.fetch(query).await?;
        let count = rows.first().map(|row| row.int(0)).transpose()?;
        Ok(count.unwrap_or(0).unsigned_abs())
    }

    /// Removes jobs that ended before a moment, at most 1000, and says how many. Their keys are forgotten with them, so the
    /// moment lies well behind every checkpoint.
    pub async fn prune(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let op = Op::new(
            "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs
                 WHERE state IN ('done', 'cancelled') AND updated_at < $1 ORDER BY updated_at LIMIT 1000)",
            args![before],
        );
        Ok(self.store.execute(vec![op]).await?.iter().sum())
    }

    /// Changes a job if the worker still holds it; `$1` and `$2` say so.
    async fn held(&self, job: &Job, set: &str, further: Vec<Arg>) -> Result<bool, StoreError> {
        let mut args = args![job.id, job.lease_owner.as_deref()];
        args.extend(further);
        let text = format!(
            "UPDATE jobs SET {set} WHERE id = $1 AND lease_owner = $2 AND state = 'running'"
        );
        Ok(self.store.execute(vec![Op::new(text, args)]).await?.iter().sum::<u64>() > 0)
    }

    async fn change(
        &self,
        id: Uuid,
        to: JobState,
        from: &[JobState],
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let mut args = args![id, to.as_str(), now];
        let from = places(&mut args, from.iter().map(|state| Arg::from(state.as_str())));
        let text = format!(
            "UPDATE jobs SET state = $2, lease_owner = NULL, lease_until = NULL, attempts = 0, updated_at = $3,
             run_after = CASE WHEN $2 = 'queued' THEN $3 ELSE run_after END
             WHERE id = $1 AND state IN ({from})"
        );
        Ok(self.store.execute(vec![Op::new(text, args)]).await?.iter().sum::<u64>() > 0)
    }
}

/// `$4, $5`: the places of values that are added to the arguments.
fn places(args: &mut Vec<Arg>, values: impl IntoIterator<Item = Arg>) -> String {
    let first = args.len() + 1;
    args.extend(values);
    (first..=args.len()).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ")
}
