//! Nothing twice, nothing left out, in the order of the log: over streams, pages and subscriptions alike.

use futures::future::{try_join, try_join_all};
use serde_json::{Value, json};
use wisptrail_tests::{ADMIN_TOKEN, Database, Server, Start, on_each_database};

use crate::{ALPHA, client::Stream, device, note, pages, position};

on_each_database!(nothing_is_lost_across_streams, the_past_is_told_from_the_beginning);

const WRITERS: usize = 4;
const EACH: usize = 50;

async fn nothing_is_lost_across_streams(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    let mut devices = Vec::new();
    for number in 0..WRITERS {
        devices.push(device(&admin, ALPHA, u32::try_from(number)?).await?.0);
    }
    let query = "type=device.notes_changed&sensitive=true";
    let start = Stream::open(&server, ADMIN_TOKEN, query, None).await?.begun().await?;
    let writing = try_join_all(devices.iter().map(|id| {
        let admin = &admin;
        async move {
            for number in 0..EACH {
                note(admin, id, &format!("{id} {number}")).await?;
            }
            anyhow::Ok(())
        }
    }));
    let reading = async {
        let (mut told, mut last) = (Vec::new(), start);
        // Each stream is left without a word; the last one hears the rest.
        for enough in [60, 120, 180, WRITERS * EACH] {
            let mut stream = Stream::open(&server, ADMIN_TOKEN, query, Some(last)).await?;
            while told.len() < enough {
                let frame = stream.event().await?;
                last = frame.id.unwrap_or_default();
                told.extend(frame.data);
            }
        }
        Ok(told)
    };
    let ((), told) = try_join(async { writing.await.map(drop) }, reading).await?;

    assert_eq!(told.len(), WRITERS * EACH);
    let mut positions: Vec<i64> = told.iter().map(position).collect();
    assert!(positions.is_sorted(), "not in the order of the log");
    positions.dedup();
    assert_eq!(positions.len(), told.len(), "told twice");
    for id in &devices {
        let subject = json!(format!("device/{id}"));
        let own = told.iter().filter(|event| event["subject"] == subject);
        let notes: Vec<_> =
            own.map(|event| event["data"]["notes_changed"]["notes"].clone()).collect();
        let expected: Vec<_> = (0..EACH).map(|number| json!(format!("{id} {number}"))).collect();
        assert_eq!(notes, expected);
    }
    // Pages of any size say the same, and so does a stream of what has been.
    for limit in [7, 1000] {
        let again = pages(&admin, &format!("{query}&after={start}&limit={limit}")).await?;
        assert_eq!(again, told, "pages of {limit}");
    }
    let mut stream =
        Stream::open(&server, ADMIN_TOKEN, &format!("{query}&after={start}"), None).await?;
    for event in &told {
        assert_eq!(stream.event().await?.data.as_ref(), Some(event));
    }
    Ok(())
}

async fn the_past_is_told_from_the_beginning(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    let (id, _) = device(&admin, ALPHA, 1).await?;
    let last = note(&admin, &id, "the last one").await?;
    let told = pages(&admin, "after=0&limit=50").await?;
    let expected: Vec<i64> = (1..=i64::try_from(told.len())?).collect();
    assert_eq!(told.iter().map(position).collect::<Vec<_>>(), expected);
    let event = told.iter().find(|event| position(event) == last).cloned().unwrap_or_default();
    let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
    assert_eq!(text("specversion"), "1.0");
    assert_eq!(text("type"), "device.notes_changed");
    assert_eq!(text("subject"), format!("device/{id}"));
    assert_eq!(text("organization"), ALPHA);
    assert_eq!(text("datacontenttype"), "application/json");
    assert!(text("actor").starts_with("user:") && text("time").ends_with('Z'), "{event}");
    assert!(!text("id").is_empty() && !text("source").is_empty(), "{event}");
    assert_eq!(event["data"]["notes_changed"]["notes"], json!({ "masked": "sensitive" }));
    assert!(told.iter().all(|event| {
        event.as_object().is_some_and(|fields| fields.values().all(|value| !value.is_null()))
    }));

    // Without a position it is from now on: nothing yet, and where to go on.
    let page = admin.get("/api/v1/events").await?.expect(200)?;
    assert_eq!(page.header("content-type"), Some("application/json"));
    let page = page.json().unwrap_or_default();
    assert_eq!((&page["events"], &page["caught_up"]), (&json!([]), &json!(true)));
    let next = page["next"].as_str().unwrap_or_default().replace(server.address(), "");
    let later = note(&admin, &id, "later").await?;
    let page: Value = admin.get(&next).await?.expect(200)?.json().unwrap_or_default();
    let events = page["events"].as_array().cloned().unwrap_or_default();
    assert!(events.iter().any(|event| position(event) == later), "{page}");
    Ok(())
}
