//! Changing things, once.

use anyhow::Context;
use serde_json::{Value, json};
use wisptrail_tests::{Database, Server, Start, note_secret, on_each_database};

use crate::{ALPHA, code, device};

on_each_database!(
    a_whole_life_over_graphql,
    a_repeated_request_is_one_thing,
    the_same_request_at_once_is_one_thing,
    refusals_name_the_input_and_what_to_do,
    a_password_becomes_a_token,
);

async fn a_whole_life_over_graphql(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    note_secret("a-secret-of-the-new-one");
    let data = admin
        .graphql_data(
            "mutation ($input: CreateOrganizationInput!) { createOrganization(input: $input) { organization { id slug deviceLimit sharedSecret } position stale } }",
            json!({ "input": { "name": "New", "slug": "new", "deviceLimit": 3, "sharedSecret": "a-secret-of-the-new-one", "variables": { "word": "organization" } } }),
        )
        .await?;
    let made = &data["createOrganization"];
    assert_eq!(made["organization"]["deviceLimit"], 3);
    assert_eq!(made["organization"]["sharedSecret"], "a-secret-of-the-new-one");
    assert_eq!(made["stale"], false);
    let organization = made["organization"]["id"].clone();

    let config =
        json!({ "files": [{ "path": "/etc/word", "mode": "0644", "contents": "{{ word }}\n" }] });
    let data = admin
        .graphql_data(
            "mutation ($input: CreateTemplateInput!) { createTemplate(input: $input) { template { id required organization { slug } } } }",
            json!({ "input": { "organizationId": organization, "name": "word", "config": config, "required": true, "tags": ["words"] } }),
        )
        .await?;
    assert_eq!(data["createTemplate"]["template"]["required"], true);
    let template = data["createTemplate"]["template"]["id"].clone();

    let data = admin
        .graphql_data(
            "mutation ($input: CreateDeviceGroupInput!) { createDeviceGroup(input: $input) { deviceGroup { id variables } } }",
            json!({ "input": { "organizationId": organization, "name": "masts", "variables": { "word": "group" } } }),
        )
        .await?;
    let group = data["createDeviceGroup"]["deviceGroup"]["id"].clone();

    let id = device(&admin, organization.as_str().context("an id")?, 1).await?;
    let read = "query ($id: ID!, $at: Position) { device(id: $id, minPosition: $at) {
        name managementIp: presence { managementIp } group { name } configuration { status config variables templates { id } archive { md5 inputsPosition } }
    } }";
    let before = admin.graphql_data(read, json!({ "id": id })).await?;
    let configuration = &before["device"]["configuration"];
    assert_eq!(
        configuration["templates"],
        json!([{ "id": template }]),
        "required ones come by themselves"
    );

    let changed = admin
        .graphql_data(
            "mutation ($input: ChangeDeviceInput!) { changeDevice(input: $input) { position device { name } } }",
            json!({ "input": {
                "id": id, "name": "mast", "groupId": group, "managementIp": "10.9.0.1",
                "configuration": { "config": { "general": { "timezone": "UTC" } }, "variables": { "own": "1" } },
            } }),
        )
        .await?;
    let position = &changed["changeDevice"]["position"];
    let after = admin.graphql_data(read, json!({ "id": id, "at": position })).await?;
    let device = &after["device"];
    assert_eq!(device["name"], "mast");
    assert_eq!(device["group"]["name"], "masts");
    assert_eq!(device["managementIp"]["managementIp"], "10.9.0.1");
    assert_eq!(device["configuration"]["config"], json!({ "general": { "timezone": "UTC" } }));
    assert_ne!(device["configuration"]["archive"]["md5"], configuration["archive"]["md5"]);

    // Left out stays, null takes away.
    let change = "mutation ($input: ChangeDeviceInput!) { changeDevice(input: $input) { device { group { name } presence { managementIp } } } }";
    let data = admin.graphql_data(change, json!({ "input": { "id": id, "notes": "x" } })).await?;
    assert_eq!(data["changeDevice"]["device"]["group"]["name"], "masts");
    let nulls = json!({ "input": { "id": id, "groupId": null, "managementIp": null } });
    let data = admin.graphql_data(change, nulls).await?;
    let expected = json!({ "group": null, "presence": { "managementIp": null } });
    assert_eq!(data["changeDevice"]["device"], expected);

    for (mutation, input) in [
        (
            "mutation ($input: ChangeTemplateInput!) { changeTemplate(input: $input) { template { notes } } }",
            json!({ "id": template, "notes": "n", "required": false, "default": false }),
        ),
        (
            "mutation ($input: ChangeDeviceGroupInput!) { changeDeviceGroup(input: $input) { deviceGroup { description } } }",
            json!({ "id": group, "description": "d" }),
        ),
        (
            "mutation ($input: ChangeOrganizationInput!) { changeOrganization(input: $input) { organization { deviceLimit } } }",
            json!({ "id": organization, "deviceLimit": null }),
        ),
        (
            "mutation ($input: DeviceIdInput!) { deactivateDevice(input: $input) { device { active } } }",
            json!({ "id": id }),
        ),
        (
            "mutation ($input: DeviceIdInput!) { activateDevice(input: $input) { device { active } } }",
            json!({ "id": id }),
        ),
        (
            "mutation ($input: RemoveDeviceInput!) { removeDevice(input: $input) { id position } }",
            json!({ "id": id, "force": true }),
        ),
        (
            "mutation ($input: RemoveDeviceGroupInput!) { removeDeviceGroup(input: $input) { id } }",
            json!({ "id": group }),
        ),
        (
            "mutation ($input: RemoveTemplateInput!) { removeTemplate(input: $input) { id } }",
            json!({ "id": template }),
        ),
    ] {
        admin.graphql_data(mutation, json!({ "input": input })).await?;
    }
    assert_eq!(code(&admin.graphql(read, json!({ "id": id })).await?), "NOT_FOUND");
    Ok(())
}

async fn a_repeated_request_is_one_thing(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    let create = "mutation ($input: CreateDeviceInput!) { createDevice(input: $input) { device { id } position } }";
    let id = "0198aaaa-0000-7000-8000-000000000001";
    let input = json!({ "id": id, "organizationId": ALPHA, "name": "one", "macAddress": "02:00:00:00:00:01" });
    let first = admin.graphql_data(create, json!({ "input": input })).await?;
    let again = admin.graphql_data(create, json!({ "input": input })).await?;
    assert_eq!(first, again);
    assert_eq!(first["createDevice"]["device"]["id"], id);
    let mut other = input.clone();
    other["name"] = json!("two");
    assert_eq!(code(&admin.graphql(create, json!({ "input": other })).await?), "REFUSED");

    // A second deactivation would be refused; a repeated first one is not.
    let deactivate = "mutation ($input: DeviceIdInput!) { deactivateDevice(input: $input) { position device { active } } }";
    let input = json!({ "input": { "id": id, "clientMutationId": "c1" } });
    let first = admin.graphql_data(deactivate, input.clone()).await?;
    assert_eq!(admin.graphql_data(deactivate, input).await?, first);
    let activate =
        "mutation ($input: DeviceIdInput!) { activateDevice(input: $input) { position } }";
    admin.graphql_data(activate, json!({ "input": { "id": id } })).await?;
    let unkeyed = json!({ "input": { "id": id } });
    assert_eq!(code(&admin.graphql(activate, unkeyed).await?), "REFUSED");
    let same_key = json!({ "input": { "id": id, "clientMutationId": "c1" } });
    let refused = admin.graphql(activate, same_key).await?;
    assert_eq!(code(&refused), "REFUSED");
    assert!(refused["errors"][0]["extensions"]["fields"]["clientMutationId"].is_array());

    // Nothing to do the first time is nothing done ever.
    let change = "mutation ($input: ChangeDeviceInput!) { changeDevice(input: $input) { position device { name } } }";
    let named = |name: &str, key: &str| json!({ "input": { "id": id, "name": name, "clientMutationId": key } });
    let nothing = admin.graphql_data(change, named("one", "as it is")).await?;
    admin.graphql_data(change, named("two", "another name")).await?;
    let late = admin.graphql_data(change, named("one", "as it is")).await?;
    assert_eq!(late["changeDevice"]["device"]["name"], "two");
    assert_eq!(late["changeDevice"]["position"], nothing["changeDevice"]["position"]);
    Ok(())
}

/// Whose connection breaks asks again while the first request is still under way.
async fn the_same_request_at_once_is_one_thing(database: Database) -> anyhow::Result<()> {
    const AT_ONCE: usize = 12;
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    let at_once = async |mutation: &str, input: Value| {
        let each = (0..AT_ONCE).map(|_| admin.graphql_data(mutation, json!({ "input": input })));
        futures::future::try_join_all(each).await
    };
    let device = "0198aaaa-0000-7000-8000-0000000000d1";
    let (user, token) =
        ("0198aaaa-0000-7000-8000-0000000000e1", "0198aaaa-0000-7000-8000-0000000000f1");
    for (mutation, input) in [
        (
            "mutation ($input: CreateDeviceInput!) { createDevice(input: $input) { position device { id } } }",
            json!({ "id": device, "organizationId": ALPHA, "name": "one", "macAddress": "02:00:00:00:00:01" }),
        ),
        (
            "mutation ($input: DeviceIdInput!) { deactivateDevice(input: $input) { position device { active } } }",
            json!({ "id": device, "clientMutationId": "off" }),
        ),
        (
            "mutation ($input: RemoveDeviceInput!) { removeDevice(input: $input) { position } }",
            json!({ "id": device, "force": true, "clientMutationId": "away" }),
        ),
        (
            "mutation ($input: CreateUserInput!) { createUser(input: $input) { position user { id } } }",
            json!({ "id": user, "username": "one" }),
        ),
    ] {
        let answers = at_once(mutation, input).await.with_context(|| mutation.to_owned())?;
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{mutation}: {answers:?}");
    }
    // A secret is told once, and the one that is told works.
    let make = "mutation ($input: CreateTokenInput!) { createToken(input: $input) { secret token { id } } }";
    let answers = at_once(make, json!({ "id": token, "name": "one" })).await?;
    let secrets: Vec<&str> =
        answers.iter().filter_map(|answer| answer["createToken"]["secret"].as_str()).collect();
    for secret in &secrets {
        note_secret(secret);
    }
    assert_eq!(secrets.len(), 1);
    server.client().with_token(secrets[0]).graphql_data("{ viewer { actor } }", json!({})).await?;
    Ok(())
}

async fn refusals_name_the_input_and_what_to_do(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    device(&admin, ALPHA, 1).await?;
    let create =
        "mutation ($input: CreateDeviceInput!) { createDevice(input: $input) { device { id } } }";
    let refusal = async |input: Value| {
        let answer = admin.graphql(create, json!({ "input": input })).await?;
        let fields = answer["errors"][0]["extensions"]["fields"].as_object();
        let fields = fields.map(|fields| fields.keys().cloned().collect()).unwrap_or_default();
        anyhow::Ok::<(String, Vec<String>)>((code(&answer).to_owned(), fields))
    };
    let input =
        |name: &str, mac: &str| json!({ "organizationId": ALPHA, "name": name, "macAddress": mac });
    let found = refusal(input("ap-001", "02:00:00:00:00:01")).await?;
    assert_eq!(found.0, "TAKEN");
    assert!(
        ["name", "macAddress"].iter().all(|field| found.1.iter().any(|name| name == field)),
        "{found:?}"
    );
    let found = refusal(input("no good name", "nope")).await?;
    assert_eq!(found, ("INVALID".to_owned(), vec!["name".to_owned(), "macAddress".to_owned()]));
    let found = refusal(input("nul\u{0}", "02:00:00:00:00:09")).await?;
    assert_eq!(found.0, "INVALID");
    let mut wrong = input("ap-002", "02:00:00:00:00:02");
    wrong["configuration"] = json!({ "config": { "interfaces": 7 } });
    assert_eq!(refusal(wrong).await?.0, "REFUSED");
    let mut foreign = input("ap-002", "02:00:00:00:00:02");
    foreign["organizationId"] = json!("00000000-0000-4000-8000-00000000dead");
    assert_eq!(refusal(foreign).await?, ("INVALID".to_owned(), vec!["organizationId".to_owned()]));
    Ok(())
}

async fn a_password_becomes_a_token(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let client = server.client();
    let log_in = "mutation ($password: String!) { logIn(username: \"alpha-manager\", password: $password) { token } }";
    let right = json!({ "password": "alpha-manager-Secret1" });
    let data = client.graphql_data(log_in, right).await?;
    let token = data["logIn"]["token"].as_str().context("a token")?;
    note_secret(token);
    let viewer = "{ viewer { superuser manages { slug } } }";
    let data = client.with_token(token).graphql_data(viewer, json!({})).await?;
    let expected = json!({ "superuser": false, "manages": [{ "slug": "alpha" }] });
    assert_eq!(data["viewer"], expected);
    let wrong = client.graphql(log_in, json!({ "password": "wrong" })).await?;
    assert_eq!(code(&wrong), "UNAUTHENTICATED");
    Ok(())
}
