//! The log as it is written: nothing twice, nothing left out, nothing that is not theirs.

use futures::future::try_join_all;
use serde_json::{Value, json};
use wisptrail_tests::{Client, Database, Fixture, Server, Start, on_each_database};

use crate::{
    ALPHA, ALPHA_MANAGER, BETA, device,
    live::{Heard, Socket},
};

on_each_database!(
    nothing_is_lost_across_connections,
    the_past_is_told_from_the_beginning,
    others_hear_nothing,
    no_secret_leaves,
    wrong_selections_are_refused,
);

const EVENTS: &str = "subscription ($after: Position, $filter: EventsFilter, $sensitive: Boolean) {
    events(after: $after, filter: $filter, sensitive: $sensitive) {
        position caughtUp
        events {
            position eventId type version aggregateType aggregateId sequence organizationId actor
            correlationId causation at payload
        }
    }
}";

/// Events from a position on, until one of them is the last one wanted or everything was told.
struct Reading {
    events: Vec<Value>,
    position: i64,
}

async fn read(
    socket: &mut Socket,
    variables: Value,
    mut enough: impl FnMut(&[Value]) -> bool,
) -> anyhow::Result<Reading> {
    socket.subscribe("1", EVENTS, variables).await?;
    let mut events = Vec::new();
    loop {
        let page = socket.next().await?["events"].take();
        events.extend(page["events"].as_array().into_iter().flatten().cloned());
        let position = page["position"].as_i64().unwrap_or_default();
        if enough(&events) || page["caughtUp"] == json!(true) {
            return Ok(Reading { events, position });
        }
    }
}

/// Everything that there is.
async fn replay(socket: &mut Socket, variables: Value) -> anyhow::Result<Reading> {
    read(socket, variables, |_| false).await
}

fn positions(events: &[Value]) -> Vec<i64> {
    events.iter().filter_map(|event| event["position"].as_i64()).collect()
}

async fn note(client: &Client, id: &str, notes: &str) -> anyhow::Result<i64> {
    let mutation =
        "mutation ($input: ChangeDeviceInput!) { changeDevice(input: $input) { position } }";
    let input = json!({ "id": id, "notes": notes });
    let data = client.graphql_data(mutation, json!({ "input": input })).await?;
    Ok(data["changeDevice"]["position"].as_i64().unwrap_or_default())
}

async fn nothing_is_lost_across_connections(database: Database) -> anyhow::Result<()> {
    const WRITERS: usize = 4;
    const EACH: usize = 50;
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let (admin, token) = (server.admin(), wisptrail_tests::ADMIN_TOKEN);
    let mut devices = Vec::new();
    for number in 0..WRITERS {
        devices.push(device(&admin, ALPHA, u32::try_from(number)?).await?);
    }
    let filter = json!({ "types": ["device.notes_changed"] });
    let start =
        replay(&mut Socket::open(&server, token).await?, json!({ "filter": filter })).await?;

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
        let (mut told, mut after) = (Vec::new(), start.position);
        // Each connection is left without a word; the last one hears the rest.
        for enough in [60, 120, 180, WRITERS * EACH] {
            let mut socket = Socket::open(&server, token).await?;
            let variables = json!({ "after": after, "filter": filter, "sensitive": true });
            socket.subscribe("1", EVENTS, variables).await?;
            while told.len() < enough {
                let page = socket.next().await?["events"].take();
                told.extend(page["events"].as_array().into_iter().flatten().cloned());
                after = page["position"].as_i64().unwrap_or_default();
            }
        }
        Ok(told)
    };
    let ((), told) = futures::future::try_join(async { writing.await.map(drop) }, reading).await?;

    assert_eq!(told.len(), WRITERS * EACH);
    let mut sorted = positions(&told);
    sorted.dedup();
    assert_eq!(sorted.len(), told.len(), "told twice");
    assert!(sorted.is_sorted(), "not in the order of the log");
    for id in devices {
        let own = told.iter().filter(|event| event["aggregateId"] == json!(id));
        let notes: Vec<_> =
            own.map(|event| event["payload"]["notes_changed"]["notes"].clone()).collect();
        let expected: Vec<_> = (0..EACH).map(|number| json!(format!("{id} {number}"))).collect();
        assert_eq!(notes, expected);
    }
    // The past looks the same as the present did.
    let mut socket = Socket::open(&server, token).await?;
    let again = json!({ "after": start.position, "filter": filter, "sensitive": true });
    assert_eq!(replay(&mut socket, again).await?.events, told);
    Ok(())
}

async fn the_past_is_told_from_the_beginning(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    let id = device(&admin, ALPHA, 1).await?;
    let last = note(&admin, &id, "the last one").await?;
    let mut socket = Socket::open(&server, wisptrail_tests::ADMIN_TOKEN).await?;
    let told = read(&mut socket, json!({ "after": 0 }), |events| positions(events).contains(&last))
        .await?;
    let expected: Vec<i64> = (1..=i64::try_from(told.events.len())?).collect();
    assert_eq!(positions(&told.events), expected);
    assert!(told.position >= last);

    let event = told.events.iter().find(|event| event["position"] == json!(last)).cloned();
    let event = event.unwrap_or_default();
    assert_eq!(event["type"], "device.notes_changed");
    assert_eq!(event["version"], "1");
    assert_eq!(event["aggregateType"], "device");
    assert_eq!(event["aggregateId"], json!(id));
    assert_eq!(event["organizationId"], ALPHA);
    assert!(event["actor"].as_str().is_some_and(|actor| actor.starts_with("user:")), "{event}");
    assert!(event["correlationId"].is_string() && event["at"].is_string(), "{event}");

    // Selections narrow the past and the present alike; a device's configuration has its id.
    socket.say(&json!({ "type": "complete", "id": "1" })).await?;
    let filter = json!({ "aggregateId": id, "aggregateTypes": ["device"], "types": ["device.registered", "device.notes_changed", "configuration.created"] });
    let own = replay(&mut socket, json!({ "after": 0, "filter": filter })).await?;
    let types: Vec<&Value> = own.events.iter().map(|event| &event["type"]).collect();
    assert_eq!(types, ["device.registered", "device.notes_changed"]);
    note(&admin, &id, "one more").await?;
    let page = socket.next().await?["events"].take();
    assert_eq!(page["events"][0]["type"], "device.notes_changed");
    Ok(())
}

async fn others_hear_nothing(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    let foreign = device(&admin, BETA, 1).await?;
    let moving = device(&admin, ALPHA, 2).await?;
    let own = device(&admin, ALPHA, 3).await?;
    note(&admin, &moving, "before").await?;
    let shared = "mutation { createTemplate(input: { name: \"shared\", config: { general: { timezone: \"UTC\" } } }) { position } }";
    admin.graphql_data(shared, json!({})).await?;
    let move_it =
        "mutation ($input: ChangeDeviceInput!) { changeDevice(input: $input) { position } }";
    let input = json!({ "id": moving, "organizationId": BETA });
    let moved = admin.graphql_data(move_it, json!({ "input": input })).await?;
    let moved = moved["changeDevice"]["position"].as_i64().unwrap_or_default();
    let after_move = note(&admin, &moving, "after").await?;
    note(&admin, &foreign, "theirs").await?;
    let marker = note(&admin, &own, "the last one").await?;

    let mut socket = Socket::open(&server, ALPHA_MANAGER).await?;
    let told =
        read(&mut socket, json!({ "after": 0 }), |events| positions(events).contains(&marker))
            .await?;
    assert!(told.events.iter().all(|event| event["organizationId"] == ALPHA), "{:?}", told.events);
    assert!(told.events.iter().all(|event| event["aggregateType"] != "user"));
    assert!(told.events.iter().any(|event| event["aggregateId"] == json!(moving)), "its time here");
    let positions = positions(&told.events);
    assert!(!positions.contains(&moved) && !positions.contains(&after_move), "{positions:?}");

    // The same as it happens, and when somebody asks for it.
    note(&admin, &moving, "again").await?;
    note(&admin, &foreign, "again").await?;
    let marker = note(&admin, &own, "again").await?;
    let mut live = Vec::new();
    while !live.contains(&marker) {
        let page = socket.next().await?["events"].take();
        for event in page["events"].as_array().into_iter().flatten() {
            assert_eq!(event["organizationId"], ALPHA, "{event}");
            live.extend(event["position"].as_i64());
        }
    }
    socket.say(&json!({ "type": "complete", "id": "1" })).await?;
    let filter = json!({ "organizationIds": [BETA] });
    let none = replay(&mut socket, json!({ "after": 0, "filter": filter })).await?;
    assert_eq!(none.events, Vec::<Value>::new());
    socket.say(&json!({ "type": "complete", "id": "1" })).await?;
    let filter = json!({ "aggregateTypes": ["user"] });
    let none = replay(&mut socket, json!({ "after": 0, "filter": filter })).await?;
    assert_eq!(none.events, Vec::<Value>::new());
    socket.subscribe("2", EVENTS, json!({ "sensitive": true })).await?;
    assert_eq!(socket.error().await?, "FORBIDDEN");
    Ok(())
}

async fn no_secret_leaves(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    let id = device(&admin, ALPHA, 1).await?;
    let change = "mutation ($input: ChangeDeviceInput!) { changeDevice(input: $input) { position device { key } } }";
    let input = json!({
        "id": id,
        "configuration": { "variables": { "psk": "word-of-a-variable" }, "config": { "general": { "description": "word-of-a-document" } } },
    });
    let data = admin.graphql_data(change, json!({ "input": input })).await?;
    let key = data["changeDevice"]["device"]["key"].as_str().unwrap_or_default().to_owned();
    wisptrail_tests::note_secret(&key);
    let mut secrets = vec![key, wisptrail_tests::ADMIN_TOKEN.to_owned()];
    secrets.extend(Fixture::own()?.organizations.into_iter().map(|own| own.shared_secret));

    for sensitive in [false, true] {
        let mut socket = Socket::open(&server, wisptrail_tests::ADMIN_TOKEN).await?;
        let told = replay(&mut socket, json!({ "after": 0, "sensitive": sensitive })).await?;
        assert!(told.events.iter().any(|event| event["aggregateType"] == "user"));
        let text = serde_json::to_string(&told.events)?;
        for secret in secrets.iter().map(String::as_str).chain(["$enc", "envelope", "fingerprint"])
        {
            assert!(!text.contains(secret), "a secret is told");
        }
        for word in ["word-of-a-variable", "word-of-a-document"] {
            assert_eq!(text.contains(word), sensitive, "{word}");
        }
        let token = told.events.iter().find(|event| event["type"] == "user.token_issued");
        let token = token.map(|event| event["payload"]["token_issued"]["token"].clone());
        assert_eq!(token, Some(json!({ "masked": "sealed" })));
        let mask = told.events.iter().any(|event| {
            event["payload"]["variables_changed"]["variables"] == json!({ "masked": "sensitive" })
        });
        assert_eq!(mask, !sensitive);
    }
    Ok(())
}

async fn wrong_selections_are_refused(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let mut socket = Socket::open(&server, wisptrail_tests::ADMIN_TOKEN).await?;
    for (variables, field) in [
        (json!({ "filter": { "types": ["ship.sunk"] } }), "filter.types"),
        (json!({ "filter": { "aggregateTypes": ["ship"] } }), "filter.aggregateTypes"),
        (json!({ "filter": { "aggregateId": "x" } }), "filter.aggregateId"),
        (json!({ "filter": { "organizationIds": ["x"] } }), "filter.organizationIds"),
        (json!({ "after": 1_000_000 }), "after"),
    ] {
        socket.subscribe("1", EVENTS, variables.clone()).await?;
        let Heard::Message(message) = socket.hear().await? else { anyhow::bail!("closed") };
        let extensions = &message["payload"][0]["extensions"];
        assert_eq!(extensions["code"], "INVALID", "{message}");
        assert!(extensions["fields"][field].is_array(), "{message}");
    }
    // Errors of a document are none of the connection.
    socket.subscribe("1", "subscription { nonsense }", json!({})).await?;
    socket.error().await?;
    socket.subscribe("1", "{ viewer { superuser } }", json!({})).await?;
    assert_eq!(socket.next().await?, json!({ "viewer": { "superuser": true } }));
    let end = Heard::Message(json!({ "type": "complete", "id": "1" }));
    assert_eq!(socket.hear().await?, end);
    Ok(())
}
