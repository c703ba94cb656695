//! How connections begin and end.

use anyhow::Context as _;
use serde_json::json;
use wisptrail_tests::{
    ADMIN_TOKEN, Database, Server, Start, note_secret, on_each_database, patience,
};

use crate::{
    ALPHA_MANAGER,
    live::{Heard, Offer, Socket},
};

on_each_database!(
    nobody_hears_nothing,
    tokens_may_come_with_the_request,
    the_protocol_is_kept,
    who_may_no_more_is_told_at_the_next_request,
    there_are_only_so_many,
    the_slow_are_told_and_sent_away,
    the_end_of_the_server_is_told,
    nobody_stays_without_saying_who_it_is,
    the_silent_are_asked_and_given_up,
    connections_are_counted,
);

const EVENTS: &str = "subscription ($after: Position) { events(after: $after, sensitive: true) { position events { position payload } } }";

async fn connect(server: &Server) -> anyhow::Result<Socket> {
    let connected = Socket::connect(server, Offer::default()).await?;
    connected.map_err(|status| anyhow::anyhow!("refused: {status}"))
}

async fn nobody_hears_nothing(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let wrong = "ffffffffffffffffffffffffffffffffffffffff";
    for init in [
        json!({ "type": "connection_init" }),
        json!({ "type": "connection_init", "payload": {} }),
        json!({ "type": "connection_init", "payload": { "token": wrong } }),
        json!({ "type": "connection_init", "payload": { "Authorization": format!("Bearer {wrong}") } }),
        json!({ "type": "connection_init", "payload": { "Authorization": format!("Basic {ADMIN_TOKEN}") } }),
        json!({ "type": "subscribe", "id": "1", "payload": { "query": EVENTS } }),
    ] {
        let mut socket = connect(&server).await?;
        socket.say(&init).await?;
        assert_eq!(socket.closed().await?.0, 4401, "{init}");
    }
    Ok(())
}

async fn who_may_no_more_is_told_at_the_next_request(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    let manager = server.client().with_token(ALPHA_MANAGER);
    let viewer = manager.graphql_data("{ viewer { actor } }", json!({})).await?;
    let actor = viewer["viewer"]["actor"].as_str().unwrap_or_default().to_owned();
    let id = actor.strip_prefix("user:").context("an account")?;
    let mut socket = Socket::open(&server, ALPHA_MANAGER).await?;
    let change =
        "mutation ($input: ChangePasswordInput!) { changePassword(input: $input) { position } }";
    note_secret("Another-Word-99");
    admin
        .graphql_data(change, json!({ "input": { "id": id, "password": "Another-Word-99" } }))
        .await?;
    // At once, not when the connection is looked at next.
    let token = "mutation { createToken(input: { name: \"kept\" }) { secret } }";
    let ask = json!({ "type": "subscribe", "id": "1", "payload": { "query": token } });
    socket.say(&ask).await?;
    assert_eq!(socket.closed().await?.0, 4401);
    let tokens = "query ($id: ID!) { tokens(userId: $id) { name } }";
    let data = admin.graphql_data(tokens, json!({ "id": id })).await?;
    assert_eq!(data["tokens"], json!([]));
    Ok(())
}

async fn tokens_may_come_with_the_request(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    for authorization in ["Bearer ffffffffffffffffffffffffffffffffffffffff", "nonsense"] {
        let offer = Offer { authorization: Some(authorization), ..Offer::default() };
        assert_eq!(Socket::connect(&server, offer).await?.err(), Some(401));
    }
    for protocol in [None, Some("graphql-ws")] {
        let offer = Offer { protocol, ..Offer::default() };
        assert_eq!(Socket::connect(&server, offer).await?.err(), Some(400));
    }
    let authorization = format!("Bearer {ALPHA_MANAGER}");
    let offer = Offer { authorization: Some(&authorization), ..Offer::default() };
    let connected = Socket::connect(&server, offer).await?;
    let mut socket = connected.map_err(|status| anyhow::anyhow!("refused: {status}"))?;
    socket.say(&json!({ "type": "connection_init" })).await?;
    assert_eq!(socket.hear().await?, Heard::Message(json!({ "type": "connection_ack" })));
    socket.subscribe("1", "{ viewer { superuser } }", json!({})).await?;
    assert_eq!(socket.next().await?, json!({ "viewer": { "superuser": false } }));
    Ok(())
}

async fn the_protocol_is_kept(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let mut socket = Socket::open(&server, ADMIN_TOKEN).await?;
    socket.say(&json!({ "type": "ping", "payload": { "a": 1 } })).await?;
    assert_eq!(
        socket.hear().await?,
        Heard::Message(json!({ "type": "pong", "payload": { "a": 1 } }))
    );
    socket.say(&json!({ "type": "connection_init", "payload": { "token": ADMIN_TOKEN } })).await?;
    assert_eq!(socket.closed().await?.0, 4429);

    let mut socket = Socket::open(&server, ADMIN_TOKEN).await?;
    for _ in 0..2 {
        socket.subscribe("one", EVENTS, json!({})).await?;
    }
    assert_eq!(socket.closed().await?, (4409, "Subscriber for one already exists".to_owned()));

    for wrong in ["nonsense", "{}", "{\"type\":\"start\"}", "[]"] {
        let mut socket = Socket::open(&server, ADMIN_TOKEN).await?;
        socket.say_text(wrong).await?;
        assert_eq!(socket.closed().await?.0, 4400, "{wrong}");
    }
    Ok(())
}

async fn there_are_only_so_many(database: Database) -> anyhow::Result<()> {
    let start = Start::with_fixture()?.set("WISPTRAIL_GRAPHQL__MAX_SUBSCRIPTIONS", "1");
    let server = Server::start(&database, start).await?;
    let mut socket = Socket::open(&server, ADMIN_TOKEN).await?;
    assert_eq!(Socket::connect(&server, Offer::default()).await?.err(), Some(503));
    for number in 0..50 {
        socket.subscribe(&number.to_string(), EVENTS, json!({})).await?;
        socket.next().await?;
    }
    socket.subscribe("50", EVENTS, json!({})).await?;
    assert_eq!(socket.error().await?, "RATE_LIMITED");
    // Whoever ends one may begin another.
    socket.say(&json!({ "type": "complete", "id": "7" })).await?;
    socket.subscribe("50", EVENTS, json!({})).await?;
    socket.next().await?;
    drop(socket);
    patience("the place is free", async || {
        Ok(Socket::connect(&server, Offer::default()).await?.is_ok())
    })
    .await
}

async fn the_slow_are_told_and_sent_away(database: Database) -> anyhow::Result<()> {
    let start = Start::with_fixture()?.set("WISPTRAIL_GRAPHQL__SLOW_CLIENT", "1s");
    let server = Server::start(&database, start).await?;
    let admin = server.admin();
    let text = "x".repeat(400_000);
    for number in 0..4 {
        let mutation = "mutation ($input: CreateTemplateInput!) { createTemplate(input: $input) { position } }";
        let input = json!({ "name": format!("large {number}"), "config": { "files": [{ "path": "/etc/large", "mode": "0644", "contents": text }] } });
        admin.graphql_data(mutation, json!({ "input": input })).await?;
    }
    // Far more than connections hold on the way.
    let mut socket = Socket::open(&server, ADMIN_TOKEN).await?;
    for number in 0..20 {
        socket.subscribe(&number.to_string(), EVENTS, json!({ "after": 0 })).await?;
    }
    patience("the server gives up", async || {
        Ok(server.output().contains("a subscriber took nothing for 1s"))
    })
    .await?;
    // Everything that was on the way comes first.
    let (code, reason) = socket.closed().await?;
    assert_eq!(code, 4008);
    let position = reason.rsplit(' ').next().and_then(|word| word.parse::<i64>().ok());
    assert!(reason.starts_with("you take too slowly"), "{reason}");
    // It is a place from which one can go on.
    let mut socket = Socket::open(&server, ADMIN_TOKEN).await?;
    socket.subscribe("1", EVENTS, json!({ "after": position })).await?;
    let page = socket.next().await?;
    assert_eq!(page["events"]["position"].as_i64(), position);
    Ok(())
}

async fn the_end_of_the_server_is_told(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let mut sockets = Vec::new();
    for token in [ADMIN_TOKEN, ALPHA_MANAGER] {
        let mut socket = Socket::open(&server, token).await?;
        let events = "subscription { events { position } }";
        socket.subscribe("1", events, json!({})).await?;
        socket.next().await?;
        sockets.push(socket);
    }
    // One that never said who it is.
    sockets.push(connect(&server).await?);
    server.terminate();
    for mut socket in sockets {
        assert_eq!(socket.closed().await?.0, 1001);
    }
    let status = server.ended().await?;
    assert!(status.success(), "{status}");
    Ok(())
}

async fn nobody_stays_without_saying_who_it_is(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let mut socket = connect(&server).await?;
    let (code, reason) = socket.closed().await?;
    assert_eq!((code, reason.as_str()), (4408, "Connection initialisation timeout"));
    Ok(())
}

async fn the_silent_are_asked_and_given_up(database: Database) -> anyhow::Result<()> {
    let start = Start::with_fixture()?.set("WISPTRAIL_GRAPHQL__KEEP_ALIVE", "200ms");
    let server = Server::start(&database, start).await?;
    // Whoever answers stays: more pings than a silent client would get.
    let mut present = Socket::open(&server, ADMIN_TOKEN).await?;
    for _ in 0..8 {
        present.pinged().await?;
    }
    // One that neither reads nor writes.
    let silent = Socket::open(&server, ADMIN_TOKEN).await?;
    let (answers, given_up) = tokio::join!(
        async {
            for _ in 0..20 {
                present.pinged().await?;
            }
            anyhow::Ok(())
        },
        counted(&server, "wisptrail_graphql_connections_closed_total{code=\"gone\"} 1"),
    );
    answers?;
    given_up?;
    present.say(&json!({ "type": "ping" })).await?;
    assert_eq!(present.hear().await?, Heard::Message(json!({ "type": "pong" })));
    drop(silent);
    Ok(())
}

/// Waits until the counters say so.
async fn counted(server: &Server, line: &str) -> anyhow::Result<()> {
    patience(line, async || {
        let counters = server.client().get("/metrics").await?.expect(200)?.text();
        Ok(counters.lines().any(|counted| counted == line))
    })
    .await
}

async fn connections_are_counted(database: Database) -> anyhow::Result<()> {
    let start = Start::with_fixture()?.set("WISPTRAIL_GRAPHQL__MAX_SUBSCRIPTIONS", "2");
    let server = Server::start(&database, start).await?;
    let mut one = Socket::open(&server, ADMIN_TOKEN).await?;
    let other = Socket::open(&server, ALPHA_MANAGER).await?;
    for number in 0..3 {
        one.subscribe(&number.to_string(), EVENTS, json!({})).await?;
        one.next().await?;
    }
    counted(&server, "wisptrail_graphql_connections 2").await?;
    counted(&server, "wisptrail_graphql_operations 3").await?;
    assert_eq!(Socket::connect(&server, Offer::default()).await?.err(), Some(503));
    counted(&server, "wisptrail_graphql_connections_refused_total 1").await?;

    one.say(&json!({ "type": "complete", "id": "1" })).await?;
    counted(&server, "wisptrail_graphql_operations 2").await?;
    one.say(&json!({ "type": "connection_init", "payload": { "token": ADMIN_TOKEN } })).await?;
    assert_eq!(one.closed().await?.0, 4429);
    counted(&server, "wisptrail_graphql_connections_closed_total{code=\"4429\"} 1").await?;
    counted(&server, "wisptrail_graphql_operations 0").await?;
    drop(other);
    counted(&server, "wisptrail_graphql_connections_closed_total{code=\"gone\"} 1").await?;
    counted(&server, "wisptrail_graphql_connections 0").await
}
