//! Objects as they were, and what happened to them.

use anyhow::Context as _;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use wisptrail_tests::{Database, Server, Start, on_each_database};

use super::{CHANGE_GROUP, CHANGE_TEMPLATE, Scene, fields};
use crate::{ALPHA, code};

on_each_database!(
    a_device_is_had_back_as_it_was,
    histories_tell_what_happened,
    templates_groups_and_organizations_have_a_past,
);

const SHOWN: &str = "
    id name macAddress hardwareId model os system notes active createdAt modifiedAt
    organization { slug }
    group { id name description variables metaData createdAt modifiedAt templates { id } organization { id } }
    configuration {
        backend status config variables errorReason failure createdAt modifiedAt
        templates { id name backend config defaultValues tags default required shared notes createdAt modifiedAt organization { id } }
        archive { md5 sha256 size inputsPosition renderer }
    }
";

async fn a_device_is_had_back_as_it_was(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    let scene = Scene::new(&server).await?;
    let now = format!("query ($id: ID!) {{ device(id: $id) {{ {SHOWN} shownAt }} }}");
    let then = format!(
        "query ($id: ID!, $at: Moment) {{ device(id: $id, at: $at) {{ {SHOWN} shownAt presence {{ lastIp }} explanation }} }}"
    );

    // Every moment with how the device was and what its agent got.
    let mut kept: Vec<(Value, Value, Vec<u8>)> = Vec::new();
    let mut keep = async || {
        let archive = scene.download(&server).await?;
        let shown = admin.graphql_data(&now, json!({ "id": scene.id })).await?;
        kept.push((scene.newest(&admin).await?, shown["device"].clone(), archive));
        anyhow::Ok(())
    };
    keep().await?;
    scene
        .change(
            &admin,
            json!({ "name": "ap-now", "notes": "moved", "macAddress": "02:00:00:00:0A:02" }),
        )
        .await?;
    keep().await?;
    scene.change_words(&server, "second").await?;
    keep().await?;
    scene
        .change(
            &admin,
            json!({ "groupId": null, "configuration": { "templateIds": [], "variables": {} } }),
        )
        .await?;
    keep().await?;
    let archives: Vec<&Vec<u8>> = kept.iter().map(|(.., archive)| archive).collect();
    assert_ne!(archives[1], archives[2], "the template made another archive");
    assert_ne!(archives[2], archives[3], "without template it is another archive");

    // Nothing of this must be needed any more.
    for (mutation, input) in [
        (
            "mutation ($input: RemoveDeviceInput!) { removeDevice(input: $input) { id } }",
            json!({ "id": scene.id, "force": true }),
        ),
        (
            "mutation ($input: RemoveDeviceGroupInput!) { removeDeviceGroup(input: $input) { id } }",
            json!({ "id": scene.group }),
        ),
        (
            "mutation ($input: RemoveTemplateInput!) { removeTemplate(input: $input) { id } }",
            json!({ "id": scene.template }),
        ),
    ] {
        admin.graphql_data(mutation, json!({ "input": input })).await?;
    }
    let gone = admin.graphql(&now, json!({ "id": scene.id })).await?;
    assert_eq!(code(&gone), "NOT_FOUND");

    let path = format!("/api/v1/controller/device/{}/configuration/", scene.id);
    for (event, shown, archive) in &kept {
        for at in [json!({ "position": event["position"] }), json!({ "time": event["at"] })] {
            let variables = json!({ "id": scene.id, "at": at });
            let data = admin.graphql_data(&then, variables.clone()).await?;
            let mut expected = shown.clone();
            expected["shownAt"] = event["position"].clone();
            expected["presence"] = Value::Null;
            expected["explanation"] = Value::Null;
            assert_eq!(data["device"], expected, "{at}");

            let query = "query ($id: ID!, $at: Moment) { deviceConfigurationArchive(id: $id, at: $at) { md5 sha256 size inputsPosition base64 } }";
            let mut data = admin.graphql_data(query, variables).await?;
            let mut found = data["deviceConfigurationArchive"].take();
            let bytes = BASE64_STANDARD.decode(found["base64"].take().as_str().context("text")?)?;
            assert_eq!(&bytes, archive, "what the agent got at {at}");
            let named = &shown["configuration"]["archive"];
            for field in ["md5", "sha256", "size", "inputsPosition"] {
                assert_eq!(found[field], named[field], "{field} at {at}");
            }
        }
        for at in
            [event["position"].to_string(), event["at"].as_str().context("a time")?.to_owned()]
        {
            let answer = admin.get(&format!("{path}?at={at}")).await?.expect(200)?;
            assert_eq!(&answer.body, archive, "what the agent got at {at}");
        }
    }
    for at in ["", "nonsense", "-1", "99999999999999999999", "999999999999", "2999-01-01T00:00:00Z"]
    {
        let answer = admin.get(&format!("{path}?at={at}")).await?.expect(400)?;
        assert!(answer.json().context("JSON")?["at"].is_array(), "{at}: {}", answer.text());
    }
    admin.get(&format!("{path}?at=0")).await?.expect(404)?;

    for (field, query) in [
        ("key", "query ($id: ID!, $at: Moment) { device(id: $id, at: $at) { key } }"),
        (
            "devices",
            "query ($id: ID!, $at: Moment) { device(id: $id, at: $at) { group { devices { totalCount } } } }",
        ),
        (
            "devices",
            "query ($id: ID!, $at: Moment) { device(id: $id, at: $at) { configuration { templates { devices { totalCount } } } } }",
        ),
    ] {
        let at = json!({ "position": kept[0].0["position"] });
        let answer = admin.graphql(query, json!({ "id": scene.id, "at": at })).await?;
        assert_eq!((code(&answer), fields(&answer)), ("INVALID", vec![field]), "{answer}");
    }
    Ok(())
}

async fn histories_tell_what_happened(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    let scene = Scene::new(&server).await?;
    scene.change(&admin, json!({ "name": "ap-now" })).await?;
    scene.change_words(&server, "second").await?;

    let query = "query ($id: ID!, $first: Int, $after: String, $before: String) {
        device(id: $id) { history(first: $first, after: $after, before: $before) {
            pageInfo { hasNextPage hasPreviousPage endCursor }
            edges { cursor }
            nodes { position eventId type at actor correlationId causation organizationId sentence changed }
        } }
        viewer { actor }
    }";
    let all = admin.graphql_data(query, json!({ "id": scene.id, "first": 100 })).await?;
    let (list, actor) = (&all["device"]["history"], &all["viewer"]["actor"]);
    let nodes = list["nodes"].as_array().context("a list")?;
    let positions: Vec<i64> = nodes.iter().filter_map(|node| node["position"].as_i64()).collect();
    assert_eq!(positions.len(), nodes.len());
    assert!(positions.is_sorted_by(|newer, older| newer > older), "{positions:?}");
    let cursors: Vec<String> = positions.iter().map(ToString::to_string).collect();
    let edges = list["edges"].as_array().context("a list")?;
    assert!(edges.iter().zip(&cursors).all(|(edge, cursor)| edge["cursor"] == **cursor));
    let of = |kind: &str| nodes.iter().find(|node| node["type"] == kind).context(kind.to_owned());

    let registered = of("device.registered")?;
    assert_eq!(registered["actor"], format!("agent:{ALPHA}"));
    assert_eq!(registered["organizationId"], ALPHA);
    let changed = registered["changed"].as_array().context("a list")?;
    assert!(changed.contains(&json!("macAddress")), "{registered}");
    let renamed = of("device.renamed")?;
    assert_eq!(renamed["sentence"], "renamed from \"ap-then\" to \"ap-now\"");
    assert_eq!(renamed["changed"], json!(["name"]));
    assert_eq!(&renamed["actor"], actor);
    assert!(renamed["correlationId"].is_string(), "{renamed}");
    assert_eq!(of("device.group_changed")?["sentence"], "group set to \"masts\"");
    let rendered = nodes.first().context("one")?;
    assert_eq!(rendered["type"], "configuration.rendered");
    assert_eq!(rendered["actor"], "system:render_configurations");

    // Pages put together are the whole.
    let mut after = Value::Null;
    let mut paged = Vec::new();
    loop {
        let variables = json!({ "id": scene.id, "first": 2, "after": after });
        let data = admin.graphql_data(query, variables).await?;
        let page = &data["device"]["history"];
        assert_eq!(page["pageInfo"]["hasPreviousPage"], !after.is_null());
        paged.extend(page["nodes"].as_array().context("a list")?.clone());
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    assert_eq!(&paged, nodes);
    let variables = json!({ "id": scene.id, "before": cursors[1] });
    let newer = admin.graphql_data(query, variables).await?;
    assert_eq!(newer["device"]["history"]["nodes"], json!([nodes[0]]));

    // A device of the past knows nothing of what came later.
    let then = "query ($id: ID!, $at: Moment) { device(id: $id, at: $at) { name history(first: 100) { nodes { position } } } }";
    let at = json!({ "position": registered["position"] });
    let data = admin.graphql_data(then, json!({ "id": scene.id, "at": at })).await?;
    let known = data["device"]["history"]["nodes"].as_array().context("a list")?;
    assert_eq!(known.first(), Some(&json!({ "position": registered["position"] })));

    for (field, wrong) in [
        ("first", json!({ "first": -1 })),
        ("after", json!({ "after": "nonsense" })),
        ("before", json!({ "before": "-1" })),
    ] {
        let mut variables = wrong;
        variables["id"] = json!(scene.id);
        let answer = admin.graphql(query, variables).await?;
        assert_eq!((code(&answer), fields(&answer)), ("INVALID", vec![field]), "{answer}");
    }
    Ok(())
}

async fn templates_groups_and_organizations_have_a_past(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    let scene = Scene::new(&server).await?;
    let ids = json!({ "template": scene.template, "group": scene.group, "organization": ALPHA });
    let query = "query ($template: ID!, $group: ID!, $organization: ID!, $at: Moment) {
        template(id: $template, at: $at) { id name config notes organization { id } modifiedAt }
        deviceGroup(id: $group, at: $at) { id name variables templates { name } modifiedAt }
        organization(id: $organization) { variables(at: $at) }
    }";
    let before = admin.graphql_data(query, ids.clone()).await?;
    let then = scene.newest(&admin).await?;
    let organization = "mutation ($input: ChangeOrganizationInput!) { changeOrganization(input: $input) { position } }";
    for (mutation, input) in [
        (CHANGE_TEMPLATE, json!({ "id": scene.template, "name": "other words", "notes": "new" })),
        (
            CHANGE_GROUP,
            json!({ "id": scene.group, "name": "poles", "variables": { "place": "valley" } }),
        ),
        (organization, json!({ "id": ALPHA, "variables": { "country": "x" } })),
    ] {
        admin.graphql_data(mutation, json!({ "input": input })).await?;
    }
    assert_ne!(admin.graphql_data(query, ids.clone()).await?, before);
    for at in [json!({ "position": then["position"] }), json!({ "time": then["at"] })] {
        let mut variables = ids.clone();
        variables["at"] = at;
        assert_eq!(admin.graphql_data(query, variables).await?, before);
    }

    let histories = "query ($template: ID!, $group: ID!, $organization: ID!) {
        template(id: $template) { history { nodes { type sentence } } }
        deviceGroup(id: $group) { history { nodes { type sentence } } }
        organization(id: $organization) { history { nodes { type } } }
    }";
    let data = admin.graphql_data(histories, ids).await?;
    let sentence = |list: &Value, kind: &str| {
        let nodes = list["history"]["nodes"].as_array()?;
        let node = nodes.iter().find(|node| node["type"] == kind)?;
        Some(node["sentence"].as_str().unwrap_or_default().to_owned())
    };
    let renamed = sentence(&data["template"], "template.renamed");
    assert_eq!(renamed.as_deref(), Some("renamed from \"words\" to \"other words\""));
    let renamed = sentence(&data["deviceGroup"], "device_group.renamed");
    assert_eq!(renamed.as_deref(), Some("renamed from \"masts\" to \"poles\""));
    assert!(sentence(&data["organization"], "organization.variables_changed").is_some(), "{data}");

    // What was removed keeps its history.
    let remove =
        "mutation ($input: RemoveDeviceGroupInput!) { removeDeviceGroup(input: $input) { id } }";
    scene.change(&admin, json!({ "groupId": null })).await?;
    admin.graphql_data(remove, json!({ "input": { "id": scene.group } })).await?;
    let history = "query ($id: ID!) { history(objectId: $id, first: 1) { nodes { type } } }";
    let data = admin.graphql_data(history, json!({ "id": scene.group })).await?;
    assert_eq!(data["history"]["nodes"], json!([{ "type": "device_group.removed" }]));
    let unknown =
        admin.graphql(history, json!({ "id": "0198aaaa-0000-7000-8000-00000000dead" })).await?;
    assert_eq!(code(&unknown), "NOT_FOUND");
    let viewer = admin.graphql_data("{ viewer { actor } }", json!({})).await?;
    let user = viewer["viewer"]["actor"].as_str().and_then(|actor| actor.strip_prefix("user:"));
    let data = admin.graphql_data(history, json!({ "id": user.context("an account")? })).await?;
    assert!(
        data["history"]["nodes"][0]["type"].as_str().is_some_and(|kind| kind.starts_with("user."))
    );
    Ok(())
}
