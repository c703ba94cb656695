//! Nothing in the log changes unnoticed.

use serde_json::json;
use store::{Anchor, BadPosition, Expected, Op, Store, args};

use crate::support::*;

async fn change(store: &Store, statements: &[&'static str]) {
    let ops = statements.iter().map(|text| Op::new(*text, args![])).collect();
    store.execute(ops).await.unwrap();
}

async fn first_bad(store: &Store, from: Option<Anchor>) -> Option<BadPosition> {
    store.verify_chain(from, |_| ()).await.unwrap().first_bad
}

#[test]
fn verification_names_the_first_bad_position() {
    on_each_database(async |database| {
        let store = database.open().await;
        for number in 0..30 {
            count(&store, "a", Expected::Any, json!({"n": number})).await.unwrap();
        }
        let events = log(&store).await;
        let mut pages = Vec::new();
        let report = store.verify_chain(None, |position| pages.push(position)).await.unwrap();
        assert_eq!((report.events, report.foreign, report.head), (30, 0, 30));
        assert_eq!((report.first_bad, pages), (None, vec![30]));

        let position = |bad: Option<BadPosition>| bad.map(|bad| bad.position);
        for (damage, repair, at) in [
            (
                vec!["UPDATE events SET payload = '{\"n\":7}' WHERE position = 7"],
                vec!["UPDATE events SET payload = '{\"n\":6}' WHERE position = 7"],
                7,
            ),
            (
                vec!["UPDATE events SET actor = 'user:2' WHERE position = 8"],
                vec!["UPDATE events SET actor = 'system:test' WHERE position = 8"],
                8,
            ),
            (
                vec![
                    "UPDATE events SET position = 1000 WHERE position = 10",
                    "UPDATE events SET position = 10 WHERE position = 11",
                    "UPDATE events SET position = 11 WHERE position = 1000",
                ],
                vec![
                    "UPDATE events SET position = 1000 WHERE position = 10",
                    "UPDATE events SET position = 10 WHERE position = 11",
                    "UPDATE events SET position = 11 WHERE position = 1000",
                ],
                10,
            ),
            (
                vec!["UPDATE store_head SET position = 31 WHERE id = 1"],
                vec!["UPDATE store_head SET position = 30 WHERE id = 1"],
                31,
            ),
        ] {
            change(&store, &damage).await;
            assert_eq!(position(first_bad(&store, None).await), Some(at), "{damage:?}");
            change(&store, &repair).await;
            assert_eq!(first_bad(&store, None).await, None, "{repair:?}");
        }

        // From an anchor on, only what follows is looked at; the anchor itself must be right.
        let anchor = Anchor::at(&events[19]).unwrap();
        change(&store, &["UPDATE events SET payload = '{}' WHERE position = 7"]).await;
        assert_eq!(first_bad(&store, Some(anchor.clone())).await, None);
        let wrong = Anchor { hash: "00".repeat(32), ..anchor.clone() };
        assert_eq!(position(first_bad(&store, Some(wrong)).await), Some(20));
        change(&store, &["UPDATE events SET payload = '{\"n\":6}' WHERE position = 7"]).await;

        // Whoever takes the tail away with the head in order is betrayed by an anchor only.
        change(
            &store,
            &[
                "DELETE FROM events WHERE position > 28",
                "UPDATE store_head SET position = 28, chained = 28, hash = (SELECT hash FROM events WHERE position = 28) WHERE id = 1",
            ],
        )
        .await;
        assert_eq!(first_bad(&store, None).await, None);
        let tail = Anchor::at(&events[29]).unwrap();
        assert_eq!(position(first_bad(&store, Some(tail.clone())).await), Some(29));
        let line = serde_json::to_string(&tail).unwrap() + "\n{\"torn";
        std::fs::write(database.folder.path().join("anchors.jsonl"), line).unwrap();
        assert_eq!(position(first_bad(&store, None).await), Some(29));

        change(&store, &["DELETE FROM events WHERE position = 15"]).await;
        assert_eq!(position(first_bad(&store, None).await), Some(15));
        store.close().await;
    });
}

#[test]
fn anchors_are_written_every_ten_thousand_events() {
    on_sqlite(async |database| {
        let mut options = database.options();
        options.projections.clear();
        let store = Store::open(options).await.unwrap();
        let thousand = vec![json!({}); 1000];
        for _ in 0..11 {
            store.append(append_of(vec![part("a", Expected::Any, &thousand)])).await.unwrap();
        }
        let file = database.folder.path().join("anchors.jsonl");
        let text = std::fs::read_to_string(&file).unwrap();
        let anchors = text.lines().map(|line| serde_json::from_str::<Anchor>(line).unwrap());
        let anchors = anchors.collect::<Vec<_>>();
        assert_eq!(anchors.iter().map(|anchor| anchor.position).collect::<Vec<_>>(), [10_000]);
        let report = store.verify_chain(Some(anchors[0].clone()), |_| ()).await.unwrap();
        assert_eq!((report.events, report.first_bad), (1001, None));
        store.close().await;
    });
}
