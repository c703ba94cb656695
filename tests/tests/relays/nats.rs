//! What is particular to NATS.

use std::sync::Arc;

use anyhow::Context as _;
use serde_json::json;
use wisptrail_tests::{Database, Home, NatsServer, Server, Start, on_each_database, patience};

use crate::{
    arrived, group, is_in_state, organization,
    peer::{Peer, STREAM},
};

on_each_database!(subjects_say_what_happened_to_what, a_stream_that_lost_messages_gets_them_again);

async fn subjects_say_what_happened_to_what(database: Database) -> anyhow::Result<()> {
    let peer = Peer::nats().await?;
    let server = Server::start(&database, peer.start(Start::default())).await?;
    let admin = server.admin();
    let owner = organization(&admin, "harbour").await?;
    let id = group(&admin, &owner, "roofs").await?;
    arrived(&peer, &admin, "").await?;
    let Peer::Nats(nats) = &peer else { unreachable!("it is NATS") };
    let messages = nats.messages(STREAM).await?;
    for message in &messages {
        assert_eq!(json!(message.id), message.body["id"], "the server knows it again");
    }
    let subject = format!("wisptrail.{owner}.device_group.{id}.device_group.created");
    assert!(messages.iter().any(|it| it.subject == subject), "{subject}");
    let of_nobody = "wisptrail.-.user.";
    assert!(messages.iter().any(|it| it.subject.starts_with(of_nobody)), "{of_nobody}");
    Ok(())
}

async fn context(peer: &Peer) -> anyhow::Result<async_nats::jetstream::Context> {
    let Peer::Nats(nats) = peer else { unreachable!("it is NATS") };
    NatsServer::client(nats).await
}

async fn a_stream_that_lost_messages_gets_them_again(database: Database) -> anyhow::Result<()> {
    let peer = Peer::nats().await?;
    let home = Home::new(&database).await?;
    let server = Server::start_in(Arc::clone(&home), peer.start(Start::default())).await?;
    let owner = organization(&server.admin(), "harbour").await?;
    arrived(&peer, &server.admin(), "").await?;
    // It is thrown away: a new one gets everything.
    context(&peer).await?.delete_stream(STREAM).await?;
    group(&server.admin(), &owner, "roofs").await?;
    arrived(&peer, &server.admin(), "").await?;
    server.stop().await?;

    // It is emptied: what was in it does not come back.
    context(&peer).await?.get_stream(STREAM).await?.purge().await?;
    let server = Server::start_in(Arc::clone(&home), peer.start(Start::default())).await?;
    let id = group(&server.admin(), &owner, "towers").await?;
    let stream = context(&peer).await?.get_stream(STREAM).await?;
    patience("the next event arrives", async || Ok(stream.get_info().await?.state.messages >= 1))
        .await?;
    let info = stream.get_info().await?;
    assert_eq!(info.state.messages, 1);
    let last = stream.get_raw_message(info.state.last_sequence).await?;
    assert!(last.subject.contains(&id), "{}", last.subject);
    server.stop().await?;

    // A stream that nobody made is missed where it must not be made.
    context(&peer).await?.delete_stream(STREAM).await.context("it is there")?;
    let start = peer.set(peer.start(Start::default()), "create_stream", "false");
    let server = Server::start_in(home, start).await?;
    is_in_state(&server.admin(), "nats", "refused").await?;
    assert!(server.output().contains("nats.create_stream"), "{}", server.output());
    Ok(())
}
