//! Why something happened: archives were made because of a template, lists changed because of an operation.

use serde_json::{Value, json};
use wisptrail_tests::{Client, Database, Server, Start, on_each_database, patience};

use super::{CHANGE_TEMPLATE, Scene, word};
use crate::{ALPHA, ALPHA_MANAGER, BETA};

on_each_database!(
    an_archive_names_the_change_that_it_follows_from,
    an_operation_is_the_cause_of_what_it_does,
    causes_of_others_are_not_told,
);

const HISTORY: &str = "query ($id: ID!) { device(id: $id) { history(first: 100) { nodes {
    type correlationId causation actor
    cause { sentence kind objectId name operation { id }
        event { eventId type actor correlationId cause { sentence kind operation { id state } } } }
} } } viewer { actor } }";

/// The last event of a type in the history of a device, as a client sees it.
async fn last(client: &Client, id: &str, kind: &str) -> anyhow::Result<Value> {
    let data = client.graphql_data(HISTORY, json!({ "id": id })).await?;
    let nodes = data["device"]["history"]["nodes"].as_array().cloned().unwrap_or_default();
    Ok(nodes.into_iter().find(|node| node["type"] == kind).unwrap_or_default())
}

async fn an_archive_names_the_change_that_it_follows_from(
    database: Database,
) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    let scene = Scene::new(&server).await?;
    let viewer = admin.graphql_data("{ viewer { actor } }", json!({})).await?;
    let actor = &viewer["viewer"]["actor"];

    // Of its own: nobody caused that but the operator's request, which the rendering is a part of.
    let own = last(&admin, &scene.id, "configuration.rendered").await?;
    assert_eq!(own["cause"]["kind"], "DEVICE");
    assert_eq!(own["cause"]["objectId"], json!(scene.id));
    assert_eq!(own["cause"]["name"], "ap-then");
    assert_eq!(own["cause"]["event"]["cause"], Value::Null);
    assert_eq!(own["cause"]["event"]["actor"], *actor);
    assert_eq!(own["cause"]["event"]["correlationId"], own["correlationId"]);

    // Of a template, in the background.
    scene.change_words(&server, "second").await?;
    let rendered = last(&admin, &scene.id, "configuration.rendered").await?;
    let cause = &rendered["cause"];
    let event = &cause["event"];
    assert_eq!(cause["sentence"], "template \"words\": configuration changed");
    assert_eq!((&cause["kind"], &cause["name"]), (&json!("TEMPLATE"), &json!("words")));
    assert_eq!(cause["objectId"], json!(scene.template));
    assert_eq!((&event["type"], &event["actor"]), (&json!("template.contents_changed"), actor));
    let id = event["eventId"].as_str().unwrap_or_default();
    assert_eq!(rendered["causation"], format!("event:{id}"));
    assert_eq!(rendered["actor"], "system:render_configurations");
    assert!(rendered["correlationId"].is_string(), "{rendered}");
    assert_eq!(rendered["correlationId"], event["correlationId"], "one request, one story");

    // A cause of a cause: the template became required, so the list changed, so there is another archive.
    let query = "mutation ($input: CreateTemplateInput!) { createTemplate(input: $input) { template { id } } }";
    let config = json!({ "files": [{ "path": "/etc/second", "mode": "0644", "contents": "x\n" }] });
    let input = json!({ "organizationId": ALPHA, "name": "needed", "config": config });
    let made = admin.graphql_data(query, json!({ "input": input })).await?;
    let input = json!({ "id": made["createTemplate"]["template"]["id"], "required": true });
    admin.graphql_data(CHANGE_TEMPLATE, json!({ "input": input })).await?;
    let mut rendered = Value::Null;
    patience("the archive of the new list is there", async || {
        rendered = last(&admin, &scene.id, "configuration.rendered").await?;
        Ok(rendered["cause"]["event"]["type"] == "configuration.templates_changed")
    })
    .await?;
    let because = &rendered["cause"]["event"]["cause"];
    assert_eq!(because["kind"], "TEMPLATE");
    let sentence = because["sentence"].as_str().unwrap_or_default();
    assert!(sentence.starts_with("template \"needed\": "), "{sentence}");
    Ok(())
}

async fn an_operation_is_the_cause_of_what_it_does(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    let scene = Scene::new(&server).await?;
    let start = "mutation ($input: StartBulkOperationInput!) { startBulkOperation(input: $input) { job { id } } }";
    let input = json!({
        "clientMutationId": "place", "selection": { "ids": [scene.id] },
        "operation": { "mergeVariables": { "place": "valley" } },
    });
    let data = admin.graphql_data(start, json!({ "input": input })).await?;
    let job = &data["startBulkOperation"]["job"]["id"];
    let mut changed = Value::Null;
    patience("the variables are others", async || {
        changed = last(&admin, &scene.id, "configuration.rendered").await?;
        Ok(changed["cause"]["event"]["cause"]["kind"] == "OPERATION")
    })
    .await?;
    let because = &changed["cause"]["event"]["cause"];
    assert_eq!(because["sentence"], "operation on many devices: merge variables");
    assert_eq!(because["operation"]["id"], *job);
    let own = last(&admin, &scene.id, "configuration.variables_changed").await?;
    let expected = json!({
        "sentence": "operation on many devices: merge variables", "kind": "OPERATION",
        "objectId": job, "name": null, "operation": { "id": job }, "event": null,
    });
    assert_eq!(own["cause"], expected);
    Ok(())
}

async fn causes_of_others_are_not_told(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let (admin, manager) = (server.admin(), server.client().with_token(ALPHA_MANAGER));
    let scene = Scene::new(&server).await?;
    // An operation on devices of both organizations is nobody's but its starter's.
    let beta = crate::device(&admin, BETA, 1).await?;
    let start = "mutation ($input: StartBulkOperationInput!) { startBulkOperation(input: $input) { job { id } } }";
    let input = json!({
        "clientMutationId": "both", "selection": { "ids": [scene.id, beta] },
        "operation": { "mergeVariables": { "place": "valley" } },
    });
    admin.graphql_data(start, json!({ "input": input })).await?;
    let mut changed = Value::Null;
    patience("the variables are others", async || {
        changed = last(&manager, &scene.id, "configuration.variables_changed").await?;
        Ok(changed["causation"].as_str().is_some_and(|cause| cause.starts_with("job:")))
    })
    .await?;
    assert_eq!(changed["cause"], Value::Null);

    // A shared template is everybody's to read.
    let shared = "mutation ($input: CreateTemplateInput!) { createTemplate(input: $input) { template { id } } }";
    let config = json!({ "files": [{ "path": "/etc/all", "mode": "0644", "contents": "x\n" }] });
    let input = json!({ "name": "for all", "config": config, "required": true });
    admin.graphql_data(shared, json!({ "input": input })).await?;
    patience("the list is another", async || {
        changed = last(&manager, &scene.id, "configuration.templates_changed").await?;
        Ok(changed["cause"]["name"] == "for all")
    })
    .await?;

    // Whoever gets a device by a move is not told of what the old organization did to its own things.
    let words = json!({ "id": scene.template, "config": word("third") });
    admin.graphql_data(CHANGE_TEMPLATE, json!({ "input": words })).await?;
    let told = last(&manager, &scene.id, "configuration.rendered").await?;
    assert!(told["cause"].is_object(), "{told}");
    scene.change(&admin, json!({ "organizationId": BETA })).await?;
    let beta_manager =
        "mutation ($input: CreateUserInput!) { createUser(input: $input) { position } }";
    let input = json!({ "username": "b", "password": "b-has-this-Password1", "roles": ["OPERATOR"], "memberships": [{ "organizationId": BETA, "manager": true }] });
    wisptrail_tests::note_secret("b-has-this-Password1");
    admin.graphql_data(beta_manager, json!({ "input": input })).await?;
    let log_in =
        "mutation { logIn(username: \"b\", password: \"b-has-this-Password1\") { token } }";
    let data = server.client().graphql_data(log_in, json!({})).await?;
    let token = data["logIn"]["token"].as_str().unwrap_or_default().to_owned();
    wisptrail_tests::note_secret(&token);
    let data =
        server.client().with_token(&token).graphql_data(HISTORY, json!({ "id": scene.id })).await?;
    let nodes = data["device"]["history"]["nodes"].as_array().cloned().unwrap_or_default();
    assert!(!nodes.is_empty());
    for node in nodes {
        assert_ne!(node["cause"]["kind"], "TEMPLATE", "{node}");
        assert_ne!(node["cause"]["kind"], "OPERATION", "{node}");
    }
    Ok(())
}
