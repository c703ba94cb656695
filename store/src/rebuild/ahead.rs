//! The long way of a rebuild: what is in the log already becomes rows in tables apart (see [`super::apart`]), on threads of
//! their own, and these rows are carried into the tables of the new generation.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use tokio::{sync::mpsc, time::Instant};

use super::{
    RebuildError,
    apart::{Apart, Columns, Folded},
    fill::Fill,
    schema::Schema,
    source::Source,
};
use crate::{Arg, Dialect, Op, Query, Recorded, Row, Sql, StoreError, Value, args};

/// Pages of events that wait for the next thread.
const WAITING: usize = 4;
/// A file that is kept is written so often: what a kill costs.
pub(super) const KEEP_EVERY: i64 = 50_000;
/// How often others are told how far it is.
const TELL_EVERY: Duration = Duration::from_millis(500);
/// Arguments of a statement that carries rows over.
const MOST_ARGS: usize = 2000;

/// Where it may keep files, from how many events on the long way is the shorter one, and after how many of them what was done is
/// kept.
#[derive(Clone, Debug)]
pub(super) struct Ahead {
    pub(super) folder: Option<PathBuf>,
    pub(super) from: i64,
    pub(super) keep_every: i64,
}

/// Events of a page, and where the log was read to.
struct Read {
    events: Vec<Recorded>,
    to: i64,
}

/// The same as statements. `hash` is that of the event at `to`, if there is one.
struct Step {
    folded: Vec<Folded>,
    to: i64,
    hash: Option<Vec<u8>>,
}

/// Rows of one of the tables.
struct Carried {
    of: Columns,
    rows: Vec<Row>,
}

/// What a column of PostgreSQL wants; SQLite takes values as they are.
#[derive(Clone, Copy)]
enum Kind {
    AsItIs,
    Int,
    Real,
    Text,
    Bytes,
    Bool,
    Uuid,
    Time,
}

impl Fill<'_> {
    /// Fills the tables up to about the end of the log. The position where they are then: 0 when they are empty still, because
    /// the log is short or these tables cannot be made apart.
    pub(super) async fn ahead(
        &self,
        schema: &Schema,
        ahead: &Ahead,
        batch: u32,
    ) -> Result<i64, RebuildError> {
        let goal = self.goal().await?;
        if goal < ahead.from {
            return Ok(0);
        }
        let Some(apart) = self.open(schema, ahead).await? else { return Ok(0) };
        let at = Arc::new(AtomicI64::new(apart.position()));
        let (send_events, events) = mpsc::channel::<Read>(WAITING);
        let (send_steps, steps) = mpsc::channel::<Step>(WAITING);
        let (send_rows, rows) = mpsc::channel::<Carried>(1);

        let source = self.source.clone();
        let folding = tokio::task::spawn_blocking(move || fold(&source, events, &send_steps));
        let (source, so_far) = (self.source.clone(), Arc::clone(&at));
        let until = (goal, ahead.keep_every);
        let applying = tokio::task::spawn_blocking(move || {
            apply(apart, &source, steps, &so_far, until, &send_rows)
        });
        let read = self.read_all(at.load(Ordering::Relaxed), goal, batch, send_events);
        let carry = self.carry(goal, &at, rows);
        let (read, carried) = futures::future::join(read, carry).await;
        let gone = |_| RebuildError::Store(StoreError::closed());
        // Whoever failed first is the reason that the others did not come to their end.
        folding.await.map_err(gone)??;
        applying.await.map_err(gone)??;
        read?;
        carried?;
        Ok(goal)
    }

    /// Tables apart, with what an interrupted rebuild of this log left in them.
    async fn open(&self, schema: &Schema, ahead: &Ahead) -> Result<Option<Apart>, RebuildError> {
        let name = self.source.name();
        let kept = ahead.folder.as_ref().filter(|_| self.source.is_impersonal());
        let file = kept.map(|folder| folder.join(format!("rebuild-{name}.db")));
        for _ in 0..2 {
            let dialect = self.store.dialect();
            let Some(apart) = Apart::open(self.source, schema.tables(), dialect, file.as_deref())?
            else {
                return Ok(None);
            };
            let position = apart.position();
            if position == 0 {
                return Ok(Some(apart));
            }
            let hash = Query::new("SELECT hash FROM events WHERE position = $1", args![position]);
            let hash = self.store.fetch(hash).await?;
            let hash = hash.first().map_or(Ok(None), |row| row.bytes_or_null(0))?;
            if hash.is_some() && hash == apart.hash()? {
                tracing::info!(projection = name, position, "what was rebuilt of {name} is kept");
                return Ok(Some(apart));
            }
            // It is of another log.
            apart.close();
        }
        Ok(None)
    }

    async fn read_all(
        &self,
        mut position: i64,
        goal: i64,
        batch: u32,
        to: mpsc::Sender<Read>,
    ) -> Result<(), RebuildError> {
        while position < goal {
            let (events, read) = self.read(position, goal, batch).await?;
            position = read;
            if to.send(Read { events, to: position }).await.is_err() {
                break;
            }
        }
        Ok(())
    }

    /// Tells how far it is, and takes the rows over when they come.
    async fn carry(
        &self,
        goal: i64,
        at: &AtomicI64,
        mut rows: mpsc::Receiver<Carried>,
    ) -> Result<(), RebuildError> {
        let mut noted = 0;
        let mut told = Instant::now();
        let mut kinds = None;
        loop {
            tokio::select! {
                page = rows.recv() => {
                    let Some(Carried { of, rows }) = page else { break };
                    if kinds.is_none() {
                        kinds = Some(self.kinds().await?);
                    }
                    let known = kinds.as_ref().and_then(|kinds| kinds.get(&of.table));
                    let ops = self.insert(&of, known, rows)?;
                    self.write_ops(noted, ops, noted).await?;
                    told = Instant::now();
                }
                () = tokio::time::sleep_until(told + TELL_EVERY) => {
                    // The position itself is that of complete tables.
                    let now = at.load(Ordering::Relaxed).min(goal - 1).max(noted);
                    self.write_ops(noted, Vec::new(), now).await?;
                    (noted, told) = (now, Instant::now());
                }
            }
        }
        if at.load(Ordering::Relaxed) == goal {
            self.write_ops(noted, Vec::new(), goal).await?;
        }
        Ok(())
    }

    /// What the columns of the tables want, by table and column.
    async fn kinds(&self) -> Result<Kinds, RebuildError> {
        let mut kinds = Kinds::new();
        if self.store.dialect() == Dialect::Sqlite {
            return Ok(kinds);
        }
        for table in self.source.tables() {
            let query = Query::new(
                "SELECT CAST(column_name AS text), CAST(data_type AS text) FROM information_schema.columns
                 WHERE table_schema = current_schema() AND table_name = $1",
                args![*table],
            );
            let mut of = std::collections::HashMap::new();
            for row in self.store.fetch(query).await? {
                let kind = match row.text(1)?.as_str() {
                    "bigint" | "integer" | "smallint" => Kind::Int,
                    "double precision" | "real" => Kind::Real,
                    "bytea" => Kind::Bytes,
                    "boolean" => Kind::Bool,
                    "uuid" => Kind::Uuid,
                    "timestamp with time zone" => Kind::Time,
                    _ => Kind::Text,
                };
                of.insert(row.text(0)?, kind);
            }
            kinds.insert((*table).to_owned(), of);
        }
        Ok(kinds)
    }

    fn insert(
        &self,
        of: &Columns,
        kinds: Option<&std::collections::HashMap<String, Kind>>,
        rows: Vec<Row>,
    ) -> Result<Vec<Op>, StoreError> {
        let width = of.columns.len().max(1);
        let kind = |column: &String| {
            kinds.and_then(|kinds| kinds.get(column)).copied().unwrap_or(Kind::AsItIs)
        };
        let kinds: Vec<Kind> = of.columns.iter().map(kind).collect();
        let mut ops = Vec::new();
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            let some: Vec<Row> = rows.by_ref().take((MOST_ARGS / width).max(1)).collect();
            let places = (0..some.len()).map(|row| {
                let places = (1..=width).map(|column| format!("${}", row * width + column));
                format!("({})", places.collect::<Vec<_>>().join(", "))
            });
            let text = format!(
                "INSERT INTO {} ({}) VALUES {}",
                of.table,
                of.columns.join(", "),
                places.collect::<Vec<_>>().join(", ")
            );
            let mut args = Vec::with_capacity(some.len() * width);
            for row in some {
                for (kind, value) in kinds.iter().zip(row.0) {
                    args.push(kind.arg(value)?);
                }
            }
            ops.push(self.beside.renames.op(Op { sql: Sql::from(text), args }));
        }
        Ok(ops)
    }
}

type Kinds = std::collections::HashMap<String, std::collections::HashMap<String, Kind>>;

impl Kind {
    /// A value of SQLite as the column wants it.
    fn arg(self, value: Value) -> Result<Arg, StoreError> {
        let row = Row(vec![value]);
        Ok(match self {
            Self::AsItIs => match row.0.into_iter().next().unwrap_or_default() {
                Value::Null => Arg::Text(None),
                Value::Int(value) => Arg::Int(Some(value)),
                Value::Real(value) => Arg::Real(Some(value)),
                Value::Text(value) => Arg::Text(Some(value)),
                Value::Bytes(value) => Arg::Bytes(Some(value)),
                Value::Bool(value) => Arg::Bool(Some(value)),
                Value::Uuid(value) => Arg::Uuid(Some(value)),
                Value::Time(value) => Arg::Time(Some(value)),
            },
            Self::Int => Arg::Int(row.int_or_null(0)?),
            Self::Real => Arg::Real(row.real_or_null(0)?),
            Self::Text => Arg::Text(row.text_or_null(0)?),
            Self::Bytes => Arg::Bytes(row.bytes_or_null(0)?),
            Self::Bool => Arg::Bool(row.bool_or_null(0)?),
            Self::Uuid => Arg::Uuid(row.uuid_or_null(0)?),
            Self::Time => Arg::Time(row.time_or_null(0)?),
        })
    }
}

/// What events do, as statements.
fn fold(
    source: &Source,
    mut events: mpsc::Receiver<Read>,
    steps: &mpsc::Sender<Step>,
) -> Result<(), RebuildError> {
    while let Some(Read { events, to }) = events.blocking_recv() {
        let mut folded = Vec::with_capacity(events.len());
        for event in &events {
            let position = event.position;
            let ops = source.ops(event).map_err(|fault| RebuildError::Event {
                name: source.name(),
                position,
                reason: fault.to_string(),
            })?;
            if !ops.is_empty() {
                folded.push(Folded { position, ops });
            }
        }
        let last = events.into_iter().next_back().filter(|last| last.position == to);
        let step = Step { folded, to, hash: last.and_then(|last| last.hash) };
        if steps.blocking_send(step).is_err() {
            break;
        }
    }
    Ok(())
}

/// Runs the statements, and hands the rows over when the goal is reached.
fn apply(
    mut apart: Apart,
    source: &Source,
    mut steps: mpsc::Receiver<Step>,
    at: &AtomicI64,
    (goal, keep_every): (i64, i64),
    rows: &mpsc::Sender<Carried>,
) -> Result<(), RebuildError> {
    let mut kept = apart.position();
    while let Some(Step { folded, to, hash }) = steps.blocking_recv() {
        apart.apply(source, &folded, to)?;
        if apart.is_kept() && hash.is_some() && to - kept >= keep_every {
            apart.keep(hash.as_deref())?;
            kept = to;
        }
        // The end is told when the rows are carried over.
        if to < goal {
            at.store(to, Ordering::Relaxed);
        }
    }
    if apart.position() < goal {
        // Somebody before this thread has failed, and says why.
        return Ok(());
    }
    for of in apart.tables() {
        let mut taken = true;
        apart.rows(of, |page| {
            taken = rows.blocking_send(Carried { of: of.clone(), rows: page }).is_ok();
            taken
        })?;
        if !taken {
            return Ok(());
        }
    }
    at.store(goal, Ordering::Relaxed);
    apart.close();
    Ok(())
}
