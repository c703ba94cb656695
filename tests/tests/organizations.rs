//! Organizations that are not served, and such that are removed.

use std::sync::Arc;

use anyhow::Context;
use reqwest::Method;
use serde_json::{Value, json};
use wisptrail_tests::{
    Client, Database, Device, Server, Start, on_each_database, patience, register, secret_of,
};

on_each_database!(
    nobody_but_superusers_works_with_an_inactive_organization,
    a_removed_organization_is_gone_at_once_and_its_devices_follow,
    graphql_says_first_what_goes,
);

const ALPHA: &str = "aaaaaaaa-0000-4000-8000-000000000001";
const BETA: &str = "bbbbbbbb-0000-4000-8000-000000000002";
const MANAGER: &str = "0000000000000000000000000000000000000mgr";
const OPERATOR: &str = "0000000000000000000000000000000000000opr";
const GROUPS: &str = "/api/v1/controller/group/";
const TEMPLATES: &str = "/api/v1/controller/template/";
const DEVICES: &str = "/api/v1/controller/device/";

async fn nobody_but_superusers_works_with_an_inactive_organization(
    database: Database,
) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    let (one, both) = (server.client().with_token(OPERATOR), server.client().with_token(MANAGER));
    let agent = server.client();
    let device = register(&agent, &secret_of("alpha")?, "ap-1", "02:00:00:00:00:01").await?;
    agent.get(&device.checksum_path()).await?.expect(200)?;
    let objects = objects(&admin, ALPHA).await?;
    let mut paths: Vec<String> = objects;
    let id = device.dashed();
    paths.push(format!("{DEVICES}{id}/"));
    paths.push(format!("{DEVICES}{id}/configuration/"));
    let organization = format!("/api/v1/users/organization/{ALPHA}/");
    let limits = format!("/api/v1/controller/organization/{ALPHA}/limits/");
    paths.extend([organization.clone(), limits]);
    for path in &paths {
        for client in [&one, &both] {
            client.get(path).await?.expect(200)?;
        }
    }
    // One of them manages beta, too.
    let people = admin.get("/api/v1/users/user/?page_size=100").await?.expect(200)?;
    let people = people.json().context("JSON")?;
    let find = |name: &str| {
        let people = people["results"].as_array()?;
        people.iter().find(|user| user["username"] == name)?["id"].as_str().map(str::to_owned)
    };
    let manager = find("alpha-manager").context("the manager")?;
    let member = format!("/api/v1/users/user/{}/", find("alpha-member").context("the member")?);
    let joins = json!({ "organization_users": { "organization": BETA, "is_admin": true } });
    let path = format!("/api/v1/users/user/{manager}/");
    admin.json(Method::PATCH, &path, &joins).await?.expect(200)?;
    paths.push(member);

    admin.json(Method::PATCH, &organization, &json!({ "is_active": false })).await?.expect(200)?;

    for path in &paths {
        one.get(path).await?.expect(403)?;
        both.get(path).await?.expect(404)?;
        let changes = !path.ends_with("/configuration/") && !path.ends_with("/limits/");
        if changes {
            one.json(Method::PATCH, path, &json!({})).await?.expect(403)?;
            both.json(Method::PATCH, path, &json!({})).await?.expect(404)?;
        }
        let deletes = changes && *path != organization;
        if deletes {
            one.send(one.request(Method::DELETE, path)).await?.expect(403)?;
            both.send(both.request(Method::DELETE, path)).await?.expect(404)?;
        }
        admin.get(path).await?.expect(200)?;
    }
    for act in ["deactivate", "activate"] {
        let path = format!("{DEVICES}{id}/{act}/");
        one.json(Method::POST, &path, &json!({})).await?.expect(403)?;
        both.json(Method::POST, &path, &json!({})).await?.expect(404)?;
    }
    for list in [DEVICES, GROUPS, "/api/v1/users/user/", "/api/v1/users/organization/"] {
        one.get(list).await?.expect(403)?;
        let shown = both.get(list).await?.expect(200)?.text();
        // Their own account, and that it belongs there, they know.
        let hidden = ["ap-1", "alpha-member", "\"Alpha\"", &device.key];
        assert!(!hidden.iter().any(|hidden| shown.contains(hidden)), "{list}: {shown}");
    }
    for (list, new) in news(ALPHA) {
        one.json(Method::POST, list, &new).await?.expect(403)?;
        both.json(Method::POST, list, &new).await?.expect(400)?;
        admin.json(Method::POST, list, &new).await?.expect(201)?;
    }
    let filter = format!("{DEVICES}?organization={ALPHA}");
    both.get(&filter).await?.expect(400)?;
    over_graphql(&both, &id).await?;
    for path in every_agent_path(&device) {
        agent.get(&path).await?.expect(404)?;
    }
    for path in ["update-info", "report-status"] {
        let form = [("key", device.key.as_str()), ("status", "applied")];
        let path = format!("/controller/{path}/{}/", device.id);
        agent.post_form(&path, &form).await?.expect(404)?;
    }
    for mac in ["02:00:00:00:00:01", "02:00:00:00:00:09"] {
        let registered = register(&agent, &secret_of("alpha")?, "ap-9", mac).await;
        assert!(registered.is_err(), "nothing registers: {registered:?}");
    }

    // And back again.
    admin.json(Method::PATCH, &organization, &json!({ "is_active": true })).await?.expect(200)?;
    agent.get(&device.checksum_path()).await?.expect(200)?;
    one.get(&format!("{DEVICES}{id}/")).await?.expect(200)?;
    both.get(&format!("{DEVICES}{id}/")).await?.expect(200)?;
    Ok(())
}

async fn a_removed_organization_is_gone_at_once_and_its_devices_follow(
    database: Database,
) -> anyhow::Result<()> {
    const FLEET: usize = 40;
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let (admin, agent) = (server.admin(), server.client());
    let mut devices = Vec::new();
    for number in 0..FLEET {
        let mac = format!("02:00:00:00:01:{number:02X}");
        let name = format!("ap-{number}");
        devices.push(register(&agent, &secret_of("alpha")?, &name, &mac).await?);
    }
    let objects = objects(&admin, ALPHA).await?;
    let kept = register(&agent, &secret_of("beta")?, "kept", "02:00:00:00:00:02").await?;
    let path = format!("/api/v1/users/organization/{ALPHA}/");
    let manager = server.client().with_token(MANAGER);
    manager.send(manager.request(Method::DELETE, &path)).await?.expect(403)?;
    let foreign = format!("/api/v1/users/organization/{BETA}/");
    manager.send(manager.request(Method::DELETE, &foreign)).await?.expect(403)?;

    let gone = admin.send(admin.request(Method::DELETE, &path)).await?.expect(204)?;
    assert!(gone.body.is_empty());
    // The program dies while it removes what is left.
    let home = Arc::clone(server.home());
    server.kill().await?;
    let server = Server::start_in(home, Start::default()).await?;
    let (admin, agent) = (server.client().with_token(ADMIN), server.client());
    for _ in 0..2 {
        admin.get(&path).await?.expect(404)?;
        admin.send(admin.request(Method::DELETE, &path)).await?.expect(404)?;
        for path in every_agent_path(&devices[0]) {
            agent.get(&path).await?.expect(404)?;
        }
        let again = register(&agent, &secret_of("alpha")?, "new", "02:00:00:00:00:07").await;
        assert!(again.is_err(), "{again:?}");
        let new = json!({ "name": "n", "organization": ALPHA, "templates": [] });
        admin.json(Method::POST, GROUPS, &new).await?.expect(400)?;
        patience("everything of the organization is gone", async || {
            let devices = admin.get(DEVICES).await?.expect(200)?.json().context("JSON")?;
            let mut left = devices["count"] != 1;
            for path in &objects {
                left |= admin.get(path).await?.status != 404;
            }
            Ok(!left)
        })
        .await?;
    }
    agent.get(&kept.checksum_path()).await?.expect(200)?;
    // The account stays and reaches nothing any more.
    let manager = server.client().with_token(MANAGER);
    manager.get(DEVICES).await?.expect(403)?;
    // Its slug is free.
    let again = json!({ "name": "Alpha", "slug": "alpha" });
    admin.json(Method::POST, "/api/v1/users/organization/", &again).await?.expect(201)?;
    Ok(())
}

async fn graphql_says_first_what_goes(database: Database) -> anyhow::Result<()> {
    const REMOVE: &str =
        "mutation ($input: RemoveOrganizationInput!) { removeOrganization(input: $input) {
        id dryRun removes { devices templates deviceGroups memberships } } }";
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    register(&server.client(), &secret_of("alpha")?, "ap", "02:00:00:00:00:01").await?;
    objects(&admin, ALPHA).await?;
    let contents = json!({ "devices": 1, "templates": 1, "deviceGroups": 1, "memberships": 4 });
    let input = json!({ "input": { "id": ALPHA, "dryRun": true } });
    for _ in 0..2 {
        let data = admin.graphql_data(REMOVE, input.clone()).await?;
        let expected = json!({ "id": ALPHA, "dryRun": true, "removes": contents });
        assert_eq!(data["removeOrganization"], expected);
    }
    let manager = server.client().with_token(MANAGER);
    for (id, dry_run) in [(ALPHA, true), (ALPHA, false), (BETA, true), (BETA, false)] {
        let input = json!({ "input": { "id": id, "dryRun": dry_run } });
        let answer = manager.graphql(REMOVE, input).await?;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN", "{answer}");
    }
    let input = json!({ "input": { "id": ALPHA, "clientMutationId": "once" } });
    let data = admin.graphql_data(REMOVE, input.clone()).await?;
    let expected = json!({ "id": ALPHA, "dryRun": false, "removes": contents });
    assert_eq!(data["removeOrganization"], expected);
    let data = admin.graphql_data(REMOVE, input).await?;
    assert_eq!(data["removeOrganization"]["removes"], Value::Null, "the same request");
    let input = json!({ "input": { "id": ALPHA } });
    let answer = admin.graphql(REMOVE, input).await?;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "NOT_FOUND", "{answer}");
    Ok(())
}

const ADMIN: &str = wisptrail_tests::ADMIN_TOKEN;

/// A template and a group of an organization, by their paths.
async fn objects(admin: &Client, organization: &str) -> anyhow::Result<Vec<String>> {
    let mut paths = Vec::new();
    for (list, name) in [(GROUPS, "one"), (TEMPLATES, "one")] {
        let new = json!({ "name": name, "organization": organization, "templates": [],
            "backend": "netjsonconfig.OpenWrt", "config": { "general": { "timezone": "UTC" } } });
        let made = admin.json(Method::POST, list, &new).await?.expect(201)?;
        let made = made.json().context("JSON")?;
        paths.push(format!("{list}{}/", made["id"].as_str().context("an id")?));
    }
    Ok(paths)
}

fn news(organization: &str) -> [(&'static str, Value); 3] {
    let name = "another";
    [
        (GROUPS, json!({ "name": name, "organization": organization, "templates": [] })),
        (
            TEMPLATES,
            json!({ "name": name, "organization": organization,
                "backend": "netjsonconfig.OpenWrt", "config": { "general": { "timezone": "UTC" } } }),
        ),
        (
            DEVICES,
            json!({ "name": name, "organization": organization,
                "mac_address": "02:00:00:00:00:08", "config": null }),
        ),
    ]
}

fn every_agent_path(device: &Device) -> [String; 2] {
    [device.checksum_path(), device.download_path()]
}

async fn over_graphql(both: &Client, device: &str) -> anyhow::Result<()> {
    let lists = "query ($id: ID!) { devices { totalCount } deviceGroups { totalCount }
        organizations { nodes { slug } } node(id: $id) { id } }";
    let data = both.graphql_data(lists, json!({ "id": device })).await?;
    let expected = json!({ "devices": { "totalCount": 0 }, "deviceGroups": { "totalCount": 0 },
        "organizations": { "nodes": [{ "slug": "beta" }] }, "node": null });
    assert_eq!(data, expected);
    for mutation in [
        "mutation ($id: ID!) { changeDevice(input: { id: $id, notes: \"x\" }) { position } }",
        "mutation ($id: ID!) { deactivateDevice(input: { id: $id }) { position } }",
        "mutation ($id: ID!) { removeDevice(input: { id: $id, force: true }) { position } }",
    ] {
        let answer = both.graphql(mutation, json!({ "id": device })).await?;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "NOT_FOUND", "{mutation}: {answer}");
    }
    let made = "mutation { createDeviceGroup(input: { organizationId: \"aaaaaaaa-0000-4000-8000-000000000001\", name: \"x\" }) { position } }";
    let answer = both.graphql(made, json!({})).await?;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "INVALID", "{answer}");
    Ok(())
}
