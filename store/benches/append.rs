//! Appends by 1, 8 and 64 callers at once, and reading the log from its beginning.
//!
//! `cargo bench -p wisptrail-store`; with PostgreSQL where `WISPTRAIL_TEST_POSTGRES` names a server.
#![expect(clippy::unwrap_used, reason = "a benchmark")]

use std::sync::Arc;

use chrono::{DateTime, Utc};
use divan::{Bencher, counter::ItemsCount};
use secrecy::SecretString;
use sqlx::{Connection, PgConnection};
use store::{
    Append, ClaimChange, Clock, Context, Durability, EventFilter, Expected, Fault, Interpreter,
    Location, Mode, NewEvent, Op, Options, Part, Projection, Recorded, Retention, Store, args,
};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use uuid::Uuid;

const CALLERS: [usize; 3] = [1, 8, 64];
/// Appends of one caller in one round.
const ROUND: usize = 20;
const REPLAYED: usize = 20_000;

fn main() {
    divan::main();
}

struct Still;

impl Clock for Still {
    fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }
}

struct Plain;

impl Interpreter for Plain {
    fn claims(&self, _event: &Recorded) -> Result<Vec<ClaimChange>, Fault> {
        Ok(Vec::new())
    }

    fn understands(&self, _event_type: &str, _event_version: &str) -> bool {
        true
    }
}

/// One upsert per event.
struct Inline;

impl Projection for Inline {
    fn name(&self) -> &'static str {
        "counters.v1"
    }

    fn mode(&self) -> Mode {
        Mode::Inline
    }

    fn tables(&self) -> &'static [&'static str] {
        &["counters"]
    }

    fn wants(&self, _event_type: &str) -> bool {
        true
    }

    fn apply(&self, event: &Recorded) -> Result<Vec<Op>, Fault> {
        Ok(vec![Op::new(
            "INSERT INTO counters (id, events) VALUES ($1, 1) ON CONFLICT (id) DO UPDATE SET events = counters.events + 1",
            args![&event.aggregate_id],
        )])
    }
}

/// A log that is empty at first.
struct Log {
    runtime: Runtime,
    store: Store,
    server: Option<(SecretString, String)>,
    _folder: TempDir,
}

impl Log {
    fn sqlite(durability: Durability, inline: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::Sqlite { folder: folder.path().to_owned() };
        Self::open(folder, location, durability, inline, None)
    }

    fn postgres(durability: Durability, inline: bool) -> Option<Self> {
        let server = std::env::var_os("WISPTRAIL_TEST_POSTGRES")?.into_string().unwrap();
        let name = format!("wisptrail_bench_{}", Uuid::new_v4().simple());
        admin(&server, &format!("CREATE DATABASE {name}"));
        let (base, _) = server.rsplit_once('/').unwrap();
        let location = Location::Postgres { url: SecretString::from(format!("{base}/{name}")) };
        let server = Some((SecretString::from(server.clone()), name));
        Some(Self::open(tempfile::tempdir().unwrap(), location, durability, inline, server))
    }

    fn open(
        folder: TempDir,
        location: Location,
        durability: Durability,
        inline: bool,
        server: Option<(SecretString, String)>,
    ) -> Self {
        let runtime = Runtime::new().unwrap();
        let mut options = Options::new(location, Arc::new(Plain), Arc::new(Still));
        options.durability = durability;
        if inline {
            options.projections.push(Arc::new(Inline));
        }
        let store = runtime.block_on(async {
            let store = Store::open(options).await.unwrap();
            let table =
                "CREATE TABLE counters (id TEXT NOT NULL PRIMARY KEY, events BIGINT NOT NULL)";
            store.execute(vec![Op::new(table, args![])]).await.unwrap();
            store
        });
        Self { runtime, store, server, _folder: folder }
    }

    fn bench(&self, bencher: Bencher<'_, '_>, callers: usize) {
        bencher.counter(ItemsCount::new(callers * ROUND)).bench_local(|| {
            self.runtime.block_on(async {
                let mut tasks = tokio::task::JoinSet::new();
                for _ in 0..callers {
                    let store = self.store.clone();
                    tasks.spawn(async move {
                        let stream = Uuid::new_v4().to_string();
                        for version in 0..ROUND {
                            store.append(append(&stream, version, 1)).await.unwrap();
                        }
                    });
                }
                while let Some(ended) = tasks.join_next().await {
                    ended.unwrap();
                }
            });
        });
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.runtime.block_on(self.store.close());
        if let Some((server, name)) = &self.server {
            use secrecy::ExposeSecret;
            admin(server.expose_secret(), &format!("DROP DATABASE {name} WITH (FORCE)"));
        }
    }
}

fn admin(server: &str, statement: &str) {
    Runtime::new().unwrap().block_on(async {
        let mut connection = PgConnection::connect(server).await.unwrap();
        sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
    });
}

/// About 300 bytes each.
fn append(stream: &str, version: usize, events: usize) -> Append {
    let event = || NewEvent {
        event_id: Uuid::new_v4(),
        event_type: "device.reported".to_owned(),
        event_version: "1".to_owned(),
        organization_id: Some(Uuid::from_u128(1)),
        retention: Retention::FOREVER,
        payload: format!("{{\"reported\":{{\"text\":\"{}\"}}}}", "x".repeat(270)),
    };
    let part = Part {
        aggregate_type: "device".to_owned(),
        aggregate_id: stream.to_owned(),
        expected: Expected::Exactly(i64::try_from(version).unwrap()),
        events: (0..events).map(|_| event()).collect(),
    };
    let context = Context { actor: "system:bench".to_owned(), ..Context::default() };
    Append { context, parts: vec![part], limits: vec![], idempotency: None }
}

#[divan::bench(args = CALLERS)]
fn sqlite_full(bencher: Bencher<'_, '_>, callers: usize) {
    Log::sqlite(Durability::Full, false).bench(bencher, callers);
}

#[divan::bench(args = CALLERS)]
fn sqlite_normal(bencher: Bencher<'_, '_>, callers: usize) {
    Log::sqlite(Durability::Normal, false).bench(bencher, callers);
}

#[divan::bench(args = CALLERS)]
fn sqlite_full_inline(bencher: Bencher<'_, '_>, callers: usize) {
    Log::sqlite(Durability::Full, true).bench(bencher, callers);
}

#[divan::bench(args = CALLERS)]
fn postgres_full(bencher: Bencher<'_, '_>, callers: usize) {
    if let Some(log) = Log::postgres(Durability::Full, false) {
        log.bench(bencher, callers);
    }
}

#[divan::bench(args = CALLERS)]
fn postgres_full_inline(bencher: Bencher<'_, '_>, callers: usize) {
    if let Some(log) = Log::postgres(Durability::Full, true) {
        log.bench(bencher, callers);
    }
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn sqlite_replay(bencher: Bencher<'_, '_>) {
    replay(&Log::sqlite(Durability::Normal, false), bencher);
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn postgres_replay(bencher: Bencher<'_, '_>) {
    if let Some(log) = Log::postgres(Durability::Normal, false) {
        replay(&log, bencher);
    }
}

/// Reads all events in pages.
fn replay(log: &Log, bencher: Bencher<'_, '_>) {
    log.runtime.block_on(async {
        for number in 0..REPLAYED / 1000 {
            log.store.append(append("replayed", number * 1000, 1000)).await.unwrap();
        }
    });
    bencher.counter(ItemsCount::new(REPLAYED)).bench_local(|| {
        log.runtime.block_on(async {
            let mut after = 0;
            while let Some(last) = log
                .store
                .events(&EventFilter::default(), after, 1000)
                .await
                .unwrap()
                .last()
                .map(|event| event.position)
            {
                after = last;
            }
            assert_eq!(after, i64::try_from(REPLAYED).unwrap());
        });
    });
}
