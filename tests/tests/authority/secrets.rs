//! Who was shown secrets is in the log: who, what and when, not the value.

use serde_json::{Value, json};
use wisptrail_tests::{Client, Database, Server, on_bounded_database, on_each_database};

use crate::{
    people::{self, ALPHA, token},
    socket::Socket,
    table::Table,
    targets::Targets,
};

on_each_database!(a_page_of_secrets_is_one_event);
on_bounded_database!(a_page_of_secrets_is_one_event);

/// The readings after a position that superusers are told of, up to the head.
async fn readings(server: &Server, after: i64) -> anyhow::Result<Vec<Value>> {
    let head = head(&server.admin()).await?;
    let mut socket = Socket::open(server, &token("root")).await?;
    let query = "subscription ($after: Position) {
        events(after: $after, filter: { types: [\"secret.read\"] }) { position events { actor organizationId payload } }
    }";
    socket.subscribe("1", query, json!({ "after": after })).await?;
    let mut told = Vec::new();
    loop {
        let page = socket.next().await?["events"].take();
        told.extend(page["events"].as_array().into_iter().flatten().cloned());
        if page["position"].as_i64().is_some_and(|position| position >= head) {
            return Ok(told);
        }
    }
}

async fn head(client: &Client) -> anyhow::Result<i64> {
    let data = client.graphql_data("{ devices(first: 1) { position } }", json!({})).await?;
    Ok(data["devices"]["position"].as_i64().unwrap_or_default())
}

async fn a_page_of_secrets_is_one_event(database: Database) -> anyhow::Result<()> {
    let table = Table::read()?;
    let server = people::start(&database, &table, false).await?;
    Targets::new(&server).await?;
    let manager = server.client().with_token(&token("manager"));
    let before = head(&server.admin()).await?;

    let page =
        manager.graphql_data("{ devices(first: 50) { nodes { id key } } }", json!({})).await?;
    let nodes = page["devices"]["nodes"].as_array().cloned().unwrap_or_default();
    assert!(nodes.len() > 1, "{page}");
    let told = readings(&server, before).await?;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["organizationId"], ALPHA);
    let actor = manager.graphql_data("{ viewer { actor } }", json!({})).await?;
    assert_eq!(told[0]["actor"], actor["viewer"]["actor"]);
    let of = told[0]["payload"]["read"]["of"].as_array().cloned().unwrap_or_default();
    assert_eq!(of.len(), nodes.len());
    for node in &nodes {
        assert!(of.contains(&node["id"]), "{node}");
        assert!(!told[0].to_string().contains(node["key"].as_str().unwrap_or("?")));
    }

    // The same in the other dialect, and again: whoever polls is one reader.
    for _ in 0..3 {
        manager.get("/api/v1/controller/device/?page_size=100").await?.expect(200)?;
    }
    assert_eq!(readings(&server, before).await?.len(), 1);

    // Whoever may see devices and no secrets is shown devices without keys, and nothing is noted.
    let before = head(&server.admin()).await?;
    let viewer = server.client().with_token(&token("withview_device"));
    let list = viewer.get("/api/v1/controller/device/").await?.expect(200)?;
    let list = list.json().unwrap_or_default();
    let keys: Vec<&Value> =
        list["results"].as_array().into_iter().flatten().map(|device| &device["key"]).collect();
    assert!(!keys.is_empty() && keys.iter().all(|key| key.is_null()), "{list}");
    assert!(readings(&server, before).await?.is_empty());

    // A shared secret is a secret, too.
    let query = "query ($id: ID!) { organization(id: $id) { sharedSecret } }";
    manager.graphql_data(query, json!({ "id": ALPHA })).await?;
    let told = readings(&server, before).await?;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["payload"]["read"]["what"], "shared_secret");
    assert_eq!(told[0]["payload"]["read"]["of"], json!([ALPHA]));
    Ok(())
}
