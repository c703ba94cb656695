//! The log over HTTP: streams, pages, and what is in it.

mod catalogue;
mod client;
mod manners;
mod order;
mod privacy;
mod questions;

use anyhow::Context;
use serde_json::{Value, json};
use wisptrail_tests::Client;

pub(crate) const ALPHA: &str = "aaaaaaaa-0000-4000-8000-000000000001";
pub(crate) const BETA: &str = "bbbbbbbb-0000-4000-8000-000000000002";
/// Manages Alpha.
pub(crate) const ALPHA_MANAGER: &str = "0000000000000000000000000000000000000mgr";

/// Makes a device and answers with its id and its key.
pub(crate) async fn device(
    client: &Client,
    organization: &str,
    number: u32,
) -> anyhow::Result<(String, String)> {
    let mutation = "mutation ($input: CreateDeviceInput!) { createDevice(input: $input) { device { id key } } }";
    let input = json!({
        "organizationId": organization,
        "name": format!("ap-{number:03}"),
        "macAddress": format!("02:00:00:00:{:02X}:{:02X}", number / 256, number % 256),
        "configuration": { "backend": "netjsonconfig.OpenWrt" },
    });
    let data = client.graphql_data(mutation, json!({ "input": input })).await?;
    let device = &data["createDevice"]["device"];
    let text = |field: &str| device[field].as_str().map(str::to_owned).context("a text");
    let (id, key) = (text("id")?, text("key")?);
    wisptrail_tests::note_secret(&key);
    Ok((id, key))
}

/// Changes a device and answers with the position of the last event.
pub(crate) async fn change(client: &Client, id: &str, mut input: Value) -> anyhow::Result<i64> {
    let mutation =
        "mutation ($input: ChangeDeviceInput!) { changeDevice(input: $input) { position } }";
    input["id"] = json!(id);
    let data = client.graphql_data(mutation, json!({ "input": input })).await?;
    data["changeDevice"]["position"].as_i64().context("a position")
}

pub(crate) async fn note(client: &Client, id: &str, notes: &str) -> anyhow::Result<i64> {
    change(client, id, json!({ "notes": notes })).await
}

/// Events of pages, one after the other, until there are no more.
pub(crate) async fn pages(client: &Client, query: &str) -> anyhow::Result<Vec<Value>> {
    let mut path = format!("/api/v1/events?{query}");
    let mut told = Vec::new();
    loop {
        let page = client.get(&path).await?.expect(200)?.json().context("JSON")?;
        told.extend(page["events"].as_array().context("events")?.iter().cloned());
        if page["caught_up"] == json!(true) {
            return Ok(told);
        }
        let next = page["next"].as_str().context("a next page")?;
        let at = next.find("/api/").context("a path")?;
        next.split_at(at).1.clone_into(&mut path);
    }
}

/// Where in the log an event is.
pub(crate) fn position(event: &Value) -> i64 {
    event["position"].as_str().and_then(|position| position.parse().ok()).unwrap_or_default()
}
