//! The whole log as lines, into another database.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use chrono::TimeDelta;
use secrecy::SecretSlice;
use store::{
    Blobs, Clock, Counts, Export, Fault, Followers, Header, Import, Imported, Interpreter, Jobs,
    Keyring, Line, Location, MasterKey, Mode, NewJob, Op, Opened, Options, Projection, Recorded,
    Sha256, Store, StoreError, Subject, verify_projections,
};
use uuid::Uuid;

use crate::world::*;

const ORGANIZATION: Uuid = Uuid::from_u128(7);

/// Orders a job for every count, once.
struct Orders;

impl Projection for Orders {
    fn name(&self) -> &'static str {
        "orders.v1"
    }

    fn mode(&self) -> Mode {
        Mode::Following
    }

    fn tables(&self) -> &'static [&'static str] {
        &[]
    }

    fn wants(&self, event_type: &str) -> bool {
        event_type == "thing.counted"
    }

    fn apply(&self, event: &Recorded) -> Result<Vec<Op>, Fault> {
        Ok(vec![Jobs::enqueue_op(NewJob {
            kind: "count".to_owned(),
            key: format!("orders:{}", event.position),
            organization_id: None,
            payload: "{}".to_owned(),
            total: None,
            run_after: event.recorded_at,
            created_at: event.recorded_at,
        })])
    }
}

fn key(byte: u8) -> SecretSlice<u8> {
    SecretSlice::from(vec![byte; 32])
}

async fn keyring(store: &Store) -> Arc<Keyring> {
    let master = MasterKey::Given(key(1));
    Arc::new(Keyring::open(store.clone(), master, random(3)).await.unwrap())
}

fn blobs(location: &Location, store: &Store, keyring: &Arc<Keyring>) -> Blobs {
    match location {
        Location::Sqlite { folder } => {
            Blobs::in_file(&folder.join("blobs.db"), Arc::clone(keyring)).unwrap()
        }
        Location::Postgres { .. } => Blobs::in_database(store.clone(), Arc::clone(keyring)),
    }
}

async fn lines(store: &Store, location: &Location) -> (Header, Vec<String>) {
    let mut export = Export::begin(store, location, "9.9.9").await.unwrap();
    let mut text = String::new();
    while let Some(lines) = export.next().await.unwrap() {
        assert!(lines.ends_with(b"\n"));
        text.push_str(std::str::from_utf8(&lines).unwrap());
    }
    export.close().await.unwrap();
    let mut lines = text.lines().map(str::to_owned);
    let header = serde_json::from_str(&lines.next().unwrap()).unwrap();
    (header, lines.collect())
}

fn options(folder: &Path, interpreter: Arc<dyn Interpreter>, clock: &Arc<Hands>) -> Options {
    let location = Location::Sqlite { folder: folder.to_owned() };
    let clock: Arc<dyn Clock> = clock.clone();
    let mut options = Options::new(location, interpreter, clock);
    // Those of the tests have no tables in a fresh database.
    options.projections = vec![Arc::new(Orders)];
    options
}

async fn take(
    folder: &Path,
    options: Options,
    (header, lines): &(Header, Vec<String>),
) -> Result<Imported, StoreError> {
    let mut import = Import::begin(folder, options, header.clone()).await?;
    let mut counts = Counts::default();
    let done = async {
        for line in lines {
            counts.count(line.as_bytes());
            import.line(serde_json::from_str::<Line>(line).unwrap()).await?;
        }
        import.finish(counts).await
    };
    match done.await {
        Ok(imported) => import.complete().await.map(|()| imported),
        Err(error) => {
            import.abandon().await?;
            Err(error)
        }
    }
}

#[test]
fn a_log_with_all_that_is_beside_it_is_the_same_elsewhere() {
    on_each_database(async |world| {
        let reactor: Vec<Arc<dyn Projection>> = vec![Arc::new(Orders)];
        let store = world.open(&reactor).await;
        let ring = keyring(&store).await;
        let kept = blobs(&world.location(), &store, &ring);
        let subject = Subject::Organization(ORGANIZATION);
        let sealed = ring.seal(subject, "thing|1|secret", b"a secret").await.unwrap();
        let gone = Subject::Person(Uuid::from_u128(8));
        let erased = ring.seal(gone, "thing|2|name", b"a name").await.unwrap();
        ring.destroy(gone).await.unwrap();
        let archive = kept.put(Some(ORGANIZATION), b"an archive").await.unwrap();
        let lost = kept.put(Some(Uuid::from_u128(9)), b"of nobody").await.unwrap();
        ring.destroy(Subject::Organization(Uuid::from_u128(9))).await.unwrap();

        for n in 0..40 {
            name(&store, n, &format!("thing \"{n}\" \\ \u{2028} ü")).await;
        }
        let long = "l".repeat(300_000);
        append(&store, 50, "thing.named", serde_json::json!({ "name": long })).await;
        append(&store, 51, "thing.added", serde_json::json!({ "mac": "02" })).await;
        count(&store, 1).await;
        let followers = Followers::new(store.clone());
        followers.catch_up().await.unwrap();
        // Not yet ordered when the export begins.
        let head = count(&store, 2).await.last;
        let job = Jobs::new(store.clone());
        let now = store.now();
        let hold = std::time::Duration::from_mins(1);
        let leased = job.lease(&["count"], "here", now + TimeDelta::days(1), hold).await.unwrap();
        assert!(leased.is_some());

        let exported = lines(&store, &world.location()).await;
        assert_eq!((exported.0.position, exported.0.hash.len()), (head, 32));
        let whole = exported.1.join("\n");
        assert!(!whole.contains("a secret") && !whole.contains("an archive"));

        let folder = tempfile::tempdir().unwrap();
        let opening = || options(folder.path(), Arc::new(Macs), &world.clock);
        let imported = take(folder.path(), opening(), &exported).await.unwrap();
        assert_eq!((imported.position, &imported.hash), (head, &exported.0.hash));

        let there = Store::open(opening()).await.unwrap();
        let (here_chain, there_chain) = (
            store.verify_chain(None, |_| {}).await.unwrap(),
            there.verify_chain(None, |_| {}).await.unwrap(),
        );
        assert_eq!(there_chain, here_chain);
        assert_eq!(there_chain.hash, hex::encode(&imported.hash));
        let macs: Arc<dyn Interpreter> = Arc::new(Macs);
        let location = Location::Sqlite { folder: folder.path().to_owned() };
        let reports = verify_projections(&location, &reactor, &macs, |_, _| {}).await.unwrap();
        assert!(reports.iter().all(|report| report.is_sound() && report.rows > 0), "{reports:?}");

        // The same lines come out of it again, but for what is queued anew.
        let again = lines(&there, &location).await;
        let settled = |lines: &[String]| {
            let lines = lines.iter().map(|line| line.replace("\"running\"", "\"queued\""));
            lines.collect::<Vec<_>>()
        };
        let of = |lines: &[String], table: &str| {
            let beginning = format!("{{\"row\":{{\"table\":\"{table}\"");
            lines.iter().filter(|line| line.starts_with(&beginning)).cloned().collect::<Vec<_>>()
        };
        let (before, after) = (settled(&exported.1), settled(&again.1));
        for table in ["subject_keys", "jobs", "command_log", "presence"] {
            assert_eq!(of(&after, table), of(&before, table), "{table}");
        }
        let checkpoints = of(&after, "projection_checkpoints");
        assert!(checkpoints.len() == 1 && checkpoints[0].contains("orders.v1"), "{checkpoints:?}");

        // What was ordered is not ordered again, what was not yet is.
        Followers::new(there.clone()).catch_up().await.unwrap();
        let jobs = number(&there, "SELECT count(*) FROM jobs").await;
        assert_eq!(jobs, Some(2));
        // Nobody holds there what was held here.
        let (due, later) = (Jobs::new(there.clone()), now + TimeDelta::days(1));
        for _ in 0..2 {
            assert!(due.lease(&["count"], "there", later, hold).await.unwrap().is_some());
        }

        let ring = keyring(&there).await;
        let Opened::Plain(plain) = ring.unseal(&sealed, "thing|1|secret").await.unwrap() else {
            panic!("it was not erased");
        };
        assert_eq!(secrecy::ExposeSecret::expose_secret(&plain), b"a secret");
        let opened = ring.unseal(&erased, "thing|2|name").await.unwrap();
        assert!(matches!(opened, Opened::Erased));
        let kept_there = blobs(&location, &there, &ring);
        let found = kept_there.get(Some(ORGANIZATION), archive).await.unwrap();
        assert_eq!(found.as_deref(), Some(&b"an archive"[..]));
        let found = kept_there.get(Some(Uuid::from_u128(9)), lost).await.unwrap();
        assert_eq!((found, lost), (None, Sha256::of(b"of nobody")));
        // A claim is held there as well, and positions go on.
        let taken = serde_json::json!({ "mac": "02" });
        assert!(try_append(&there, 60, "thing.added", taken).await.is_err());
        assert_eq!(count(&there, 3).await.last, head + 1);
        kept_there.close().await;
        kept.close().await;
        there.close().await;
        store.close().await;
    });
}

#[test]
fn an_empty_log_can_be_moved() {
    on_each_database(async |world| {
        let store = world.open(&[]).await;
        let exported = lines(&store, &world.location()).await;
        assert_eq!((exported.0.position, &exported.0.keyring, exported.1.len()), (0, &None, 0));
        store.close().await;
        let folder = tempfile::tempdir().unwrap();
        let opening = || options(folder.path(), Arc::new(Macs), &world.clock);
        let imported = take(folder.path(), opening(), &exported).await.unwrap();
        assert_eq!((imported.position, imported.hash.len()), (0, 0));
        let there = Store::open(opening()).await.unwrap();
        assert_eq!(count(&there, 1).await.last, 1);
        there.close().await;
    });
}

#[test]
fn what_other_programs_appended_is_in_the_chain_first() {
    on_each_database(async |world| {
        let store = world.open(&[]).await;
        count(&store, 1).await;
        let position = if world.dialect == store::Dialect::Postgres { 2 } else { 1 };
        if position == 2 {
            world
                .tamper(
                    "INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata)
                     VALUES ('counter', 'a', 1, 'Foreign', '1', '{\"n\" : 1}', '{}')",
                )
                .await;
        }
        let exported = lines(&store, &world.location()).await;
        assert_eq!(exported.0.position, position);
        let folder = tempfile::tempdir().unwrap();
        let opening = options(folder.path(), Arc::new(Macs), &world.clock);
        let imported = take(folder.path(), opening, &exported).await.unwrap();
        let chain = store.verify_chain(None, |_| {}).await.unwrap();
        assert_eq!((chain.unchained, chain.hash), (0, hex::encode(imported.hash)));
        store.close().await;
    });
}

/// Of another time: it knows nothing but counts.
#[derive(Default)]
struct Older(AtomicUsize);

impl Interpreter for Older {
    fn claims(&self, _: &Recorded) -> Result<Vec<store::ClaimChange>, Fault> {
        Ok(Vec::new())
    }

    fn understands(&self, event_type: &str, _: &str) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed);
        event_type == "thing.counted"
    }
}

#[test]
fn events_of_a_newer_program_are_refused() {
    on_each_database(async |world| {
        let store = world.open(&[]).await;
        for n in 0..3 {
            count(&store, n).await;
        }
        name(&store, 1, "new").await;
        let exported = lines(&store, &world.location()).await;
        store.close().await;
        let folder = tempfile::tempdir().unwrap();
        let older = Arc::new(Older::default());
        let opening = options(folder.path(), older.clone(), &world.clock);
        let refused = take(folder.path(), opening, &exported).await.unwrap_err().to_string();
        assert!(refused.contains("thing.named") && refused.contains("9.9.9"), "{refused}");
        assert_eq!(older.0.load(Ordering::Relaxed), 2, "each type is asked for once");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    });
}

#[test]
fn a_broken_chain_is_not_exported() {
    on_each_database(async |world| {
        let store = world.open(&[]).await;
        for n in 0..3 {
            count(&store, n).await;
        }
        world.tamper("UPDATE events SET actor = 'user:mallory' WHERE position = 2").await;
        let mut export = Export::begin(&store, &world.location(), "9.9.9").await.unwrap();
        let refused = loop {
            match export.next().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("it was exported"),
                Err(error) => break error.to_string(),
            }
        };
        assert!(refused.contains("position 2"), "{refused}");
        store.close().await;
    });
}
