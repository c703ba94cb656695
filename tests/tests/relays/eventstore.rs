//! What is particular to EventStoreDB.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use serde_json::json;
use wisptrail_tests::{
    AppendReply, Database, EventStoreServer, Server, Start, on_each_database, patience,
};

use crate::{arrived, group, is_in_state, metric, organization, peer::Peer};

on_each_database!(
    a_stream_has_the_events_of_one_thing,
    what_was_kept_without_an_answer_is_not_written_again,
    a_stream_that_was_deleted_for_ever_is_told,
);

fn server_of(peer: &Peer) -> &EventStoreServer {
    let Peer::EventStore(server) = peer else { unreachable!("it is EventStoreDB") };
    server
}

async fn a_stream_has_the_events_of_one_thing(database: Database) -> anyhow::Result<()> {
    let peer = Peer::eventstore().await?;
    let start = peer.set(peer.start(Start::default()), "stream_prefix", "w_");
    let server = Server::start(&database, start).await?;
    let admin = server.admin();
    let owner = organization(&admin, "harbour").await?;
    let id = group(&admin, &owner, "roofs").await?;
    let change = "mutation ($id: ID!) { changeDeviceGroup(input: { id: $id, name: \"towers\" }) { position } }";
    admin.graphql_data(change, json!({ "id": id })).await?;
    arrived(&peer, &admin, "").await?;
    let mut revisions: BTreeMap<String, u64> = BTreeMap::new();
    for event in server_of(&peer).events() {
        let next = revisions.entry(event.stream.clone()).or_default();
        assert_eq!(event.revision, *next, "{event:?}");
        *next += 1;
        // Everything before the first dash is the category.
        let (aggregate, id) = event.stream.split_once('-').unwrap_or_default();
        let subject = format!("{}/{id}", aggregate.trim_start_matches("w_"));
        assert_eq!(event.body["subject"], json!(subject), "{event:?}");
        assert_eq!(event.body["id"], json!(event.id.to_string()));
        assert_eq!(event.body["type"], json!(event.event_type));
        assert_eq!(event.body["streamsequence"], json!((event.revision + 1).to_string()));
        let correlation = event.body.get("correlationid").cloned().unwrap_or_default();
        assert_eq!(event.metadata["$correlationId"], correlation, "{event:?}");
    }
    assert_eq!(revisions[&format!("w_device_group-{id}")], 2);
    Ok(())
}

async fn what_was_kept_without_an_answer_is_not_written_again(
    database: Database,
) -> anyhow::Result<()> {
    let peer = Peer::eventstore().await?;
    let asked = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&asked);
    server_of(&peer).answers(move || match counted.fetch_add(1, Ordering::Relaxed) % 4 {
        0 => AppendReply::KeepsAndFails,
        2 => AppendReply::Fails,
        _ => AppendReply::Answers,
    });
    let server = Server::start(&database, peer.start(Start::default())).await?;
    let admin = server.admin();
    let owner = organization(&admin, "harbour").await?;
    for number in 0..5 {
        group(&admin, &owner, &format!("group-{number}")).await?;
    }
    arrived(&peer, &admin, "").await?;
    let failures = "wisptrail_relay_failures_total{relay=\"eventstore\",reason=\"unreachable\"}";
    assert!(metric(&admin, failures).await?.is_some_and(|failures| failures >= 2));
    Ok(())
}

async fn a_stream_that_was_deleted_for_ever_is_told(database: Database) -> anyhow::Result<()> {
    let peer = Peer::eventstore().await?;
    let server = Server::start(&database, peer.start(Start::default())).await?;
    let admin = server.admin();
    let owner = organization(&admin, "harbour").await?;
    let id = group(&admin, &owner, "roofs").await?;
    arrived(&peer, &admin, "").await?;
    server_of(&peer).tombstone(&format!("device_group-{id}"));
    let change = "mutation ($id: ID!) { changeDeviceGroup(input: { id: $id, name: \"towers\" }) { position } }";
    admin.graphql_data(change, json!({ "id": id })).await?;
    is_in_state(&admin, "eventstore", "refused").await?;
    patience("it is told", async || Ok(server.output().contains("tombstone"))).await
}
