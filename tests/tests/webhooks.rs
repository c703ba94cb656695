//! Webhooks of the real program: what arrives, in which order, through failures and kills, and what is never asked.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use anyhow::Context as _;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use futures::future::try_join_all;
use hmac::{Hmac, KeyInit as _, Mac as _};
use parking_lot::Mutex;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;
use serde_json::{Value, json};
use sha2::Sha256;
use wisptrail_tests::{
    Client, Database, Home, Received, Receiver, Reply, Server, Start, note_secret,
    on_each_database, patience,
};

on_each_database!(
    every_event_arrives_in_order_through_failures_and_kills,
    tests_tell_how_receivers_answer,
    what_leads_inside_is_not_asked,
);

/// Things whose events have an order.
const GROUPS: usize = 50;
/// Changes of one request.
const TOGETHER: usize = 10;

fn start() -> Start {
    Start::default()
        .set("WISPTRAIL_WEBHOOKS__ALLOW_PRIVATE", "true")
        .set("WISPTRAIL_WEBHOOKS__FIRST_RETRY", "100ms")
        .set("WISPTRAIL_WEBHOOKS__LONGEST_RETRY", "500ms")
        .set("WISPTRAIL_WEBHOOKS__TIMEOUT", "5s")
}

async fn organization(client: &Client) -> anyhow::Result<String> {
    let make = "mutation { createOrganization(input: { name: \"Harbour\", slug: \"harbour\" }) { organization { id } } }";
    let data = client.graphql_data(make, json!({})).await?;
    let id = data["createOrganization"]["organization"]["id"].as_str();
    id.map(str::to_owned).context("an organization")
}

/// Makes a webhook; its id and its secret.
async fn webhook(client: &Client, input: Value) -> anyhow::Result<(String, String)> {
    let query = "mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { webhook { id } secret } }";
    let data = client.graphql_data(query, json!({ "input": input })).await?;
    let created = &data["createWebhook"];
    let secret = created["secret"].as_str().context("a secret")?;
    note_secret(secret);
    Ok((created["webhook"]["id"].as_str().context("a webhook")?.to_owned(), secret.to_owned()))
}

/// As a receiver checks it (Standard Webhooks, "Verifying signatures").
fn is_signed(received: &Received, secret: &str) -> anyhow::Result<bool> {
    let key = BASE64_STANDARD.decode(secret.strip_prefix("whsec_").context("a prefix")?)?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key)?;
    let (id, at) = (received.header("webhook-id"), received.header("webhook-timestamp"));
    mac.update(format!("{id}.{at}.").as_bytes());
    mac.update(&received.body);
    let signature = format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()));
    Ok(received.header("webhook-signature").split(' ').any(|one| one == signature))
}

fn number(event: &Value, field: &str) -> i64 {
    event[field].as_str().and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// Positions of all events of groups.
async fn recorded(client: &Client) -> anyhow::Result<BTreeSet<i64>> {
    let (mut after, mut all) = (0, BTreeSet::new());
    loop {
        let path = format!("/api/v1/events?aggregate=device_group&limit=1000&after={after}");
        let page = client.get(&path).await?.expect(200)?.json().context("JSON")?;
        all.extend(
            page["events"].as_array().into_iter().flatten().map(|it| number(it, "position")),
        );
        after = page["position"].as_i64().context("a position")?;
        if page["caught_up"] == true {
            return Ok(all);
        }
    }
}

/// Waits as long as more and more comes.
async fn grows(what: &str, goal: usize, count: impl Fn() -> usize) -> anyhow::Result<()> {
    loop {
        let before = count();
        if before >= goal {
            return Ok(());
        }
        patience(what, async || Ok(count() > before)).await?;
    }
}

/// Changes one group again and again; done once, however often the program dies meanwhile.
async fn change(client: &Mutex<Client>, group: &str, times: usize) -> anyhow::Result<()> {
    let numbers: Vec<usize> = (0..times).collect();
    for numbers in numbers.chunks(TOGETHER) {
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

async fn every_event_arrives_in_order_through_failures_and_kills(
    database: Database,
) -> anyhow::Result<()> {
    let long = std::env::var_os("WISPTRAIL_LONG").is_some();
    let events = if long { 10_000 } else { 1_000 };
    let receiver = Receiver::listen().await?;
    let mut random = ChaCha20Rng::seed_from_u64(7);
    receiver.answers(move || match random.next_u32() % 20 {
        0 => Reply::Status(500),
        1 => Reply::Status(429),
        2 => Reply::HangsUp,
        _ => Reply::Status(204),
    });

    let home = Home::new(&database).await?;
    let mut server = Server::start_in(Arc::clone(&home), start()).await?;
    let admin = server.admin();
    let owner = organization(&admin).await?;
    let selection = json!({ "aggregateTypes": ["device_group"] });
    let input = json!({
        "organizationId": owner, "name": "tickets", "url": receiver.url(), "selection": selection,
    });
    let (id, secret) = webhook(&admin, input).await?;
    let mut groups = Vec::new();
    for number in 0..GROUPS {
        let make = "mutation ($input: CreateDeviceGroupInput!) { createDeviceGroup(input: $input) { deviceGroup { id } } }";
        let input = json!({ "organizationId": owner, "name": format!("group-{number}") });
        let data = admin.graphql_data(make, json!({ "input": input })).await?;
        let id = data["createDeviceGroup"]["deviceGroup"]["id"].as_str().context("a group")?;
        groups.push(id.to_owned());
    }

    let client = Mutex::new(admin);
    let changes = async {
        // Some at a time.
        for groups in groups.chunks(5) {
            let each = groups.iter().map(|group| change(&client, group, events / GROUPS - 1));
            try_join_all(each).await?;
        }
        anyhow::Ok(())
    };
    let kills = async {
        for goal in [events / 5, events / 2, events * 4 / 5] {
            grows("deliveries come", goal, || receiver.count()).await?;
            server.kill().await?;
            server = Server::start_in(Arc::clone(&home), start()).await?;
            *client.lock() = server.admin();
        }
        anyhow::Ok(server)
    };
    let (changes, server) = tokio::join!(changes, kills);
    changes?;
    let server = server?;

    let expected = recorded(&server.admin()).await?;
    assert_eq!(expected.len(), events);
    let taken = || {
        let all = receiver.received();
        let taken = all.iter().filter(|one| one.reply.takes());
        taken.map(|one| number(&one.event(), "position")).collect::<BTreeSet<i64>>()
    };
    grows("the rest comes", events, || taken().len()).await?;
    assert_eq!(taken(), expected, "every event arrives, and no other");

    // Of each thing, the next event comes when the one before was taken.
    let mut next: BTreeMap<String, i64> = BTreeMap::new();
    let mut ids: BTreeMap<i64, String> = BTreeMap::new();
    for came in receiver.received() {
        let event = came.event();
        let subject = event["subject"].as_str().unwrap_or_default().to_owned();
        let (sequence, position) = (number(&event, "streamsequence"), number(&event, "position"));
        let due = next.entry(subject).or_insert(1);
        assert!(sequence <= *due, "{event} came before what was before it");
        if sequence == *due && came.reply.takes() {
            *due += 1;
        }
        let id = ids.entry(position).or_insert_with(|| came.header("webhook-id").to_owned());
        assert_eq!(id, came.header("webhook-id"), "the same, however often it comes");
        assert!(is_signed(&came, &secret)?, "{came:?}");
    }
    assert_eq!(ids.values().collect::<BTreeSet<_>>().len(), events);

    let ask = "query ($id: ID!) { webhook(id: $id) { state progress { queued failingSince } } }";
    patience("the queue is empty", async || {
        let data = server.admin().graphql_data(ask, json!({ "id": id })).await?;
        assert_eq!(data["webhook"]["state"], "ACTIVE");
        Ok(data["webhook"]["progress"]["queued"] == 0)
    })
    .await?;
    assert!(!server.output().contains("key=word"), "addresses hold secrets");
    Ok(())
}

/// Tries a webhook and waits for how that went.
async fn tried(client: &Client, id: &str) -> anyhow::Result<Value> {
    let test = "mutation ($id: ID!) { testWebhook(input: { id: $id }) { delivery { id } } }";
    let data = client.graphql_data(test, json!({ "id": id })).await?;
    let wanted = data["testWebhook"]["delivery"]["id"].clone();
    let ask = "query ($id: ID!) { webhook(id: $id) { deliveries(first: 1, filter: { kind: TEST }) { nodes { id state status error } } } }";
    let mut found = Value::Null;
    patience("the test has an end", async || {
        let mut data = client.graphql_data(ask, json!({ "id": id })).await?;
        found = data["webhook"]["deliveries"]["nodes"][0].take();
        assert_eq!(found["id"], wanted);
        Ok(found["state"] != "QUEUED")
    })
    .await?;
    Ok(found)
}

async fn tests_tell_how_receivers_answer(database: Database) -> anyhow::Result<()> {
    let receiver = Receiver::listen().await?;
    let start = start().set("WISPTRAIL_WEBHOOKS__TIMEOUT", "500ms");
    let server = Server::start(&database, start).await?;
    let admin = server.admin();
    let selection = json!({ "types": ["template.created"] });
    let input = json!({ "name": "all", "url": receiver.url(), "selection": selection });
    let (id, secret) = webhook(&admin, input).await?;

    let told = tried(&admin, &id).await?;
    assert_eq!((&told["state"], &told["status"]), (&json!("DELIVERED"), &json!(204)));
    let all = receiver.received();
    let last = all.last().context("a request")?;
    assert_eq!(last.path, "/in?key=word");
    assert_eq!(last.event()["type"], "webhook.test");
    assert!(last.header("content-type").starts_with("application/cloudevents+json"));
    assert!(last.header("user-agent").starts_with("Wisptrail/"), "{last:?}");
    assert!(is_signed(last, &secret)?);

    receiver.answers(|| Reply::Redirect);
    let told = tried(&admin, &id).await?;
    assert_eq!((&told["state"], &told["status"]), (&json!("FAILED"), &json!(302)));
    receiver.answers(|| Reply::Silent);
    let told = tried(&admin, &id).await?;
    assert_eq!((&told["state"], &told["status"]), (&json!("FAILED"), &Value::Null));
    assert!(told["error"].as_str().is_some_and(|it| it.contains("in time")), "{told}");
    receiver.answers(|| Reply::HangsUp);
    let told = tried(&admin, &id).await?;
    assert!(told["error"].as_str().is_some_and(|it| it.contains("broke")), "{told}");
    assert!(receiver.received().iter().all(|one| one.path == "/in?key=word"), "nowhere else");

    // Nobody listens there any more.
    let change = "mutation ($id: ID!) { changeWebhook(input: { id: $id, url: \"http://127.0.0.1:1/\" }) { position } }";
    admin.graphql_data(change, json!({ "id": id })).await?;
    let told = tried(&admin, &id).await?;
    assert!(told["error"].as_str().is_some_and(|it| it.contains("connected")), "{told}");
    Ok(())
}

async fn what_leads_inside_is_not_asked(database: Database) -> anyhow::Result<()> {
    let receiver = Receiver::listen().await?;
    let home = Home::new(&database).await?;
    let server = Server::start_in(Arc::clone(&home), start()).await?;
    let admin = server.admin();
    let mut ids = Vec::new();
    for url in [receiver.url(), receiver.named_url()] {
        let input =
            json!({ "name": "inside", "url": url, "selection": { "types": ["template.created"] } });
        let (id, _) = webhook(&admin, input).await?;
        assert_eq!(tried(&admin, &id).await?["state"], "DELIVERED", "{url}");
        ids.push(id);
    }
    let before = receiver.count();
    server.stop().await?;

    // Whatever was allowed once.
    let start = start().set("WISPTRAIL_WEBHOOKS__ALLOW_PRIVATE", "false");
    let server = Server::start_in(home, start).await?;
    let admin = server.admin();
    for id in &ids {
        let told = tried(&admin, id).await?;
        assert_eq!((&told["state"], &told["status"]), (&json!("FAILED"), &Value::Null));
        assert!(told["error"].as_str().is_some_and(|it| it.contains("private")), "{told}");
    }
    assert_eq!(receiver.count(), before, "nobody was asked");
    for url in [
        receiver.url(),
        "https://localhost/".to_owned(),
        "https://169.254.169.254/latest/".to_owned(),
        "https://[::ffff:10.0.0.1]/".to_owned(),
        "https://2130706433/".to_owned(),
    ] {
        let make =
            "mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { position } }";
        let answer = admin.graphql(make, json!({ "input": { "name": "x", "url": url } })).await?;
        let error = &answer["errors"][0]["extensions"];
        assert_eq!(error["code"], "INVALID", "{url}: {answer}");
    }
    Ok(())
}
