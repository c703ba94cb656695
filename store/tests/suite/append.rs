//! Streams, versions, order, the envelope, idempotency.

use chrono::TimeDelta;
use serde_json::json;
use store::{
    AppendError, EventFilter, Expected, IdempotencyKey, Op, Query, Row, Step, TransactOutcome,
    Transaction, Value, args,
};
use uuid::Uuid;

use crate::support::*;

#[test]
fn an_event_comes_back_as_it_was_appended() {
    on_each_database(async |database| {
        let store = database.open().await;
        let (organization, correlation) = (Uuid::new_v4(), Uuid::new_v4());
        let mut append = append_of(vec![part("a", Expected::Exactly(0), &[json!({"n": 1})])]);
        append.context.correlation_id = Some(correlation);
        append.context.causation = Some("job:1".to_owned());
        append.parts[0].events[0].organization_id = Some(organization);
        append.parts[0].events[0].payload = "{\"n\" : 1,\"ü\":[1.50]}".to_owned();
        let id = append.parts[0].events[0].event_id;
        let appended = store.append(append).await.unwrap();
        assert_eq!((appended.first, appended.last, appended.duplicate), (1, 1, false));
        assert_eq!(store.head(), 1);

        let events = store.stream("counter", "a", 0).await.unwrap();
        let [event] = &events[..] else { panic!("{events:?}") };
        assert_eq!((event.position, event.sequence, event.event_id), (1, 1, id));
        assert_eq!(event.organization_id, Some(organization));
        assert_eq!(event.correlation_id, Some(correlation));
        assert_eq!(event.causation.as_deref(), Some("job:1"));
        assert_eq!(event.actor.as_deref(), Some("system:test"));
        assert_eq!(event.payload, "{\"n\" : 1,\"ü\":[1.50]}");
        assert_eq!(event.recorded_at, store.now());
        assert_sound(&store).await;
        store.close().await;
    });
}

#[test]
fn a_wrong_version_is_a_conflict_and_writes_nothing() {
    on_each_database(async |database| {
        let store = database.open().await;
        count(&store, "a", Expected::Exactly(0), json!({})).await.unwrap();
        let parts = vec![
            part("b", Expected::Any, &[json!({}), json!({})]),
            part("a", Expected::Exactly(0), &[json!({})]),
        ];
        let error = store.append(append_of(parts)).await.unwrap_err();
        let AppendError::Conflict { aggregate_id, expected: 0, actual: 1, .. } = error else {
            panic!("{error}")
        };
        assert_eq!(aggregate_id, "a");
        assert_eq!(log(&store).await.len(), 1);

        let parts = vec![
            part("b", Expected::Any, &[json!({}), json!({})]),
            part("a", Expected::Exactly(1), &[json!({})]),
        ];
        let appended = store.append(append_of(parts)).await.unwrap();
        assert_eq!((appended.first, appended.last), (2, 4));
        assert_eq!(counters(&store).await, [("a".to_owned(), 2, 0), ("b".to_owned(), 2, 0)]);
        assert_sound(&store).await;
        store.close().await;
    });
}

#[test]
fn a_part_without_events_only_checks() {
    on_each_database(async |database| {
        let store = database.open().await;
        count(&store, "a", Expected::Any, json!({})).await.unwrap();
        let check = |version| append_of(vec![part("a", Expected::Exactly(version), &[])]);
        let appended = store.append(check(1)).await.unwrap();
        assert_eq!((appended.first, appended.last), (2, 1));
        assert!(matches!(store.append(check(2)).await, Err(AppendError::Conflict { .. })));
        assert_eq!(log(&store).await.len(), 1);
        store.close().await;
    });
}

#[test]
fn malformed_appends_are_refused() {
    on_each_database(async |database| {
        let store = database.open().await;
        let one = |id: &str| part(id, Expected::Any, &[json!({})]);
        let refused = async |append| {
            let error = store.append(append).await.unwrap_err();
            assert!(matches!(error, AppendError::Malformed(_)), "{error}");
        };
        refused(append_of(vec![one("a"), one("a")])).await;
        refused(append_of(vec![one("a\0")])).await;
        refused(append_of(vec![part("a", Expected::Any, &vec![json!({}); 1001])])).await;
        let mut append = append_of(vec![one("a")]);
        append.parts[0].events[0].payload = "{\"cut\":".to_owned();
        refused(append).await;
        let mut append = append_of(vec![one("a")]);
        append.parts[0].events[0].event_type = "unheard of".to_owned();
        refused(append).await;
        assert_eq!(store.head(), 0);
        store.close().await;
    });
}

#[test]
fn a_repeated_key_has_one_effect() {
    on_each_database(async |database| {
        let store = database.open().await;
        let request = |fingerprint: u8| {
            let mut append = append_of(vec![part("a", Expected::Any, &[json!({"n": 5})])]);
            append.idempotency = Some(IdempotencyKey {
                actor: "user:1".to_owned(),
                key: "k".to_owned(),
                fingerprint: vec![fingerprint],
                response: Some("{\"id\": 1}".to_owned()),
            });
            append
        };
        // All in one batch.
        let answers = futures::future::join_all((0..8).map(|_| store.append(request(1)))).await;
        let answers = answers.into_iter().map(Result::unwrap).collect::<Vec<_>>();
        assert_eq!(answers.iter().filter(|answer| !answer.duplicate).count(), 1);
        assert!(answers.iter().all(|answer| (answer.first, answer.last) == (1, 1)));
        assert!(answers.iter().all(|a| a.response.as_deref() == Some("{\"id\": 1}")));

        let answer = store.append(request(1)).await.unwrap();
        assert!(answer.duplicate);
        assert!(matches!(store.append(request(2)).await, Err(AppendError::KeyReused)));
        assert_eq!(counters(&store).await, [("a".to_owned(), 1, 5)]);

        assert_eq!(store.prune().await.unwrap(), 0);
        database.clock.step(TimeDelta::days(8).num_microseconds().unwrap());
        assert_eq!(store.prune().await.unwrap(), 1);
        assert!(!store.append(request(2)).await.unwrap().duplicate);
        store.close().await;
    });
}

#[test]
fn the_log_is_filtered() {
    on_each_database(async |database| {
        let store = database.open().await;
        let (mine, other) = (Uuid::new_v4(), Uuid::new_v4());
        for number in 0..20 {
            let id = ["a", "b"][number % 2];
            let mut append = append_of(vec![part(id, Expected::Any, &[json!({})])]);
            append.parts[0].events[0].organization_id = Some([mine, other][number / 10]);
            append.parts[0].events[0].event_type = ["counted", "counted.b"][number % 2].to_owned();
            append.context.actor = format!("user:{}", number % 5);
            store.append(append).await.unwrap();
            database.clock.step(1_000_000);
        }
        let positions = async |filter: EventFilter| {
            let events = store.events(&filter, 2, 1000).await.unwrap();
            events.iter().map(|event| event.position).collect::<Vec<_>>()
        };
        let all = EventFilter::default();
        assert_eq!(positions(all.clone()).await, (3..=20).collect::<Vec<_>>());
        let filter = EventFilter { aggregate_id: Some("a".to_owned()), ..all.clone() };
        assert_eq!(positions(filter).await, [3, 5, 7, 9, 11, 13, 15, 17, 19]);
        let filter = EventFilter {
            event_types: vec!["counted.b".to_owned()],
            up_to: Some(7),
            ..all.clone()
        };
        assert_eq!(positions(filter).await, [4, 6]);
        let filter = EventFilter {
            organizations: Some(vec![other]),
            actor: Some("user:1".to_owned()),
            ..all.clone()
        };
        assert_eq!(positions(filter).await, [12, 17]);
        let filter = EventFilter { organizations: Some(vec![]), ..all.clone() };
        assert_eq!(positions(filter).await, [] as [i64; 0]);
        let fifth = store.events(&all, 4, 1).await.unwrap()[0].recorded_at;
        let filter =
            EventFilter { since: Some(fifth), until: Some(fifth + TimeDelta::seconds(2)), ..all };
        assert_eq!(positions(filter).await, [5, 6, 7]);

        assert_eq!(store.position_at(fifth).await.unwrap(), 5);
        assert_eq!(store.position_at(fifth + TimeDelta::microseconds(1)).await.unwrap(), 5);
        assert_eq!(store.position_at(fifth - TimeDelta::days(1)).await.unwrap(), 0);
        assert_eq!(store.position_at(fifth + TimeDelta::days(1)).await.unwrap(), 20);
        store.close().await;
    });
}

#[test]
fn a_clock_that_steps_back_changes_no_order() {
    on_each_database(async |database| {
        let store = database.open().await;
        for step in [0, 5_000_000, -60_000_000, 1, 30_000_000, -1, 60_000_000] {
            database.clock.step(step);
            count(&store, "a", Expected::Any, json!({})).await.unwrap();
        }
        store.close().await;
        database.clock.step(-3_600_000_000);
        let store = database.open().await;
        count(&store, "a", Expected::Any, json!({})).await.unwrap();
        assert_sound(&store).await;
        let events = log(&store).await;
        assert_eq!(store.position_at(events[7].recorded_at).await.unwrap(), 8);
        store.close().await;
    });
}

#[test]
fn values_travel_through_arguments_and_columns() {
    on_each_database(async |database| {
        let store = database.open().await;
        let table = store::Sql::Each {
            sqlite: "CREATE TABLE kinds (i BIGINT, r REAL, t TEXT, y BLOB, b INTEGER, u TEXT, z INTEGER)".into(),
            postgres: "CREATE TABLE kinds (i bigint, r double precision, t text, y bytea, b boolean, u uuid, z timestamptz)".into(),
        };
        store.execute(vec![Op::new(table, args![])]).await.unwrap();
        let (id, now) = (Uuid::new_v4(), store.now());
        let insert = "INSERT INTO kinds (i, r, t, y, b, u, z) VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let full = args![i64::MIN, 1.5, "it's $1", vec![0u8, 255], true, id, now];
        let empty = args![
            None::<i64>,
            None::<f64>,
            None::<String>,
            None::<Vec<u8>>,
            None::<bool>,
            None::<Uuid>,
            None::<chrono::DateTime<chrono::Utc>>
        ];
        let ops = vec![Op::new(insert, full), Op::new(insert, empty)];
        assert_eq!(store.execute(ops).await.unwrap(), [1, 1]);
        let query = "SELECT i, r, t, y, b, u, z, count(*) OVER (), 7 FROM kinds WHERE i IS NOT NULL OR b IS NULL ORDER BY i IS NULL";
        let rows = store.fetch(Query::new(query, args![])).await.unwrap();
        let row = &rows[0];
        assert_eq!(row.int(0).unwrap(), i64::MIN);
        assert!((row.real(1).unwrap() - 1.5).abs() < f64::EPSILON);
        assert_eq!(row.text(2).unwrap(), "it's $1");
        assert_eq!(row.bytes(3).unwrap(), [0, 255]);
        assert!(row.bool(4).unwrap());
        assert_eq!(row.uuid(5).unwrap(), id);
        assert_eq!(row.time(6).unwrap(), now);
        assert_eq!((row.int(7).unwrap(), row.int(8).unwrap()), (2, 7));
        assert!(rows[1].0[..7].iter().all(|value| *value == Value::Null));
        assert!(rows[1].int(0).is_err() && rows[1].int_or_null(0).unwrap().is_none());
        let sum = store.fetch(Query::new("SELECT sum(i) FROM kinds", args![])).await.unwrap();
        assert_eq!(sum[0].int(0).unwrap(), i64::MIN);

        let returned = store
            .returning(Op::new("UPDATE kinds SET i = $1 WHERE u = $2 RETURNING i", args![3i64, id]))
            .await
            .unwrap();
        assert_eq!(returned, [Row(vec![Value::Int(3)])]);
        store.close().await;
    });
}

#[test]
fn a_transaction_happens_unless_a_guard_objects() {
    on_each_database(async |database| {
        let store = database.open().await;
        count(&store, "a", Expected::Any, json!({"n": 1})).await.unwrap();
        let total = || Query::new("SELECT total FROM counters WHERE id = $1", args!["a"]);
        let double = || Op::new("UPDATE counters SET total = total * 2", args![]);
        let guarded = |value: i64| {
            Transaction::new()
                .under_head_lock()
                .op(double())
                .guard(total(), store::Expect::Value(value.into()))
                .guard(total(), store::Expect::Rows(1))
                .read(total())
                .compute(|rows| {
                    let total = rows[0][0].int(0)?;
                    Ok(vec![Op::new("UPDATE counters SET total = $1", args![total + 100])])
                })
        };
        let outcome = store.transact(guarded(3)).await.unwrap();
        assert_eq!(outcome, TransactOutcome::GuardFailed { step: 1 });
        assert_eq!(counters(&store).await, [("a".to_owned(), 1, 1)]);
        let outcome = store.transact(guarded(2)).await.unwrap();
        let rows = vec![vec![Row(vec![Value::Int(2)])]];
        assert_eq!(outcome, TransactOutcome::Committed { affected: vec![1, 1], rows });
        assert_eq!(counters(&store).await, [("a".to_owned(), 1, 102)]);

        let mut broken = Transaction::new().op(double());
        broken.steps.push(Step::Op(Op::new("UPDATE counters SET total = NULL", args![])));
        assert!(store.transact(broken).await.is_err());
        assert_eq!(counters(&store).await, [("a".to_owned(), 1, 102)]);
        let ops = vec![double(), Op::new("no such statement", args![])];
        assert!(store.execute(ops).await.is_err());
        assert_eq!(counters(&store).await, [("a".to_owned(), 1, 102)]);
        store.close().await;
    });
}
