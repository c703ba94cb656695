use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use serde_json::json;
use store::{
    Deviation, Follower, Interpreter, Projection, ProjectionReport, Store, verify_projections,
};

use crate::world::{Fragile, Macs, Names, Totals, World, append, count, name, on_each_database};

fn projections() -> [Arc<dyn Projection>; 3] {
    let fragile = Fragile { mended: AtomicBool::new(true) };
    [Arc::new(Names("names.v1")), Arc::new(Totals("totals.v1")), Arc::new(fragile)]
}

async fn verify(world: &World, projections: &[Arc<dyn Projection>]) -> Vec<ProjectionReport> {
    let interpreter: Arc<dyn Interpreter> = Arc::new(Macs);
    verify_projections(&world.location(), projections, &interpreter, |_, _| ()).await.unwrap()
}

/// A history that every table has something of; the follower of totals is behind by one event.
async fn history(world: &World, projections: &[Arc<dyn Projection>]) -> Store {
    let store = world.open(projections).await;
    for n in 0..40_u128 {
        name(&store, n % 10, &format!("name {n}")).await;
        append(&store, n, "thing.seen", json!({"mac": format!("mac {n}")})).await;
        append(&store, n, "thing.seen", json!({"gone": n.is_multiple_of(3)})).await;
        count(&store, 1).await;
    }
    let totals = Follower::new(store.clone(), Arc::clone(&projections[1]));
    totals.catch_up().await.unwrap();
    count(&store, 1).await;
    Follower::new(store.clone(), Arc::clone(&projections[2])).catch_up().await.unwrap();
    store
}

#[test]
fn sound_tables_are_sound_beside_a_running_store_and_without_one() {
    on_each_database(async |world| {
        let projections = projections();
        let store = history(world, &projections).await;
        for _ in 0..2 {
            let reports = verify(world, &projections).await;
            let found =
                reports.iter().map(|it| (it.name, it.position, it.rows)).collect::<Vec<_>>();
            assert_eq!(
                found,
                [
                    ("names.v1", 161, 50),
                    ("totals.v1", 160, 1),
                    ("fragile.v1", 161, 41),
                    ("claims", 161, 27)
                ]
            );
            assert!(reports.iter().all(ProjectionReport::is_sound), "{reports:#?}");
            store.close().await;
        }
    });
}

#[test]
fn a_comparison_sees_one_moment_while_writers_go_on() {
    on_each_database(async |world| {
        let projections = projections();
        let store = history(world, &projections).await;
        let done = AtomicBool::new(false);
        let writing = async {
            let mut n = 0;
            while !done.load(Ordering::Relaxed) && n < 5000 {
                n += 1;
                name(&store, n % 10, &format!("again {n}")).await;
                append(&store, n, "thing.seen", json!({"mac": format!("again {n}")})).await;
            }
        };
        let verifying = async {
            for _ in 0..3 {
                let reports = verify(world, &projections).await;
                assert!(reports.iter().all(ProjectionReport::is_sound), "{reports:#?}");
            }
            done.store(true, Ordering::Relaxed);
        };
        futures::join!(writing, verifying);
        store.close().await;
    });
}

#[test]
fn every_kind_of_tampering_is_found_and_named() {
    on_each_database(async |world| {
        let projections = projections();
        let store = history(world, &projections).await;
        store.close().await;
        world
            .tamper(
                "UPDATE names SET name = 'somebody', changes = 99 WHERE name = 'name 31';
                 DELETE FROM names WHERE name = 'name 32';
                 INSERT INTO totals (kind, total) VALUES ('invented', 1);
                 UPDATE claims SET aggregate_id = 'x' WHERE value = 'mac 1';
                 UPDATE claim_counts SET count = count + 1",
            )
            .await;
        let reports = verify(world, &projections).await;
        let found = reports
            .iter()
            .flat_map(|report| &report.differences)
            .map(|it| (it.table, it.row.clone(), it.deviation.clone()))
            .collect::<Vec<_>>();
        let id = |n: u128| format!("id={}", uuid::Uuid::from_u128(n));
        let differs = |columns: &[&str]| {
            Deviation::Differs(columns.iter().map(|&it| it.to_owned()).collect())
        };
        let organization = uuid::Uuid::from_u128(7);
        assert_eq!(
            found,
            [
                ("names", id(1), differs(&["name", "changes"])),
                ("names", id(2), Deviation::Missing),
                ("totals", "kind=invented".to_owned(), Deviation::Unexpected),
                (
                    "claims",
                    format!("kind=mac scope={organization} value=mac 1"),
                    differs(&["aggregate_id"])
                ),
                (
                    "claim_counts",
                    format!("kind=mac counts_for={organization}"),
                    differs(&["count"])
                ),
            ]
        );
        assert!(reports[2].is_sound());
        let said = reports[0].differences[0].to_string();
        assert!(said.ends_with("differs in name, changes"), "{said}");
    });
}

#[test]
fn differences_are_bounded_and_secrets_cut_off() {
    on_each_database(async |world| {
        let projections = projections();
        let store = history(world, &projections).await;
        store.close().await;
        world
            .tamper(
                "DELETE FROM old_names;
                 INSERT INTO old_names (name, times) VALUES ('00000000000000000000000000000000', 1)",
            )
            .await;
        let report = verify(world, &projections).await.remove(0);
        assert_eq!(report.differences.len(), 20);
        assert!(report.more);
        let cut = "name=000000000000… times=1";
        assert!(report.differences.iter().any(|it| it.row == cut), "{:?}", report.differences);
    });
}

#[test]
fn an_event_that_cannot_be_taken_is_named() {
    on_each_database(async |world| {
        let fragile = Arc::new(Fragile { mended: AtomicBool::new(true) });
        let poisoned: [Arc<dyn Projection>; 2] =
            [Arc::<Fragile>::clone(&fragile), Arc::new(Names("names.v1"))];
        let store = world.open(&poisoned).await;
        name(&store, 1, "lobby").await;
        append(&store, 1, "thing.counted", json!({"poison": "sql"})).await;
        name(&store, 2, "roof").await;
        Follower::new(store.clone(), Arc::clone(&poisoned[0])).catch_up().await.unwrap();
        fragile.mended.store(false, Ordering::Relaxed);
        let reports = verify(world, &poisoned).await;
        assert_eq!(reports[0].fault.as_ref().unwrap().0, 2);
        assert!(reports[1].is_sound() && reports[2].is_sound());
        store.close().await;
    });
}

#[test]
fn a_folder_without_a_database_is_refused() {
    on_each_database(async |world| {
        if world.dialect == store::Dialect::Postgres {
            return;
        }
        let interpreter: Arc<dyn Interpreter> = Arc::new(Macs);
        let error = verify_projections(&world.location(), &[], &interpreter, |_, _| ()).await;
        assert!(error.unwrap_err().to_string().contains("no database"));
    });
}
