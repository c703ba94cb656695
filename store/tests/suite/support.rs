//! A database for each test, events that carry what they do, a clock that can be set.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use chrono::{DateTime, Utc};
use futures::FutureExt;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use store::{
    Append, AppendError, Appended, ClaimChange, Clock, Context, Dialect, Durability, Expected,
    Fault, Interpreter, Location, Mode, NewEvent, Op, Options, Part, Projection, Query, Recorded,
    Retention, Store, args,
};
use tempfile::TempDir;
use uuid::Uuid;

/// Where a test keeps its data.
pub struct Database {
    pub dialect: Dialect,
    pub folder: TempDir,
    pub clock: Arc<SetClock>,
    pub projections: Vec<Arc<dyn Projection>>,
    url: Option<SecretString>,
}

/// Runs a test on SQLite and, where `WISPTRAIL_TEST_POSTGRES` names a server, on PostgreSQL.
pub fn on_each_database(test: impl AsyncFn(&Database)) {
    on_sqlite(&test);
    on_postgres(&test);
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

pub fn on_sqlite(test: impl AsyncFn(&Database)) {
    runtime().block_on(test(&Database::new(Dialect::Sqlite, None)));
}

#[expect(clippy::print_stderr, reason = "whoever runs the tests should know")]
pub fn on_postgres(test: impl AsyncFn(&Database)) {
    let Some(server) = postgres_server() else {
        eprintln!("PostgreSQL is left out: WISPTRAIL_TEST_POSTGRES is not set");
        return;
    };
    runtime().block_on(async {
        let name = format!("wisptrail_test_{}", Uuid::new_v4().simple());
        let mut admin = PgConnection::connect(server.expose_secret()).await.unwrap();
        sqlx::raw_sql(&format!("CREATE DATABASE {name}")).execute(&mut admin).await.unwrap();
        let (base, _) = server.expose_secret().rsplit_once('/').unwrap();
        let url = SecretString::from(format!("{base}/{name}"));
        let database = Database::new(Dialect::Postgres, Some(url));
        let result = std::panic::AssertUnwindSafe(test(&database)).catch_unwind().await;
        let drop_it = format!("DROP DATABASE {name} WITH (FORCE)");
        sqlx::raw_sql(&drop_it).execute(&mut admin).await.unwrap();
        if let Err(panic) = result {
            std::panic::resume_unwind(panic);
        }
    });
}

pub fn postgres_server() -> Option<SecretString> {
    let server = std::env::var_os("WISPTRAIL_TEST_POSTGRES")?;
    Some(SecretString::from(server.into_string().unwrap()))
}

impl Database {
    pub fn new(dialect: Dialect, url: Option<SecretString>) -> Self {
        Self {
            dialect,
            folder: tempfile::tempdir().unwrap(),
            clock: Arc::new(SetClock::new()),
            projections: vec![Arc::new(Counters)],
            url,
        }
    }

    pub fn location(&self) -> Location {
        match &self.url {
            Some(url) => Location::Postgres { url: url.clone() },
            None => Location::Sqlite { folder: self.folder.path().to_owned() },
        }
    }

    pub fn url(&self) -> &str {
        self.url.as_ref().unwrap().expose_secret()
    }

    pub fn file(&self) -> PathBuf {
        self.folder.path().join("wisptrail.db")
    }

    pub fn options(&self) -> Options {
        options(self.location(), self.folder.path(), self.clock.clone(), &self.projections)
    }

    /// Opens the log, with the table of [`Counters`].
    pub async fn open(&self) -> Store {
        open(self.options()).await
    }

    /// Runs statements behind the store's back, while it is closed.
    pub async fn tamper(&self, text: &str) {
        match self.dialect {
            Dialect::Sqlite => {
                rusqlite::Connection::open(self.file()).unwrap().execute_batch(text).unwrap();
            }
            Dialect::Postgres => {
                let mut connection = PgConnection::connect(self.url()).await.unwrap();
                sqlx::raw_sql(text).execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
        }
    }
}

pub fn options(
    location: Location,
    anchors: &std::path::Path,
    clock: Arc<dyn Clock>,
    projections: &[Arc<dyn Projection>],
) -> Options {
    Options {
        location,
        durability: Durability::Normal,
        projections: projections.to_vec(),
        interpreter: Arc::new(AsWritten),
        clock,
        anchors: Some(anchors.to_owned()),
        row_level_security: false,
    }
}

pub async fn open(options: Options) -> Store {
    let store = Store::open(options).await.unwrap();
    let table = "CREATE TABLE IF NOT EXISTS counters (id TEXT NOT NULL PRIMARY KEY, events BIGINT NOT NULL, total BIGINT NOT NULL)";
    store.execute(vec![Op::new(table, args![])]).await.unwrap();
    store
}

/// A clock that tests move.
pub struct SetClock(AtomicI64);

impl SetClock {
    fn new() -> Self {
        Self(AtomicI64::new(1_700_000_000_000_000))
    }

    /// In microseconds.
    pub fn step(&self, by: i64) {
        self.0.fetch_add(by, Ordering::Relaxed);
    }
}

impl Clock for SetClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0.load(Ordering::Relaxed)).unwrap()
    }
}

/// Payloads say themselves what they do: `{"take": [[kind, scope, value, counts_for]], "release": […], "release_all": true}`.
pub struct AsWritten;

impl Interpreter for AsWritten {
    fn claims(&self, event: &Recorded) -> Result<Vec<ClaimChange>, Fault> {
        let payload: Value =
            serde_json::from_str(&event.payload).map_err(|error| Fault(error.to_string()))?;
        let list = |key: &str| payload[key].as_array().cloned().unwrap_or_default();
        let mut changes = Vec::new();
        if payload["release_all"] == true {
            changes.push(ClaimChange::ReleaseAll);
        }
        changes.extend(list("release").iter().map(|value| ClaimChange::Release(claim_of(value))));
        changes.extend(list("take").iter().map(|value| ClaimChange::Take(claim_of(value))));
        Ok(changes)
    }

    fn understands(&self, event_type: &str, event_version: &str) -> bool {
        let ours = event_type.starts_with("counted") || event_type.ends_with(".erased");
        ours && event_version == "1" || event_type == "Foreign"
    }
}

fn claim_of(value: &Value) -> store::Claim {
    let id = |index: usize| value[index].as_str().map(|text| text.parse().unwrap());
    store::Claim {
        kind: value[0].as_str().unwrap().to_owned(),
        scope: id(1),
        value: value[2].as_str().unwrap().to_owned(),
        counts_for: id(3),
    }
}

/// Inline: counts events per stream and adds up their `n`. `{"fault": true}` is refused by it, `{"broken": true}` by the database.
pub struct Counters;

impl Projection for Counters {
    fn name(&self) -> &'static str {
        "counters.v1"
    }

    fn mode(&self) -> Mode {
        Mode::Inline
    }

    fn tables(&self) -> &'static [&'static str] {
        &["counters"]
    }

    fn wants(&self, event_type: &str) -> bool {
        event_type == "counted"
    }

    fn apply(&self, event: &Recorded) -> Result<Vec<Op>, Fault> {
        let payload: Value = serde_json::from_str(&event.payload).unwrap();
        assert!(payload["panic"] != true, "it says so");
        if payload["fault"] == true {
            return Err(Fault("it says so".to_owned()));
        }
        let n =
            if payload["broken"] == true { None } else { Some(payload["n"].as_i64().unwrap_or(0)) };
        Ok(vec![Op::new(
            "INSERT INTO counters (id, events, total) VALUES ($1, 1, $2)
             ON CONFLICT (id) DO UPDATE SET events = counters.events + 1, total = counters.total + excluded.total",
            args![&event.aggregate_id, n],
        )])
    }
}

/// Rows of `counters`, sorted.
pub async fn counters(store: &Store) -> Vec<(String, i64, i64)> {
    let query = Query::new("SELECT id, events, total FROM counters ORDER BY id", args![]);
    let rows = store.fetch(query).await.unwrap();
    rows.iter()
        .map(|row| (row.text(0).unwrap(), row.int(1).unwrap(), row.int(2).unwrap()))
        .collect()
}

pub fn event(payload: Value) -> NewEvent {
    NewEvent {
        event_id: Uuid::new_v4(),
        event_type: "counted".to_owned(),
        event_version: "1".to_owned(),
        organization_id: None,
        retention: Retention::FOREVER,
        payload: payload.to_string(),
    }
}

pub fn part(id: &str, expected: Expected, payloads: &[Value]) -> Part {
    Part {
        aggregate_type: "counter".to_owned(),
        aggregate_id: id.to_owned(),
        expected,
        events: payloads.iter().cloned().map(event).collect(),
    }
}

pub fn append_of(parts: Vec<Part>) -> Append {
    let context = Context {
        actor: "system:test".to_owned(),
        metadata: json!({"request": "1"}).to_string(),
        ..Context::default()
    };
    Append { context, parts, limits: vec![], idempotency: None }
}

/// Appends plain events to one stream.
pub async fn count(
    store: &Store,
    id: &str,
    expected: Expected,
    payload: Value,
) -> Result<Appended, AppendError> {
    store.append(append_of(vec![part(id, expected, &[payload])])).await
}

/// All events.
pub async fn log(store: &Store) -> Vec<Recorded> {
    let mut events = Vec::<Recorded>::new();
    loop {
        let after = events.last().map_or(0, |event| event.position);
        let more = store.events(&store::EventFilter::default(), after, 1000).await.unwrap();
        if more.is_empty() {
            return events;
        }
        events.extend(more);
    }
}

/// Positions without gaps, sequences without gaps, times that never decrease, a sound chain.
pub async fn assert_sound(store: &Store) {
    let events = log(store).await;
    let mut versions = std::collections::HashMap::new();
    let mut time = DateTime::UNIX_EPOCH;
    for (event, position) in events.iter().zip(1..) {
        assert_eq!(event.position, position);
        let version = versions.entry((&event.aggregate_type, &event.aggregate_id)).or_insert(0);
        *version += 1;
        assert_eq!(event.sequence, *version);
        assert!(event.recorded_at >= time);
        time = event.recorded_at;
    }
    let report = store.verify_chain(None, |_| ()).await.unwrap();
    assert_eq!(report.first_bad, None);
    assert_eq!(report.events, i64::try_from(events.len()).unwrap());
    assert_eq!(store.snapshot(vec![]).await.unwrap().head, report.events);
}
