//! Every error has a code, also where the engine refuses a request before any use case sees it.

use serde_json::{Value, json};
use wisptrail_tests::{ADMIN_TOKEN, Database, Server, Start, on_each_database};

use crate::{ALPHA, code, device, history::fields, live::Socket};

on_each_database!(every_error_has_a_code);

const AT: &str = "query ($id: ID!, $at: Moment) { device(id: $id, at: $at) { name } }";

async fn every_error_has_a_code(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    let id = device(&admin, ALPHA, 1).await?;
    let at = |moment: Value| (AT, json!({ "id": id, "at": moment }));
    let filtered = |filter: Value| {
        let query =
            "query ($filter: DeviceFilterInput) { devices(filter: $filter) { totalCount } }";
        (query, json!({ "filter": filter }))
    };
    let time = "2026-11-21T08:30:00Z";
    for ((query, variables), field) in [
        (at(json!({})), Some("at")),
        (at(json!({ "time": time, "position": 1 })), Some("at")),
        (at(json!({ "time": "yesterday" })), Some("at")),
        (at(json!({ "position": -1 })), Some("at")),
        (at(json!("now")), None),
        (("{ device(id: \"x\", at: {}) { name } }", json!({})), Some("at")),
        (("{ device(id: \"x\") { name } }", json!({})), Some("id")),
        (("{ devices(first: \"many\") { totalCount } }", json!({})), Some("first")),
        (("{ devices(minPosition: -3) { totalCount } }", json!({})), Some("minPosition")),
        (filtered(json!({ "status": "FINE" })), Some("filter.status")),
        (filtered(json!({ "createdSince": "yesterday" })), Some("filter")),
        (filtered(json!({ "heardWithin": -3 })), Some("filter")),
        (
            (
                "mutation { createDevice(input: { id: \"x\", organizationId: \"y\", name: \"z\", macAddress: \"m\" }) { position } }",
                json!({}),
            ),
            Some("id"),
        ),
        (("{ device { name } }", json!({})), None),
        (("{ nonsense }", json!({})), None),
        (("{", json!({})), None),
        (("query ($id: ID!) { device(id: $id) { name } }", json!({})), Some("id")),
    ] {
        let answer = admin.graphql(query, variables.clone()).await?;
        assert_eq!(code(&answer), "INVALID", "{query} {variables}: {answer}");
        let told = fields(&answer);
        assert_eq!(told.first().copied(), field, "{query} {variables}: {answer}");
        let errors = answer["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        for error in errors {
            assert!(error["extensions"]["code"].is_string(), "{query} {variables}: {answer}");
        }
    }
    // The same over a connection.
    let mut socket = Socket::open(&server, ADMIN_TOKEN).await?;
    socket.subscribe("1", AT, json!({ "id": id, "at": {} })).await?;
    assert_eq!(socket.error().await?, "INVALID");
    socket.subscribe("2", "subscription { events(after: -1) { position } }", json!({})).await?;
    assert_eq!(socket.error().await?, "INVALID");
    Ok(())
}
