//! Filling tables again from the first event, beside the live ones, while writers go on (`event-store.md` §7).

mod ahead;
mod apart;
mod fill;
mod rename;
mod schema;
pub(crate) mod source;

use std::{path::Path, sync::Arc, time::Duration};

use chrono::TimeDelta;

use self::{ahead::Ahead, fill::Fill, schema::Schema, source::Source};
use crate::{
    Dialect, Expect, FollowerState, Mode, Op, Projection, Query, Store, StoreError, Transaction,
    args,
    followers::checkpoint::{self, Checkpoint},
};

/// A rebuild that did not move for so long was interrupted.
const INTERRUPTED: TimeDelta = TimeDelta::seconds(60);
/// How often another process's rebuild is looked at.
const ASK_EVERY: Duration = Duration::from_millis(250);

/// Why tables could not be filled again. The live ones are as they were.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// An event that the projection cannot take.
    #[error("{name} cannot take the event at position {position}: {reason}")]
    Event {
        /// Which projection.
        name: &'static str,
        /// Which event.
        position: i64,
        /// Why.
        reason: String,
    },
    /// Another process or task is at it.
    #[error(
        "{name} is being rebuilt by somebody else, or was until it was interrupted less than a minute ago: try again then"
    )]
    Busy {
        /// Which projection.
        name: &'static str,
    },
    /// A reactor: it has no tables, and its effects happen once.
    #[error("{name} has no tables that could be rebuilt")]
    NoTables {
        /// Which projection.
        name: &'static str,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What was rebuilt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    /// The projection's name, or `claims`.
    pub name: &'static str,
    /// How often its tables were filled from the beginning.
    pub generation: i64,
    /// Everything up to here is in the tables.
    pub position: i64,
}

/// Rebuilds projections and claims.
#[derive(Clone, Debug)]
pub struct Rebuild {
    store: Store,
    batch: u32,
    ahead: Ahead,
}

/// From so many events on tables are filled apart.
const LONG: i64 = 20_000;

impl Rebuild {
    /// For the tables of a store. In the folder of the log it keeps how far it is, and goes on from there after a kill; of what
    /// may tell of people nothing is kept.
    pub fn new(store: Store) -> Self {
        let folder = store.folder().map(Path::to_owned);
        let ahead = Ahead { folder, from: LONG, keep_every: ahead::KEEP_EVERY };
        Self { store, batch: 1000, ahead }
    }

    /// Logs of so many events are long: their tables are filled apart, and the rows are carried over. 20,000 by default.
    #[must_use]
    pub fn long_from(mut self, events: i64) -> Self {
        self.ahead.from = events.max(1);
        self
    }

    /// Events of a transaction, 1000 by default and at most.
    #[must_use]
    pub fn with_batch(mut self, events: u32) -> Self {
        self.batch = events.clamp(1, 1000);
        self
    }

    /// Fills a projection's tables from the first event and puts them in the place of the live ones.
    pub async fn projection(
        &self,
        projection: &Arc<dyn Projection>,
    ) -> Result<Rebuilt, RebuildError> {
        self.source(Source::Projection(Arc::clone(projection))).await
    }

    /// The same for claims and their counts.
    pub async fn claims(&self) -> Result<Rebuilt, RebuildError> {
        self.source(Source::Claims(Arc::clone(self.store.interpreter()))).await
    }

    /// A kill costs so many events of a long log, 50,000 by default.
    #[must_use]
    pub fn keeping_every(mut self, events: i64) -> Self {
        self.ahead.keep_every = events.max(1);
        self
    }

    /// All projections that have tables, and claims, beside each other: each reads only what it wants of the log. One that
    /// fails does not hinder the others; the first failure is told.
    pub async fn all(&self) -> Result<Vec<Rebuilt>, RebuildError> {
        let claims = Source::Claims(Arc::clone(self.store.interpreter()));
        let projections = self.store.projections().iter().cloned().map(Source::Projection);
        let sources = projections.chain([claims]).filter(|source| !source.tables().is_empty());
        let rebuilt = futures::future::join_all(sources.map(|source| self.source(source))).await;
        rebuilt.into_iter().collect()
    }

    /// Before serving: fills the tables of every projection of the store that was never run on this log, which is what a new
    /// name looks like, and tries again with inline ones that lack an event. A reactor without tables starts at the head.
    /// Removes what interrupted rebuilds left. Waits for another process that is at it.
    pub async fn ensure_current(&self) -> Result<Vec<Rebuilt>, RebuildError> {
        let claims = Source::Claims(Arc::clone(self.store.interpreter()));
        let projections = self.store.projections().iter();
        for source in projections.map(|it| Source::Projection(Arc::clone(it))).chain([claims]) {
            self.sweep(&source).await?;
        }
        let mut rebuilt = Vec::new();
        for projection in self.store.projections() {
            rebuilt.extend(self.ensure(projection).await?);
        }
        Ok(rebuilt)
    }

    async fn ensure(
        &self,
        projection: &Arc<dyn Projection>,
    ) -> Result<Option<Rebuilt>, RebuildError> {
        loop {
            let live = Checkpoint::live(&self.store, projection.name()).await?;
            let lacking = projection.mode() == Mode::Inline
                && live.as_ref().is_some_and(|row| row.state == FollowerState::Failed);
            if live.is_some() && !lacking {
                return Ok(None);
            }
            if live.is_none() && self.nothing_to_read(projection.as_ref()).await? {
                return Ok(None);
            }
            match self.projection(projection).await {
                Ok(done) => return Ok(Some(done)),
                Err(RebuildError::Busy { .. }) => tokio::time::sleep(ASK_EVERY).await,
                Err(error @ RebuildError::Event { .. }) if lacking => {
                    let name = projection.name();
                    tracing::error!(
                        projection = name,
                        "projection {name} still lacks an event: {error}"
                    );
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// On SQLite nobody else can be at it, because there is one process and it has not begun to serve.
    async fn sweep(&self, source: &Source) -> Result<(), StoreError> {
        let rows = Checkpoint::of(&self.store, source.name()).await?;
        let (now, alone) = (self.store.now(), self.store.dialect() == Dialect::Sqlite);
        let interrupted = |row: &&Checkpoint| {
            row.state == FollowerState::Rebuilding && (alone || now - row.updated_at >= INTERRUPTED)
        };
        for row in rows.iter().filter(interrupted) {
            let schema = Schema::read(&self.store, source.tables()).await?;
            let sweep = row.guarded().op(forget(source.name(), row.generation));
            self.store.transact(sweep.ops(schema.drop(row.generation))).await?;
        }
        Ok(())
    }

    /// Makes the row of a projection of an empty log, or of a reactor.
    async fn nothing_to_read(&self, projection: &dyn Projection) -> Result<bool, StoreError> {
        let now = self.store.now();
        let transaction = if projection.tables().is_empty() {
            let head = self.store.snapshot(vec![]).await?.head;
            Transaction::new().op(checkpoint::first(projection.name(), head, now))
        } else {
            let head = Query::new("SELECT position FROM store_head WHERE id = 1", args![]);
            Transaction::new().guard(head, Expect::Value(0_i64.into())).op(checkpoint::first(
                projection.name(),
                0,
                now,
            ))
        };
        Ok(self.store.transact(transaction).await?.committed())
    }

    async fn source(&self, source: Source) -> Result<Rebuilt, RebuildError> {
        let name = source.name();
        if source.tables().is_empty() {
            return Err(RebuildError::NoTables { name });
        }
        let _at_work = AtWork::on(&self.store, name)?;
        let (schema, beside, generation) = self.begin(&source).await?;
        tracing::info!(projection = name, generation, "projection {name} is being rebuilt");
        let fill = Fill { store: &self.store, source: &source, beside: &beside, generation };
        let filled = async {
            let position = fill.ahead(&schema, &self.ahead, self.batch).await?;
            fill.run(position, self.batch).await
        };
        match filled.await {
            Ok(position) => {
                tracing::info!(
                    projection = name,
                    generation,
                    position,
                    "projection {name} was rebuilt"
                );
                Ok(Rebuilt { name, generation, position })
            }
            Err(error) => {
                let abandon = Transaction::new().op(forget(name, generation)).ops(beside.drop);
                if let Err(error) = self.store.transact(abandon).await {
                    let cause = checkpoint::chain(&error);
                    tracing::warn!(projection = name, cause, "tables of an abandoned rebuild stay");
                }
                Err(error)
            }
        }
    }

    /// Makes the row and the tables of the next generation.
    async fn begin(&self, source: &Source) -> Result<(Schema, schema::Beside, i64), RebuildError> {
        let name = source.name();
        let rows = Checkpoint::of(&self.store, name).await?;
        let now = self.store.now();
        let (rebuilding, _live) =
            rows.iter().partition::<Vec<_>, _>(|row| row.state == FollowerState::Rebuilding);
        // One process has the file of SQLite, and it is not at it.
        let shared = self.store.dialect() == Dialect::Postgres;
        if shared && rebuilding.iter().any(|row| now - row.updated_at < INTERRUPTED) {
            return Err(RebuildError::Busy { name });
        }
        let newest = rows.iter().map(|row| row.generation).max().unwrap_or(0);
        let generation = newest + 1;
        let schema = Schema::read(&self.store, source.tables()).await?;
        let beside = schema.beside(generation);

        let unchanged = Query::new(
            "SELECT COALESCE(max(generation), 0) FROM projection_checkpoints WHERE name = $1",
            args![name],
        );
        let mut transaction =
            Transaction::new().guard(unchanged, Expect::Value(newest.into())).op(Op::new(
                "INSERT INTO projection_checkpoints (name, generation, position, state, updated_at) VALUES ($1, $2, 0, 'rebuilding', $3)",
                args![name, generation, now],
            ));
        for interrupted in rebuilding {
            transaction = transaction
                .op(forget(name, interrupted.generation))
                .ops(schema.drop(interrupted.generation));
        }
        let transaction = transaction.ops(beside.create.iter().cloned());
        match self.store.transact(transaction).await {
            Ok(outcome) if outcome.committed() => Ok((schema, beside, generation)),
            Ok(_) => Err(RebuildError::Busy { name }),
            Err(error) => {
                // Of two that begin at once, one finds the row of the other.
                let rows = Checkpoint::of(&self.store, name).await?;
                let lost = rows.iter().any(|row| row.generation == generation);
                Err(if lost { RebuildError::Busy { name } } else { error.into() })
            }
        }
    }
}

/// Nobody else of this process rebuilds the same meanwhile.
struct AtWork<'a>(&'a Store, &'static str);

impl<'a> AtWork<'a> {
    fn on(store: &'a Store, name: &'static str) -> Result<Self, RebuildError> {
        if store.rebuilding().lock().insert(name) {
            Ok(Self(store, name))
        } else {
            Err(RebuildError::Busy { name })
        }
    }
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.0.rebuilding().lock().remove(self.1);
    }
}

/// Which column of the head says how far the live tables of a mode can be: inline ones have no foreign event before the next
/// append took it into the chain.
pub(crate) fn reach(mode: Mode) -> &'static str {
    match mode {
        Mode::Inline => "chained",
        Mode::Following => "position",
    }
}

fn forget(name: &str, generation: i64) -> Op {
    Op::new(
        "DELETE FROM projection_checkpoints WHERE name = $1 AND generation = $2 AND state = 'rebuilding'",
        args![name, generation],
    )
}
