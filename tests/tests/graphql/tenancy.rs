//! What another organization owns does not exist.

use serde_json::json;
use wisptrail_tests::{Database, Server, Start, on_bounded_database, on_each_database};

use crate::{ALPHA, ALPHA_MANAGER, BETA, code, device};

on_each_database!(others_see_nothing_and_change_nothing, nobody_sees_nothing,);
on_bounded_database!(others_see_nothing_and_change_nothing, nobody_sees_nothing);

async fn others_see_nothing_and_change_nothing(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    let (own, foreign) = (device(&admin, ALPHA, 1).await?, device(&admin, BETA, 2).await?);
    let group = "mutation ($input: CreateDeviceGroupInput!) { createDeviceGroup(input: $input) { deviceGroup { id } } }";
    let input = json!({ "organizationId": BETA, "name": "theirs" });
    let data = admin.graphql_data(group, json!({ "input": input })).await?;
    let foreign_group = data["createDeviceGroup"]["deviceGroup"]["id"].clone();
    let template = "mutation ($input: CreateTemplateInput!) { createTemplate(input: $input) { template { id } } }";
    let config = json!({ "general": { "timezone": "UTC" } });
    let input = json!({ "organizationId": BETA, "name": "theirs", "config": config });
    let data = admin.graphql_data(template, json!({ "input": input })).await?;
    let foreign_template = data["createTemplate"]["template"]["id"].clone();

    let manager = server.client().with_token(ALPHA_MANAGER);
    let lists = "{
        devices { totalCount nodes { id organization { slug } } }
        deviceGroups { totalCount }
        organizations { nodes { slug } }
        beta: devices(filter: { organizationIds: [\"bbbbbbbb-0000-4000-8000-000000000002\"] }) { totalCount }
    }";
    let data = manager.graphql_data(lists, json!({})).await?;
    let expected = json!({
        "devices": { "totalCount": 1, "nodes": [{ "id": own, "organization": { "slug": "alpha" } }] },
        "deviceGroups": { "totalCount": 0 },
        "organizations": { "nodes": [{ "slug": "alpha" }] },
        "beta": { "totalCount": 0 },
    });
    assert_eq!(data, expected);

    for id in [json!(foreign), foreign_group.clone(), foreign_template.clone(), json!(BETA)] {
        let query = "query ($id: ID!) { node(id: $id) { id } }";
        assert!(manager.graphql_data(query, json!({ "id": id })).await?["node"].is_null());
    }
    for (query, id) in [
        ("query ($id: ID!) { device(id: $id) { id } }", json!(foreign)),
        ("query ($id: ID!) { deviceGroup(id: $id) { id } }", foreign_group.clone()),
        ("query ($id: ID!) { template(id: $id) { id } }", foreign_template.clone()),
        ("query ($id: ID!) { organization(id: $id) { id } }", json!(BETA)),
        (
            "mutation ($id: ID!) { changeDevice(input: { id: $id, notes: \"mine\" }) { position } }",
            json!(foreign),
        ),
        ("mutation ($id: ID!) { activateDevice(input: { id: $id }) { position } }", json!(foreign)),
        (
            "mutation ($id: ID!) { deactivateDevice(input: { id: $id }) { position } }",
            json!(foreign),
        ),
        (
            "mutation ($id: ID!) { removeDevice(input: { id: $id, force: true }) { position } }",
            json!(foreign),
        ),
        (
            "mutation ($id: ID!) { changeDeviceGroup(input: { id: $id, name: \"mine\" }) { position } }",
            foreign_group.clone(),
        ),
        (
            "mutation ($id: ID!) { removeDeviceGroup(input: { id: $id }) { position } }",
            foreign_group.clone(),
        ),
        (
            "mutation ($id: ID!) { changeTemplate(input: { id: $id, name: \"mine\" }) { position } }",
            foreign_template.clone(),
        ),
        (
            "mutation ($id: ID!) { removeTemplate(input: { id: $id }) { position } }",
            foreign_template.clone(),
        ),
        (
            "mutation ($id: ID!) { changeOrganization(input: { id: $id, name: \"mine\" }) { position } }",
            json!(BETA),
        ),
    ] {
        let answer = manager.graphql(query, json!({ "id": id })).await?;
        assert_eq!(code(&answer), "NOT_FOUND", "{query}: {answer}");
    }
    // References to others are as unknown as invented ones.
    for (mutation, input) in [
        (
            "mutation ($input: CreateDeviceInput!) { createDevice(input: $input) { position } }",
            json!({ "organizationId": BETA, "name": "x", "macAddress": "02:00:00:00:00:09" }),
        ),
        (
            "mutation ($input: ChangeDeviceInput!) { changeDevice(input: $input) { position } }",
            json!({ "id": own, "groupId": foreign_group }),
        ),
        (
            "mutation ($input: ChangeDeviceInput!) { changeDevice(input: $input) { position } }",
            json!({ "id": own, "configuration": { "templateIds": [foreign_template] } }),
        ),
        (
            "mutation ($input: ChangeDeviceInput!) { changeDevice(input: $input) { position } }",
            json!({ "id": own, "organizationId": BETA }),
        ),
        (
            "mutation ($input: CreateDeviceGroupInput!) { createDeviceGroup(input: $input) { position } }",
            json!({ "organizationId": BETA, "name": "x" }),
        ),
        (
            "mutation ($input: CreateTemplateInput!) { createTemplate(input: $input) { position } }",
            json!({ "organizationId": BETA, "name": "x", "config": config }),
        ),
    ] {
        let answer = manager.graphql(mutation, json!({ "input": input })).await?;
        assert_eq!(code(&answer), "INVALID", "{mutation}: {answer}");
    }
    let create =
        "mutation { createOrganization(input: { name: \"x\", slug: \"x\" }) { position } }";
    assert_eq!(code(&manager.graphql(create, json!({})).await?), "FORBIDDEN");
    Ok(())
}

async fn nobody_sees_nothing(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let strangers =
        [server.client(), server.client().with_token("ffffffffffffffffffffffffffffffffffffffff")];
    for stranger in &strangers {
        for query in [
            "{ devices { totalCount } }",
            "{ viewer { actor } }",
            "{ node(id: \"aaaaaaaa-0000-4000-8000-000000000001\") { id } }",
            "mutation { createOrganization(input: { name: \"x\", slug: \"x\" }) { position } }",
            "{ refusedRequests { count } }",
        ] {
            let answer = stranger.graphql(query, json!({})).await?;
            assert_eq!(code(&answer), "UNAUTHENTICATED", "{query}: {answer}");
        }
        let answer = stranger.graphql("{ __schema { types { name } } }", json!({})).await?;
        assert!(answer["data"]["__schema"].is_null(), "{answer}");
    }
    Ok(())
}
