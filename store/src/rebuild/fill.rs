//! From the first event to the switch.

use std::time::Duration;

use super::{RebuildError, reach, schema::Beside, source::Source};
use crate::{
    EventFilter, Expect, FollowerState, Mode, Op, Query, Recorded, Row, Sql, Store, StoreError,
    args, filter,
    followers::checkpoint::{self, Checkpoint},
};

/// Up to so many events are left for the switch, while writers of inline tables wait.
const LAST_EVENTS: i64 = 1000;
/// Writers may add so many before the switch has begun.
const MOST_IN_SWITCH: i64 = 5000;

/// One question looks at so many events, wanted or not.
const MOST_LOOKED_AT: i64 = 100_000;

const RETRIES: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(50);

pub(super) struct Fill<'a> {
    pub(super) store: &'a Store,
    pub(super) source: &'a Source,
    pub(super) beside: &'a Beside,
    pub(super) generation: i64,
}

impl Fill<'_> {
    /// Position of the last event that is in the tables, which are live then. `position` is that of the last one that is in
    /// them already.
    pub(super) async fn run(&self, mut position: i64, batch: u32) -> Result<i64, RebuildError> {
        // The switch waits until the end of the log was seen once: what goes wrong in it names no event.
        let mut seen_end = false;
        loop {
            let goal = self.goal().await?;
            seen_end |= position == goal;
            if seen_end
                && goal - position <= LAST_EVENTS
                && let Some(position) = patiently(async || self.switch(position).await).await?
            {
                return Ok(position);
            }
            if position == goal {
                continue;
            }
            let (events, read) = self.read(position, goal, batch).await?;
            self.apply(position, &events, read).await?;
            position = read;
            seen_end |= position == goal;
        }
    }

    pub(super) async fn goal(&self) -> Result<i64, StoreError> {
        let column = reach(self.source.mode());
        let query = Query::new(format!("SELECT {column} FROM store_head WHERE id = 1"), args![]);
        self.store.fetch(query).await?.first().map_or(Ok(0), |row| row.int(0))
    }

    /// The next events after a position, and how far the log was read for them.
    pub(super) async fn read(
        &self,
        after: i64,
        goal: i64,
        batch: u32,
    ) -> Result<(Vec<Recorded>, i64), StoreError> {
        let filter = self.filter(after, goal).await?;
        let events = self.store.events(&filter, after, batch).await?;
        let full = events.len() == batch as usize;
        let read = if full { events.last().map(|last| last.position) } else { filter.up_to };
        Ok((events, read.unwrap_or(goal)))
    }

    /// What the database has to hand over next: nothing that the source would throw away, as far as the types of the
    /// log are known, which foreign events are not before they are in the chain.
    async fn filter(&self, after: i64, goal: i64) -> Result<EventFilter, StoreError> {
        let chained = Query::new("SELECT chained FROM store_head WHERE id = 1", args![]);
        let types = Query::new("SELECT DISTINCT type FROM event_types ORDER BY type", args![]);
        let read = self.store.snapshot(vec![chained, types]).await?.results;
        let (chained, types) = match read.as_slice() {
            [chained, types] => (chained.first().map_or(Ok(0), |row| row.int(0))?, types),
            _ => (0, &Vec::new()),
        };
        if after >= chained {
            return Ok(EventFilter { up_to: Some(goal), ..EventFilter::default() });
        }
        let known = types.iter().map(|row| row.text(0)).collect::<Result<Vec<_>, _>>()?;
        let all = known.len();
        let mut wanted: Vec<String> =
            known.into_iter().filter(|name| self.source.wants(name)).collect();
        if wanted.len() == all {
            wanted.clear();
        } else if wanted.is_empty() {
            // No filter would be all of them; an event without a type is none.
            wanted.push(String::new());
        }
        // A question must end soon, also when nothing is found.
        let up_to = goal.min(chained).min(after + MOST_LOOKED_AT);
        Ok(EventFilter { up_to: Some(up_to), event_types: wanted, ..EventFilter::default() })
    }

    async fn apply(&self, from: i64, events: &[Recorded], to: i64) -> Result<(), RebuildError> {
        match patiently(async || self.write(from, events, to).await).await {
            Err(RebuildError::Store(StoreError::Database { .. })) if !events.is_empty() => {
                // One by one, to say which.
                let mut from = from;
                for event in events {
                    self.apply_one(from, event).await?;
                    from = event.position;
                }
                self.write(from, &[], to).await
            }
            Err(RebuildError::Store(error @ StoreError::Database { .. })) => {
                Err(self.refused(to, checkpoint::chain(&error)))
            }
            done => done,
        }
    }

    async fn apply_one(&self, from: i64, event: &Recorded) -> Result<(), RebuildError> {
        match self.write(from, std::slice::from_ref(event), event.position).await {
            Err(RebuildError::Store(error @ StoreError::Database { .. })) => {
                Err(self.refused(event.position, checkpoint::chain(&error)))
            }
            done => done,
        }
    }

    async fn write(&self, from: i64, events: &[Recorded], to: i64) -> Result<(), RebuildError> {
        let mut ops = Vec::new();
        for event in events {
            let new = self.source.ops(event);
            let new = new.map_err(|fault| self.refused(event.position, fault.to_string()))?;
            ops.extend(new.into_iter().map(|op| self.beside.renames.op(op)));
        }
        self.write_ops(from, ops, to).await
    }

    /// Runs statements on the new tables, if they still stand where they were, and moves them.
    pub(super) async fn write_ops(
        &self,
        from: i64,
        ops: Vec<Op>,
        to: i64,
    ) -> Result<(), RebuildError> {
        let checkpoint = self.checkpoint(from);
        let moved = checkpoint.moved(to, self.store.now());
        let outcome = self.store.transact(checkpoint.guarded().ops(ops).op(moved)).await?;
        if outcome.committed() { Ok(()) } else { Err(self.busy()) }
    }

    /// The rest and the switch in one transaction; none when the rest is too long.
    async fn switch(&self, from: i64) -> Result<Option<i64>, RebuildError> {
        let (mode, name) = (self.source.mode(), self.source.name());
        let goal = format!("(SELECT {} FROM store_head WHERE id = 1)", reach(mode));
        let short = Query::new(
            format!("SELECT CASE WHEN {goal} - $1 <= $2 THEN 1 ELSE 0 END"),
            args![from, MOST_IN_SWITCH],
        );
        let rest = Query::new(
            format!(
                "SELECT {} FROM events WHERE position > $1 AND position <= {goal} ORDER BY position",
                filter::COLUMNS
            ),
            args![from],
        );
        // The live follower stands still from here on.
        let rows = "SELECT generation FROM projection_checkpoints WHERE name = $1";
        let rows = Sql::Each { sqlite: rows.into(), postgres: format!("{rows} FOR UPDATE").into() };
        let rows = Query::new(rows, args![name]);

        let mut finish = self.source.finish();
        finish = finish.into_iter().map(|op| self.beside.renames.op(op)).collect();
        finish.extend(self.beside.switch.iter().cloned());
        finish.extend(self.store.bounded().then(crate::reach::spread));
        finish.extend(self.take_over());
        let (source, renames) = (self.source.clone(), self.beside.renames.clone());
        let (checkpoint, now) = (self.checkpoint(from), self.store.now());

        let mut transaction = checkpoint
            .guarded()
            .read(rows)
            .guard(short, Expect::Value(1_i64.into()))
            .read(rest)
            .compute(move |read| {
                let mut ops = Vec::new();
                let mut position = from;
                for row in read.last().into_iter().flatten() {
                    let event = filter::recorded(row.clone())?;
                    position = event.position;
                    let new = source.ops(&event).map_err(|fault| {
                        StoreError::Unusable(format!(
                            "{} cannot take the event at position {position}: {fault}",
                            source.name()
                        ))
                    })?;
                    ops.extend(new.into_iter().map(|op| renames.op(op)));
                }
                ops.extend(finish);
                ops.push(checkpoint.moved(position, now));
                Ok(ops)
            })
            .read(Query::new(
                "SELECT position FROM projection_checkpoints WHERE name = $1 AND generation = $2",
                args![name, self.generation],
            ));
        if mode == Mode::Inline {
            transaction = transaction.under_head_lock();
        }
        match self.store.transact(transaction).await? {
            crate::TransactOutcome::Committed { rows, .. } => {
                Ok(Some(rows.last().and_then(|rows| rows.first()).map_or(Ok(from), position)?))
            }
            crate::TransactOutcome::GuardFailed { step: 0 } => Err(self.busy()),
            crate::TransactOutcome::GuardFailed { .. } => Ok(None),
        }
    }

    /// The row of this generation is the only one of the projection, and of those that its name follows.
    fn take_over(&self) -> Vec<Op> {
        let name = self.source.name();
        let mut ops = vec![
            Op::new(
                "DELETE FROM projection_checkpoints WHERE name = $1 AND generation <> $2",
                args![name, self.generation],
            ),
            self.checkpoint(0).in_state(FollowerState::Running, None, self.store.now()),
        ];
        if let Some((noun, _version)) = name.rsplit_once(".v") {
            ops.push(Op::new(
                "DELETE FROM projection_checkpoints WHERE name <> $1 AND substr(name, 1, length($2)) = $2",
                args![name, format!("{noun}.v")],
            ));
        }
        ops
    }

    fn checkpoint(&self, position: i64) -> Checkpoint {
        Checkpoint {
            name: self.source.name().to_owned(),
            generation: self.generation,
            position,
            state: FollowerState::Rebuilding,
            error: None,
            error_position: None,
            updated_at: self.store.now(),
        }
    }

    fn refused(&self, position: i64, reason: String) -> RebuildError {
        RebuildError::Event { name: self.source.name(), position, reason }
    }

    fn busy(&self) -> RebuildError {
        RebuildError::Busy { name: self.source.name() }
    }
}

/// Deadlocks with readers and short absences of the database do not end a rebuild.
async fn patiently<T>(
    attempt: impl AsyncFn() -> Result<T, RebuildError>,
) -> Result<T, RebuildError> {
    let mut pause = FIRST_PAUSE;
    for _ in 0..RETRIES {
        match attempt().await {
            Err(RebuildError::Store(StoreError::Unavailable { .. })) => {}
            done => return done,
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
    attempt().await
}

fn position(row: &Row) -> Result<i64, StoreError> {
    row.int(0)
}
