use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::future::join_all;
use serde_json::json;
use store::{
    Dialect, Fault, Follower, Followers, Interpreter, Mode, Op, Projection, Rebuild, RebuildError,
    Recorded, Row, Store, Value, verify_projections,
};
use tokio::sync::watch;

use crate::world::{
    Fragile, Macs, Names, Totals, World, append, count, name, number, on_each_database, rows,
    total, try_append,
};

const NAMES: &str = "SELECT id, name, changes FROM names ORDER BY id";
const OLD_NAMES: &str = "SELECT name, times FROM old_names ORDER BY name";
const CLAIMS: &str = "SELECT kind, scope, value, aggregate_type, aggregate_id, counts_for FROM claims ORDER BY value";
const COUNTS: &str =
    "SELECT kind, counts_for, count FROM claim_counts WHERE count <> 0 ORDER BY kind, counts_for";

/// Tables, columns, indexes, constraints; without the quotes that SQLite puts around renamed tables.
async fn schema(world: &World, store: &Store) -> Vec<Row> {
    match world.dialect {
        Dialect::Sqlite => {
            rows(store, "SELECT type, name, tbl_name, replace(sql, '\"', '') FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name").await
        }
        Dialect::Postgres => {
            let columns = "SELECT CAST(table_name || '.' || column_name AS text), CAST(data_type || is_nullable || COALESCE(column_default, '') AS text)
                           FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1";
            let constraints = "SELECT CAST(conrelid::regclass || '.' || conname AS text), pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1";
            let indexes = "SELECT CAST(indexname AS text), indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1";
            let mut all = Vec::new();
            for query in [columns, constraints, indexes] {
                all.extend(rows(store, query).await);
            }
            all
        }
    }
}

async fn table(store: &Store) -> [Vec<Row>; 2] {
    [rows(store, NAMES).await, rows(store, OLD_NAMES).await]
}

#[test]
fn rebuilt_tables_equal_the_live_ones_and_so_does_the_schema() {
    on_each_database(async |world| {
        let projections: [Arc<dyn Projection>; 2] =
            [Arc::new(Names("names.v1")), Arc::new(Totals("totals.v1"))];
        let store = world.open(&projections).await;
        for n in 0..60_u128 {
            name(&store, n % 20, &format!("name {n}")).await;
            count(&store, 1).await;
        }
        let totals = Follower::new(store.clone(), Arc::clone(&projections[1]));
        totals.catch_up().await.unwrap();
        let (before, tables) = (schema(world, &store).await, table(&store).await);

        for generation in 2..=4 {
            // In the last round, from the first event on in tables apart.
            let long = if generation == 4 { 1 } else { 1000 };
            let rebuild = Rebuild::new(store.clone()).with_batch(7).long_from(long);
            let done = rebuild.projection(&projections[1]).await.unwrap();
            assert_eq!((done.generation, done.position), (generation, 120));
            let done = rebuild.projection(&projections[0]).await.unwrap();
            assert_eq!((done.generation, done.position), (generation - 1, 120));
            assert_eq!(schema(world, &store).await, before);
            assert_eq!(table(&store).await, tables);
            assert_eq!(total(&store).await, 60);
        }
        // The new tables are the live ones: both go on.
        name(&store, 3, "after").await;
        count(&store, 1).await;
        totals.catch_up().await.unwrap();
        assert_eq!(total(&store).await, 61);
        assert_eq!(
            number(&store, "SELECT count(*) FROM names WHERE name = 'after'").await,
            Some(1)
        );
        let left = "SELECT count(*) FROM projection_checkpoints";
        assert_eq!(number(&store, left).await, Some(2));
        store.close().await;
    });
}

#[test]
fn a_rebuild_repairs_tables_that_were_damaged() {
    on_each_database(async |world| {
        let projections: [Arc<dyn Projection>; 1] = [Arc::new(Names("names.v1"))];
        let store = world.open(&projections).await;
        name(&store, 1, "lobby").await;
        let tables = table(&store).await;
        world.tamper("UPDATE names SET name = 'nobody'; DELETE FROM old_names").await;
        assert_ne!(table(&store).await, tables);
        Rebuild::new(store.clone()).projection(&projections[0]).await.unwrap();
        assert_eq!(table(&store).await, tables);
        store.close().await;
    });
}

#[test]
fn rebuilding_under_load_loses_and_doubles_nothing() {
    on_each_database(async |world| {
        let projections: [Arc<dyn Projection>; 2] =
            [Arc::new(Names("names.v1")), Arc::new(Totals("totals.v1"))];
        let store = world.open(&projections).await;
        let (stop, stopped) = watch::channel(false);
        let writer = |writer: u128| {
            let (store, stopped) = (store.clone(), stopped.clone());
            async move {
                let mut n: u128 = 0;
                while !*stopped.borrow() && n < 2000 {
                    n += 1;
                    name(&store, writer, &format!("{writer} {n}")).await;
                    count(&store, 1).await;
                    let mac =
                        json!({"mac": format!("{writer}-{}", n % 3), "gone": n.is_multiple_of(5)});
                    append(&store, writer, "thing.seen", mac).await;
                }
                i64::try_from(n).unwrap()
            }
        };
        let mut stopping = stopped.clone();
        let totals = Follower::new(store.clone(), Arc::clone(&projections[1]));
        let following = totals.run(async move { drop(stopping.wait_for(|it| *it).await) });
        let rebuilding = async {
            for long in [1, 20_000, 1] {
                let rebuild = Rebuild::new(store.clone()).with_batch(50).long_from(long);
                rebuild.projection(&projections[0]).await.unwrap();
                rebuild.projection(&projections[1]).await.unwrap();
                rebuild.claims().await.unwrap();
            }
            stop.send_replace(true);
        };
        let writers = join_all((0..4).map(writer));
        let (written, (), ()) = futures::join!(writers, following, rebuilding);
        totals.catch_up().await.unwrap();

        assert_eq!(total(&store).await, written.iter().sum::<i64>());
        assert_eq!(
            number(&store, "SELECT CAST(sum(changes) + count(*) AS bigint) FROM names").await,
            Some(written.iter().sum())
        );
        assert_eq!(number(&store, "SELECT count(*) FROM names").await, Some(4));
        let live = (table(&store).await, rows(&store, CLAIMS).await, rows(&store, COUNTS).await);
        let rebuild = Rebuild::new(store.clone()).long_from(1);
        assert_eq!(rebuild.all().await.unwrap().len(), 3);
        let again = (table(&store).await, rows(&store, CLAIMS).await, rows(&store, COUNTS).await);
        assert_eq!(again, live);
        store.close().await;
    });
}

#[test]
fn rebuilt_claims_still_keep_others_out() {
    on_each_database(async |world| {
        let store = world.open(&[]).await;
        append(&store, 1, "thing.seen", json!({"mac": "a"})).await;
        append(&store, 2, "thing.seen", json!({"mac": "b"})).await;
        append(&store, 2, "thing.seen", json!({"gone": true})).await;
        let before = schema(world, &store).await;
        world.tamper("DELETE FROM claims; DELETE FROM claim_counts").await;
        Rebuild::new(store.clone()).long_from(1).claims().await.unwrap();
        assert_eq!(schema(world, &store).await, before);
        assert!(try_append(&store, 3, "thing.seen", json!({"mac": "a"})).await.is_err());
        append(&store, 3, "thing.seen", json!({"mac": "b"})).await;
        let counts = rows(&store, COUNTS).await;
        assert_eq!(counts.len(), 1);
        assert_eq!(counts[0].0[2], Value::Int(2));
        store.close().await;
    });
}

#[test]
fn a_new_name_is_rebuilt_before_serving_and_the_former_one_is_forgotten() {
    on_each_database(async |world| {
        let first: [Arc<dyn Projection>; 2] =
            [Arc::new(Names("names.v1")), Arc::new(Totals("totals.v1"))];
        let store = world.open(&first).await;
        assert_eq!(Rebuild::new(store.clone()).ensure_current().await.unwrap(), []);
        name(&store, 1, "lobby").await;
        count(&store, 5).await;
        assert_eq!(Rebuild::new(store.clone()).ensure_current().await.unwrap(), []);
        store.close().await;

        world
            .tamper("DELETE FROM names; INSERT INTO totals (kind, total) VALUES ('totals', 99)")
            .await;
        let second: [Arc<dyn Projection>; 2] =
            [Arc::new(Names("names.v2")), Arc::new(Totals("totals.v2"))];
        let store = world.open(&second).await;
        let rebuilt = Rebuild::new(store.clone()).ensure_current().await.unwrap();
        assert_eq!(
            rebuilt.iter().map(|done| done.name).collect::<Vec<_>>(),
            ["names.v2", "totals.v2"]
        );
        assert_eq!(total(&store).await, 5);
        assert_eq!(number(&store, "SELECT count(*) FROM names").await, Some(1));
        let left = rows(&store, "SELECT name FROM projection_checkpoints ORDER BY name").await;
        let left = left.iter().map(|row| row.text(0).unwrap()).collect::<Vec<_>>();
        assert_eq!(left, ["names.v2", "totals.v2"]);
        store.close().await;
    });
}

#[test]
fn a_failing_rebuild_says_where_and_leaves_everything_as_it_was() {
    on_each_database(async |world| {
        let fragile = Arc::new(Fragile { mended: AtomicBool::new(true) });
        let projection: Arc<dyn Projection> = Arc::<Fragile>::clone(&fragile);
        let store = world.open(&[Arc::clone(&projection)]).await;
        count(&store, 1).await;
        append(&store, 1, "thing.counted", json!({"poison": "sql"})).await;
        count(&store, 1).await;
        let follower =
            Follower::new(store.clone(), Arc::clone(&projection)).with_pause(Duration::ZERO);
        follower.catch_up().await.unwrap();
        let before = schema(world, &store).await;

        fragile.mended.store(false, Ordering::Relaxed);
        let rebuild = Rebuild::new(store.clone());
        for long in [20_000, 1] {
            let rebuild = rebuild.clone().long_from(long);
            let error = rebuild.projection(&projection).await.unwrap_err();
            assert!(matches!(error, RebuildError::Event { position: 2, .. }), "{error}");
            assert_eq!(schema(world, &store).await, before);
            assert_eq!(number(&store, "SELECT count(*) FROM fragile").await, Some(3));
        }

        fragile.mended.store(true, Ordering::Relaxed);
        rebuild.projection(&projection).await.unwrap();
        assert_eq!(number(&store, "SELECT count(*) FROM fragile").await, Some(3));
        store.close().await;
    });
}

/// The names, which tell of nobody, and how many events were looked at; cannot take the event at one position.
struct Impersonal {
    looked_at: AtomicUsize,
    stuck: AtomicI64,
}

impl Projection for Impersonal {
    fn name(&self) -> &'static str {
        "names.v1"
    }

    fn mode(&self) -> Mode {
        Mode::Inline
    }

    fn tables(&self) -> &'static [&'static str] {
        Names("").tables()
    }

    fn wants(&self, event_type: &str) -> bool {
        Names("").wants(event_type)
    }

    fn apply(&self, event: &Recorded) -> Result<Vec<Op>, Fault> {
        if event.position == self.stuck.load(Ordering::Relaxed) {
            return Err(Fault("it is stuck".to_owned()));
        }
        self.looked_at.fetch_add(1, Ordering::Relaxed);
        Names("").apply(event)
    }

    fn is_impersonal(&self) -> bool {
        true
    }
}

#[test]
fn a_long_rebuild_goes_on_where_it_was_interrupted() {
    on_each_database(async |world| {
        if world.dialect == Dialect::Postgres {
            // These tables are no migration's.
            return;
        }
        let names =
            Arc::new(Impersonal { looked_at: AtomicUsize::new(0), stuck: AtomicI64::new(0) });
        let projection: Arc<dyn Projection> = Arc::<Impersonal>::clone(&names);
        let store = world.open(&[Arc::clone(&projection)]).await;
        for n in 0..100_u128 {
            name(&store, n % 20, &format!("name {n}")).await;
        }
        let tables = table(&store).await;
        let rebuild = Rebuild::new(store.clone()).with_batch(10).long_from(1).keeping_every(20);
        let kept = world.file("rebuild-names.v1.db");
        for (stuck, looked_at) in [(75, 0..75), (95, 0..40), (0, 0..25), (0, 100..101)] {
            names.stuck.store(stuck, Ordering::Relaxed);
            names.looked_at.store(0, Ordering::Relaxed);
            let done = rebuild.projection(&projection).await;
            let count = names.looked_at.load(Ordering::Relaxed);
            assert!(looked_at.contains(&count), "{count} events until {stuck}");
            assert_eq!(done.is_err(), stuck > 0);
            assert_eq!(kept.exists(), stuck > 0, "what is not needed any more is gone");
            assert_eq!(table(&store).await, tables);
        }

        // What was kept of another log is of no use.
        names.stuck.store(75, Ordering::Relaxed);
        rebuild.projection(&projection).await.unwrap_err();
        assert!(kept.exists());
        let connection = rusqlite::Connection::open(&kept).unwrap();
        connection.execute("UPDATE apart SET hash = x'00'", []).unwrap();
        drop(connection);
        names.stuck.store(0, Ordering::Relaxed);
        names.looked_at.store(0, Ordering::Relaxed);
        rebuild.projection(&projection).await.unwrap();
        assert_eq!(names.looked_at.load(Ordering::Relaxed), 100);
        assert_eq!(table(&store).await, tables);
        store.close().await;
    });
}

#[test]
fn an_interrupted_rebuild_is_taken_over_and_a_living_one_is_not() {
    on_each_database(async |world| {
        let projection: Arc<dyn Projection> = Arc::new(Totals("totals.v1"));
        let store = world.open(&[Arc::clone(&projection)]).await;
        count(&store, 4).await;
        let now = if world.dialect == Dialect::Sqlite {
            store.now().timestamp_micros().to_string()
        } else {
            format!("to_timestamp({})", store.now().timestamp())
        };
        world
            .tamper(&format!(
                "INSERT INTO projection_checkpoints (name, generation, position, state, updated_at) VALUES ('totals.v1', 1, 0, 'rebuilding', {now});
                 CREATE TABLE totals__g1 (kind TEXT)"
            ))
            .await;
        let rebuild = Rebuild::new(store.clone());
        // After a crash, SQLite knows at once that nobody is at it.
        if world.dialect == Dialect::Postgres {
            let error = rebuild.projection(&projection).await.unwrap_err();
            assert!(matches!(error, RebuildError::Busy { name: "totals.v1" }), "{error}");
            world.clock.step(Duration::from_secs(61));
        }
        let both = (rebuild.projection(&projection), rebuild.projection(&projection));
        let (one, other) = futures::join!(both.0, both.1);
        one.unwrap();
        let error = other.unwrap_err();
        assert!(matches!(error, RebuildError::Busy { name: "totals.v1" }), "{error}");
        world.tamper("DELETE FROM projection_checkpoints").await;
        let done = rebuild.ensure_current().await.unwrap();
        assert_eq!(done.iter().map(|done| done.name).collect::<Vec<_>>(), ["totals.v1"]);
        assert_eq!(total(&store).await, 4);
        let exists = if world.dialect == Dialect::Sqlite {
            "SELECT count(*) FROM sqlite_master WHERE name LIKE '%\\_\\_g%' ESCAPE '\\'"
        } else {
            "SELECT count(*) FROM pg_class WHERE relname LIKE '%\\_\\_g%'"
        };
        assert_eq!(number(&store, exists).await, Some(0));
        store.close().await;
    });
}

#[test]
fn an_inline_projection_that_lacks_an_event_is_tried_again_at_start() {
    on_each_database(async |world| {
        let projection: Arc<dyn Projection> = Arc::new(Names("names.v1"));
        let store = world.open(&[Arc::clone(&projection)]).await;
        Rebuild::new(store.clone()).ensure_current().await.unwrap();
        name(&store, 1, "lobby").await;
        world
            .tamper("UPDATE projection_checkpoints SET state = 'failed', error_position = 1; DELETE FROM names")
            .await;
        let followers = Followers::new(store.clone());
        assert_eq!(followers.lacking().await.unwrap()[0].error_position, Some(1));
        let rebuilt = Rebuild::new(store.clone()).ensure_current().await.unwrap();
        assert_eq!(rebuilt.len(), 1);
        assert_eq!(followers.lacking().await.unwrap(), []);
        assert_eq!(number(&store, "SELECT count(*) FROM names").await, Some(1));
        assert_eq!(Rebuild::new(store.clone()).ensure_current().await.unwrap(), []);
        store.close().await;
    });
}

#[test]
fn nodes_that_start_together_rebuild_once() {
    on_each_database(async |world| {
        if world.dialect == Dialect::Sqlite {
            // One process at a time.
            return;
        }
        let projections =
            |version: &'static str| -> [Arc<dyn Projection>; 1] { [Arc::new(Totals(version))] };
        let store = world.open(&projections("totals.v1")).await;
        for _ in 0..50 {
            count(&store, 1).await;
        }
        let nodes = [
            world.open(&projections("totals.v2")).await,
            world.open(&projections("totals.v2")).await,
        ];
        let starts = nodes.iter().map(|node| async {
            let rebuild = Rebuild::new(node.clone()).with_batch(5);
            rebuild.ensure_current().await.unwrap().len()
        });
        assert_eq!(join_all(starts).await.iter().sum::<usize>(), 1);
        assert_eq!(total(&store).await, 50);
        for store in nodes.iter().chain([&store]) {
            store.close().await;
        }
    });
}

#[test]
fn foreign_events_are_in_inline_tables_once() {
    on_each_database(async |world| {
        if world.dialect == Dialect::Sqlite {
            // Nobody else writes into the file.
            return;
        }
        let projections: [Arc<dyn Projection>; 2] =
            [Arc::new(Names("names.v1")), Arc::new(Totals("totals.v1"))];
        let store = world.open(&projections).await;
        let interpreter: Arc<dyn Interpreter> = Arc::new(Macs);
        let location = world.location();
        let verify = async || {
            let reports =
                verify_projections(&location, &projections, &interpreter, |_, _| ()).await;
            for report in reports.unwrap() {
                assert!(report.is_sound(), "{report:#?}");
            }
        };
        name(&store, 1, "lobby").await;
        world
            .tamper(
                r#"INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata) VALUES
                   ('thing', '00000000-0000-0000-0000-000000000002', 1, 'thing.named', '1', '{"name": "roof"}', '{}'),
                   ('thing', '00000000-0000-0000-0000-000000000002', 2, 'thing.seen', '1', '{"mac": "a"}', '{}')"#,
            )
            .await;
        verify().await;
        // Not in the chain yet, so not in the tables, so not in the rebuilt ones.
        let rebuild = Rebuild::new(store.clone());
        assert_eq!(rebuild.projection(&projections[0]).await.unwrap().position, 1);
        rebuild.claims().await.unwrap();
        assert_eq!(rebuild.projection(&projections[1]).await.unwrap().position, 3);
        verify().await;
        name(&store, 1, "cellar").await;
        verify().await;
        assert_eq!(
            number(&store, "SELECT times FROM old_names WHERE name = 'roof'").await,
            Some(1)
        );
        assert_eq!(rebuild.projection(&projections[0]).await.unwrap().position, 4);
        rebuild.claims().await.unwrap();
        verify().await;
        assert_eq!(
            number(&store, "SELECT times FROM old_names WHERE name = 'roof'").await,
            Some(1)
        );
        store.close().await;
    });
}
