//! Relays of the real program: what arrives in other systems, in which order, through failures and kills.

mod eventstore;
mod nats;
mod peer;

use std::sync::Arc;

use anyhow::Context as _;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tempfile::TempDir;
use wisptrail_tests::{
    Client, Database, Fixture, Home, Server, Somebody, Start, on_each_database, patience, register,
    secret_of,
};

use crate::peer::Peer;

/// Makes four tests of every story: for each of the other systems, on each database.
macro_rules! on_each_peer {
    ($($story:ident),+ $(,)?) => {$(
        mod $story {
            use super::*;

            on_each_database!(nats, eventstore);

            async fn nats(database: Database) -> anyhow::Result<()> {
                super::$story(Peer::nats().await?, database).await
            }

            async fn eventstore(database: Database) -> anyhow::Result<()> {
                super::$story(Peer::eventstore().await?, database).await
            }
        }
    )+};
}

on_each_peer!(
    every_event_arrives_once_and_in_order_through_kills,
    what_was_acknowledged_is_not_written_again,
    the_other_side_may_be_away,
    wrong_credentials_are_told_without_the_password,
    what_is_not_selected_stays_here,
    nothing_confidential_leaves,
    nothing_of_a_person_can_be_read_there,
    what_others_wrote_is_left_alone,
);

pub(crate) async fn organization(client: &Client, slug: &str) -> anyhow::Result<String> {
    let make = "mutation ($input: CreateOrganizationInput!) { createOrganization(input: $input) { organization { id } } }";
    let input = json!({ "name": slug, "slug": slug });
    let data = client.graphql_data(make, json!({ "input": input })).await?;
    let id = data["createOrganization"]["organization"]["id"].as_str();
    id.map(str::to_owned).context("an organization")
}

pub(crate) async fn group(client: &Client, owner: &str, name: &str) -> anyhow::Result<String> {
    let make = "mutation ($input: CreateDeviceGroupInput!) { createDeviceGroup(input: $input) { deviceGroup { id } } }";
    let input = json!({ "organizationId": owner, "name": name });
    let data = client.graphql_data(make, json!({ "input": input })).await?;
    let id = data["createDeviceGroup"]["deviceGroup"]["id"].as_str();
    id.map(str::to_owned).context("a group")
}

/// Changes a group so many times, and some at once.
async fn change(client: &Mutex<Client>, group: &str, times: usize) -> anyhow::Result<()> {
    let numbers: Vec<usize> = (0..times).collect();
    for numbers in numbers.chunks(10) {
        let change = |number: &usize| {
            format!(
                "c{number}: changeDeviceGroup(input: {{ id: \"{group}\", description: \"{number}\", clientMutationId: \"{group}-{number}\" }}) {{ position }}"
            )
        };
        let changes: Vec<String> = numbers.iter().map(change).collect();
        let query = format!("mutation {{ {} }}", changes.join("\n"));
        patience("the changes are made", async || {
            let client = client.lock().clone();
            Ok(client.graphql_data(&query, json!({})).await.is_ok())
        })
        .await?;
    }
    Ok(())
}

/// What the streams tell.
pub(crate) async fn streamed(client: &Client, query: &str) -> anyhow::Result<Vec<Value>> {
    let (mut after, mut told) = (0, Vec::new());
    loop {
        let path = format!("/api/v1/events?limit=1000&after={after}{query}");
        let page = client.get(&path).await?.expect(200)?.json().context("JSON")?;
        told.extend(page["events"].as_array().context("events")?.iter().cloned());
        after = page["position"].as_i64().context("a position")?;
        if page["caught_up"] == true {
            return Ok(told);
        }
    }
}

/// Waits until everything has arrived, and proves that it did so once, in the order of the log, and as the streams tell it.
pub(crate) async fn arrived(peer: &Peer, client: &Client, query: &str) -> anyhow::Result<usize> {
    let expected = streamed(client, query).await?;
    patience("every event arrives", async || Ok(peer.events().await?.len() >= expected.len()))
        .await?;
    let arrived = peer.events().await?;
    let position = |event: &Value| event["position"].clone();
    let positions = |events: &[Value]| events.iter().map(position).collect::<Vec<_>>();
    assert_eq!(positions(&arrived), positions(&expected), "once, and in order");
    assert_eq!(arrived, expected, "as the streams tell it");
    Ok(arrived.len())
}

/// A gauge or counter of a relay.
pub(crate) async fn metric(client: &Client, line: &str) -> anyhow::Result<Option<i64>> {
    let text = client.get("/metrics").await?.expect(200)?.text();
    let found = text.lines().find_map(|it| it.strip_prefix(line)?.trim().parse::<f64>().ok());
    #[expect(clippy::cast_possible_truncation, reason = "small whole numbers")]
    Ok(found.map(|number| number as i64))
}

/// Waits until a relay is in a state.
pub(crate) async fn is_in_state(client: &Client, relay: &str, state: &str) -> anyhow::Result<()> {
    let line = format!("wisptrail_relay_state{{relay=\"{relay}\",state=\"{state}\"}}");
    patience(&format!("{relay} is {state}"), async || Ok(metric(client, &line).await? == Some(1)))
        .await
}

async fn every_event_arrives_once_and_in_order_through_kills(
    peer: Peer,
    database: Database,
) -> anyhow::Result<()> {
    let long = std::env::var_os("WISPTRAIL_LONG").is_some();
    let (groups, times) = if long { (20, 500) } else { (5, 60) };
    let home = Home::new(&database).await?;
    let start = || peer.set(peer.start(Start::default()), "batch", "7");
    let mut server = Server::start_in(Arc::clone(&home), start()).await?;
    let owner = organization(&server.admin(), "harbour").await?;
    let mut all = Vec::new();
    for number in 0..groups {
        all.push(group(&server.admin(), &owner, &format!("group-{number}")).await?);
    }
    let client = Mutex::new(server.admin());
    let changes = async {
        futures::future::try_join_all(all.iter().map(|group| change(&client, group, times))).await
    };
    let kills = async {
        for goal in [groups * times / 5, groups * times / 2, groups * times * 4 / 5] {
            patience("events arrive", async || Ok(peer.events().await?.len() >= goal)).await?;
            server.kill().await?;
            server = Server::start_in(Arc::clone(&home), start()).await?;
            *client.lock() = server.admin();
        }
        anyhow::Ok(server)
    };
    let (changes, server) = tokio::join!(changes, kills);
    changes?;
    let server = server?;
    let count = arrived(&peer, &server.admin(), "").await?;
    assert!(count > groups * times, "{count}");
    Ok(())
}

async fn what_was_acknowledged_is_not_written_again(
    peer: Peer,
    database: Database,
) -> anyhow::Result<()> {
    let home = Home::new(&database).await?;
    let start = || peer.set(peer.start(Start::default()), "batch", "3");
    let server = Server::start_in(Arc::clone(&home), start()).await?;
    let owner = organization(&server.admin(), "harbour").await?;
    let own = group(&server.admin(), &owner, "roofs").await?;
    let count = arrived(&peer, &server.admin(), "").await?;
    // As if the program had died after each of the acknowledgements, before it kept them.
    server.kill().await?;
    for (number, back) in ["0", "1", "position / 2", "position - 1"].into_iter().enumerate() {
        let wind = format!("UPDATE relays SET position = {back} WHERE name = '{}'", peer.name());
        assert_eq!(home.execute(&wind).await?, 1);
        let server = Server::start_in(Arc::clone(&home), start()).await?;
        let client = Mutex::new(server.admin());
        change(&client, &own, 10 * (number + 1)).await?;
        let now = arrived(&peer, &server.admin(), "").await?;
        assert!(now > count, "{now}");
        server.kill().await?;
    }
    Ok(())
}

async fn the_other_side_may_be_away(mut peer: Peer, database: Database) -> anyhow::Result<()> {
    let start = peer.set(peer.start(Start::default()), "timeout", "1s");
    peer.down().await?;
    let server = Server::start(&database, start).await?;
    let (admin, name) = (server.admin(), peer.name());
    let owner = organization(&admin, "harbour").await?;
    is_in_state(&admin, name, "unreachable").await?;
    let lag = format!("wisptrail_relay_lag_events{{relay=\"{name}\"}}");
    assert!(metric(&admin, &lag).await?.is_some_and(|lag| lag > 0));
    let ready = admin.get("/readyz").await?.expect(200)?.json().context("JSON")?;
    assert_eq!(ready["relays"], json!({ name: "unreachable" }), "requests are served all the same");
    for round in 0..2 {
        peer.up().await?;
        is_in_state(&admin, name, "working").await?;
        group(&admin, &owner, &format!("group-{round}")).await?;
        arrived(&peer, &admin, "").await?;
        patience("nothing waits", async || Ok(metric(&admin, &lag).await? == Some(0))).await?;
        peer.down().await?;
        group(&admin, &owner, &format!("meanwhile-{round}")).await?;
        is_in_state(&admin, name, "unreachable").await?;
    }
    peer.up().await?;
    arrived(&peer, &admin, "").await?;
    Ok(())
}

async fn wrong_credentials_are_told_without_the_password(
    peer: Peer,
    database: Database,
) -> anyhow::Result<()> {
    const WRONG: &str = "word-that-does-not-fit";
    let home = Home::new(&database).await?;
    let start = peer.set(peer.start(Start::default()), "password", WRONG);
    let server = Server::start_in(Arc::clone(&home), start).await?;
    let admin = server.admin();
    organization(&admin, "harbour").await?;
    is_in_state(&admin, peer.name(), "denied").await?;
    let mut doctor = home.command();
    doctor.arg("doctor").arg("--data").arg(home.data());
    // The settings that are in force have to be known to it.
    let url = format!("WISPTRAIL_{}__URL", peer.name().to_uppercase());
    let start = peer.start(Start::default());
    doctor.envs(start.settings.iter().filter(|(name, _)| *name == url).cloned());
    let told = tokio::task::spawn_blocking(move || doctor.output()).await??;
    let told = String::from_utf8(told.stdout)?;
    assert!(told.contains(&format!("FAIL relay {}", peer.name())), "{told}");
    assert!(told.contains("credentials"), "{told}");
    let metrics = admin.get("/metrics").await?.expect(200)?.text();
    for text in [told, metrics, server.output()] {
        assert!(!text.contains(WRONG));
    }
    assert!(server.output().contains("credentials"), "{}", server.output());
    server.stop().await?;
    let server = Server::start_in(home, peer.start(Start::default())).await?;
    arrived(&peer, &server.admin(), "").await?;
    Ok(())
}

async fn what_is_not_selected_stays_here(peer: Peer, database: Database) -> anyhow::Result<()> {
    let home = Home::new(&database).await?;
    let server = Server::start_in(Arc::clone(&home), Start::default()).await?;
    let (ours, theirs) = (
        organization(&server.admin(), "ours").await?,
        organization(&server.admin(), "theirs").await?,
    );
    server.stop().await?;
    let start = peer.start(Start::default());
    let start = peer.set(start, "organizations", &format!("[\"{ours}\"]"));
    let start = peer.set(start, "aggregates", "[\"device_group\", \"organization\"]");
    let server = Server::start_in(home, start).await?;
    let admin = server.admin();
    for owner in [&theirs, &ours, &theirs] {
        group(&admin, owner, "roofs").await.ok();
    }
    let query = format!("&organization={ours}&aggregate=device_group,organization");
    let lag = format!("wisptrail_relay_lag_events{{relay=\"{}\"}}", peer.name());
    patience("nothing waits", async || Ok(metric(&admin, &lag).await? == Some(0))).await?;
    let count = arrived(&peer, &admin, &query).await?;
    assert_eq!(count, 2);
    let text = serde_json::to_string(&peer.events().await?)?;
    assert!(!text.contains(&theirs), "{text}");
    Ok(())
}

async fn nothing_confidential_leaves(peer: Peer, database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, peer.start(Start::with_fixture()?)).await?;
    let admin = server.admin();
    let shared = secret_of("alpha")?;
    let device = register(&server.client(), &shared, "roof-1", "02:00:00:00:00:01").await?;
    let change =
        "mutation ($input: ChangeDeviceInput!) { changeDevice(input: $input) { position } }";
    let configuration = json!({
        "variables": { "psk": "word-of-a-variable" },
        "config": { "general": { "description": "word-of-a-document" } },
    });
    let input =
        json!({ "id": device.id, "notes": "word-of-a-note", "configuration": configuration });
    admin.graphql_data(change, json!({ "input": input })).await?;
    arrived(&peer, &admin, "").await?;
    let text = serde_json::to_string(&peer.events().await?)?;
    let mut secrets = vec![device.key.clone()];
    let fixture = Fixture::own()?;
    secrets.extend(fixture.organizations.into_iter().map(|it| it.shared_secret));
    secrets.extend(fixture.people.into_iter().filter(|it| !it.token.is_empty()).map(|it| it.token));
    let words = ["word-of-", "$enc", "envelope", "fingerprint", "$argon2"];
    for secret in secrets.iter().map(String::as_str).chain(words) {
        assert!(!text.contains(secret), "a secret was written elsewhere");
    }
    for mask in ["{\"masked\":\"sealed\"}", "{\"masked\":\"sensitive\"}"] {
        assert!(text.contains(mask), "{mask}");
    }
    assert!(text.contains("device.registered") && text.contains("user.created"));
    Ok(())
}

/// Neither in what was written before somebody was erased, nor in what is written afterwards.
async fn nothing_of_a_person_can_be_read_there(
    peer: Peer,
    database: Database,
) -> anyhow::Result<()> {
    let server = Server::start(&database, peer.start(Start::with_fixture()?)).await?;
    let admin = server.admin();
    let somebody = Somebody::of(&server, 1).await?;
    arrived(&peer, &admin, "").await?;
    let subject = format!("user/{}", somebody.id);
    let of_them = peer.events().await?.into_iter().filter(|it| it["subject"] == subject).count();
    assert!(of_them > 1, "{of_them} events are about them");
    somebody.erase(&server, false).await?;
    let erased = async || {
        let events = peer.events().await?;
        Ok(events.iter().any(|it| it["subject"] == subject && it["type"] == "user.erased"))
    };
    patience("the erasure arrives", erased).await?;
    let folder = TempDir::new()?;
    let text = serde_json::to_string(&peer.events().await?)?;
    std::fs::write(folder.path().join("events"), text)?;
    assert_eq!(somebody.left_in(folder.path())?, [""; 0]);
    Ok(())
}

async fn what_others_wrote_is_left_alone(peer: Peer, database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, peer.start(Start::default())).await?;
    let (admin, name) = (server.admin(), peer.name());
    let owner = organization(&admin, "harbour").await?;
    let before = arrived(&peer, &admin, "").await?;
    let id = uuid::Uuid::new_v4().to_string();
    peer.intrude(&id).await?;
    let make = "mutation ($input: CreateDeviceGroupInput!) { createDeviceGroup(input: $input) { position } }";
    let input = json!({ "organizationId": owner, "name": "roofs", "id": id });
    admin.graphql_data(make, json!({ "input": input })).await?;
    is_in_state(&admin, name, "foreign").await?;
    assert_eq!(peer.events().await?.len(), before + 1, "nothing is written behind it");
    assert!(server.output().contains("is not of this log"), "{}", server.output());
    let lag = format!("wisptrail_relay_lag_events{{relay=\"{name}\"}}");
    assert!(metric(&admin, &lag).await?.is_some_and(|lag| lag > 0), "and nothing is left out");
    Ok(())
}
