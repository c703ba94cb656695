//! Filters, and what is no question.

use anyhow::Context;
use reqwest::Method;
use serde_json::{Value, json};
use wisptrail_tests::{ADMIN_TOKEN, Database, Server, Start, on_each_database};

use crate::{ALPHA, ALPHA_MANAGER, BETA, change, client::Stream, device, note, pages, position};

on_each_database!(filters_hold_together, others_hear_nothing, wrong_questions_are_refused);

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|event| event["type"].as_str()).collect()
}

async fn filters_hold_together(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    let (one, _) = device(&admin, ALPHA, 1).await?;
    let (other, _) = device(&admin, BETA, 2).await?;
    note(&admin, &one, "a").await?;
    change(&admin, &other, json!({ "name": "renamed" })).await?;

    let told = pages(&admin, &format!("after=0&aggregate=device&aggregate_id={one}")).await?;
    assert_eq!(types(&told), ["device.registered", "device.notes_changed"]);
    let told = pages(&admin, &format!("after=0&aggregate_id={one}&type=configuration.created,device.registered&type=device.notes_changed")).await?;
    assert!(types(&told).contains(&"configuration.created"), "{told:?}");
    let told = pages(&admin, &format!("after=0&organization={BETA}&aggregate=device")).await?;
    assert_eq!(types(&told), ["device.registered", "device.renamed"]);
    let told =
        pages(&admin, &format!("after=0&organization={ALPHA},{BETA}&type=device.registered"))
            .await?;
    assert_eq!(told.len(), 2);
    let told = pages(&admin, "after=0&aggregate=device&type=user.created").await?;
    assert!(told.is_empty(), "both must hold: {told:?}");

    // As it happens; what is not selected only moves the position.
    let query = format!("type=device.renamed&organization={ALPHA}");
    let mut stream = Stream::open(&server, ADMIN_TOKEN, &query, None).await?;
    stream.begun().await?;
    change(&admin, &other, json!({ "name": "theirs" })).await?;
    note(&admin, &one, "b").await?;
    let wanted = change(&admin, &one, json!({ "name": "ours" })).await?;
    let frame = stream.event().await?;
    let event = frame.data.context("an event")?;
    assert_eq!(event["data"]["renamed"]["to"], "ours");
    assert_eq!(frame.id, Some(position(&event)));
    assert!(position(&event) <= wanted);
    Ok(())
}

async fn others_hear_nothing(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let (admin, manager) = (server.admin(), server.client().with_token(ALPHA_MANAGER));
    let (foreign, _) = device(&admin, BETA, 1).await?;
    let (moving, _) = device(&admin, ALPHA, 2).await?;
    let (own, _) = device(&admin, ALPHA, 3).await?;
    note(&admin, &moving, "before").await?;
    let mut stream = Stream::open(&server, ALPHA_MANAGER, "after=0", None).await?;
    let moved = change(&admin, &moving, json!({ "organizationId": BETA })).await?;
    let after_move = note(&admin, &moving, "after").await?;
    note(&admin, &foreign, "theirs").await?;
    let marker = note(&admin, &own, "the last one").await?;

    let mut live = Vec::new();
    while !live.iter().any(|event| position(event) == marker) {
        live.extend(stream.event().await?.data);
    }
    let paged = pages(&manager, "after=0").await?;
    for told in [&live, &paged] {
        assert!(told.iter().all(|event| event["organization"] == ALPHA), "{told:?}");
        let subject = json!(format!("device/{moving}"));
        assert!(told.iter().any(|event| event["subject"] == subject), "its time here");
        let positions: Vec<i64> = told.iter().map(position).collect();
        assert!(!positions.contains(&moved) && !positions.contains(&after_move), "{positions:?}");
    }
    // What happened since belongs to both.
    assert_eq!(paged.get(..live.len()), Some(&live[..]));

    for query in [format!("organization={BETA}"), "aggregate=user".to_owned()] {
        assert_eq!(pages(&manager, &format!("after=0&{query}")).await?, Vec::<Value>::new());
    }
    Ok(())
}

async fn wrong_questions_are_refused(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let (admin, manager) = (server.admin(), server.client().with_token(ALPHA_MANAGER));
    for (query, field) in [
        ("after=-1", "after"),
        ("after=x", "after"),
        ("after=1000000", "after"),
        ("type=ship.sunk", "type"),
        ("types=device.renamed", "types"),
        ("aggregate=ship", "aggregate"),
        ("aggregate_id=x", "aggregate_id"),
        ("organization=x", "organization"),
        ("limit=0", "limit"),
        ("sensitive=perhaps", "sensitive"),
    ] {
        let refused = admin.get(&format!("/api/v1/events?{query}")).await?.expect(400)?;
        let sentences = refused.json().context("JSON")?;
        assert!(sentences[field].is_array(), "{query}: {sentences}");
        let streamed = Stream::connect(&server, ADMIN_TOKEN, query, None).await?;
        assert_eq!(streamed.err(), Some(400), "{query}");
    }
    let last = admin.request(Method::GET, "/api/v1/events").header("last-event-id", "seven");
    admin.send(last).await?.expect(400)?;

    for (token, expected) in [
        ("", 401),
        ("ffffffffffffffffffffffffffffffffffffffff", 401),
        ("0000000000000000000000000000000000000mbr", 403),
    ] {
        let streamed = Stream::connect(&server, token, "after=0", None).await?;
        assert_eq!(streamed.err(), Some(expected), "{token}");
        let client = server.client().with_token(token);
        client.get("/api/v1/events?after=0").await?.expect(expected)?;
    }
    manager.get("/api/v1/events?sensitive=true").await?.expect(403)?;
    let posted = admin.json(Method::POST, "/api/v1/events", &json!({})).await?.expect(405)?;
    assert_eq!(posted.header("allow"), Some("GET, HEAD"));
    Ok(())
}
