//! Uniqueness and limits.

use serde_json::{Value, json};
use store::{AppendError, Expected, Limit, Query, Rebuild, Store, args};
use uuid::Uuid;

use crate::support::*;

async fn claims(store: &Store) -> Vec<(String, String)> {
    let text = "SELECT value, aggregate_id FROM claims ORDER BY kind, value, aggregate_id";
    let rows = store.fetch(Query::new(text, args![])).await.unwrap();
    rows.iter().map(|row| (row.text(0).unwrap(), row.text(1).unwrap())).collect()
}

fn held(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(value, by)| ((*value).to_owned(), (*by).to_owned())).collect()
}

fn mac(value: &str) -> Value {
    json!(["mac", null, value, null])
}

#[test]
fn a_value_belongs_to_one_stream_at_a_time() {
    on_each_database(async |database| {
        let store = database.open().await;
        let take =
            |values: &[&str]| json!({"take": values.iter().map(|v| mac(v)).collect::<Vec<_>>()});
        count(&store, "a", Expected::Any, take(&["1", "2", "3"])).await.unwrap();
        // Again the same: no conflict.
        count(&store, "a", Expected::Any, take(&["1"])).await.unwrap();
        let error = count(&store, "b", Expected::Any, take(&["4", "1", "3"])).await.unwrap_err();
        let AppendError::Taken(taken) = error else { panic!("{error}") };
        let values = taken.iter().map(|taken| taken.claim.value.as_str()).collect::<Vec<_>>();
        assert_eq!(values, ["1", "3"]);
        assert!(taken.iter().all(|taken| taken.aggregate_id == "a"));
        assert_eq!(claims(&store).await, held(&[("1", "a"), ("2", "a"), ("3", "a")]));

        // Another scope is another value.
        let scoped = json!({"take": [["mac", Uuid::from_u128(7), "1", null]]});
        count(&store, "c", Expected::Any, scoped).await.unwrap();

        // What b does not hold it cannot release; a can, and b takes it in the same append.
        count(&store, "b", Expected::Any, json!({"release": [mac("1")]})).await.unwrap();
        let parts = vec![
            part("a", Expected::Any, &[json!({"release": [mac("1")]})]),
            part("b", Expected::Any, &[take(&["1"])]),
        ];
        store.append(append_of(parts)).await.unwrap();
        count(&store, "a", Expected::Any, json!({"release_all": true})).await.unwrap();
        assert_eq!(claims(&store).await, held(&[("1", "b"), ("1", "c")]));
        store.close().await;
    });
}

#[test]
fn what_an_append_gives_back_may_belong_to_others() {
    on_each_database(async |database| {
        let store = database.open().await;
        let take = |value: &str| json!({"take": [mac(value)]});
        let swap = |from: &str, to: &str| json!({"release": [mac(from)], "take": [mac(to)]});
        count(&store, "a", Expected::Any, take("1")).await.unwrap();
        let append =
            |events: &[Value]| store.append(append_of(vec![part("b", Expected::Any, events)]));
        // On the way it would hold what is another's; in the end it does not.
        append(&[take("1"), swap("1", "2")]).await.unwrap();
        assert_eq!(claims(&store).await, held(&[("1", "a"), ("2", "b")]));
        // What it ends with is judged, and what another gives back is no excuse.
        let refused = append(&[take("1"), swap("1", "3"), swap("3", "1")]).await.unwrap_err();
        let AppendError::Taken(taken) = refused else { panic!("{refused}") };
        assert_eq!(taken.iter().map(|taken| &*taken.claim.value).collect::<Vec<_>>(), ["1"]);
        let parts = vec![
            part("b", Expected::Any, &[take("1")]),
            part("a", Expected::Any, &[json!({"release": [mac("1")]})]),
        ];
        assert!(matches!(store.append(append_of(parts)).await, Err(AppendError::Taken(_))));
        // Event by event it comes to the same.
        Rebuild::new(store.clone()).claims().await.unwrap();
        assert_eq!(claims(&store).await, held(&[("1", "a"), ("2", "b")]));
        store.close().await;
    });
}

#[test]
fn racing_streams_get_a_value_once() {
    on_each_database(async |database| {
        let store = database.open().await;
        let racers = (0..16).map(|number| {
            let payload = json!({"take": [mac("x"), ["key", null, "k", null]]});
            let store = store.clone();
            async move { count(&store, &format!("racer {number}"), Expected::Any, payload).await }
        });
        let results = futures::future::join_all(racers).await;
        let (won, lost): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
        assert_eq!((won.len(), lost.len()), (1, 15));
        for error in lost {
            let Err(AppendError::Taken(taken)) = error else { panic!("{error:?}") };
            assert_eq!(taken.len(), 2);
        }
        assert_eq!(log(&store).await.len(), 1);
        store.close().await;
    });
}

#[test]
fn the_last_place_under_a_limit_is_given_once() {
    on_each_database(async |database| {
        let store = database.open().await;
        let by = Uuid::from_u128(1);
        let limit = Limit { kind: "device".to_owned(), by, max: 5 };
        let register = |id: String| {
            let payload = json!({"take": [["device", null, id, by]]});
            let mut append = append_of(vec![part(&id, Expected::Exactly(0), &[payload])]);
            append.limits = vec![limit.clone()];
            store.append(append)
        };
        let results =
            futures::future::join_all((0..16).map(|number| register(format!("d{number}")))).await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 5);
        for error in results.into_iter().filter_map(Result::err) {
            assert!(matches!(&error, AppendError::Limited(limit) if limit.max == 5), "{error}");
        }
        // A full house is no obstacle to what adds nothing, and a place that is left can be had.
        let holder = log(&store).await[0].aggregate_id.clone();
        let mut append = append_of(vec![part(&holder, Expected::Any, &[json!({"n": 1})])]);
        append.limits = vec![Limit { max: 1, ..limit.clone() }];
        store.append(append).await.unwrap();
        count(&store, &holder, Expected::Any, json!({"release_all": true})).await.unwrap();
        register("late".to_owned()).await.unwrap();
        assert!(register("later".to_owned()).await.is_err());

        let text = "SELECT count FROM claim_counts";
        let rows = store.fetch(Query::new(text, args![])).await.unwrap();
        assert_eq!(rows[0].int(0).unwrap(), 5);
        store.close().await;
    });
}

#[test]
fn a_failing_inline_projection_refuses_only_its_own_command() {
    on_each_database(async |database| {
        let store = database.open().await;
        let bad = ["fault", "broken", "panic"];
        let requests = (0..40).map(|number| {
            let store = store.clone();
            let payload = match number % 4 {
                0 => json!({"n": 1}),
                kind => json!({ (bad[kind - 1]): true }),
            };
            let mut parts = vec![part(&format!("s{}", number % 4), Expected::Any, &[payload])];
            parts.push(part("shared", Expected::Any, &[json!({"n": 1})]));
            async move { store.append(append_of(parts)).await }
        });
        let results = futures::future::join_all(requests).await;
        for (result, number) in results.iter().zip(0..) {
            match (number % 4, result) {
                (0, Ok(_)) => {}
                (1..=3, Err(AppendError::Refused { projection, event_type, .. })) => {
                    assert_eq!(
                        (projection.as_str(), event_type.as_str()),
                        ("counters.v1", "counted")
                    );
                }
                (_, result) => panic!("{number}: {result:?}"),
            }
        }
        assert_eq!(
            counters(&store).await,
            [("s0".to_owned(), 10, 10), ("shared".to_owned(), 10, 10)]
        );
        assert_eq!(log(&store).await.len(), 20);
        assert_sound(&store).await;
        store.close().await;
    });
}
