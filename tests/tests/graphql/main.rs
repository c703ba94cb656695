//! Everything over GraphQL, as programs ask for it.

mod accounts;
mod bounds;
mod bulk;
mod codes;
mod complete;
mod dry_runs;
mod findings;
mod history;
mod lists;
mod live;
mod mutations;
mod page;
mod previews;
mod stale;
mod tenancy;
mod tokens;

use serde_json::{Value, json};
use wisptrail_tests::Client;

pub(crate) const ALPHA: &str = "aaaaaaaa-0000-4000-8000-000000000001";
pub(crate) const BETA: &str = "bbbbbbbb-0000-4000-8000-000000000002";
/// Manages Alpha.
pub(crate) const ALPHA_MANAGER: &str = "0000000000000000000000000000000000000mgr";

/// Makes a device and answers with its id.
pub(crate) async fn device(
    client: &Client,
    organization: &str,
    number: u32,
) -> anyhow::Result<String> {
    let mutation = "mutation ($input: CreateDeviceInput!) {
        createDevice(input: $input) { device { id } position stale }
    }";
    let input = json!({
        "organizationId": organization,
        "name": format!("ap-{number:03}"),
        "macAddress": format!("02:00:00:00:{:02X}:{:02X}", number / 256, number % 256),
        "model": format!("Model {}", number % 3),
        "os": "OpenWrt 24.10",
        "configuration": { "backend": "netjsonconfig.OpenWrt" },
    });
    let data = client.graphql_data(mutation, json!({ "input": input })).await?;
    let device = &data["createDevice"]["device"]["id"];
    Ok(device.as_str().unwrap_or_default().to_owned())
}

/// The code of an answer's first error.
pub(crate) fn code(answer: &Value) -> &str {
    answer["errors"][0]["extensions"]["code"].as_str().unwrap_or_default()
}
