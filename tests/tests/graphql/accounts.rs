//! Accounts: opened, shut, and their passwords and tokens.

use anyhow::Context as _;
use serde_json::{Value, json};
use wisptrail_tests::{Client, Database, Server, Start, note_secret, on_each_database};

use crate::{ALPHA, ALPHA_MANAGER, BETA, code, history::fields, live::Socket};

on_each_database!(
    an_account_is_opened_and_used,
    passwords_change,
    shut_accounts_and_revoked_tokens_are_refused,
    accounts_are_for_themselves_and_for_managers_of_their_organizations,
    managers_take_people_in,
    an_id_is_of_one_thing,
    values_that_cannot_be_are_refused,
    fragments_that_double_are_refused_before_they_are_walked,
);

const CREATE: &str = "mutation ($input: CreateUserInput!) { createUser(input: $input) { position stale user {
    id username email hasPassword superuser staff active roles memberships { organizationId manager organization { slug } }
} } }";
const ACTIVE: &str = "mutation ($input: ChangeUserInput!) { changeUser(input: $input) { user { active } position } }";
const PASSWORD: &str =
    "mutation ($input: ChangePasswordInput!) { changePassword(input: $input) { position } }";
const REVOKE: &str =
    "mutation ($input: UserIdInput!) { revokeTokens(input: $input) { position user { id } } }";
const LOG_IN: &str = "mutation ($name: String!, $password: String!) { logIn(username: $name, password: $password) { token } }";
const VIEWER: &str = "{ viewer { actor user { id username history { nodes { sentence } } } } }";
const ID: &str = "0198aaaa-0000-7000-8000-0000000000aa";

fn ada() -> Value {
    note_secret("ada-has-this-Password1");
    json!({
        "id": ID, "username": "ada", "email": "Ada@Example.org", "password": "ada-has-this-Password1",
        "roles": ["OPERATOR"], "memberships": [{ "organizationId": ALPHA, "manager": true }],
    })
}

async fn logged_in(server: &Server, name: &str, password: &str) -> anyhow::Result<Client> {
    let variables = json!({ "name": name, "password": password });
    let data = server.client().graphql_data(LOG_IN, variables).await?;
    let token = data["logIn"]["token"].as_str().context("a token")?;
    note_secret(token);
    Ok(server.client().with_token(token))
}

async fn an_account_is_opened_and_used(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    let made = admin.graphql_data(CREATE, json!({ "input": ada() })).await?;
    let expected = json!({
        "id": ID, "username": "ada", "email": "Ada@Example.org", "hasPassword": true, "superuser": false,
        "staff": false, "active": true, "roles": ["OPERATOR"],
        "memberships": [{ "organizationId": ALPHA, "manager": true, "organization": { "slug": "alpha" } }],
    });
    assert_eq!(made["createUser"]["user"], expected);
    assert_eq!(made["createUser"]["stale"], false);
    // Asked again it is the same one.
    assert_eq!(admin.graphql_data(CREATE, json!({ "input": ada() })).await?, made);

    let ada_herself = logged_in(&server, "ada@example.ORG", "ada-has-this-Password1").await?;
    let seen = ada_herself.graphql_data("{ viewer { actor manages { slug } user { id username } } organizations { nodes { slug } } }", json!({})).await?;
    let expected = json!({
        "viewer": { "actor": format!("user:{ID}"), "manages": [{ "slug": "alpha" }], "user": { "id": ID, "username": "ada" } },
        "organizations": { "nodes": [{ "slug": "alpha" }] },
    });
    assert_eq!(seen, expected);
    let node = "query ($id: ID!) { node(id: $id) { __typename id } }";
    let data = admin.graphql_data(node, json!({ "id": ID })).await?;
    assert_eq!(data["node"], json!({ "__typename": "User", "id": ID }));
    let history = "query ($id: ID!) { user(id: $id) { history { nodes { type } } } }";
    let data = admin.graphql_data(history, json!({ "id": ID })).await?;
    let expected = json!([{ "type": "user.token_issued" }, { "type": "user.created" }]);
    assert_eq!(data["user"]["history"]["nodes"], expected);

    for (change, expected, field) in [
        (json!({ "username": "ada", "email": "other@example.org" }), "TAKEN", "username"),
        (json!({ "username": "Ada", "email": "ADA@example.org" }), "TAKEN", "email"),
        (json!({ "username": "eve", "email": "nobody" }), "INVALID", "email"),
        (json!({ "username": "eve", "email": null, "password": "short" }), "INVALID", "password"),
        (json!({ "username": "", "email": null }), "INVALID", "username"),
        (
            json!({ "username": "eve", "email": null, "memberships": [{ "organizationId": "00000000-0000-4000-8000-00000000dead" }] }),
            "INVALID",
            "memberships",
        ),
    ] {
        let mut input = ada();
        input["id"] = Value::Null;
        let fresh = change.as_object().cloned().unwrap_or_default();
        input.as_object_mut().context("an object")?.extend(fresh);
        let refused = admin.graphql(CREATE, json!({ "input": input })).await?;
        assert_eq!((code(&refused), fields(&refused)), (expected, vec![field]), "{refused}");
    }
    Ok(())
}

async fn passwords_change(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    admin.graphql_data(CREATE, json!({ "input": ada() })).await?;
    let herself = logged_in(&server, "ada", "ada-has-this-Password1").await?;
    for password in ["ada-has-another-Password2", "ada-was-given-this-Password3"] {
        note_secret(password);
    }
    let second = json!({ "id": ID, "password": "ada-has-another-Password2" });
    for wrong in [Value::Null, json!("wrong")] {
        let mut input = second.clone();
        input["currentPassword"] = wrong;
        let refused = herself.graphql(PASSWORD, json!({ "input": input })).await?;
        assert_eq!((code(&refused), fields(&refused)), ("REFUSED", vec!["currentPassword"]));
    }
    let mut input = second.clone();
    input["currentPassword"] = json!("ada-has-this-Password1");
    input["clientMutationId"] = json!("once");
    let done = herself.graphql_data(PASSWORD, json!({ "input": input })).await?;
    // The token ended with the password; asked again with another one it is the same change.
    assert_eq!(code(&herself.graphql(VIEWER, json!({})).await?), "UNAUTHENTICATED");
    let herself = logged_in(&server, "ada", "ada-has-another-Password2").await?;
    assert_eq!(herself.graphql_data(PASSWORD, json!({ "input": input })).await?, done);
    let old = json!({ "name": "ada", "password": "ada-has-this-Password1" });
    assert_eq!(code(&server.client().graphql(LOG_IN, old).await?), "UNAUTHENTICATED");

    // A superuser needs not know it.
    let third = json!({ "id": ID, "password": "ada-was-given-this-Password3" });
    admin.graphql_data(PASSWORD, json!({ "input": third })).await?;
    logged_in(&server, "ada", "ada-was-given-this-Password3").await?;
    let short = json!({ "id": ID, "password": "short" });
    let refused = admin.graphql(PASSWORD, json!({ "input": short })).await?;
    assert_eq!((code(&refused), fields(&refused)), ("INVALID", vec!["password"]));
    Ok(())
}

async fn shut_accounts_and_revoked_tokens_are_refused(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    admin.graphql_data(CREATE, json!({ "input": ada() })).await?;
    let herself = logged_in(&server, "ada", "ada-has-this-Password1").await?;
    let variables = json!({ "name": "ada", "password": "ada-has-this-Password1" });
    let data = server.client().graphql_data(LOG_IN, variables.clone()).await?;
    let token = data["logIn"]["token"].as_str().context("a token")?.to_owned();

    let mut socket = Socket::open(&server, &token).await?;
    let change = |active: bool| json!({ "input": { "id": ID, "active": active } });
    let data = admin.graphql_data(ACTIVE, change(false)).await?;
    assert_eq!(data["changeUser"]["user"]["active"], false);
    assert_eq!(code(&herself.graphql(VIEWER, json!({})).await?), "UNAUTHENTICATED");
    assert_eq!(code(&server.client().graphql(LOG_IN, variables.clone()).await?), "UNAUTHENTICATED");
    assert_eq!(socket.closed().await?.0, 4401);
    admin.graphql_data(ACTIVE, change(true)).await?;
    assert_eq!(code(&herself.graphql(VIEWER, json!({})).await?), "UNAUTHENTICATED");

    let data = server.client().graphql_data(LOG_IN, variables).await?;
    let token = data["logIn"]["token"].as_str().context("a token")?.to_owned();
    note_secret(&token);
    let herself = server.client().with_token(&token);
    let mut socket = Socket::open(&server, &token).await?;
    herself.graphql_data(REVOKE, json!({ "input": { "id": ID } })).await?;
    assert_eq!(code(&herself.graphql(VIEWER, json!({})).await?), "UNAUTHENTICATED");
    assert_eq!(socket.closed().await?.0, 4401);
    let again = logged_in(&server, "ada", "ada-has-this-Password1").await?;
    again.graphql_data("{ viewer { actor } }", json!({})).await?;

    // After its last day it works no more.
    let until =
        "mutation ($input: ChangeUserInput!) { changeUser(input: $input) { user { expiresOn } } }";
    let set = async |day: &str| {
        admin.graphql(until, json!({ "input": { "id": ID, "expiresOn": day } })).await
    };
    let told = |answer: &Value| answer["data"]["changeUser"]["user"]["expiresOn"].clone();
    assert_eq!(told(&set("2001-01-31").await?), "2001-01-31");
    assert_eq!(code(&again.graphql(VIEWER, json!({})).await?), "UNAUTHENTICATED");
    assert_eq!(told(&set("").await?), Value::Null);
    let refused = set("31.1.2001").await?;
    assert_eq!((code(&refused), fields(&refused)), ("INVALID", vec!["expiresOn"]));

    // Nobody shuts themselves out.
    let viewer = admin.graphql_data("{ viewer { user { id } } }", json!({})).await?;
    let own = json!({ "input": { "id": viewer["viewer"]["user"]["id"], "active": false } });
    let refused = admin.graphql(ACTIVE, own).await?;
    assert_eq!((code(&refused), fields(&refused)), ("INVALID", vec!["active"]));
    Ok(())
}

async fn an_id_is_of_one_thing(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let manager = server.client().with_token(ALPHA_MANAGER);
    let viewer = server.admin().graphql_data("{ viewer { user { id } } }", json!({})).await?;
    let create =
        "mutation ($input: CreateDeviceInput!) { createDevice(input: $input) { device { id } } }";
    for taken in [json!(BETA), viewer["viewer"]["user"]["id"].clone()] {
        let input = json!({ "id": taken, "name": "shadow", "macAddress": "00:11:22:33:44:55", "organizationId": ALPHA });
        let refused = manager.graphql(create, json!({ "input": input })).await?;
        assert_eq!((code(&refused), fields(&refused)), ("REFUSED", vec!["id"]), "{refused}");
    }
    let mut input = ada();
    input["id"] = json!(ALPHA);
    let refused = manager.graphql(CREATE, json!({ "input": input })).await?;
    assert_eq!((code(&refused), fields(&refused)), ("REFUSED", vec!["id"]), "{refused}");
    Ok(())
}

async fn fragments_that_double_are_refused_before_they_are_walked(
    database: Database,
) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let mut query = "{ ...f0 }".to_owned();
    for number in 0..40 {
        let next = number + 1;
        let fragment = format!(" fragment f{number} on Query {{ ...f{next} ...f{next} }}");
        query.push_str(&fragment);
    }
    query.push_str(" fragment f40 on Query { viewer { actor } }");
    for client in [server.client(), server.admin()] {
        let refused = client.graphql(&query, json!({})).await?;
        assert!(refused["errors"][0]["message"].is_string(), "{refused}");
        assert!(refused["data"].is_null(), "{refused}");
    }
    Ok(())
}

async fn managers_take_people_in(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let manager = server.client().with_token(ALPHA_MANAGER);
    let made = manager.graphql_data(CREATE, json!({ "input": ada() })).await?;
    assert_eq!(made["createUser"]["user"]["id"], ID);
    let change = "mutation ($input: ChangeUserInput!) { changeUser(input: $input) { user {
        firstName phone groupNumbers memberships { manager owner } } } }";
    let input = json!({ "id": ID, "firstName": "Ada", "phone": "+39 333 123 4501", "groupNumbers": [1],
        "membership": { "organizationId": ALPHA, "manager": false } });
    let data = manager.graphql_data(change, json!({ "input": input })).await?;
    let expected = json!({ "firstName": "Ada", "phone": "+393331234501", "groupNumbers": [1],
        "memberships": [{ "manager": false, "owner": false }] });
    assert_eq!(data["changeUser"]["user"], expected);
    let superuser = json!({ "input": { "id": ID, "superuser": true } });
    assert_eq!(code(&manager.graphql(change, superuser).await?), "FORBIDDEN");

    let groups = "{ permissionGroups { number name permissions } }";
    let data = manager.graphql_data(groups, json!({})).await?;
    assert_eq!(data["permissionGroups"][1]["name"], "Operator");
    let create =
        "mutation ($input: CreatePermissionGroupInput!) { createPermissionGroup(input: $input) {
        permissionGroup { number name permissions } } }";
    let input = json!({ "name": "Planners", "permissions": ["add_template"] });
    let refused = manager.graphql(create, json!({ "input": input })).await?;
    assert_eq!(code(&refused), "FORBIDDEN");
    let data = server.admin().graphql_data(create, json!({ "input": input })).await?;
    let expected = json!({ "number": 3, "name": "Planners", "permissions": ["add_template"] });
    assert_eq!(data["createPermissionGroup"]["permissionGroup"], expected);
    // A group is a node with a past, for those who may see groups.
    let find = "{ permissionGroups { id name } }";
    let data = manager.graphql_data(find, json!({})).await?;
    let id = data["permissionGroups"].as_array().into_iter().flatten();
    let id = id.filter(|one| one["name"] == "Planners").map(|one| one["id"].clone()).next();
    let node = "query ($id: ID!) { node(id: $id) { ... on PermissionGroup { name history { nodes { type sentence } } } }
        history(objectId: $id) { nodes { type } } }";
    let data = manager.graphql_data(node, json!({ "id": id })).await?;
    let made = json!({ "type": "permission_group.created", "sentence": "permission group made as \"Planners\"" });
    assert_eq!(data["node"], json!({ "name": "Planners", "history": { "nodes": [made] } }));
    assert_eq!(data["history"]["nodes"], json!([{ "type": "permission_group.created" }]));
    let input = json!({ "name": "Odd", "permissions": ["fly"] });
    let refused = server.admin().graphql(create, json!({ "input": input })).await?;
    assert_eq!((code(&refused), fields(&refused)), ("INVALID", vec!["permissions"]));

    let remove = "mutation ($input: UserIdInput!) { removeUser(input: $input) { position } }";
    manager.graphql_data(remove, json!({ "input": { "id": ID } })).await?;
    let query = "query ($id: ID!) { user(id: $id) { username } }";
    assert_eq!(code(&manager.graphql(query, json!({ "id": ID })).await?), "NOT_FOUND");
    Ok(())
}

async fn accounts_are_for_themselves_and_for_managers_of_their_organizations(
    database: Database,
) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    let elsewhere = || {
        let mut ada = ada();
        ada["memberships"] = json!([{ "organizationId": BETA, "manager": true }]);
        ada
    };
    admin.graphql_data(CREATE, json!({ "input": elsewhere() })).await?;
    let (manager, nobody) = (server.client().with_token(ALPHA_MANAGER), server.client());
    let mut other = elsewhere();
    other["id"] = Value::Null;
    for (query, variables, expected) in [
        (CREATE, json!({ "input": other }), "INVALID"),
        (ACTIVE, json!({ "input": { "id": ID, "active": false } }), "NOT_FOUND"),
        (
            PASSWORD,
            json!({ "input": { "id": ID, "password": "ada-has-this-Password1" } }),
            "NOT_FOUND",
        ),
        (REVOKE, json!({ "input": { "id": ID } }), "NOT_FOUND"),
        ("query ($id: ID!) { user(id: $id) { username } }", json!({ "id": ID }), "NOT_FOUND"),
    ] {
        let answer = manager.graphql(query, variables.clone()).await?;
        assert_eq!(code(&answer), expected, "{query}: {answer}");
        let answer = nobody.graphql(query, variables).await?;
        assert_eq!(code(&answer), "UNAUTHENTICATED", "{query}: {answer}");
    }
    let node = "query ($id: ID!) { node(id: $id) { id } }";
    let data = manager.graphql_data(node, json!({ "id": ID })).await?;
    assert_eq!(data["node"], Value::Null);
    let data = manager.graphql_data("{ viewer { user { username } } }", json!({})).await?;
    assert_eq!(data["viewer"]["user"]["username"], "alpha-manager");
    Ok(())
}

async fn values_that_cannot_be_are_refused(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    admin.graphql_data(CREATE, json!({ "input": ada() })).await?;
    for (field, value) in [
        ("timeZone", "Mars/Base"),
        ("language", "no tag"),
        ("birthDate", "2090-01-01"),
        ("birthDate", "1899-12-31"),
    ] {
        let mut input = json!({ "id": ID });
        input[field] = json!(value);
        let refused = admin.graphql(ACTIVE, json!({ "input": input })).await?;
        assert_eq!((code(&refused), fields(&refused)), ("INVALID", vec![field]), "{refused}");
    }
    let input =
        json!({ "id": ID, "timeZone": "Europe/Rome", "language": "it", "expiresOn": "2090-01-31" });
    admin.graphql_data(ACTIVE, json!({ "input": input })).await?;

    let change = json!({ "birth_date": "2090-01-01" });
    let path = format!("/api/v1/users/user/{ID}/");
    let refused = admin.json(reqwest::Method::PATCH, &path, &change).await?.expect(400)?;
    assert!(refused.json().is_some_and(|said| said.get("birth_date").is_some()));

    // Who manages themselves does not move their own last day.
    let made = json!({ "id": ID, "groupNumbers": [1] });
    admin.graphql_data(ACTIVE, json!({ "input": made })).await?;
    let herself = logged_in(&server, "ada", "ada-has-this-Password1").await?;
    let input = json!({ "id": ID, "expiresOn": "2095-01-31" });
    let refused = herself.graphql(ACTIVE, json!({ "input": input })).await?;
    assert_eq!((code(&refused), fields(&refused)), ("INVALID", vec!["expiresOn"]), "{refused}");
    let change = json!({ "expiration_date": "2095-01-31" });
    let refused = herself.json(reqwest::Method::PATCH, &path, &change).await?.expect(400)?;
    assert!(refused.json().is_some_and(|said| said.get("expiration_date").is_some()));

    // A hash that Django made is for superusers to bring.
    let mut brought = ada();
    for (field, value) in [
        ("id", Value::Null),
        ("username", json!("bea")),
        ("email", Value::Null),
        ("password", Value::Null),
        (
            "passwordHash",
            json!("bcrypt_sha256$$2b$04$Vp6Z9CqlWr33X.Q17g1I0eSk9lCxT80uiRgwcjVDRRMsvTRpJu7fy"),
        ),
    ] {
        brought[field] = value;
    }
    let refused = herself.graphql(CREATE, json!({ "input": brought })).await?;
    assert_eq!(code(&refused), "FORBIDDEN", "{refused}");
    admin.graphql_data(CREATE, json!({ "input": brought })).await?;
    note_secret("Correct-Horse-7");
    logged_in(&server, "bea", "Correct-Horse-7").await?;
    Ok(())
}
