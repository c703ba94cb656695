//! The unmodified repository of postgres-es beside our writer.

use std::time::Duration;

use cqrs_es::{
    Aggregate, DomainEvent,
    event_sink::EventSink,
    persist::{PersistedEventRepository, PersistenceError, SerializedEvent},
};
use postgres_es::PostgresEventRepository;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::PgPool;
use store::{AppendError, Expected, Query, args};
use tokio::time::timeout;

use crate::support::*;

/// Only its type is used.
#[derive(Default, Serialize, Deserialize)]
struct Counter;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Counted;

impl DomainEvent for Counted {
    fn event_type(&self) -> String {
        "Foreign".to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl Aggregate for Counter {
    const TYPE: &'static str = "counter";
    type Command = ();
    type Event = Counted;
    type Error = std::convert::Infallible;
    type Services = ();

    async fn handle(
        &mut self,
        (): (),
        (): &(),
        _sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        Ok(())
    }

    fn apply(&mut self, _event: Counted) {}
}

fn foreign(id: &str, sequence: usize, event_type: &str, payload: Value) -> SerializedEvent {
    SerializedEvent::new(
        id.to_owned(),
        sequence,
        "counter".to_owned(),
        event_type.to_owned(),
        "1".to_owned(),
        payload,
        json!({"by": "postgres-es"}),
    )
}

async fn persist(
    repository: &PostgresEventRepository,
    event: SerializedEvent,
) -> Result<(), PersistenceError> {
    repository.persist::<Counter>(&[event], None).await
}

#[test]
fn foreign_events_are_read_conflict_and_are_chained() {
    on_postgres(async |database| {
        let store = database.open().await;
        let pool = PgPool::connect(database.url()).await.unwrap();
        let repository = PostgresEventRepository::new(pool.clone());
        for number in 1..=2 {
            count(&store, "a", Expected::Exactly(number - 1), json!({"n": number})).await.unwrap();
        }
        let read = repository.get_events::<Counter>("a").await.unwrap();
        assert_eq!(read.iter().map(|event| event.sequence).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(
            (&read[1].payload, &read[1].metadata),
            (&json!({"n": 2}), &json!({"request": "1"}))
        );

        persist(&repository, foreign("a", 3, "Foreign", json!({"x": [1]}))).await.unwrap();
        // The feed has it at once, not yet chained.
        let mut feed = store.feed(2);
        let seen = timeout(Duration::from_secs(10), feed.next()).await.unwrap().unwrap();
        assert_eq!((seen[0].position, seen[0].sequence, &seen[0].actor), (3, 3, &None));
        assert_eq!(seen[0].hash, None);
        let report = store.verify_chain(None, |_| ()).await.unwrap();
        assert_eq!((report.events, report.foreign, report.unchained), (3, 1, 1));
        assert_eq!(report.first_bad, None);

        let error = count(&store, "a", Expected::Exactly(2), json!({})).await.unwrap_err();
        assert!(matches!(error, AppendError::Conflict { expected: 2, actual: 3, .. }), "{error}");
        let appended = count(&store, "a", Expected::Exactly(3), json!({"n": 4})).await.unwrap();
        assert_eq!(appended.first, 4);
        let error = persist(&repository, foreign("a", 4, "Foreign", json!({}))).await.unwrap_err();
        assert!(matches!(error, PersistenceError::OptimisticLockError), "{error}");

        let report = store.verify_chain(None, |_| ()).await.unwrap();
        assert_eq!((report.events, report.foreign, report.unchained), (4, 1, 0));
        assert_eq!(report.first_bad, None);
        store.close().await;
        pool.close().await;
    });
}

#[test]
fn foreign_events_reach_claims_and_projections_and_block_nothing() {
    on_postgres(async |database| {
        let store = database.open().await;
        let pool = PgPool::connect(database.url()).await.unwrap();
        let repository = PostgresEventRepository::new(pool.clone());
        let mac = |value: &str| json!({"take": [["mac", null, value, null]], "n": 5});
        count(&store, "ours", Expected::Any, mac("1")).await.unwrap();
        for (id, payload) in [
            ("x", mac("2")),
            ("y", mac("1")),
            ("faulty", json!({"fault": true})),
            ("broken", json!({"broken": true})),
            ("z", json!({"n": 7})),
        ] {
            persist(&repository, foreign(id, 1, "counted", payload)).await.unwrap();
        }
        count(&store, "last", Expected::Any, json!({"n": 1})).await.unwrap();
        assert_sound(&store).await;

        let text = "SELECT value, aggregate_id FROM claims ORDER BY value";
        let claims = store.fetch(Query::new(text, args![])).await.unwrap();
        let claims = claims.iter().map(|row| (row.text(0).unwrap(), row.text(1).unwrap()));
        let expected = [("1", "ours"), ("2", "x")].map(|(v, id)| (v.to_owned(), id.to_owned()));
        assert_eq!(claims.collect::<Vec<_>>(), expected);
        let ids = counters(&store).await.into_iter().map(|(id, ..)| id).collect::<Vec<_>>();
        assert_eq!(ids, ["last", "ours", "x", "y", "z"]);
        let text = "SELECT name, state, error_position FROM projection_checkpoints";
        let failed = store.fetch(Query::new(text, args![])).await.unwrap();
        assert_eq!(failed.len(), 1);
        assert_eq!(failed[0].text(0).unwrap(), "counters.v1");
        assert_eq!(failed[0].text(1).unwrap(), "failed");
        assert_eq!(failed[0].int(2).unwrap(), 4);
        store.close().await;
        pool.close().await;
    });
}

#[test]
fn both_writers_race_for_one_stream() {
    on_postgres(async |database| {
        let store = database.open().await;
        let pool = PgPool::connect(database.url()).await.unwrap();
        let repository = PostgresEventRepository::new(pool.clone());
        let ours = async {
            for _ in 0..30 {
                loop {
                    let version = store.stream("counter", "a", 0).await.unwrap().len();
                    let expected = Expected::Exactly(i64::try_from(version).unwrap());
                    match count(&store, "a", expected, json!({"n": 1})).await {
                        Ok(_) => break,
                        Err(AppendError::Conflict { .. }) => {}
                        Err(error) => panic!("{error:?}"),
                    }
                }
            }
        };
        let theirs = async {
            for _ in 0..30 {
                loop {
                    let next = repository.get_events::<Counter>("a").await.unwrap().len() + 1;
                    match persist(&repository, foreign("a", next, "Foreign", json!({}))).await {
                        Ok(()) => break,
                        Err(PersistenceError::OptimisticLockError) => {}
                        Err(error) => panic!("{error:?}"),
                    }
                }
            }
        };
        tokio::join!(ours, theirs);
        count(&store, "b", Expected::Any, json!({})).await.unwrap();
        assert_sound(&store).await;
        let report = store.verify_chain(None, |_| ()).await.unwrap();
        assert_eq!((report.events, report.foreign, report.unchained), (61, 30, 0));
        store.close().await;
        pool.close().await;
    });
}
