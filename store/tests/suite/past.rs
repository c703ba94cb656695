//! Streams as they were, and from their end.

use serde_json::json;
use store::{Expected, StreamCursor, StreamTail};
use uuid::Uuid;

use crate::support::*;

fn cursor(id: &str, after_sequence: i64) -> StreamCursor {
    StreamCursor {
        aggregate_type: "counter",
        aggregate_id: id.to_owned(),
        after_sequence,
        event_types: &[],
    }
}

#[test]
fn streams_are_read_up_to_a_position_page_by_page() {
    on_each_database(async |database| {
        let store = database.open().await;
        let payloads: Vec<_> = (0..120).map(|n| json!({ "n": n })).collect();
        let events = vec![part("b", Expected::Exactly(0), &payloads[..3])];
        store.append(append_of(events)).await.unwrap();
        store.append(append_of(vec![part("a", Expected::Exactly(0), &payloads)])).await.unwrap();

        // Many streams at once have small pages.
        let mut streams = vec![cursor("a", 0), cursor("b", 0)];
        streams.extend((0..30).map(|n| cursor(&format!("nothing-{n}"), 0)));
        let up_to = 3 + 110;
        let (mut sequences, mut rounds) = (Vec::new(), 0);
        loop {
            let pages = store.stream_pages(&streams, up_to).await.unwrap();
            assert_eq!(pages.len(), streams.len(), "a page for each");
            assert!(pages[2..].iter().all(|page| page.events.is_empty() && !page.more));
            if rounds == 0 {
                assert_eq!(pages[1].events.len(), 3);
                assert!(!pages[1].more);
            }
            sequences.extend(pages[0].events.iter().map(|event| event.sequence));
            rounds += 1;
            let Some(last) = pages[0].events.last().filter(|_| pages[0].more) else { break };
            streams[0] = cursor("a", last.sequence);
            assert!(rounds < 10, "it has an end");
        }
        assert_eq!(sequences, (1..=110).collect::<Vec<_>>());
        assert_eq!(rounds, 3);
        assert!(store.stream_pages(&[], 1).await.unwrap().is_empty());

        let other = StreamCursor { event_types: &["counter.other"], ..cursor("a", 0) };
        let none = store.stream_pages(&[other], up_to).await.unwrap();
        assert!(none[0].events.is_empty() && !none[0].more);
        store.close().await;
    });
}

#[test]
fn the_newest_events_of_some_streams_come_first_and_only_those_of_the_organizations() {
    on_each_database(async |database| {
        let store = database.open().await;
        let (ours, theirs) = (Uuid::from_u128(1), Uuid::from_u128(2));
        for n in 0..12 {
            let id = if n % 3 == 0 { "b" } else { "a" };
            let mut append = append_of(vec![part(id, Expected::Any, &[json!({ "n": n })])]);
            append.parts[0].events[0].organization_id = Some(if n < 6 { ours } else { theirs });
            store.append(append).await.unwrap();
        }
        let of =
            async |(organizations, shared): (Option<Vec<Uuid>>, bool), after, before, limit| {
                let tails = ["a", "b"].map(|id| StreamTail {
                    aggregate_type: "counter",
                    aggregate_id: id.to_owned(),
                    after,
                    before,
                    organizations: organizations.clone(),
                    shared,
                });
                let events = store.newest_of(&tails, limit).await.unwrap();
                events.iter().map(|event| event.position).collect::<Vec<_>>()
            };
        let positions = async |organizations, after, before, limit| {
            of((organizations, false), after, before, limit).await
        };
        assert_eq!(positions(None, 0, i64::MAX, 5).await, [12, 11, 10, 9, 8]);
        assert_eq!(positions(None, 2, 6, 100).await, [5, 4, 3]);
        assert_eq!(positions(Some(vec![ours]), 0, i64::MAX, 3).await, [6, 5, 4]);
        assert_eq!(positions(Some(vec![ours, theirs]), 0, 3, 100).await, [2, 1]);
        assert!(positions(Some(Vec::new()), 0, i64::MAX, 100).await.is_empty());
        let everybodys = append_of(vec![part("a", Expected::Any, &[json!({ "n": 12 })])]);
        assert_eq!(everybodys.parts[0].events[0].organization_id, None);
        store.append(everybodys).await.unwrap();
        assert_eq!(of((Some(vec![ours]), true), 5, i64::MAX, 100).await, [13, 6]);
        assert_eq!(of((Some(Vec::new()), true), 0, i64::MAX, 100).await, [13]);
        assert_eq!(positions(Some(vec![ours]), 5, i64::MAX, 100).await, [6]);
        store.close().await;
    });
}
