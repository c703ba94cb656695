//! Whose the past is: that of a device that moved belongs to those who had it then.

use anyhow::Context as _;
use serde_json::{Value, json};
use wisptrail_tests::{Client, Database, Fixture, Server, Start, on_each_database};

use super::Scene;
use crate::{ALPHA, ALPHA_MANAGER, BETA, code};

on_each_database!(
    each_organization_sees_its_own_time,
    a_template_that_moves_leaves_its_past_behind,
    others_and_nobody_see_no_past,
);

const BETA_MANAGER: &str = "0000000000000000000000000000000000000bmg";

/// The fixture and somebody who manages Beta.
fn with_beta_manager(folder: &tempfile::TempDir) -> anyhow::Result<Start> {
    let own = Fixture::own()?;
    let mut document: Value = serde_json::from_slice(&std::fs::read(&own.path)?)?;
    let users = document["users"].as_array_mut().context("users")?;
    let mut user = users
        .iter()
        .find(|user| user["token"] == ALPHA_MANAGER)
        .cloned()
        .context("the manager of Alpha")?;
    user["username"] = json!("beta-manager");
    user["email"] = json!("beta-manager@example.org");
    user["token"] = json!(BETA_MANAGER);
    user["memberships"] = json!([{ "organization": "beta", "is_admin": true }]);
    users.push(user);
    let path = folder.path().join("fixture.json");
    std::fs::write(&path, serde_json::to_vec(&document)?)?;
    Ok(Start { fixture: Some(Fixture::read(&path)?), ..Start::default() })
}

const DEVICE: &str = "query ($id: ID!, $at: Moment) { device(id: $id, at: $at) { name organization { slug } group { name } configuration { templates { name } } } }";
const ARCHIVE: &str =
    "query ($id: ID!, $at: Moment) { deviceConfigurationArchive(id: $id, at: $at) { md5 } }";
const DIFF: &str = "query ($id: ID!, $at: Moment!, $to: Moment) { deviceDiff(id: $id, from: $at, to: $to) { from to } }";
const REVERT: &str =
    "mutation ($id: ID!, $at: Moment!) { revertDevice(input: { id: $id, to: $at }) { position } }";
const HISTORY: &str = "query ($id: ID!) { history(objectId: $id, first: 100) { nodes { position type organizationId sentence } } }";

async fn each_organization_sees_its_own_time(database: Database) -> anyhow::Result<()> {
    let folder = tempfile::TempDir::new()?;
    let server = Server::start(&database, with_beta_manager(&folder)?).await?;
    let (admin, client) = (server.admin(), server.client());
    let (alpha, beta) = (client.with_token(ALPHA_MANAGER), client.with_token(BETA_MANAGER));
    let scene = Scene::new(&server).await?;
    let before = scene.newest(&admin).await?["position"].clone();
    scene.change(&admin, json!({ "organizationId": BETA })).await?;
    scene.change(&admin, json!({ "name": "ap-beta" })).await?;
    let after = scene.newest(&admin).await?["position"].clone();
    let (before, after) = (json!({ "position": before }), json!({ "position": after }));

    let found = async |client: &Client, query: &str, at: &Value, to: &Value| {
        let mut variables = json!({ "id": scene.id, "at": at });
        if query == DIFF {
            variables["to"] = to.clone();
        }
        let answer = client.graphql(query, variables).await?;
        anyhow::ensure!(
            answer.get("errors").is_none() || code(&answer) == "NOT_FOUND",
            "{query}: {answer}"
        );
        anyhow::Ok(answer.get("errors").is_none())
    };
    let none = Value::Null;
    for query in [DEVICE, ARCHIVE] {
        assert!(found(&alpha, query, &before, &none).await?, "Alpha's own time: {query}");
        assert!(!found(&alpha, query, &after, &none).await?, "after it left: {query}");
        assert!(!found(&alpha, query, &none, &none).await?, "now: {query}");
        assert!(!found(&beta, query, &before, &none).await?, "before it came: {query}");
        assert!(found(&beta, query, &after, &none).await?, "Beta's own time: {query}");
        assert!(found(&beta, query, &none, &none).await?, "now: {query}");
    }
    assert!(found(&alpha, DIFF, &before, &before).await?);
    assert!(found(&beta, DIFF, &after, &none).await?);
    for client in [&alpha, &beta] {
        assert!(!found(client, DIFF, &before, &after).await?, "one end is the other's");
        assert!(!found(client, DIFF, &after, &before).await?, "one end is the other's");
        assert!(!found(client, REVERT, &before, &none).await?);
    }
    assert!(!found(&alpha, REVERT, &after, &none).await?);
    assert!(found(&beta, REVERT, &after, &none).await?);

    let seen = alpha.graphql_data(DEVICE, json!({ "id": scene.id, "at": before })).await?;
    let expected = json!({
        "name": "ap-then", "organization": { "slug": "alpha" }, "group": { "name": "masts" },
        "configuration": { "templates": [{ "name": "words" }] },
    });
    assert_eq!(seen["device"], expected);

    let path = format!("/api/v1/controller/device/{}/configuration/?at=", scene.id);
    for (client, at, status) in
        [(&alpha, &before, 200), (&alpha, &after, 404), (&beta, &before, 404), (&beta, &after, 200)]
    {
        client.get(&format!("{path}{}", at["position"])).await?.expect(status)?;
    }

    // Each sees its own events, and the two together are all.
    let mut together = 0;
    for (client, organization) in [(&alpha, ALPHA), (&beta, BETA)] {
        let data = client.graphql_data(HISTORY, json!({ "id": scene.id })).await?;
        let nodes = data["history"]["nodes"].as_array().context("a list")?;
        assert!(!nodes.is_empty());
        assert!(nodes.iter().all(|node| node["organizationId"] == organization), "{nodes:?}");
        together += nodes.len();
        if organization == BETA {
            let moved = nodes.iter().find(|node| node["type"] == "device.moved");
            let sentence = moved.context("the move")?["sentence"].as_str().context("a text")?;
            assert!(!sentence.to_lowercase().contains("alpha"), "{sentence}");
        }
    }
    let data = admin.graphql_data(HISTORY, json!({ "id": scene.id })).await?;
    assert_eq!(data["history"]["nodes"].as_array().map(Vec::len), Some(together));
    let field =
        "query ($id: ID!) { device(id: $id) { history(first: 100) { nodes { organizationId } } } }";
    let data = beta.graphql_data(field, json!({ "id": scene.id })).await?;
    let nodes = data["device"]["history"]["nodes"].as_array().context("a list")?;
    assert!(nodes.iter().all(|node| node["organizationId"] == BETA), "{nodes:?}");
    Ok(())
}

async fn a_template_that_moves_leaves_its_past_behind(database: Database) -> anyhow::Result<()> {
    let folder = tempfile::TempDir::new()?;
    let server = Server::start(&database, with_beta_manager(&folder)?).await?;
    let (admin, client) = (server.admin(), server.client());
    let (alpha, beta) = (client.with_token(ALPHA_MANAGER), client.with_token(BETA_MANAGER));
    let make = "mutation ($input: CreateTemplateInput!) { createTemplate(input: $input) { template { id } } }";
    let input =
        json!({ "organizationId": ALPHA, "name": "alpha-plan", "config": super::word("a") });
    let data = admin.graphql_data(make, json!({ "input": input })).await?;
    let id = data["createTemplate"]["template"]["id"].as_str().context("an id")?.to_owned();
    let rename = async |name: &str| {
        let change = json!({ "input": { "id": id, "name": name } });
        admin.graphql_data(super::CHANGE_TEMPLATE, change).await
    };
    let give = async |owner: Value| {
        let change = json!({ "input": { "id": id, "organizationId": owner } });
        admin.graphql_data(super::CHANGE_TEMPLATE, change).await
    };
    let told = async |client: &Client| {
        let answer = client.graphql(HISTORY, json!({ "id": id })).await?;
        let nodes = answer["data"]["history"]["nodes"].as_array().cloned().unwrap_or_default();
        let owner = |node: &Value| node["organizationId"].as_str().unwrap_or("shared").to_owned();
        anyhow::Ok((nodes.iter().map(owner).collect::<Vec<_>>(), answer.to_string()))
    };
    rename("alpha-plan-2").await?;
    give(json!(BETA)).await?;
    rename("beta-plan").await?;

    let (owners, text) = told(&beta).await?;
    assert!(owners.len() >= 2 && owners.iter().all(|owner| owner == BETA), "{text}");
    // The name came along, what it was called before did not.
    assert!(!text.contains("alpha-plan\\\"") && !text.contains(ALPHA), "{text}");
    let (owners, text) = told(&alpha).await?;
    assert_eq!(owners, [ALPHA, ALPHA], "its own time: {text}");
    assert!(!text.contains("beta-plan"), "{text}");

    give(Value::Null).await?;
    rename("everybodys-plan").await?;
    let (owners, text) = told(&alpha).await?;
    assert!(
        owners.iter().any(|owner| owner == "shared") && !owners.contains(&BETA.to_owned()),
        "{text}"
    );
    assert!(text.contains("everybodys-plan") && !text.contains(BETA), "{text}");
    let (owners, text) = told(&beta).await?;
    assert!(
        owners.iter().any(|owner| owner == "shared") && !owners.contains(&ALPHA.to_owned()),
        "{text}"
    );
    let all = told(&admin).await?.0;
    assert_eq!(all.iter().filter(|owner| *owner == ALPHA).count(), 2);
    Ok(())
}

async fn others_and_nobody_see_no_past(database: Database) -> anyhow::Result<()> {
    let folder = tempfile::TempDir::new()?;
    let server = Server::start(&database, with_beta_manager(&folder)?).await?;
    let client = server.client();
    let beta = client.with_token(BETA_MANAGER);
    let scene = Scene::new(&server).await?;
    let at = json!({ "position": scene.newest(&server.admin()).await?["position"] });
    let template = "query ($id: ID!, $at: Moment) { template(id: $id, at: $at) { name } }";
    let group = "query ($id: ID!, $at: Moment) { deviceGroup(id: $id, at: $at) { name } }";
    let organization =
        "query ($id: ID!, $at: Moment) { organization(id: $id) { variables(at: $at) } }";
    for (query, id) in [
        (DEVICE, &*scene.id),
        (ARCHIVE, &scene.id),
        (DIFF, &scene.id),
        (REVERT, &scene.id),
        (template, &scene.template),
        (group, &scene.group),
        (organization, ALPHA),
    ] {
        let variables = json!({ "id": id, "at": at });
        let answer = beta.graphql(query, variables.clone()).await?;
        assert_eq!(code(&answer), "NOT_FOUND", "{query}: {answer}");
        let answer = client.graphql(query, variables).await?;
        assert_eq!(code(&answer), "UNAUTHENTICATED", "{query}: {answer}");
    }
    let viewer = server.admin().graphql_data("{ viewer { actor } }", json!({})).await?;
    let actor = viewer["viewer"]["actor"].as_str().context("an actor")?;
    let admin = actor.strip_prefix("user:").context("an account")?;
    for id in [&*scene.id, &scene.template, &scene.group, ALPHA, admin] {
        let answer = beta.graphql(HISTORY, json!({ "id": id })).await?;
        assert_eq!(code(&answer), "NOT_FOUND", "{id}: {answer}");
        let answer = client.graphql(HISTORY, json!({ "id": id })).await?;
        assert_eq!(code(&answer), "UNAUTHENTICATED", "{id}: {answer}");
    }
    Ok(())
}
