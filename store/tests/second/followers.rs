use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::future::join_all;
use serde_json::json;
use store::{Follower, FollowerState, Followers, Projection, Store, Waited};
use tokio::sync::watch;

use crate::world::{Fragile, Totals, append, count, name, number, on_each_database, total};

const SOON: Duration = Duration::from_secs(20);

fn fragile() -> Arc<Fragile> {
    Arc::new(Fragile { mended: AtomicBool::new(false) })
}

fn follower(store: &Store, projection: Arc<dyn Projection>) -> Arc<Follower> {
    Arc::new(Follower::new(store.clone(), projection).with_pause(Duration::from_millis(1)))
}

#[test]
fn a_round_applies_what_concerns_the_projection_and_remembers_the_rest() {
    on_each_database(async |world| {
        let store = world.open(&[]).await;
        let totals = follower(&store, Arc::new(Totals("totals.v1")));
        let round = totals.round().await.unwrap();
        assert_eq!((round.applied, round.position, round.caught_up), (0, 0, true));

        count(&store, 2).await;
        name(&store, 2, "lobby").await;
        count(&store, 3).await;
        name(&store, 2, "roof").await;
        let round = totals.round().await.unwrap();
        assert_eq!((round.applied, round.position, round.caught_up), (2, 4, true));
        assert_eq!(total(&store).await, 5);
        let stored = "SELECT position FROM projection_checkpoints WHERE name = 'totals.v1'";
        assert_eq!(number(&store, stored).await, Some(4));
        // Nothing concerns it, and yet it need not look again.
        name(&store, 2, "cellar").await;
        assert_eq!(totals.round().await.unwrap().applied, 0);
        assert_eq!(number(&store, stored).await, Some(5));
        store.close().await;
    });
}

#[test]
fn racing_runners_apply_each_event_exactly_once() {
    on_each_database(async |world| {
        let store = world.open(&[]).await;
        let (stop, stopped) = watch::channel(false);
        let runners = (0..3)
            .map(|_| follower(&store, Arc::new(Totals("totals.v1"))))
            .map(|runner| {
                let mut stopped = stopped.clone();
                async move {
                    runner.run(async move { drop(stopped.wait_for(|it| *it).await) }).await;
                }
            })
            .collect::<Vec<_>>();
        let writers = async {
            let all = (0..8).map(|_| async {
                for n in 1..=25 {
                    count(&store, n).await;
                }
            });
            join_all(all).await;
            let followers =
                Followers::of(store.clone(), vec![follower(&store, Arc::new(Totals("totals.v1")))]);
            let waited = followers.wait_for("totals.v1", 200, SOON).await.unwrap();
            stop.send_replace(true);
            waited
        };
        let (_, waited) = futures::join!(join_all(runners), writers);
        assert_eq!(waited, Waited::Reached);
        assert_eq!(total(&store).await, 8 * 25 * 26 / 2);
        store.close().await;
    });
}

#[test]
fn a_failing_projection_stops_alone_says_where_and_is_repaired() {
    for poison in [json!({"n": 1, "poison": true}), json!({"n": 1, "poison": "sql"})] {
        on_each_database(async |world| {
            let store = world.open(&[]).await;
            let fragile = fragile();
            let sick = follower(&store, Arc::<Fragile>::clone(&fragile));
            let well = follower(&store, Arc::new(Totals("totals.v1")));
            let followers = Followers::of(store.clone(), vec![sick, well]);
            count(&store, 1).await;
            count(&store, 1).await;
            append(&store, 1, "thing.counted", poison.clone()).await;
            count(&store, 1).await;
            followers.catch_up().await.unwrap();

            let status = followers.status().await.unwrap();
            assert_eq!(status[0].state, FollowerState::Failed);
            assert_eq!(
                (status[0].position, status[0].error_position, status[0].lag),
                (2, Some(3), 2)
            );
            assert_eq!(
                (status[0].waiting_since, status[1].waiting_since),
                (Some(store.now()), None)
            );
            assert!(status[0].error.as_ref().unwrap().starts_with("thing.counted: "));
            assert_eq!((status[1].state, status[1].position), (FollowerState::Running, 4));
            assert_eq!(number(&store, "SELECT count(*) FROM fragile").await, Some(2));
            assert_eq!(total(&store).await, 4);
            let waited = followers.wait_for("fragile.v1", 4, SOON).await.unwrap();
            assert_eq!(waited, Waited::Failed);
            assert_eq!(followers.wait_for("fragile.v1", 2, SOON).await.unwrap(), Waited::Reached);

            // Repairing without a cure fails at the same place; nobody skips another place than that.
            assert!(followers.repair("fragile.v1").await.unwrap());
            followers.catch_up().await.unwrap();
            assert_eq!(followers.status().await.unwrap()[0].error_position, Some(3));
            assert!(!followers.skip("fragile.v1", 2).await.unwrap());

            fragile.mended.store(true, Ordering::Relaxed);
            assert!(followers.repair("fragile.v1").await.unwrap());
            assert!(!followers.repair("fragile.v1").await.unwrap());
            followers.catch_up().await.unwrap();
            let status = followers.status().await.unwrap();
            assert_eq!((status[0].state, status[0].position), (FollowerState::Running, 4));
            assert_eq!((&status[0].error, status[0].error_position), (&None, None));
            assert_eq!(number(&store, "SELECT count(*) FROM fragile").await, Some(4));
            store.close().await;
        });
    }
}

#[test]
fn an_operator_skips_a_poisonous_event() {
    on_each_database(async |world| {
        let store = world.open(&[]).await;
        let followers = Followers::of(store.clone(), vec![follower(&store, fragile())]);
        append(&store, 1, "thing.counted", json!({"poison": true})).await;
        count(&store, 1).await;
        followers.catch_up().await.unwrap();
        assert!(followers.skip("fragile.v1", 1).await.unwrap());
        followers.catch_up().await.unwrap();
        let status = followers.status().await.unwrap();
        assert_eq!((status[0].state, status[0].position), (FollowerState::Running, 2));
        assert_eq!(number(&store, "SELECT min(position) FROM fragile").await, Some(2));
        store.close().await;
    });
}

#[test]
fn a_paused_follower_stands_still() {
    on_each_database(async |world| {
        let store = world.open(&[]).await;
        let totals = follower(&store, Arc::new(Totals("totals.v1")));
        let followers = Followers::of(store.clone(), vec![totals]);
        assert!(followers.pause("totals.v1").await.unwrap());
        count(&store, 1).await;
        followers.catch_up().await.unwrap();
        assert_eq!(total(&store).await, 0);
        assert_eq!(followers.wait_for("totals.v1", 1, SOON).await.unwrap(), Waited::Failed);
        assert!(followers.resume("totals.v1").await.unwrap());
        followers.catch_up().await.unwrap();
        assert_eq!(total(&store).await, 1);
        assert!(followers.repair("none.v1").await.is_err());
        store.close().await;
    });
}

#[test]
fn waiting_ends_when_it_is_too_long() {
    on_each_database(async |world| {
        let store = world.open(&[]).await;
        let totals = follower(&store, Arc::new(Totals("totals.v1")));
        let followers = Followers::of(store.clone(), vec![totals]);
        count(&store, 1).await;
        let little = Duration::from_millis(1);
        assert_eq!(followers.wait_for("totals.v1", 1, little).await.unwrap(), Waited::Late);
        store.close().await;
    });
}

#[test]
fn a_lazy_runner_puts_down_how_far_it_looked() {
    on_each_database(async |world| {
        let store = world.open(&[]).await;
        let runner = follower(&store, Arc::new(Totals("totals.v1")));
        let mut progress = runner.watch();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let running = runner.run(async move { drop(stopped.await) });
        let writing = async {
            for n in 0..20 {
                name(&store, 2, &format!("name {n}")).await;
            }
            tokio::time::timeout(SOON, progress.wait_for(|position| *position == 20))
                .await
                .unwrap()
                .unwrap();
            stop.send(()).unwrap();
        };
        futures::join!(running, writing);
        let stored = "SELECT position FROM projection_checkpoints WHERE name = 'totals.v1'";
        assert_eq!(number(&store, stored).await, Some(20));
        store.close().await;
    });
}

#[test]
fn a_lazy_runner_notes_its_position_when_nothing_more_comes() {
    on_each_database(async |world| {
        let store = world.open(&[]).await;
        name(&store, 2, "lobby").await;
        let runner = follower(&store, Arc::new(Totals("totals.v1")));
        let mut progress = runner.watch();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let running = runner.run(async move { drop(stopped.await) });
        let stored = "SELECT position FROM projection_checkpoints WHERE name = 'totals.v1'";
        let watching = async {
            tokio::time::timeout(SOON, progress.wait_for(|it| *it == 1)).await.unwrap().unwrap();
            // Without a stop and without a further event.
            let noted = async {
                while number(&store, stored).await != Some(1) {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(SOON, noted).await.unwrap();
            stop.send(()).unwrap();
        };
        futures::join!(running, watching);
        store.close().await;
    });
}
