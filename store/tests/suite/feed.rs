//! Each event once, in order, without gaps, whoever writes.

use std::time::Duration;

use serde_json::json;
use store::{Append, AppendError, Dialect, Expected, Feed, Store};
use tokio::time::timeout;

use crate::support::*;

const WRITERS: usize = 16;
const APPENDS: usize = 25;
const PATIENCE: Duration = Duration::from_secs(30);

/// Half of the appends fight for one stream, some are refused by the database.
async fn write(store: Store, writer: usize) -> usize {
    let mut accepted = 0;
    for number in 0..APPENDS {
        let own = |payload| part(&format!("own {writer}"), Expected::Any, &[payload]);
        let append: Append = match number % 4 {
            0 | 2 => {
                let version = store.stream("counter", "hot", 0).await.unwrap().len();
                let version = Expected::Exactly(i64::try_from(version).unwrap());
                append_of(vec![own(json!({"n": 1})), part("hot", version, &[json!({"n": 1})])])
            }
            1 => append_of(vec![own(json!({"n": 1})), part("other", Expected::Any, &[json!({})])]),
            _ => append_of(vec![own(json!({"broken": number % 8 == 3}))]),
        };
        let events = append.parts.iter().map(|part| part.events.len()).sum::<usize>();
        match store.append(append).await {
            Ok(appended) => {
                assert_eq!(usize::try_from(appended.last - appended.first).unwrap() + 1, events);
                accepted += events;
            }
            Err(AppendError::Conflict { aggregate_id, .. }) => assert_eq!(aggregate_id, "hot"),
            Err(AppendError::Refused { .. }) => assert_eq!(number % 8, 3),
            Err(error) => panic!("{error:?}"),
        }
    }
    accepted
}

/// Reads until the position and insists on each event once.
async fn tail(mut feed: Feed, last: tokio::sync::watch::Receiver<Option<i64>>) -> i64 {
    let mut position = feed.position();
    while last.borrow().is_none_or(|last| position < last) {
        let Ok(events) = timeout(Duration::from_millis(100), feed.next()).await else { continue };
        for event in events.unwrap() {
            assert_eq!(event.position, position + 1);
            position = event.position;
        }
    }
    position
}

#[test]
fn sixteen_writers_and_a_reader_that_misses_nothing() {
    on_each_database(async |database| {
        let store = database.open().await;
        // On PostgreSQL half of the writers are another process.
        let second = match database.dialect {
            Dialect::Postgres => database.open().await,
            Dialect::Sqlite => store.clone(),
        };
        let (last, seen) = tokio::sync::watch::channel(None);
        let tails =
            [store.feed(0), second.feed(0), store.feed(0)].map(|feed| tail(feed, seen.clone()));
        let writers = (0..WRITERS).map(|writer| {
            let store = [&store, &second][writer % 2].clone();
            write(store, writer)
        });
        let write = async {
            let accepted = futures::future::join_all(writers).await.into_iter().sum::<usize>();
            last.send_replace(Some(i64::try_from(accepted).unwrap()));
            accepted
        };
        let work = async { tokio::join!(write, futures::future::join_all(tails)) };
        let (accepted, positions) = timeout(PATIENCE, work).await.unwrap();
        let accepted = i64::try_from(accepted).unwrap();
        assert!(positions.iter().all(|position| *position == accepted), "{positions:?} {accepted}");
        assert_eq!(log(&store).await.len(), usize::try_from(accepted).unwrap());
        assert_sound(&store).await;
        second.close().await;
        store.close().await;
    });
}

#[test]
fn a_feed_goes_on_where_it_is_told() {
    on_each_database(async |database| {
        let store = database.open().await;
        for _ in 0..3 {
            count(&store, "a", Expected::Any, json!({})).await.unwrap();
        }
        store.close().await;
        // After a restart memory is empty: the first ones come from the database, the others do not.
        let store = database.open().await;
        let mut feed = store.feed(1);
        let first = feed.next().await.unwrap();
        assert_eq!(first.iter().map(|event| event.position).collect::<Vec<_>>(), [2, 3]);
        let appended = count(&store, "a", Expected::Any, json!({"n": 1})).await.unwrap();
        assert_eq!(store.head(), appended.last);
        let statements = store.statements();
        let next = feed.next().await.unwrap();
        assert_eq!(next.iter().map(|event| event.position).collect::<Vec<_>>(), [4]);
        assert_eq!(store.statements(), statements);

        // Waiting is not polling: the next event wakes it.
        let (events, ()) = tokio::join!(feed.next(), async {
            count(&store, "b", Expected::Any, json!({})).await.unwrap();
        });
        assert_eq!(events.unwrap()[0].aggregate_id, "b");
        store.close().await;
    });
}
