//! What the former REST interface does wrong, and is right here: one test for every step of the recordings that is executed
//! and not compared.

use anyhow::Context;
use reqwest::Method;
use serde_json::{Value, json};
use wisptrail_tests::{Client, Database, Server, Start, note_secret, on_each_database};

on_each_database!(
    groups_keep_what_is_left_out_and_refuse_what_does_not_fit,
    organizations_permission_groups_and_templates_are_stored_as_they_were_sent,
    only_verified_addresses_become_primary,
    passwords_are_changed_by_those_who_may,
);

const ALPHA: &str = "aaaaaaaa-0000-4000-8000-000000000001";
const BETA: &str = "bbbbbbbb-0000-4000-8000-000000000002";
const MANAGER: &str = "0000000000000000000000000000000000000mgr";
const GROUPS: &str = "/api/v1/controller/group/";
const TEMPLATES: &str = "/api/v1/controller/template/";
const USERS: &str = "/api/v1/users/user/";

async fn groups_keep_what_is_left_out_and_refuse_what_does_not_fit(
    database: Database,
) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    let own = made(&admin, TEMPLATES, template("own", ALPHA)).await?;
    let foreign = made(&admin, TEMPLATES, template("foreign", BETA)).await?;
    let group = json!({ "name": "full", "organization": ALPHA, "templates": [own["id"]],
        "context": { "a": "1" } });
    let path = path_of(GROUPS, &made(&admin, GROUPS, group).await?);
    let changed = sent(&admin, Method::PATCH, &path, json!({ "description": "d2" }), 200).await?;
    assert_eq!(changed["templates"], json!([own["id"]]));
    assert_eq!(changed["context"], json!({ "a": "1" }));

    let new = |name: &str, field: &str, value: Value| {
        let mut new = json!({ "name": name, "organization": ALPHA, "templates": [] });
        new[field] = value;
        new
    };
    for (name, field, value) in [
        ("odd", "templates", json!([foreign["id"]])),
        ("ctx", "context", json!([1])),
        ("meta", "meta_data", json!("x")),
    ] {
        let refused = sent(&admin, Method::POST, GROUPS, new(name, field, value), 400).await?;
        assert!(refused[field].is_array(), "{field}: {refused}");
    }
    let device = json!({ "name": "two", "organization": ALPHA, "key": "a/b",
        "mac_address": "02:00:00:00:00:02" });
    let refused = sent(&admin, Method::POST, "/api/v1/controller/device/", device, 400).await?;
    assert_eq!(refused["key"], json!(["This value must not contain spaces, dots or slashes."]));
    Ok(())
}

async fn organizations_permission_groups_and_templates_are_stored_as_they_were_sent(
    database: Database,
) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    let organization = json!({ "name": "Alpha", "slug": "alpha-b" });
    let organization = made(&admin, "/api/v1/users/organization/", organization).await?;
    assert_eq!(organization["slug"], "alpha-b");

    let groups = "/api/v1/users/group/";
    let bare = made(&admin, groups, json!({ "name": "Bare" })).await?;
    assert_eq!(bare["permissions"], json!([]));
    let odd = json!({ "name": "Odd", "permissions": [999_999] });
    let refused = sent(&admin, Method::POST, groups, odd, 400).await?;
    assert!(refused["permissions"].is_array(), "{refused}");

    let mut required = template("only-required", ALPHA);
    required["required"] = json!(true);
    let required = made(&admin, TEMPLATES, required).await?;
    assert_eq!((&required["required"], &required["default"]), (&json!(true), &json!(true)));

    let mut shared = template("shared", ALPHA);
    shared["organization"] = Value::Null;
    let shared = path_of(TEMPLATES, &made(&admin, TEMPLATES, shared).await?);
    for token in [MANAGER, "0000000000000000000000000000000000000opr"] {
        server.client().with_token(token).get(&shared).await?.expect(200)?;
    }
    Ok(())
}

async fn only_verified_addresses_become_primary(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    let emma = made(&admin, USERS, user("emma", &[(ALPHA, false)])).await?;
    let list = format!("{}email/", path_of(USERS, &emma));
    let first = shown(&admin, &list).await?["results"][0].clone();
    assert_eq!((&first["primary"], &first["verified"]), (&json!(true), &json!(true)));
    let second = json!({ "email": "emma2@example.org" });
    let second = made(&admin, &list, second).await?;
    let path = format!("{list}{}/", second["id"]);
    let held = format!("{list}{}/", first["id"]);
    // Only a verified one, also where no other is.
    for primary in [true, false] {
        sent(&admin, Method::PATCH, &held, json!({ "primary": primary }), 200).await?;
        sent(&admin, Method::PATCH, &path, json!({ "primary": true }), 400).await?;
    }
    sent(&admin, Method::PATCH, &held, json!({ "primary": true }), 200).await?;
    let all = shown(&admin, &list).await?;
    let flags: Vec<&Value> = all["results"]
        .as_array()
        .context("a list")?
        .iter()
        .map(|address| &address["primary"])
        .collect();
    assert_eq!(flags.iter().filter(|flag| **flag == &json!(true)).count(), 1, "{all}");
    Ok(())
}

async fn passwords_are_changed_by_those_who_may(database: Database) -> anyhow::Result<()> {
    const OLD: &str = "Correct-Horse-7";
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let (admin, manager) = (server.admin(), server.client().with_token(MANAGER));
    let password = |current: Value, new: &str| json!({ "current_password": current, "new_password": new, "confirm_password": new });
    // Everybody changes the own one, and that ends the tokens.
    let own = made(&admin, USERS, user("end", &[(ALPHA, false)])).await?;
    let client = log_in(&server, "end", OLD).await?;
    let path = format!("{}password/", path_of(USERS, &own));
    let wrong = password(json!("wrong"), "Battery-Staple-8");
    sent(&client, Method::PUT, &path, wrong, 400).await?;
    let right = password(json!(OLD), "Battery-Staple-8");
    sent(&client, Method::PUT, &path, right, 200).await?;
    client.get(USERS).await?.expect(401)?;
    log_in(&server, "end", "Battery-Staple-8").await?.get(USERS).await?.expect(403)?;

    // A manager sets that of a member who belongs nowhere else.
    sent(&manager, Method::PUT, &path, password(Value::Null, "Third-Word-9"), 200).await?;
    let both = made(&admin, USERS, user("both", &[(ALPHA, false)])).await?;
    let account = path_of(USERS, &both);
    let beta = json!({ "organization_users": { "organization": BETA, "is_admin": false } });
    sent(&admin, Method::PATCH, &account, beta, 200).await?;
    let path = format!("{account}password/");
    sent(&manager, Method::PUT, &path, password(Value::Null, "Third-Word-9"), 403).await?;
    let email = json!({ "email": "taken-over@example.org" });
    let refused = manager.json(Method::PATCH, &account, &email).await?;
    assert!((400..=404).contains(&refused.status), "{}: {}", refused.status, refused.text());
    assert_eq!(shown(&admin, &account).await?["email"], "both@example.org");
    log_in(&server, "both", OLD).await?;

    // The own one only with the current one.
    let people = shown(&admin, &format!("{USERS}?page_size=100")).await?;
    let people = people["results"].as_array().context("a list")?;
    let me =
        people.iter().find(|user| user["username"] == "alpha-manager").context("the manager")?;
    let path = format!("{}password/", path_of(USERS, me));
    let wrong = password(json!("wrong"), "alpha-manager-Secret2");
    let refused = sent(&manager, Method::PUT, &path, wrong, 400).await?;
    assert!(refused["current_password"].is_array(), "{refused}");
    Ok(())
}

fn template(name: &str, organization: &str) -> Value {
    json!({ "name": name, "organization": organization, "type": "generic",
        "backend": "netjsonconfig.OpenWrt", "config": { "general": { "timezone": "UTC" } } })
}

fn user(name: &str, organizations: &[(&str, bool)]) -> Value {
    let mut user = json!({ "username": name, "email": format!("{name}@example.org"),
        "password": "Correct-Horse-7", "email_verified": true });
    if let [(organization, manager), ..] = organizations {
        user["organization_users"] = json!({ "organization": organization, "is_admin": manager });
    }
    user
}

async fn made(client: &Client, list: &str, new: Value) -> anyhow::Result<Value> {
    sent(client, Method::POST, list, new, 201).await
}

async fn sent(
    client: &Client,
    method: Method,
    path: &str,
    body: Value,
    status: u16,
) -> anyhow::Result<Value> {
    client.json(method, path, &body).await?.expect(status)?.json().context("JSON")
}

async fn shown(client: &Client, path: &str) -> anyhow::Result<Value> {
    client.get(path).await?.expect(200)?.json().context("JSON")
}

async fn log_in(server: &Server, username: &str, password: &str) -> anyhow::Result<Client> {
    note_secret(password);
    let body = json!({ "username": username, "password": password });
    let token = sent(&server.client(), Method::POST, "/api/v1/users/token/", body, 200).await?;
    let token = token["token"].as_str().context("a token")?;
    note_secret(token);
    Ok(server.client().with_token(token))
}

fn path_of(list: &str, made: &Value) -> String {
    format!("{list}{}/", made["id"].as_str().unwrap_or_default())
}
