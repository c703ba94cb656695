//! Changes that reach many devices, tried out and then made.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde_json::{Value, json};
use wisptrail_tests::{Client, Database, Server, Start, note_secret, on_each_database, patience};

use crate::{
    ALPHA, ALPHA_MANAGER, BETA, code, device,
    history::{fields, word},
};

on_each_database!(
    a_dry_run_is_what_happens_afterwards,
    devices_that_fail_are_told_with_their_reasons,
    a_dry_run_is_refused_as_the_change_is,
);

pub(crate) const DRY_RUN: &str =
    "query ($change: DryRunChange!, $at: Position) { dryRun(change: $change, minPosition: $at) {
    position exact considered changed failed unchanged furtherDiffs
    changedDevices { id name md5 }
    failedDevices { id reason already device { name } }
    diffs { count example diff { files { path change unified } } }
} }";

/// The same that mutations answer with.
const MUTATIONS: [(&str, &str); 6] = [
    ("createTemplate", "CreateTemplateInput"),
    ("changeTemplate", "ChangeTemplateInput"),
    ("removeTemplate", "RemoveTemplateInput"),
    ("changeDeviceGroup", "ChangeDeviceGroupInput"),
    ("removeDeviceGroup", "RemoveDeviceGroupInput"),
    ("changeOrganization", "ChangeOrganizationInput"),
];

fn mutation(name: &str) -> anyhow::Result<String> {
    let (_, input) = MUTATIONS.iter().find(|(known, _)| *known == name).context("a mutation")?;
    Ok(format!("mutation ($input: {input}!) {{ {name}(input: $input) {{ position }} }}"))
}

/// What devices download, by their ids.
pub(crate) async fn checksums(client: &Client) -> anyhow::Result<BTreeMap<String, Value>> {
    let query =
        "{ devices(first: 100) { nodes { id configuration { archive { md5 } failure } } } }";
    let data = client.graphql_data(query, json!({})).await?;
    let nodes = data["devices"]["nodes"].as_array().context("devices")?.iter();
    nodes
        .map(|node| {
            let id = node["id"].as_str().context("an id")?;
            Ok((id.to_owned(), node["configuration"]["archive"]["md5"].clone()))
        })
        .collect()
}

/// A dry run while nothing else is written.
pub(crate) async fn exact(client: &Client, change: Value) -> anyhow::Result<Value> {
    let mut run = Value::Null;
    patience("nothing is written meanwhile", async || {
        let mut data = client.graphql_data(DRY_RUN, json!({ "change": change })).await?;
        run = data["dryRun"].take();
        Ok(run["exact"] == true)
    })
    .await?;
    Ok(run)
}

/// Is what devices download now what a dry run foretold?
pub(crate) fn agrees(
    before: &BTreeMap<String, Value>,
    run: &Value,
    after: &BTreeMap<String, Value>,
) -> anyhow::Result<bool> {
    let mut foretold = before.clone();
    for changed in run["changedDevices"].as_array().context("devices")? {
        let id = changed["id"].as_str().context("an id")?;
        foretold.insert(id.to_owned(), changed["md5"].clone());
    }
    Ok(foretold == *after)
}

struct Scene {
    template: Value,
    group: Value,
    devices: Vec<String>,
}

/// Four devices of Alpha with a template, two of them in a group, and one of Beta.
async fn scene(server: &Server) -> anyhow::Result<Scene> {
    let admin = server.admin();
    let data = admin
        .graphql_data(
            "mutation ($template: CreateTemplateInput!, $group: CreateDeviceGroupInput!) {
                createTemplate(input: $template) { template { id } }
                createDeviceGroup(input: $group) { deviceGroup { id } }
            }",
            json!({
                "template": { "organizationId": ALPHA, "name": "words", "config": word("first"), "defaultValues": { "place": "plain" } },
                "group": { "organizationId": ALPHA, "name": "masts", "variables": { "place": "hill" } },
            }),
        )
        .await?;
    let template = data["createTemplate"]["template"]["id"].clone();
    let group = data["createDeviceGroup"]["deviceGroup"]["id"].clone();
    let mut devices = Vec::new();
    for number in 1..5 {
        let id = device(&admin, ALPHA, number).await?;
        let mut input = json!({ "id": id, "configuration": { "templateIds": [template] } });
        if number > 2 {
            input["groupId"] = group.clone();
        }
        admin.graphql_data(crate::history::CHANGE_DEVICE, json!({ "input": input })).await?;
        devices.push(id);
    }
    device(&admin, BETA, 9).await?;
    Ok(Scene { template, group, devices })
}

async fn a_dry_run_is_what_happens_afterwards(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    let Scene { template, group, .. } = scene(&server).await?;
    // How many devices change, and in how many ways.
    for (name, input, changed, ways) in [
        ("changeTemplate", json!({ "id": template, "config": word("second") }), 4, 2),
        ("changeTemplate", json!({ "id": template, "notes": "of no effect" }), 0, 0),
        ("changeDeviceGroup", json!({ "id": group, "variables": { "place": "tower" } }), 2, 1),
        ("changeOrganization", json!({ "id": ALPHA, "variables": { "place": "city" } }), 2, 1),
        ("changeOrganization", json!({ "id": ALPHA, "description": "of no effect" }), 0, 0),
        ("removeDeviceGroup", json!({ "id": group }), 2, 1),
        (
            "createTemplate",
            json!({ "organizationId": ALPHA, "name": "all", "required": true, "config":
                { "files": [{ "path": "/etc/all", "mode": "0644", "contents": "all\n" }] } }),
            4,
            1,
        ),
        ("removeTemplate", json!({ "id": template }), 4, 1),
    ] {
        let before = checksums(&admin).await?;
        let run = exact(&admin, json!({ name: input })).await?;
        assert_eq!(run["changed"], changed, "{name}: {run}");
        assert_eq!((&run["failed"], &run["furtherDiffs"]), (&json!(0), &json!(0)));
        let counted = ["changed", "failed", "unchanged"].map(|part| run[part].as_u64());
        assert_eq!(
            counted.into_iter().flatten().sum::<u64>(),
            run["considered"].as_u64().context("a number")?
        );
        let diffs = run["diffs"].as_array().context("differences")?;
        assert_eq!(diffs.len(), ways, "{name}: {run}");
        let seen: u64 = diffs.iter().filter_map(|diff| diff["count"].as_u64()).sum();
        assert_eq!(json!(seen), run["changed"]);
        assert_eq!(checksums(&admin).await?, before, "nothing happened");

        // The next event is the change's own: the dry run stored none.
        let data = admin.graphql_data(&mutation(name)?, json!({ "input": input })).await?;
        let position = data[name]["position"].as_i64().context("a position")?;
        if changed > 0 {
            assert!(position > run["position"].as_i64().context("a position")?);
        }
        patience(&format!("devices have what was foretold for {name}"), async || {
            agrees(&before, &run, &checksums(&admin).await?)
        })
        .await?;
    }
    Ok(())
}

async fn devices_that_fail_are_told_with_their_reasons(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    let Scene { template, devices, .. } = scene(&server).await?;
    let breakable =
        json!({ "files": [{ "path": "/etc/word", "mode": "{{ mode }}", "contents": "x\n" }] });
    let input =
        json!({ "id": devices[0], "configuration": { "variables": { "mode": "nonsense" } } });
    admin.graphql_data(crate::history::CHANGE_DEVICE, json!({ "input": input })).await?;
    let change =
        json!({ "id": template, "config": breakable, "defaultValues": { "mode": "0600" } });
    let run = exact(&admin, json!({ "changeTemplate": change })).await?;
    assert_eq!((&run["changed"], &run["failed"]), (&json!(3), &json!(1)), "{run}");
    let failed = &run["failedDevices"][0];
    assert_eq!(failed["id"], json!(devices[0]));
    assert_eq!(failed["device"]["name"], "ap-001");
    assert_eq!(failed["already"], false);

    let before = checksums(&admin).await?;
    admin.graphql_data(&mutation("changeTemplate")?, json!({ "input": change })).await?;
    patience("devices have what was foretold", async || {
        agrees(&before, &run, &checksums(&admin).await?)
    })
    .await?;
    let query = "query ($id: ID!) { device(id: $id) { configuration { failure } } }";
    patience("the device has failed", async || {
        let data = admin.graphql_data(query, json!({ "id": devices[0] })).await?;
        Ok(data["device"]["configuration"]["failure"] == failed["reason"])
    })
    .await?;
    // It fails from now on, whatever the notes of the template are.
    let change = json!({ "id": template, "defaultValues": { "mode": "0640" } });
    let run = exact(&admin, json!({ "changeTemplate": change })).await?;
    assert_eq!((&run["changed"], &run["failedDevices"][0]["already"]), (&json!(3), &json!(true)));
    Ok(())
}

async fn a_dry_run_is_refused_as_the_change_is(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let (admin, nobody) = (server.admin(), server.client());
    let manager = nobody.with_token(ALPHA_MANAGER);
    let Scene { template, group, .. } = scene(&server).await?;
    let make = json!({ "organizationId": BETA, "name": "theirs", "config": word("theirs"), "defaultValues": { "place": "sea" } });
    let query = "mutation ($input: CreateTemplateInput!) { createTemplate(input: $input) { template { id } } }";
    let data = admin.graphql_data(query, json!({ "input": make })).await?;
    let theirs = data["createTemplate"]["template"]["id"].clone();
    let make = json!({ "organizationId": BETA, "name": "theirs" });
    let query = "mutation ($input: CreateDeviceGroupInput!) { createDeviceGroup(input: $input) { deviceGroup { id } } }";
    let data = admin.graphql_data(query, json!({ "input": make })).await?;
    let their_group = data["createDeviceGroup"]["deviceGroup"]["id"].clone();

    for (name, input, expected) in [
        (
            "createTemplate",
            json!({ "organizationId": BETA, "name": "x", "config": word("x") }),
            "INVALID",
        ),
        ("createTemplate", json!({ "name": "x", "config": word("x") }), ""),
        (
            "createTemplate",
            json!({ "organizationId": ALPHA, "name": "x", "config": {} }),
            "REFUSED",
        ),
        ("changeTemplate", json!({ "id": theirs, "config": word("mine") }), "NOT_FOUND"),
        ("changeTemplate", json!({ "id": template, "backend": "nope" }), "INVALID"),
        ("changeTemplate", json!({ "id": "nope" }), "INVALID"),
        ("removeTemplate", json!({ "id": theirs }), "NOT_FOUND"),
        ("changeDeviceGroup", json!({ "id": their_group, "variables": {} }), "NOT_FOUND"),
        ("changeDeviceGroup", json!({ "id": group, "templateIds": [theirs] }), ""),
        ("removeDeviceGroup", json!({ "id": their_group }), "NOT_FOUND"),
        ("changeOrganization", json!({ "id": BETA, "variables": {} }), "NOT_FOUND"),
    ] {
        let run = manager.graphql(DRY_RUN, json!({ "change": { name: input } })).await?;
        let real = manager.graphql(&mutation(name)?, json!({ "input": input })).await?;
        assert!(!code(&real).is_empty(), "{name} {input}: {real}");
        if !expected.is_empty() {
            assert_eq!(code(&run), expected, "{name} {input}: {run}");
        }
        assert_eq!(code(&run), code(&real), "{name} {input}: {run} {real}");
        assert_eq!(fields(&run), fields(&real), "{name} {input}: {run} {real}");
        let unknown = nobody.graphql(DRY_RUN, json!({ "change": { name: input } })).await?;
        assert_eq!(code(&unknown), "UNAUTHENTICATED", "{unknown}");
    }
    // Whoever sees devices and does not change them is not told what would be if they did.
    let make = "mutation { createToken(input: { name: \"looks\", permissions: [\"view_device\"] }) { secret } }";
    let data = manager.graphql_data(make, json!({})).await?;
    let secret = data["createToken"]["secret"].as_str().context("a token")?;
    note_secret(secret);
    let looks = nobody.with_token(secret);
    let input = json!({ "selection": { "filter": {} }, "operation": { "setActive": false },
        "clientMutationId": "looks" });
    let start = "mutation ($input: StartBulkOperationInput!) { startBulkOperation(input: $input) { job { id } } }";
    let change = json!({ "change": { "startBulkOperation": input } });
    let refused = looks.graphql(start, json!({ "input": input })).await?;
    assert_eq!(code(&refused), "FORBIDDEN", "{refused}");
    let refused = looks.graphql(DRY_RUN, change).await?;
    assert_eq!(code(&refused), "FORBIDDEN", "{refused}");
    let ahead = json!({ "change": { "removeTemplate": { "id": template } }, "at": i64::MAX });
    let older = admin.graphql(DRY_RUN, ahead).await?;
    assert_eq!(older["extensions"], json!({ "stale": true }), "{older}");
    assert!(older["data"]["dryRun"].is_object(), "{older}");
    // One change at a time, and not five of them in one request.
    let both =
        json!({ "removeTemplate": { "id": template }, "removeDeviceGroup": { "id": group } });
    let refused = admin.graphql(DRY_RUN, json!({ "change": both })).await?;
    assert!(refused["data"]["dryRun"].is_null() && refused["errors"].is_array(), "{refused}");
    let one = |number: u32| {
        format!(
            "n{number}: dryRun(change: {{ removeTemplate: {{ id: {template} }} }}) {{ changed }}"
        )
    };
    let five = (0..5).map(one).collect::<Vec<_>>().join(" ");
    let refused = admin.graphql(&format!("{{ {five} }}"), json!({})).await?;
    assert!(
        refused["errors"][0]["message"].as_str().context("a message")?.contains("complex"),
        "{refused}"
    );
    Ok(())
}
