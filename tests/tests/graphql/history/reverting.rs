//! How moments differ, and the way back.

use anyhow::Context as _;
use serde_json::{Value, json};
use wisptrail_tests::{Database, Server, Start, on_each_database};

use super::{Scene, word};
use crate::{ALPHA, code};

on_each_database!(a_device_goes_back, what_is_gone_is_told, what_was_not_there_yet_is_told);

const REVERT: &str = "mutation ($input: RevertDeviceInput!) { revertDevice(input: $input) {
    position stale restored
    device { name group { name } configuration { variables config templates { name } } }
    gone { kind id name }
    files { files { path } cut }
    stillDifferent { reason field object { kind id name } files { path added removed } }
} }";

/// Configurations are not taken away again: then all of its files are what differs.
async fn what_was_not_there_yet_is_told(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    let make = "mutation ($input: CreateDeviceInput!) { createDevice(input: $input) { device { id configuration { status } } position } }";
    let input =
        json!({ "organizationId": ALPHA, "name": "bare", "macAddress": "02:00:00:00:0B:01" });
    let data = admin.graphql_data(make, json!({ "input": input })).await?;
    let (id, then) = (&data["createDevice"]["device"]["id"], &data["createDevice"]["position"]);
    assert!(data["createDevice"]["device"]["configuration"].is_null(), "{data}");
    let change = json!({ "input": { "id": id, "configuration": { "config": word("own") } } });
    admin.graphql_data(super::CHANGE_DEVICE, change).await?;

    let input = json!({ "input": { "id": id, "to": { "position": then } } });
    let data = admin.graphql_data(REVERT, input).await?;
    let back = &data["revertDevice"];
    assert!(back["device"]["configuration"].is_object(), "{back}");
    let paths = back["files"]["files"].as_array().context("files")?;
    assert!(paths.iter().any(|file| file["path"] == "etc/word"), "{back}");
    let reason =
        json!({ "reason": "DEVICE", "field": "configuration", "object": null, "files": null });
    assert_eq!(back["stillDifferent"], json!([reason]));
    Ok(())
}

async fn a_device_goes_back(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    let scene = Scene::new(&server).await?;
    let then = scene.newest(&admin).await?;
    scene.change_words(&server, "second").await?;
    scene
        .change(
            &admin,
            json!({ "groupId": null, "configuration": {
                "templateIds": [], "variables": { "own": "no" }, "config": word("own"),
            } }),
        )
        .await?;

    let diff = "query ($id: ID!, $from: Moment!, $to: Moment) { deviceDiff(id: $id, from: $from, to: $to) {
        from to
        fields { field before after }
        templatesAdded { id name }
        templatesRemoved { id organizationId name default required }
        shared { object { kind id name } fields }
        files { cut files { path change modeBefore modeAfter unified addedLines removedLines cut opaqueBefore { size } opaqueAfter { sha256 } } }
    } }";
    let from = json!({ "position": then["position"] });
    let data = admin.graphql_data(diff, json!({ "id": scene.id, "from": from })).await?;
    let found = &data["deviceDiff"];
    assert_eq!(found["from"], then["position"]);
    let field = |name: &str| {
        let fields = found["fields"].as_array()?;
        fields.iter().find(|change| change["field"] == name).cloned()
    };
    let expected =
        json!({ "field": "variables", "before": { "own": "yes" }, "after": { "own": "no" } });
    assert_eq!(field("variables"), Some(expected));
    let expected = json!({ "field": "group", "before": scene.group, "after": null });
    assert_eq!(field("group"), Some(expected));
    assert_eq!(field("name"), None, "what is the same is left out");
    assert_eq!(found["templatesAdded"], json!([]));
    assert_eq!(found["templatesRemoved"][0]["id"], scene.template.as_str());
    let files = found["files"]["files"].as_array().context("a list")?;
    let file = files.iter().find(|file| file["path"] == "etc/word").context("the file")?;
    assert_eq!((&file["change"], &file["cut"]), (&json!("CHANGED"), &json!(false)));
    let unified = file["unified"].as_str().context("a text")?;
    assert!(unified.contains("\n-first\n") && unified.contains("\n+own\n"), "{unified}");
    assert_eq!(file["modeBefore"], "0644");

    // Shared contents that changed are named as such.
    let back = admin
        .graphql_data(
            REVERT,
            json!({ "input": { "id": scene.id, "to": from, "clientMutationId": "back" } }),
        )
        .await?;
    let back = &back["revertDevice"];
    let mut restored: Vec<&str> =
        back["restored"].as_array().context("a list")?.iter().filter_map(Value::as_str).collect();
    restored.sort_unstable();
    assert_eq!(restored, ["config", "group", "templates", "variables"]);
    assert_eq!((&back["gone"], &back["stale"]), (&json!([]), &json!(false)));
    let expected = json!({
        "name": "ap-then", "group": { "name": "masts" },
        "configuration": {
            "variables": { "own": "yes" }, "config": { "general": { "timezone": "UTC" } },
            "templates": [{ "name": "words" }],
        },
    });
    assert_eq!(back["device"], expected);
    let expected = json!([{
        "reason": "CHANGED", "field": null,
        "object": { "kind": "TEMPLATE", "id": scene.template, "name": "words" },
        "files": [{ "path": "etc/word", "added": 1, "removed": 1 }],
    }]);
    assert_eq!(back["stillDifferent"], expected);
    assert_eq!(back["files"], json!({ "files": [{ "path": "etc/word" }], "cut": false }));

    // A repetition has no second effect, also when something came in between.
    scene.change(&admin, json!({ "configuration": { "variables": { "own": "later" } } })).await?;
    let again = admin
        .graphql_data(
            REVERT,
            json!({ "input": { "id": scene.id, "to": from, "clientMutationId": "back" } }),
        )
        .await?;
    let again = &again["revertDevice"];
    assert_eq!(again["position"], back["position"]);
    assert_eq!(again["device"]["configuration"]["variables"], json!({ "own": "later" }));
    assert!(again["restored"].is_null() && again["gone"].is_null());

    let data = admin.graphql_data(diff, json!({ "id": scene.id, "from": from })).await?;
    let shared = json!([{ "object": { "kind": "TEMPLATE", "id": scene.template, "name": "words" }, "fields": ["config"] }]);
    assert_eq!(data["deviceDiff"]["shared"], shared);
    let same = json!({ "id": scene.id, "from": from, "to": from });
    let data = admin.graphql_data(diff, same).await?;
    assert_eq!(data["deviceDiff"]["fields"], json!([]));
    assert_eq!(data["deviceDiff"]["files"], json!({ "cut": false, "files": [] }));
    Ok(())
}

async fn what_is_gone_is_told(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    let scene = Scene::new(&server).await?;
    let then = scene.newest(&admin).await?;
    scene
        .change(&admin, json!({ "groupId": null, "configuration": { "templateIds": [] } }))
        .await?;
    for (mutation, id) in [
        (
            "mutation ($input: RemoveDeviceGroupInput!) { removeDeviceGroup(input: $input) { id } }",
            &scene.group,
        ),
        (
            "mutation ($input: RemoveTemplateInput!) { removeTemplate(input: $input) { id } }",
            &scene.template,
        ),
    ] {
        admin.graphql_data(mutation, json!({ "input": { "id": id } })).await?;
    }
    let input = json!({ "input": { "id": scene.id, "to": { "time": then["at"] } } });
    let back = admin.graphql_data(REVERT, input.clone()).await?;
    let gone = json!([
        { "kind": "DEVICE_GROUP", "id": scene.group, "name": "masts" },
        { "kind": "TEMPLATE", "id": scene.template, "name": "words" },
    ]);
    assert_eq!(back["revertDevice"]["gone"], gone);
    assert_eq!(back["revertDevice"]["restored"], json!([]));

    let deactivate = "mutation ($id: ID!) { deactivateDevice(input: { id: $id }) { position } }";
    admin.graphql_data(deactivate, json!({ "id": scene.id })).await?;
    assert_eq!(code(&admin.graphql(REVERT, input).await?), "REFUSED");
    Ok(())
}
