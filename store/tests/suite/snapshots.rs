//! States of streams, and reads that belong together.

use serde_json::json;
use store::{AggregateSnapshot, Expected, Query, args};

use crate::support::*;

#[test]
fn the_newest_snapshot_wins() {
    on_each_database(async |database| {
        let store = database.open().await;
        let snapshot = |last_sequence, format, payload: &str| AggregateSnapshot {
            last_sequence,
            format,
            payload: payload.to_owned(),
        };
        assert_eq!(store.load_snapshot("counter", "a").await.unwrap(), None);
        for (saved, kept) in [
            (snapshot(100, 1, "{\"n\": 1}"), snapshot(100, 1, "{\"n\": 1}")),
            (snapshot(300, 1, "3"), snapshot(300, 1, "3")),
            (snapshot(200, 1, "2"), snapshot(300, 1, "3")),
            // Another shape of the state replaces what its program cannot read.
            (snapshot(250, 2, "4"), snapshot(250, 2, "4")),
        ] {
            store.save_snapshot("counter", "a", saved).await.unwrap();
            assert_eq!(store.load_snapshot("counter", "a").await.unwrap(), Some(kept));
        }
        assert_eq!(store.load_snapshot("counter", "b").await.unwrap(), None);
        store.close().await;
    });
}

#[test]
fn reads_that_belong_together_see_one_state() {
    on_each_database(async |database| {
        let store = database.open().await;
        let writer = {
            let store = store.clone();
            async move {
                for _ in 0..100 {
                    count(&store, "a", Expected::Any, json!({"n": 1})).await.unwrap();
                }
            }
        };
        let reader = async {
            loop {
                let queries = [
                    "SELECT coalesce(max(position), 0) FROM events",
                    "SELECT coalesce(max(events), 0) FROM counters",
                ];
                let queries = queries.map(|text| Query::new(text, args![])).to_vec();
                let snapshot = store.snapshot(queries).await.unwrap();
                let numbers = snapshot.results.iter().map(|rows| rows[0].int(0).unwrap());
                assert_eq!(numbers.collect::<Vec<_>>(), [snapshot.head, snapshot.head]);
                if snapshot.head == 100 {
                    break;
                }
            }
        };
        tokio::join!(writer, reader);
        store.close().await;
    });
}

#[test]
fn a_closed_store_finishes_what_is_queued_and_refuses_the_rest() {
    on_each_database(async |database| {
        let store = database.open().await;
        let appends = (0..50).map(|_| count(&store, "a", Expected::Any, json!({})));
        let (results, ()) = tokio::join!(futures::future::join_all(appends), async {
            tokio::task::yield_now().await;
            store.close().await;
        });
        assert!(results.iter().all(Result::is_ok));
        let error = count(&store, "a", Expected::Any, json!({})).await.unwrap_err();
        assert!(matches!(error, store::AppendError::Unavailable(_)), "{error}");
        assert!(store.fetch(Query::new("SELECT 1", args![])).await.is_err());
        assert!(store.feed(50).next().await.is_err());

        let store = database.open().await;
        assert_eq!(store.head(), 50);
        store.close().await;
    });
}
