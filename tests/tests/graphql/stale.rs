//! Answers that are older than they should be say so, and are answers all the same.

use serde_json::{Value, json};
use wisptrail_tests::{Client, Database, Server, Start, on_each_database, patience};

use crate::{ALPHA, device};

on_each_database!(what_is_behind_says_that_it_is_stale, payloads_say_where_they_stand);

const TEMPLATE: &str = "mutation ($input: CreateTemplateInput!) {
    createTemplate(input: $input) { template { id name } position stale }
}";
const USER: &str = "mutation ($input: CreateUserInput!) {
    createUser(input: $input) { user { username } position stale }
}";
const DEVICES: &str =
    "query ($at: Position) { devices(minPosition: $at) { totalCount nodes { name } } }";

async fn template(client: &Client, name: &str) -> anyhow::Result<Value> {
    let config = json!({ "general": { "description": name } });
    let input = json!({ "organizationId": ALPHA, "name": name, "config": config });
    let mut data = client.graphql_data(TEMPLATE, json!({ "input": input })).await?;
    let made = data["createTemplate"].take();
    assert_eq!(made["template"]["name"], name);
    Ok(made)
}

async fn user(client: &Client, name: &str) -> anyhow::Result<Value> {
    let input = json!({ "username": name, "email": format!("{name}@example.org") });
    let mut data = client.graphql_data(USER, json!({ "input": input })).await?;
    let made = data["createUser"].take();
    assert_eq!(made["user"]["username"], name);
    Ok(made)
}

/// Asks for devices as of a position: the answer says that it is stale, or says nothing of the kind.
async fn devices(client: &Client, at: &Value) -> anyhow::Result<bool> {
    let answer = client.graphql(DEVICES, json!({ "at": at })).await?;
    assert_eq!(answer["data"]["devices"]["totalCount"], 1, "{answer}");
    assert!(answer.get("errors").is_none(), "{answer}");
    Ok(match answer.get("extensions") {
        None => false,
        Some(extensions) => {
            assert_eq!(extensions, &json!({ "stale": true }));
            true
        }
    })
}

async fn what_is_behind_says_that_it_is_stale(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let (admin, home) = (server.admin(), server.home());
    device(&admin, ALPHA, 1).await?;
    let fine = template(&admin, "fine").await?;
    assert_eq!(fine["stale"], false);
    assert!(!devices(&admin, &fine["position"]).await?);
    assert!(!devices(&admin, &Value::Null).await?);

    // What gives devices their templates stands still: done is done, and the answer says what it does not know yet.
    patience("the follower has failed", async || {
        let fail = "UPDATE projection_checkpoints SET state = 'failed', error = 'put there by a test', error_position = position + 1
                    WHERE name = 'fan_out.v1'";
        Ok(home.execute(fail).await? == 1)
    })
    .await?;
    let late = template(&admin, "late").await?;
    assert_eq!(late["stale"], true);
    assert!(devices(&admin, &late["position"]).await?);
    assert!(!devices(&admin, &Value::Null).await?, "who wants nothing is told nothing");
    let remove = "mutation ($id: ID!) { removeTemplate(input: { id: $id }) { id stale } }";
    let id = &fine["template"]["id"];
    let removed = admin.graphql_data(remove, json!({ "id": id })).await?;
    assert_eq!(removed["removeTemplate"], json!({ "id": id, "stale": true }));
    assert_eq!(user(&admin, "early").await?["stale"], false, "it reads nothing that follows");

    let mend = "UPDATE projection_checkpoints SET state = 'running', error = NULL, error_position = NULL WHERE name = 'fan_out.v1'";
    assert_eq!(home.execute(mend).await?, 1);
    patience("the follower has caught up", async || Ok(!devices(&admin, &late["position"]).await?))
        .await?;
    assert_eq!(template(&admin, "again").await?["stale"], false);

    // A position that this log has not come to.
    assert!(devices(&admin, &json!(i64::MAX)).await?);

    // A table that lacks an event.
    let lacking = "UPDATE projection_checkpoints SET state = 'failed', position = 0 WHERE name LIKE 'accounts.%'";
    assert!(home.execute(lacking).await? > 0);
    assert_eq!(user(&admin, "lacking").await?["stale"], true);
    Ok(())
}

/// Whatever answers with its position in the log says whether it is stale, and what changes an object answers with both.
async fn payloads_say_where_they_stand(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let schema = "{ __schema { mutationType { fields { name type { ofType { name fields { name } } } } } } }";
    let data = server.admin().graphql_data(schema, json!({})).await?;
    let mutations = data["__schema"]["mutationType"]["fields"].as_array().expect("mutations");
    let mut without = Vec::new();
    for mutation in mutations {
        let payload = &mutation["type"]["ofType"];
        let fields = payload["fields"].as_array().expect("fields");
        let has = |name: &str| fields.iter().any(|field| field["name"] == name);
        assert_eq!(has("position"), has("stale"), "{mutation}");
        if !has("position") {
            without.push(payload["name"].as_str().expect("a name"));
        }
    }
    without.sort_unstable();
    without.dedup();
    // These order something, or tell a token; they have no event of an object to wait for.
    let ordering = [
        "BulkOperationPayload",
        "LogInPayload",
        "MailPayload",
        "RedeliverWebhookPayload",
        "WebhookDeliveryPayload",
    ];
    assert_eq!(without, ordering);
    Ok(())
}
