//! The store as everybody sees it.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::{
    Append, AppendError, Appended, Clock, Dialect, EventFilter, Feed, Interpreter, Location, Op,
    Options, Projection, Query, Recorded, Row, Sql, Step, StoreError, TransactOutcome, Transaction,
    anchor::{self, Anchor, Anchors},
    args,
    engine::Engine,
    filter,
    live::Live,
    plan::{EventType, Head},
    request::Request,
    transfer,
};

/// The most events that one question gets.
const MOST_EVENTS: u32 = 1000;
/// Idempotency keys live so long.
const KEY_LIFE: TimeDelta = TimeDelta::days(7);

/// The log and the tables beside it, on either database. A clone is another handle to the same.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Box<dyn Engine>,
    dialect: Dialect,
    core: Arc<Core>,
}

/// What both engines and the facade share.
pub(crate) struct Core {
    pub(crate) live: Live,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) interpreter: Arc<dyn Interpreter>,
    pub(crate) projections: Vec<Arc<dyn Projection>>,
    pub(crate) anchors: Option<Anchors>,
    /// Where files of the log's own may be, if anywhere.
    pub(crate) folder: Option<PathBuf>,
    /// Are requests held to what they reach by the database?
    pub(crate) bounded: bool,
    /// What this process rebuilds.
    pub(crate) rebuilding: Mutex<HashSet<&'static str>>,
    /// Does it only show what is there?
    pub(crate) read_only: bool,
    /// Is it the beginning of a log, without what happened later?
    pub(crate) replayed: bool,
}

/// Rows of several queries that all saw the same state.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Position of the last event in that state.
    pub head: i64,
    /// Rows, one entry per query.
    pub results: Vec<Vec<Row>>,
}

/// Events from another database, already in the chain.
pub(crate) struct Carried {
    /// Where the log ends before them.
    pub(crate) after: i64,
    pub(crate) events: Vec<Recorded>,
    /// Types first seen among them.
    pub(crate) types: Vec<(EventType, i64)>,
    /// Behind them.
    pub(crate) head: Head,
}

/// What was done under an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// Hash of what was asked.
    pub fingerprint: Vec<u8>,
    /// Position of the last event that came of it.
    pub last: i64,
    /// JSON that was to be answered to repetitions.
    pub response: Option<String>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("dialect", &self.inner.dialect)
            .field("head", &self.head())
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the database, brings its tables up to date (on SQLite after a copy) and starts the writer.
    /// Must be called inside a tokio runtime. Errors: also when the log holds events that nobody here understands.
    pub async fn open(options: Options) -> Result<Self, StoreError> {
        if let Location::Sqlite { folder } = &options.location {
            transfer::refuse_unfinished(folder)?;
            transfer::refuse_replayed(folder)?;
        }
        let store = Self::open_for_import(options).await?;
        match store.check_finished().await {
            Ok(()) => Ok(store),
            Err(error) => {
                store.close().await;
                Err(error)
            }
        }
    }

    /// The same while an import is under way.
    pub(crate) async fn open_for_import(options: Options) -> Result<Self, StoreError> {
        let folder = match (&options.anchors, &options.location) {
            (Some(folder), _) | (None, Location::Sqlite { folder }) => Some(folder.clone()),
            (None, Location::Postgres { .. }) => None,
        };
        let anchors = folder.as_deref().map(Anchors::in_folder);
        if let Some(anchors) = &anchors {
            anchors.prepare().map_err(|error| {
                StoreError::Unusable(format!("the data folder cannot be made: {error}"))
            })?;
        }
        let core = Arc::new(Core {
            live: Live::new(),
            clock: options.clock,
            interpreter: options.interpreter,
            projections: options.projections,
            anchors,
            folder,
            bounded: options.row_level_security,
            rebuilding: Mutex::default(),
            read_only: false,
            replayed: false,
        });
        let (engine, dialect) =
            crate::engine::start(options.location, options.durability, Arc::clone(&core)).await?;
        let store = Self::of(engine, dialect, core);
        match store.check_types().await {
            Ok(()) => Ok(store),
            Err(error) => {
                store.close().await;
                Err(error)
            }
        }
    }

    /// Where files of the log's own may be, if anywhere.
    pub(crate) fn folder(&self) -> Option<&Path> {
        self.inner.core.folder.as_deref()
    }

    /// What this process rebuilds.
    pub(crate) fn rebuilding(&self) -> &Mutex<HashSet<&'static str>> {
        &self.inner.core.rebuilding
    }

    /// Is everything refused that would write?
    pub fn read_only(&self) -> bool {
        self.inner.core.read_only
    }

    /// Does it show what was, without what happened later?
    pub(crate) fn replayed(&self) -> bool {
        self.inner.core.replayed
    }

    /// Are requests held to what they reach by the database?
    pub fn bounded(&self) -> bool {
        self.inner.core.bounded
    }

    pub(crate) fn of(engine: Box<dyn Engine>, dialect: Dialect, core: Arc<Core>) -> Self {
        Self { inner: Arc::new(Inner { engine, dialect, core }) }
    }

    /// Appends, all or nothing. Waits a bounded time for a place in the queue.
    /// When the future is dropped the append may happen or not.
    pub async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        self.append_with(append, Vec::new()).await
    }

    /// Appends, and runs operations in the same transaction, before inline projections see the events. Where nothing is appended
    /// they are not run either, such as for a request that is repeated.
    pub async fn append_with(&self, append: Append, ops: Vec<Op>) -> Result<Appended, AppendError> {
        let request = Request::check(append, self.inner.core.interpreter.as_ref())?;
        self.live().asked([&Sql::from("append")]);
        self.inner.engine.append(Request { ops, ..request }).await
    }

    /// The last sequence of a stream, 0 if there is none.
    pub async fn version(
        &self,
        aggregate_type: &str,
        aggregate_id: &str,
    ) -> Result<i64, StoreError> {
        let query = Query::new(
            "SELECT max(sequence) FROM events WHERE aggregate_type = $1 AND aggregate_id = $2",
            args![aggregate_type, aggregate_id],
        );
        let rows = self.fetch(query).await?;
        Ok(rows.first().map(|row| row.int_or_null(0)).transpose()?.flatten().unwrap_or(0))
    }

    /// The rest of a stream, in order.
    pub async fn stream(
        &self,
        aggregate_type: &str,
        aggregate_id: &str,
        mut after_sequence: i64,
    ) -> Result<Vec<Recorded>, StoreError> {
        let mut events = Vec::new();
        loop {
            let query =
                filter::stream_query(aggregate_type, aggregate_id, after_sequence, MOST_EVENTS);
            self.live().asked([&query.sql]);
            let page = self.inner.engine.events(query).await?;
            let full = page.len() == MOST_EVENTS as usize;
            events.extend(page);
            match events.last() {
                Some(last) if full => after_sequence = last.sequence,
                _ => return Ok(events),
            }
        }
    }

    /// The next events after a position that pass the filter, at most `limit` and never more than 1000.
    pub async fn events(
        &self,
        filter: &EventFilter,
        after: i64,
        limit: u32,
    ) -> Result<Vec<Recorded>, StoreError> {
        let mut filter = filter.clone();
        let mut after = after;
        if let Some(since) = filter.since {
            after = after.max(self.position_at(since - TimeDelta::microseconds(1)).await?);
        }
        if let Some(until) = filter.until {
            let last = self.position_at(until).await?;
            filter.up_to = Some(filter.up_to.map_or(last, |up_to| up_to.min(last)));
        }
        let query = filter.query(after, limit.min(MOST_EVENTS));
        self.live().asked([&query.sql]);
        self.inner.engine.events(query).await
    }

    /// What an idempotency key stands for, if it was used in the last 7 days.
    pub async fn remembered(
        &self,
        actor: &str,
        key: &str,
    ) -> Result<Option<Remembered>, StoreError> {
        let query = Query::new(
            "SELECT fingerprint, last_position, response FROM command_log WHERE actor = $1 AND key = $2",
            args![actor, key],
        );
        let rows = self.fetch(query).await?;
        let read = |row: &Row| {
            Ok(Remembered {
                fingerprint: row.bytes(0)?,
                last: row.int(1)?,
                response: row.text_or_null(2)?,
            })
        };
        rows.first().map(read).transpose()
    }

    /// Every event after a position, for ever.
    pub fn feed(&self, after: i64) -> Feed {
        let live = self.live();
        Feed::new(self.clone(), after, live.watch(), live.closed())
    }

    /// The newest committed position known here; other processes may be ahead by a second.
    pub fn head(&self) -> i64 {
        self.live().head()
    }

    /// Tells when the head moves.
    pub fn watch(&self) -> watch::Receiver<i64> {
        self.live().watch()
    }

    /// The last position recorded at or before a moment, 0 if there is none.
    pub async fn position_at(&self, time: DateTime<Utc>) -> Result<i64, StoreError> {
        // Times never decrease along positions: halving steps from 2^42 down need no index over times.
        let query = Query::new(
            "WITH RECURSIVE search (low, step) AS (
                 SELECT CAST(0 AS bigint), CAST(4398046511104 AS bigint)
                 UNION ALL
                 SELECT CASE WHEN (SELECT recorded_at FROM events WHERE position >= low + step ORDER BY position LIMIT 1) <= $1
                             THEN low + step ELSE low END,
                        step / 2
                 FROM search WHERE step > 0
             )
             SELECT max(low) FROM search",
            args![time],
        );
        self.fetch(query).await?.first().map_or(Ok(0), |row| row.int(0))
    }

    /// Runs one reading statement.
    pub async fn fetch(&self, query: Query) -> Result<Vec<Row>, StoreError> {
        self.live().asked([&query.sql]);
        self.inner.engine.fetch(query).await
    }

    /// Runs reading statements that all see the same state, and says which one.
    pub async fn snapshot(&self, mut queries: Vec<Query>) -> Result<Snapshot, StoreError> {
        queries.insert(0, Query::new("SELECT position FROM store_head WHERE id = 1", args![]));
        self.live().asked(queries.iter().map(|query| &query.sql));
        let mut results = self.inner.engine.read(queries).await?.into_iter();
        let head = results.next().unwrap_or_default();
        let head = head.first().map_or(Ok(0), |row| row.int(0))?;
        Ok(Snapshot { head, results: results.collect() })
    }

    /// Runs writing statements on plain tables, all or none, and says how many rows each affected.
    pub async fn execute(&self, ops: Vec<Op>) -> Result<Vec<u64>, StoreError> {
        match self.transact(Transaction::new().ops(ops)).await? {
            TransactOutcome::Committed { affected, .. } => Ok(affected),
            // There are no guards.
            TransactOutcome::GuardFailed { .. } => Ok(Vec::new()),
        }
    }

    /// Runs one writing statement with `RETURNING`.
    pub async fn returning(&self, op: Op) -> Result<Vec<Row>, StoreError> {
        self.live().asked([&op.sql]);
        self.inner.engine.returning(op).await
    }

    /// Runs guards, reads and writes as one.
    pub async fn transact(&self, transaction: Transaction) -> Result<TransactOutcome, StoreError> {
        let computed = Sql::from("computed");
        self.live().asked(transaction.steps.iter().map(|step| match step {
            Step::Guard { query, .. } | Step::Read(query) => &query.sql,
            Step::Op(op) => &op.sql,
            Step::Compute(_) => &computed,
        }));
        self.inner.engine.transact(transaction).await
    }

    /// Statements sent on behalf of callers so far; the store's own polling is not counted.
    pub fn statements(&self) -> u64 {
        self.live().statements()
    }

    /// Statements, appends each as one, that requests asked for so far, see [`on_request`](crate::on_request).
    pub fn asked_by_requests(&self) -> u64 {
        self.live().asked_by_requests()
    }

    /// Which database speaks.
    pub fn dialect(&self) -> Dialect {
        self.inner.dialect
    }

    /// All projections, inline and following.
    pub fn projections(&self) -> &[Arc<dyn Projection>] {
        &self.inner.core.projections
    }

    /// The time as the store sees it.
    pub fn now(&self) -> DateTime<Utc> {
        self.inner.core.clock.now()
    }

    /// Removes idempotency keys that are older than 7 days and says how many; to be called once a day.
    /// On SQLite it also refreshes what the query planner knows.
    pub async fn prune(&self) -> Result<u64, StoreError> {
        if self.dialect() == Dialect::Sqlite {
            self.returning(Op::new("PRAGMA optimize", args![])).await?;
        }
        let oldest = self.now() - KEY_LIFE;
        let op = Op::new("DELETE FROM command_log WHERE recorded_at < $1", args![oldest]);
        Ok(self.execute(vec![op]).await?.first().copied().unwrap_or(0))
    }

    /// Leaves as little as the database can of what was deleted and overwritten: on SQLite the write-ahead log is merged and
    /// emptied (what is deleted is overwritten in the file), and keys that are destroyed are taken out of the copies that
    /// upgrades made; on PostgreSQL the tables that persons are in are vacuumed, that of keys is written anew. No is the
    /// answer where readers or others are in the way: then it is to be tried again later.
    pub async fn tidy(&self) -> Result<bool, StoreError> {
        self.inner.engine.tidy().await
    }

    /// Finishes queued work and lets go of the database. Whatever is asked afterwards is refused as unavailable.
    pub async fn close(&self) {
        self.live().close();
        self.inner.engine.close().await;
    }

    /// Takes what other programs appended into the chain.
    pub(crate) async fn chain_foreign(&self) -> Result<(), StoreError> {
        // An append of nothing does it.
        match self.inner.engine.append(Request::nothing()).await {
            Ok(_) => Ok(()),
            Err(
                AppendError::Store(error)
                | AppendError::Unavailable(error)
                | AppendError::Unknown(error),
            ) => Err(error),
            Err(error) => Err(StoreError::Unusable(error.to_string())),
        }
    }

    /// Writes events that come from elsewhere; only while nothing else appends.
    pub(crate) async fn carry(&self, carried: Carried) -> Result<(), StoreError> {
        let carried = Arc::new(carried);
        self.inner.engine.carry(Arc::clone(&carried)).await?;
        let due = carried.events.iter().filter(|event| anchor::due(event));
        due.filter_map(Anchor::at).for_each(|anchor| self.note_anchor(&anchor));
        Ok(())
    }

    /// Writes a place in the chain down.
    pub(crate) fn note_anchor(&self, anchor: &Anchor) {
        if let Some(anchors) = self.anchors()
            && let Err(error) = anchors.write(anchor)
        {
            tracing::warn!(%error, "the anchor at {} could not be written", anchor.position);
        }
    }

    /// What events mean.
    pub(crate) fn interpreter(&self) -> &Arc<dyn Interpreter> {
        &self.inner.core.interpreter
    }

    pub(crate) fn live(&self) -> &Live {
        &self.inner.core.live
    }

    pub(crate) fn anchors(&self) -> Option<&Anchors> {
        self.inner.core.anchors.as_ref()
    }

    /// Refuses a database where an import has begun and not ended.
    pub(crate) async fn check_finished(&self) -> Result<(), StoreError> {
        if self.dialect() == Dialect::Postgres {
            let rows = self.fetch(Query::new(transfer::UNFINISHED, args![])).await?;
            if rows.first().is_some_and(|row| row.bool(0).unwrap_or(false)) {
                return Err(transfer::unfinished("this database"));
            }
        }
        Ok(())
    }

    /// Refuses a log with events that cannot be decoded (`event-store.md` §9).
    pub(crate) async fn check_types(&self) -> Result<(), StoreError> {
        let query = Query::new(
            "SELECT type, version, first_position FROM event_types ORDER BY first_position",
            args![],
        );
        for row in self.fetch(query).await? {
            let (name, version, position) = (row.text(0)?, row.text(1)?, row.int(2)?);
            if !self.interpreter().understands(&name, &version) {
                return Err(StoreError::Unusable(format!(
                    "the log holds events of type {name}, version {version} (first at position {position}), which this wisptrail does not understand: start the version that wrote them, or a newer one"
                )));
            }
        }
        Ok(())
    }
}
