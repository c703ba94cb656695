//! Operations on many devices as they go on.

use serde_json::{Value, json};
use wisptrail_tests::{Database, Server, Start, on_each_database};

use crate::{
    ALPHA, ALPHA_MANAGER, BETA, device,
    live::{Heard, Socket},
};

on_each_database!(an_operation_is_watched_to_its_end, operations_of_others_are_not_watched);

const PROGRESS: &str = "subscription ($id: ID!) {
    jobProgress(id: $id) { id state done total changed progress templates { name } }
}";
const START: &str = "mutation ($input: StartBulkOperationInput!) { startBulkOperation(input: $input) { job { id } } }";

async fn start(server: &Server, organization: &str) -> anyhow::Result<Value> {
    let admin = server.admin();
    for number in 1..6 {
        device(&admin, organization, number).await?;
    }
    let input = json!({
        "clientMutationId": "watched",
        "selection": { "filter": { "organizationIds": [organization] } },
        "operation": { "mergeVariables": { "watched": "yes" } },
    });
    let mut data = admin.graphql_data(START, json!({ "input": input })).await?;
    Ok(data["startBulkOperation"]["job"]["id"].take())
}

async fn an_operation_is_watched_to_its_end(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let id = start(&server, ALPHA).await?;
    let mut socket = Socket::open(&server, ALPHA_MANAGER).await?;
    socket.subscribe("1", PROGRESS, json!({ "id": id })).await?;
    let (mut seen, mut last) = (0, Value::Null);
    while last["state"] != "DONE" {
        last = socket.next().await?["jobProgress"].take();
        assert_eq!(last["id"], id);
        let done = last["done"].as_u64().unwrap_or_default();
        assert!(done >= seen, "it goes back: {last}");
        seen = done;
    }
    assert_eq!((seen, &last["total"], &last["changed"]), (5, &json!(5), &json!(5)));
    assert_eq!(last["progress"], json!(100.0));
    let end = Heard::Message(json!({ "type": "complete", "id": "1" }));
    assert_eq!(socket.hear().await?, end);
    Ok(())
}

async fn operations_of_others_are_not_watched(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let id = start(&server, BETA).await?;
    let mut socket = Socket::open(&server, ALPHA_MANAGER).await?;
    for id in [id, json!(ALPHA)] {
        socket.subscribe("1", PROGRESS, json!({ "id": id })).await?;
        assert_eq!(socket.error().await?, "NOT_FOUND");
    }
    Ok(())
}
