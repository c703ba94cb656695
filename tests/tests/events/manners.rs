//! How streams begin and end.

use anyhow::Context;
use reqwest::Method;
use serde_json::json;
use wisptrail_tests::{
    ADMIN_TOKEN, Client, Database, Server, Start, note_secret, on_each_database, patience,
};

use crate::{ALPHA, ALPHA_MANAGER, client::Stream, device, note, position};

on_each_database!(
    a_stream_says_that_it_is_there,
    there_are_only_so_many,
    the_slow_are_told_and_sent_away,
    who_takes_nothing_is_hung_up_on,
    a_token_that_ends_ends_its_streams,
    rights_that_change_end_streams,
    the_end_of_the_server_is_told,
);

async fn a_stream_says_that_it_is_there(database: Database) -> anyhow::Result<()> {
    let start = Start::with_fixture()?.set("WISPTRAIL_EVENTS__HEARTBEAT", "100ms");
    let server = Server::start(&database, start).await?;
    let mut stream = Stream::open(&server, ADMIN_TOKEN, "type=user.removed", None).await?;
    assert!(stream.headers.contains("cache-control: no-store"), "{}", stream.headers);
    let (mut beats, mut positions) = (0, 0);
    while beats < 3 || positions < 1 {
        let frame = stream.next().await?.context("it ended")?;
        beats += usize::from(frame.comment.is_some());
        positions += usize::from(frame.kind.as_deref() == Some("position"));
    }
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

async fn there_are_only_so_many(database: Database) -> anyhow::Result<()> {
    let start = Start::with_fixture()?.set("WISPTRAIL_EVENTS__MAX_STREAMS", "2");
    let server = Server::start(&database, start).await?;
    let mut streams = Vec::new();
    for _ in 0..2 {
        let mut stream = Stream::open(&server, ADMIN_TOKEN, "", None).await?;
        stream.begun().await?;
        streams.push(stream);
    }
    counted(&server, "wisptrail_event_streams 2").await?;
    assert_eq!(Stream::connect(&server, ADMIN_TOKEN, "", None).await?.err(), Some(503));
    counted(&server, "wisptrail_event_streams_refused_total 1").await?;
    // Pages take no place, and who goes leaves one.
    server.admin().get("/api/v1/events").await?.expect(200)?;
    streams.pop();
    counted(&server, "wisptrail_event_streams_closed_total{reason=\"gone\"} 1").await?;
    patience("the place is free", async || {
        Ok(Stream::connect(&server, ADMIN_TOKEN, "", None).await?.is_ok())
    })
    .await
}

/// More than connections hold on the way: templates with so many letters each.
async fn fill(admin: &Client, templates: usize) -> anyhow::Result<()> {
    let text = "x".repeat(400_000);
    for number in 0..templates {
        let mutation = "mutation ($input: CreateTemplateInput!) { createTemplate(input: $input) { position } }";
        let input = json!({ "name": format!("large {number}"), "config": { "files": [{ "path": "/etc/large", "mode": "0644", "contents": text }] } });
        admin.graphql_data(mutation, json!({ "input": input })).await?;
    }
    Ok(())
}

const LARGE: &str = "after=0&sensitive=true&type=template.created";

async fn the_slow_are_told_and_sent_away(database: Database) -> anyhow::Result<()> {
    // Long enough for last words to be heard: three times that is the time for them.
    let start = Start::with_fixture()?.set("WISPTRAIL_EVENTS__SLOW_CLIENT", "10s");
    let server = Server::start(&database, start).await?;
    let admin = server.admin();
    fill(&admin, 24).await?;
    let mut stream = Stream::open(&server, ADMIN_TOKEN, LARGE, None).await?;
    patience("the server gives up", async || {
        Ok(server.output().contains("a client took nothing of its stream for 10s"))
    })
    .await?;
    // Everything that was on the way comes first.
    let (mut heard, mut words, mut last) = (Vec::new(), None, None);
    while let Some(frame) = stream.next().await? {
        last = frame.id.or(last);
        if frame.is_event() {
            heard.extend(frame.data);
        } else if frame.kind.as_deref() == Some("end") {
            words = frame.data;
        }
    }
    let words = words.context("no last words")?;
    assert_eq!(words["reason"], "slow");
    assert_eq!(words["resumeAfter"].as_i64(), last);
    // It is a place from which one can go on.
    let mut stream = Stream::open(&server, ADMIN_TOKEN, LARGE, last).await?;
    while heard.last().is_none_or(|event| event["data"]["created"]["name"] != "large 23") {
        heard.extend(stream.event().await?.data);
    }
    let names = heard.iter().filter_map(|event| event["data"]["created"]["name"].as_str());
    // The fixture has some of its own.
    let names: Vec<&str> = names.filter(|name| name.starts_with("large")).collect();
    let expected: Vec<String> = (0..24).map(|number| format!("large {number}")).collect();
    assert_eq!(names, expected);
    Ok(())
}

async fn who_takes_nothing_is_hung_up_on(database: Database) -> anyhow::Result<()> {
    let start = Start::with_fixture()?.set("WISPTRAIL_EVENTS__SLOW_CLIENT", "100ms");
    let server = Server::start(&database, start).await?;
    fill(&server.admin(), 24).await?;
    let mut stream = Stream::open(&server, ADMIN_TOKEN, LARGE, None).await?;
    counted(&server, "wisptrail_event_streams_closed_total{reason=\"slow\"} 1").await?;
    // The gauge falls when the task has hung up, not before.
    counted(&server, "wisptrail_event_streams 0").await?;
    stream.drain().await
}

async fn a_token_that_ends_ends_its_streams(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let manager = server.client().with_token(ALPHA_MANAGER);
    let create = "mutation ($input: CreateTokenInput!) { createToken(input: $input) { secret token { id } } }";
    let input = json!({ "input": { "name": "a stream" } });
    let made = manager.graphql_data(create, input).await?["createToken"].take();
    let token = made["secret"].as_str().context("a secret")?;
    note_secret(token);
    let mut stream = Stream::open(&server, token, "", None).await?;
    stream.begun().await?;
    let mut other = Stream::open(&server, ALPHA_MANAGER, "", None).await?;
    other.begun().await?;
    let revoke = "mutation ($input: TokenIdInput!) { revokeToken(input: $input) { position } }";
    manager.graphql_data(revoke, json!({ "input": { "id": made["token"]["id"] } })).await?;
    assert_eq!(stream.last_words().await?["reason"], "token");
    assert_eq!(Stream::connect(&server, token, "", None).await?.err(), Some(401));
    // The account's other token is as good as before.
    let (id, _) = device(&server.admin(), ALPHA, 1).await?;
    let noted = note(&server.admin(), &id, "still here").await?;
    loop {
        let event = other.event().await?;
        if event.data.as_ref().map(position) == Some(noted) {
            return Ok(());
        }
    }
}

async fn rights_that_change_end_streams(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    let mut stream = Stream::open(&server, ALPHA_MANAGER, "", None).await?;
    let begun = stream.begun().await?;
    let path = format!("/api/v1/users/organization/{ALPHA}/");
    admin.json(Method::PATCH, &path, &json!({ "is_active": false })).await?.expect(200)?;
    let words = stream.last_words().await?;
    assert_eq!(words["reason"], "rights");
    assert!(words["resumeAfter"].as_i64().is_some_and(|position| position >= begun), "{words}");
    assert_eq!(Stream::connect(&server, ALPHA_MANAGER, "", None).await?.err(), Some(403));
    Ok(())
}

async fn the_end_of_the_server_is_told(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let mut streams = Vec::new();
    for token in [ADMIN_TOKEN, ALPHA_MANAGER] {
        let mut stream = Stream::open(&server, token, "", None).await?;
        stream.begun().await?;
        streams.push(stream);
    }
    server.terminate();
    for mut stream in streams {
        assert_eq!(stream.last_words().await?["reason"], "stopping");
    }
    let status = server.ended().await?;
    assert!(status.success(), "{status}");
    Ok(())
}
