//! A database for each test and a few small projections.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

use chrono::{DateTime, Utc};
use futures::FutureExt;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use store::{
    Append, Appended, Claim, ClaimChange, Clock, Context, Dialect, Durability, Expected, Fault,
    Interpreter, Location, Mode, NewEvent, Op, Options, Part, Projection, Query, Randomness,
    Recorded, Retention, Row, Store, args,
};
use tempfile::TempDir;
use uuid::Uuid;

/// Where a test keeps its data.
pub struct World {
    pub dialect: Dialect,
    pub clock: Arc<Hands>,
    folder: TempDir,
    url: Option<SecretString>,
}

/// Runs a test on SQLite and, where `WISPTRAIL_TEST_POSTGRES` names a server, on PostgreSQL.
pub fn on_each_database(test: impl AsyncFn(&World)) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        test(&World::new(Dialect::Sqlite, None)).await;
        let Some(server) = std::env::var_os("WISPTRAIL_TEST_POSTGRES") else {
            eprintln!("PostgreSQL is left out: WISPTRAIL_TEST_POSTGRES is not set");
            return;
        };
        let server = server.into_string().unwrap();
        let name = format!("wisptrail_test_{}", Uuid::new_v4().simple());
        let mut admin = PgConnection::connect(&server).await.unwrap();
        sqlx::raw_sql(&format!("CREATE DATABASE {name}")).execute(&mut admin).await.unwrap();
        let (base, _) = server.rsplit_once('/').unwrap();
        let world = World::new(Dialect::Postgres, Some(format!("{base}/{name}").into()));
        let result = std::panic::AssertUnwindSafe(test(&world)).catch_unwind().await;
        let drop_it = format!("DROP DATABASE {name} WITH (FORCE)");
        sqlx::raw_sql(&drop_it).execute(&mut admin).await.unwrap();
        if let Err(panic) = result {
            std::panic::resume_unwind(panic);
        }
    });
}

impl World {
    fn new(dialect: Dialect, url: Option<SecretString>) -> Self {
        let clock = Arc::new(Hands(AtomicI64::new(1_700_000_000_000_000)));
        Self { dialect, clock, folder: tempfile::tempdir().unwrap(), url }
    }

    pub fn location(&self) -> Location {
        match &self.url {
            Some(url) => Location::Postgres { url: url.clone() },
            None => Location::Sqlite { folder: self.folder.path().to_owned() },
        }
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Opens the log with these projections and the tables of all in this file.
    pub async fn open(&self, projections: &[Arc<dyn Projection>]) -> Store {
        let store = Store::open(Options {
            durability: Durability::Normal,
            projections: projections.to_vec(),
            ..Options::new(self.location(), Arc::new(Macs), self.clock.clone())
        })
        .await
        .unwrap();
        let uuid = if self.dialect == Dialect::Sqlite { "TEXT" } else { "UUID" };
        let names = format!(
            "CREATE TABLE IF NOT EXISTS names (id {uuid} NOT NULL PRIMARY KEY, name TEXT NOT NULL CHECK (name <> ''), changes BIGINT NOT NULL DEFAULT 0)"
        );
        for text in [
            names.as_str(),
            "CREATE UNIQUE INDEX IF NOT EXISTS names_by_name ON names (name)",
            "CREATE INDEX IF NOT EXISTS names_often ON names (changes) WHERE changes > 1",
            "CREATE TABLE IF NOT EXISTS old_names (name TEXT NOT NULL, times BIGINT NOT NULL, CONSTRAINT old_names_once UNIQUE (name), PRIMARY KEY (name, times))",
            "CREATE TABLE IF NOT EXISTS totals (kind TEXT NOT NULL PRIMARY KEY, total BIGINT NOT NULL)",
            "CREATE TABLE IF NOT EXISTS fragile (position BIGINT NOT NULL PRIMARY KEY)",
        ] {
            store.execute(vec![Op::new(text.to_owned(), args![])]).await.unwrap();
        }
        store
    }

    /// Runs statements behind the store's back.
    pub async fn tamper(&self, text: &str) {
        match &self.url {
            None => {
                let connection = rusqlite::Connection::open(self.file("wisptrail.db")).unwrap();
                connection.execute_batch(text).unwrap();
            }
            Some(url) => {
                let mut connection = PgConnection::connect(url.expose_secret()).await.unwrap();
                sqlx::raw_sql(text).execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
        }
    }
}

/// A clock that tests move.
pub struct Hands(AtomicI64);

impl Hands {
    pub fn step(&self, by: std::time::Duration) {
        self.0.fetch_add(i64::try_from(by.as_micros()).unwrap(), Ordering::Relaxed);
    }
}

impl Clock for Hands {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0.load(Ordering::Relaxed)).unwrap()
    }
}

/// The same random numbers for the same seed.
pub fn random(seed: u64) -> Randomness {
    Box::new(ChaCha20Rng::seed_from_u64(seed))
}

/// `{"mac": …}` takes an address, which counts for the organization; `{"gone": true}` gives everything back.
pub struct Macs;

impl Interpreter for Macs {
    fn claims(&self, event: &Recorded) -> Result<Vec<ClaimChange>, Fault> {
        let payload = payload(event);
        let take = payload["mac"].as_str().map(|mac| {
            ClaimChange::Take(Claim {
                kind: "mac".to_owned(),
                scope: event.organization_id,
                value: mac.to_owned(),
                counts_for: event.organization_id,
            })
        });
        let gone = payload["gone"].as_bool().filter(|gone| *gone).map(|_| ClaimChange::ReleaseAll);
        Ok(gone.into_iter().chain(take).collect())
    }

    fn understands(&self, _: &str, _: &str) -> bool {
        true
    }
}

/// Inline: the present name of each thing, and how often each name was given.
pub struct Names(pub &'static str);

impl Projection for Names {
    fn name(&self) -> &'static str {
        self.0
    }

    fn mode(&self) -> Mode {
        Mode::Inline
    }

    fn tables(&self) -> &'static [&'static str] {
        &["names", "old_names"]
    }

    fn wants(&self, event_type: &str) -> bool {
        event_type == "thing.named"
    }

    fn apply(&self, event: &Recorded) -> Result<Vec<Op>, Fault> {
        let name = payload(event)["name"].as_str().unwrap_or_default().to_owned();
        let id = Uuid::parse_str(&event.aggregate_id).map_err(|_| Fault("no id".to_owned()))?;
        Ok(vec![
            Op::new(
                "INSERT INTO names (id, name) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET name = excluded.name, changes = names.changes + 1",
                args![id, &name],
            ),
            Op::new(
                "INSERT INTO old_names (name, times) VALUES ($1, 1) ON CONFLICT (name) DO UPDATE SET times = old_names.times + 1",
                args![name],
            ),
        ])
    }
}

/// Following: adds up `n`, which shows each event that is applied twice or never.
pub struct Totals(pub &'static str);

impl Projection for Totals {
    fn name(&self) -> &'static str {
        self.0
    }

    fn mode(&self) -> Mode {
        Mode::Following
    }

    fn tables(&self) -> &'static [&'static str] {
        &["totals"]
    }

    fn wants(&self, event_type: &str) -> bool {
        event_type == "thing.counted"
    }

    fn apply(&self, event: &Recorded) -> Result<Vec<Op>, Fault> {
        Ok(vec![Op::new(
            "INSERT INTO totals (kind, total) VALUES ('totals', $1) ON CONFLICT (kind) DO UPDATE SET total = totals.total + excluded.total",
            args![payload(event)["n"].as_i64()],
        )])
    }
}

/// Following: cannot take `{"poison": true}` until it is mended; `{"poison": "sql"}` is refused by the database.
pub struct Fragile {
    pub mended: AtomicBool,
}

impl Projection for Fragile {
    fn name(&self) -> &'static str {
        "fragile.v1"
    }

    fn mode(&self) -> Mode {
        Mode::Following
    }

    fn tables(&self) -> &'static [&'static str] {
        &["fragile"]
    }

    fn wants(&self, event_type: &str) -> bool {
        event_type == "thing.counted"
    }

    fn apply(&self, event: &Recorded) -> Result<Vec<Op>, Fault> {
        let poison = &payload(event)["poison"];
        let mended = self.mended.load(Ordering::Relaxed);
        if *poison == true && !mended {
            return Err(Fault("poisoned".to_owned()));
        }
        let position = if *poison == "sql" && !mended { None } else { Some(event.position) };
        Ok(vec![Op::new("INSERT INTO fragile (position) VALUES ($1)", args![position])])
    }
}

pub fn payload(event: &Recorded) -> Value {
    serde_json::from_str(&event.payload).unwrap()
}

/// Appends one event to the stream of a number.
pub async fn append(store: &Store, stream: u128, event_type: &str, payload: Value) -> Appended {
    try_append(store, stream, event_type, payload).await.unwrap()
}

pub async fn try_append(
    store: &Store,
    stream: u128,
    event_type: &str,
    payload: Value,
) -> Result<Appended, store::AppendError> {
    let event = NewEvent {
        event_id: Uuid::new_v4(),
        event_type: event_type.to_owned(),
        event_version: "1".to_owned(),
        organization_id: Some(Uuid::from_u128(7)),
        retention: Retention::FOREVER,
        payload: payload.to_string(),
    };
    let part = Part {
        aggregate_type: "thing".to_owned(),
        aggregate_id: Uuid::from_u128(stream).to_string(),
        expected: Expected::Any,
        events: vec![event],
    };
    let context = Context { actor: "system:test".to_owned(), ..Context::default() };
    store.append(Append { context, parts: vec![part], limits: vec![], idempotency: None }).await
}

/// A name for the thing.
pub async fn name(store: &Store, stream: u128, name: &str) -> Appended {
    append(store, stream, "thing.named", json!({"name": name})).await
}

/// One more.
pub async fn count(store: &Store, n: i64) -> Appended {
    append(store, 1, "thing.counted", json!({"n": n})).await
}

pub async fn rows(store: &Store, text: &str) -> Vec<Row> {
    store.fetch(Query::new(text.to_owned(), args![])).await.unwrap()
}

pub async fn number(store: &Store, text: &str) -> Option<i64> {
    rows(store, text).await.first().and_then(|row| row.int_or_null(0).unwrap())
}

pub async fn total(store: &Store) -> i64 {
    number(store, "SELECT total FROM totals").await.unwrap_or(0)
}
