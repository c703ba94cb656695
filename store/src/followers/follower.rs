//! One projection behind the log.

use std::{fmt, future::Future, pin::pin, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{sync::watch, time::Instant};

use super::checkpoint::{self, Checkpoint, FollowerState};
use crate::{EventFilter, Op, Projection, Recorded, Store, StoreError};

/// Events of a round.
const MOST_EVENTS: u32 = 500;
/// How often an event is tried again before the projection fails.
const RETRIES: u32 = 3;
/// How long a reader may stand still in the table although it looked further.
const QUIET: Duration = Duration::from_secs(1);
/// Waiting for a database that is not available grows up to this.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// What a round did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Round {
    /// Events that the projection wanted.
    pub applied: usize,
    /// Everything up to here is in the tables.
    pub position: i64,
    /// There was nothing more to read.
    pub caught_up: bool,
    /// Only a running one moves.
    pub state: FollowerState,
}

/// Runs a projection behind the log: each event once, in order. Several may run for the same projection, in this process or
/// others; they get in each other's way but do no harm.
pub struct Follower {
    store: Store,
    projection: Arc<dyn Projection>,
    pause: Duration,
    progress: watch::Sender<i64>,
    /// Nothing between these two positions concerned the projection, and the table does not say so yet.
    looked: Mutex<Option<Looked>>,
}

#[derive(Clone, Copy)]
struct Looked {
    generation: i64,
    from: i64,
    to: i64,
    since: Instant,
}

impl fmt::Debug for Follower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Follower").field(&self.name()).finish()
    }
}

/// What one transaction came to.
enum Attempt {
    Done,
    /// Somebody else moved the checkpoint.
    Overtaken,
    Refused(String),
}

impl Follower {
    /// A follower of the store's log.
    pub fn new(store: Store, projection: Arc<dyn Projection>) -> Self {
        Self {
            store,
            projection,
            pause: Duration::from_millis(100),
            progress: watch::Sender::new(0),
            looked: Mutex::new(None),
        }
    }

    /// The pause before the first repetition of a failing event; it grows fourfold. 100 ms by default.
    #[must_use]
    pub fn with_pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// The projection's name.
    pub fn name(&self) -> &'static str {
        self.projection.name()
    }

    /// Tells when the tables have moved, in this process.
    pub fn watch(&self) -> watch::Receiver<i64> {
        self.progress.subscribe()
    }

    /// Reads up to 500 events after the checkpoint and applies them in one transaction with the checkpoint.
    /// An event that cannot be applied fails the projection, not the round.
    pub async fn round(&self) -> Result<Round, StoreError> {
        self.step(false).await
    }

    /// Rounds until everything is read, or the projection stands still.
    pub async fn catch_up(&self) -> Result<Round, StoreError> {
        loop {
            let round = self.round().await?;
            if round.caught_up || round.state != FollowerState::Running {
                return Ok(round);
            }
        }
    }

    /// Follows the log until `stop` or until the store is closed. A round that has begun is finished.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        let (mut head, mut closed) = (self.store.watch(), self.store.live().closed());
        let mut failures = 0;
        loop {
            head.borrow_and_update();
            let outcome = self.step(true).await;
            failures = if outcome.is_ok() { 0 } else { failures + 1 };
            let (wait, state, more) = match outcome {
                Ok(Round { state, caught_up, .. }) => {
                    (QUIET, state, state == FollowerState::Running && !caught_up)
                }
                Err(error) => {
                    let cause = checkpoint::chain(&error);
                    tracing::warn!(projection = self.name(), cause, "a follower has to wait");
                    (backoff(self.pause, failures), FollowerState::Running, false)
                }
            };
            let idle = failures == 0 && state == FollowerState::Running;
            let mut noted = false;
            loop {
                tokio::select! {
                    biased;
                    () = &mut stop => return self.put_down().await,
                    () = ended(&mut closed) => return,
                    () = std::future::ready(()), if more => break,
                    // A database that fails is not asked again for every event.
                    Ok(()) = head.changed(), if failures == 0 => break,
                    () = tokio::time::sleep(wait), if !noted => {
                        self.put_down().await;
                        // Whoever has read everything leaves the database alone until there is more.
                        if !idle {
                            break;
                        }
                        noted = true;
                    }
                }
            }
        }
    }

    /// A lazy step does not write a checkpoint for a few events that do not concern the projection.
    async fn step(&self, lazy: bool) -> Result<Round, StoreError> {
        let checkpoint = self.checkpoint().await?;
        if checkpoint.state != FollowerState::Running {
            return Ok(self.standing(&checkpoint));
        }
        let after = self.looked_to(&checkpoint);
        let events = self.read(after).await?;
        let Some(last) = events.last().map(|event| event.position) else {
            if !lazy && after > checkpoint.position {
                self.note_looked().await?;
            }
            return Ok(self.reached(0, after, true));
        };
        let caught_up = events.len() < MOST_EVENTS as usize;
        let wanted = events
            .into_iter()
            .filter(|event| self.projection.wants(&event.event_type))
            .collect::<Vec<_>>();

        if lazy && wanted.is_empty() && self.may_stay_behind(&checkpoint, last) {
            return Ok(self.reached(0, last, caught_up));
        }
        match self.attempt(&checkpoint, &wanted, last).await? {
            Attempt::Done => Ok(self.reached(wanted.len(), last, caught_up)),
            Attempt::Overtaken => Ok(self.standing(&self.checkpoint().await?)),
            Attempt::Refused(_) => self.one_by_one(checkpoint, wanted, last, caught_up).await,
        }
    }

    /// Finds the event that cannot be applied; what is before it counts.
    async fn one_by_one(
        &self,
        mut checkpoint: Checkpoint,
        wanted: Vec<Arc<Recorded>>,
        last: i64,
        caught_up: bool,
    ) -> Result<Round, StoreError> {
        for event in &wanted {
            let mut refusals = 0;
            loop {
                match self.attempt(&checkpoint, std::slice::from_ref(event), event.position).await?
                {
                    Attempt::Done => break,
                    Attempt::Overtaken => return Ok(self.standing(&self.checkpoint().await?)),
                    Attempt::Refused(_) if refusals < RETRIES => {
                        refusals += 1;
                        tokio::time::sleep(backoff(self.pause, refusals)).await;
                    }
                    Attempt::Refused(reason) => {
                        return self.fail(&checkpoint, event, &reason).await;
                    }
                }
            }
            checkpoint.position = event.position;
            self.reached(1, event.position, false);
        }
        match self.attempt(&checkpoint, &[], last).await? {
            Attempt::Done => Ok(self.reached(wanted.len(), last, caught_up)),
            Attempt::Overtaken | Attempt::Refused(_) => {
                Ok(self.standing(&self.checkpoint().await?))
            }
        }
    }

    async fn attempt(
        &self,
        checkpoint: &Checkpoint,
        events: &[Arc<Recorded>],
        to: i64,
    ) -> Result<Attempt, StoreError> {
        let ops = events
            .iter()
            .map(|event| self.projection.apply(event))
            .collect::<Result<Vec<Vec<Op>>, _>>();
        let ops = match ops {
            Ok(ops) => ops.into_iter().flatten(),
            Err(fault) => return Ok(Attempt::Refused(fault.to_string())),
        };
        let transaction = checkpoint.guarded().ops(ops).op(checkpoint.moved(to, self.store.now()));
        match self.store.transact(transaction).await {
            Ok(outcome) if outcome.committed() => Ok(Attempt::Done),
            Ok(_) => Ok(Attempt::Overtaken),
            Err(error @ StoreError::Unavailable { .. }) => Err(error),
            Err(error) => Ok(Attempt::Refused(checkpoint::chain(&error))),
        }
    }

    async fn fail(
        &self,
        checkpoint: &Checkpoint,
        event: &Recorded,
        reason: &str,
    ) -> Result<Round, StoreError> {
        let error = format!("{}: {reason}", event.event_type);
        let failed = checkpoint.in_state(
            FollowerState::Failed,
            Some((&error, event.position)),
            self.store.now(),
        );
        if self.store.transact(checkpoint.guarded().op(failed)).await?.committed() {
            tracing::error!(
                projection = self.name(),
                position = event.position,
                cause = reason,
                "projection {} cannot take the event at position {}",
                self.name(),
                event.position,
            );
        }
        Ok(self.standing(&self.checkpoint().await?))
    }

    /// The row of the live tables; made when the projection was never run.
    async fn checkpoint(&self) -> Result<Checkpoint, StoreError> {
        if let Some(newest) = Checkpoint::live(&self.store, self.name()).await? {
            return Ok(newest);
        }
        let mut rows = Checkpoint::of(&self.store, self.name()).await?;
        if rows.is_empty() {
            let first = checkpoint::first(self.name(), 0, self.store.now());
            self.store.execute(vec![first]).await?;
            rows = Checkpoint::of(&self.store, self.name()).await?;
        }
        rows.into_iter().next().ok_or_else(|| {
            StoreError::Unusable("the table projection_checkpoints cannot be written".to_owned())
        })
    }

    async fn read(&self, after: i64) -> Result<Vec<Arc<Recorded>>, StoreError> {
        if let Some(events) = self.store.live().after(after, MOST_EVENTS as usize) {
            return Ok(events);
        }
        let events = self.store.events(&EventFilter::default(), after, MOST_EVENTS).await?;
        Ok(events.into_iter().map(Arc::new).collect())
    }

    /// Where to read on.
    fn looked_to(&self, checkpoint: &Checkpoint) -> i64 {
        let mut looked = self.looked.lock();
        let valid = looked.filter(|looked| {
            looked.generation == checkpoint.generation && looked.from == checkpoint.position
        });
        *looked = valid;
        valid.map_or(checkpoint.position, |looked| looked.to)
    }

    /// Notes in memory how far it looked, as long as the table is neither far nor long behind.
    fn may_stay_behind(&self, checkpoint: &Checkpoint, to: i64) -> bool {
        let &Checkpoint { generation, position: from, .. } = checkpoint;
        let mut looked = self.looked.lock();
        let since = looked.map_or_else(Instant::now, |looked| looked.since);
        *looked = Some(Looked { generation, from, to, since });
        to - from < i64::from(MOST_EVENTS) && since.elapsed() < QUIET
    }

    async fn put_down(&self) {
        if let Err(error) = self.note_looked().await {
            let cause = checkpoint::chain(&error);
            tracing::debug!(projection = self.name(), cause, "the checkpoint stays behind");
        }
    }

    /// Writes down how far it looked.
    async fn note_looked(&self) -> Result<(), StoreError> {
        let Some(Looked { generation, from, to, .. }) = *self.looked.lock() else { return Ok(()) };
        let checkpoint = self.checkpoint().await?;
        let same = checkpoint.generation == generation && checkpoint.position == from;
        if same && checkpoint.state == FollowerState::Running {
            let moved = checkpoint.moved(to, self.store.now());
            self.store.transact(checkpoint.guarded().op(moved)).await?;
        }
        *self.looked.lock() = None;
        Ok(())
    }

    fn standing(&self, checkpoint: &Checkpoint) -> Round {
        let &Checkpoint { position, state, .. } = checkpoint;
        if state != FollowerState::Rebuilding {
            self.reached(0, position, false);
        }
        Round { applied: 0, position, caught_up: false, state }
    }

    fn reached(&self, applied: usize, position: i64, caught_up: bool) -> Round {
        self.progress.send_if_modified(|known| {
            let further = position > *known;
            *known = position.max(*known);
            further
        });
        Round { applied, position, caught_up, state: FollowerState::Running }
    }
}

fn backoff(pause: Duration, failures: u32) -> Duration {
    pause.saturating_mul(4_u32.saturating_pow(failures - 1)).min(LONGEST_WAIT)
}

/// Resolves when the store is closed. Apart, so that what a watch lends is not held across other waits.
async fn ended(closed: &mut tokio::sync::watch::Receiver<bool>) {
    drop(closed.wait_for(|closed| *closed).await);
}
