//! Following projections: behind the log, each event exactly once (`event-store.md` §7).

pub(crate) mod checkpoint;
mod follower;

use std::{collections::HashMap, future::Future, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use futures::future::join_all;
use tokio::{sync::watch, time::Instant};

use self::checkpoint::Checkpoint;
pub use self::{
    checkpoint::FollowerState,
    follower::{Follower, Round},
};
use crate::{Expect, Mode, Op, Query, Store, StoreError, Transaction, args};

/// How often the table is asked whether another process has got there.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// Projections that lack something before a position.
const FAILED: &str =
    "SELECT name FROM projection_checkpoints WHERE state = 'failed' AND position < $1";

/// The followers of a process.
#[derive(Clone, Debug)]
pub struct Followers {
    store: Store,
    followers: Vec<Arc<Follower>>,
}

/// How a follower is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowerStatus {
    /// The projection's name.
    pub name: &'static str,
    /// How often its tables were filled from the beginning.
    pub generation: i64,
    /// Everything up to here is in the tables.
    pub position: i64,
    /// What it is doing.
    pub state: FollowerState,
    /// Why it failed.
    pub error: Option<String>,
    /// The event that it failed at.
    pub error_position: Option<i64>,
    /// Events that it is behind the log.
    pub lag: i64,
    /// When the first event that it lacks was recorded.
    pub waiting_since: Option<DateTime<Utc>>,
}

/// How waiting for a follower ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// Everything up to the position is in the tables.
    Reached,
    /// Not within the time.
    Late,
    /// It has failed, or was paused, before the position.
    Failed,
    /// Its tables are being filled for the first time.
    Rebuilding,
}

impl Followers {
    /// All following projections of the store.
    pub fn new(store: Store) -> Self {
        let following = store.projections().iter().filter(|one| one.mode() == Mode::Following);
        let followers = following
            .map(|projection| Arc::new(Follower::new(store.clone(), Arc::clone(projection))))
            .collect();
        Self::of(store, followers)
    }

    /// These followers.
    pub fn of(store: Store, followers: Vec<Arc<Follower>>) -> Self {
        Self { store, followers }
    }

    /// Each follower, to be run as a task of its own: `follower.run(stop)`.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Follower>> {
        self.followers.iter()
    }

    /// Runs all of them in one task; `stop` makes each its signal.
    pub async fn run<F: Future<Output = ()>>(&self, stop: impl Fn() -> F) {
        join_all(self.followers.iter().map(|follower| follower.run(stop()))).await;
    }

    /// Rounds until every follower has read everything or stands still.
    pub async fn catch_up(&self) -> Result<(), StoreError> {
        for follower in &self.followers {
            follower.catch_up().await?;
        }
        Ok(())
    }

    /// How each of them is doing, whichever process runs it.
    pub async fn status(&self) -> Result<Vec<FollowerStatus>, StoreError> {
        let mut known = statuses(&self.store).await?;
        let status = |follower: &Arc<Follower>| {
            let name = follower.name();
            known.rows.remove(name).map_or_else(
                || FollowerStatus {
                    name,
                    generation: 1,
                    position: 0,
                    state: FollowerState::Running,
                    error: None,
                    error_position: None,
                    lag: known.head,
                    waiting_since: known.first,
                },
                |row| row.status(name, known.head),
            )
        };
        Ok(self.followers.iter().map(status).collect())
    }

    /// Inline projections that lack an event: one that another program appended and that they cannot take. Rebuilding them
    /// is the repair.
    pub async fn lacking(&self) -> Result<Vec<FollowerStatus>, StoreError> {
        let mut known = statuses(&self.store).await?;
        let inline = self.store.projections().iter().filter(|it| it.mode() == Mode::Inline);
        let statuses = inline
            .filter_map(|it| Some(known.rows.remove(it.name())?.status(it.name(), known.head)));
        Ok(statuses.filter(|status| status.state == FollowerState::Failed).collect())
    }

    /// Waits until a follower's tables hold everything up to a position, whichever process runs it.
    pub async fn wait_for(
        &self,
        name: &str,
        position: i64,
        patience: Duration,
    ) -> Result<Waited, StoreError> {
        let deadline = Instant::now() + patience;
        let mut here = self.find(name)?.watch();
        loop {
            // A follower of this process tells by itself.
            let until = deadline.min(Instant::now() + ASK_EVERY);
            if tokio::time::timeout_at(until, reached(&mut here, position)).await.is_ok() {
                return Ok(Waited::Reached);
            }
            match Checkpoint::of(&self.store, name).await?.iter().max_by_key(|row| liveness(row)) {
                Some(row) if row.state == FollowerState::Rebuilding => {
                    return Ok(Waited::Rebuilding);
                }
                Some(row) if row.position >= position => return Ok(Waited::Reached),
                Some(row) if row.state != FollowerState::Running => return Ok(Waited::Failed),
                _ if Instant::now() >= deadline => return Ok(Waited::Late),
                _ => {}
            }
        }
    }

    /// Waits until these followers have everything up to a position, and says whether they and the inline projections have: false
    /// when one is late, failed, paused or being filled, or when an inline one lacks an event.
    pub async fn fresh(
        &self,
        following: &[&str],
        position: i64,
        patience: Duration,
    ) -> Result<bool, StoreError> {
        let deadline = Instant::now() + patience;
        for name in following {
            let left = deadline.saturating_duration_since(Instant::now());
            if self.wait_for(name, position, left).await? != Waited::Reached {
                return Ok(false);
            }
        }
        // A table that could not take an event takes none after it.
        let failed = Query::new(FAILED, args![position]);
        let failed = self.store.fetch(failed).await?;
        let failed = failed.iter().map(|row| row.text(0)).collect::<Result<Vec<_>, _>>()?;
        let inline = |it: &Arc<dyn crate::Projection>| {
            it.mode() == Mode::Inline && failed.iter().any(|name| name == it.name())
        };
        Ok(!self.store.projections().iter().any(inline))
    }

    /// Lets a failed follower try again from where it stopped, after what was wrong was put right.
    /// Says whether there was a failed one.
    pub async fn repair(&self, name: &str) -> Result<bool, StoreError> {
        self.change(name, FollowerState::Failed, FollowerState::Running).await
    }

    /// Lets a failed follower leave out the event that it failed at. Nothing happens, and the answer is no, when it did not
    /// fail there. Whoever decides this appends an event that says so.
    pub async fn skip(&self, name: &str, position: i64) -> Result<bool, StoreError> {
        self.find(name)?;
        let failed = "SELECT count(*) FROM projection_checkpoints WHERE name = $1 AND state = 'failed' AND error_position = $2";
        let skip = "UPDATE projection_checkpoints SET position = $2, state = 'running', error = NULL, error_position = NULL, updated_at = $3
                    WHERE name = $1 AND state = 'failed' AND error_position = $2";
        let transaction = Transaction::new()
            .guard(Query::new(failed, args![name, position]), Expect::Value(1_i64.into()))
            .op(Op::new(skip, args![name, position, self.store.now()]));
        Ok(self.store.transact(transaction).await?.committed())
    }

    /// Stops a running follower, in every process. Says whether there was a running one.
    pub async fn pause(&self, name: &str) -> Result<bool, StoreError> {
        // The row may not be there yet.
        self.store.execute(vec![checkpoint::first(name, 0, self.store.now())]).await?;
        self.change(name, FollowerState::Running, FollowerState::Paused).await
    }

    /// Lets a paused follower go on. Says whether there was a paused one.
    pub async fn resume(&self, name: &str) -> Result<bool, StoreError> {
        self.change(name, FollowerState::Paused, FollowerState::Running).await
    }

    async fn change(
        &self,
        name: &str,
        from: FollowerState,
        to: FollowerState,
    ) -> Result<bool, StoreError> {
        self.find(name)?;
        let change = Op::new(
            "UPDATE projection_checkpoints SET state = $3, error = NULL, error_position = NULL, updated_at = $4
             WHERE name = $1 AND state = $2",
            args![name, from.as_str(), to.as_str(), self.store.now()],
        );
        Ok(self.store.execute(vec![change]).await?.iter().sum::<u64>() > 0)
    }

    fn find(&self, name: &str) -> Result<&Arc<Follower>, StoreError> {
        self.followers.iter().find(|follower| follower.name() == name).ok_or_else(|| {
            let names = self.followers.iter().map(|follower| follower.name()).collect::<Vec<_>>();
            StoreError::Unusable(format!(
                "there is no following projection {name}, only {}",
                names.join(", ")
            ))
        })
    }
}

/// All rows by name, the live one where there are two.
struct Statuses {
    head: i64,
    /// When the first event was recorded.
    first: Option<DateTime<Utc>>,
    rows: HashMap<String, Known>,
}

struct Known {
    checkpoint: Checkpoint,
    waiting_since: Option<DateTime<Utc>>,
}

impl Known {
    fn status(self, name: &'static str, head: i64) -> FollowerStatus {
        let Self { checkpoint: row, waiting_since } = self;
        FollowerStatus {
            name,
            generation: row.generation,
            position: row.position,
            state: row.state,
            error: row.error,
            error_position: row.error_position,
            lag: (head - row.position).max(0),
            waiting_since,
        }
    }
}

async fn statuses(store: &Store) -> Result<Statuses, StoreError> {
    let first = Query::new("SELECT recorded_at FROM events WHERE position = 1", vec![]);
    let next = "SELECT recorded_at FROM events WHERE events.position = projection_checkpoints.position + 1";
    let all = checkpoint::ALL.replacen(" FROM", &format!(", ({next}) FROM"), 1);
    let snapshot = store.snapshot(vec![first, Query::new(all, vec![])]).await?;
    let mut results = snapshot.results.into_iter();
    let first = results.next().unwrap_or_default();
    let first = first.first().map(|row| row.time(0)).transpose()?;
    let mut rows = HashMap::<String, Known>::new();
    for row in results.flatten() {
        let known = Known {
            checkpoint: Checkpoint::from_row(&row)?,
            waiting_since: row.time_or_null(checkpoint::COLUMNS)?,
        };
        let name = known.checkpoint.name.clone();
        if known.checkpoint.state != FollowerState::Rebuilding || !rows.contains_key(&name) {
            rows.insert(name, known);
        }
    }
    Ok(Statuses { head: snapshot.head, first, rows })
}

async fn reached(here: &mut watch::Receiver<i64>, position: i64) {
    if here.wait_for(|reached| *reached >= position).await.is_err() {
        // The follower is gone: only the table can tell.
        std::future::pending::<()>().await;
    }
}

/// The row of the live tables before that of a rebuild beside them.
fn liveness(row: &Checkpoint) -> bool {
    row.state != FollowerState::Rebuilding
}
