//! Requests that are sent again, and changes of what somebody else has changed meanwhile: the same for all of REST.

use std::sync::Arc;

use anyhow::Context;
use reqwest::Method;
use serde_json::{Value, json};
use wisptrail_tests::{Answer, Client, Database, Server, Start, note_secret, on_each_database};

on_each_database!(
    a_request_that_is_sent_again_is_carried_out_once,
    a_change_of_something_else_than_was_seen_is_refused,
    limits_of_organizations_are_for_those_who_found_them,
);

const ALPHA: &str = "aaaaaaaa-0000-4000-8000-000000000001";
const BETA: &str = "bbbbbbbb-0000-4000-8000-000000000002";
const MANAGER: &str = "0000000000000000000000000000000000000mgr";
const OPERATOR: &str = "0000000000000000000000000000000000000opr";
const GROUPS: &str = "/api/v1/controller/group/";

async fn a_request_that_is_sent_again_is_carried_out_once(
    database: Database,
) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let (manager, operator) =
        (server.client().with_token(MANAGER), server.client().with_token(OPERATOR));
    let new = json!({ "name": "roofs", "organization": ALPHA, "templates": [] });
    let first = keyed(&manager, Method::POST, GROUPS, "key-1", &new).await?.expect(201)?;
    assert_eq!(first.header("idempotency-replayed"), None);
    let again = keyed(&manager, Method::POST, GROUPS, "key-1", &new).await?.expect(201)?;
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(
        (again.json(), again.header("content-type")),
        (first.json(), first.header("content-type"))
    );
    assert_eq!(count(&manager).await?, 1);

    // Another body is another request; another account, place or key too.
    let other = json!({ "name": "cellars", "organization": ALPHA, "templates": [] });
    keyed(&manager, Method::POST, GROUPS, "key-1", &other).await?.expect(422)?;
    keyed(&operator, Method::POST, GROUPS, "key-1", &other).await?.expect(201)?;
    let id = id(&first)?;
    let path = format!("{GROUPS}{id}/");
    let renamed = json!({ "name": "sheds" });
    keyed(&manager, Method::PATCH, &path, "key-1", &renamed).await?.expect(200)?;
    assert_eq!(count(&manager).await?, 2);

    // What was refused was not carried out, and may be mended.
    let foreign = json!({ "name": "theirs", "organization": BETA, "templates": [] });
    keyed(&manager, Method::POST, GROUPS, "key-2", &foreign).await?.expect(400)?;
    let mended = json!({ "name": "ours", "organization": ALPHA, "templates": [] });
    keyed(&manager, Method::POST, GROUPS, "key-2", &mended).await?.expect(201)?;

    // Nobody hears an answer without credentials, and keys are words.
    keyed(&server.client(), Method::POST, GROUPS, "key-1", &new).await?.expect(401)?;
    for wrong in ["two words", &"x".repeat(201)] {
        keyed(&manager, Method::POST, GROUPS, wrong, &new).await?.expect(400)?;
    }

    // A stop in between changes nothing.
    let home = Arc::clone(server.home());
    server.stop().await?;
    let server = Server::start_in(home, Start::default()).await?;
    let manager = server.client().with_token(MANAGER);
    let again = keyed(&manager, Method::POST, GROUPS, "key-1", &new).await?.expect(201)?;
    assert_eq!(again.json(), first.json());
    keyed(&manager, Method::DELETE, &path, "key-3", &Value::Null).await?.expect(204)?;
    let again = keyed(&manager, Method::DELETE, &path, "key-3", &Value::Null).await?.expect(204)?;
    assert!(again.body.is_empty());

    // Who may less than before hears nothing of it.
    let another = another_manager(&server, "narrow").await?;
    let body = json!({ "name": "later", "organization": ALPHA, "templates": [] });
    keyed(&another, Method::POST, GROUPS, "key-1", &body).await?.expect(201)?;
    disable(&server, ALPHA).await?;
    keyed(&manager, Method::POST, GROUPS, "key-1", &new).await?.expect(403)?;
    keyed(&another, Method::POST, GROUPS, "key-1", &body).await?.expect(403)?;
    Ok(())
}

async fn a_change_of_something_else_than_was_seen_is_refused(
    database: Database,
) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    let manager = server.client().with_token(MANAGER);
    let template = json!({ "name": "t", "organization": ALPHA, "backend": "netjsonconfig.OpenWrt",
        "config": { "general": { "timezone": "UTC" } } });
    let group = json!({ "name": "g", "organization": ALPHA, "templates": [] });
    let device = json!({ "name": "d", "organization": ALPHA, "mac_address": "02:00:00:00:00:01",
        "config": { "backend": "netjsonconfig.OpenWrt", "templates": [], "context": {},
            "config": { "general": { "timezone": "UTC" } } } });
    let user = json!({ "username": "u", "email": "u@example.org", "password": "Correct-Horse-7",
        "email_verified": true });
    let foreign = json!({ "name": "f", "organization": BETA, "templates": [] });
    let foreign = path_of(GROUPS, &admin.json(Method::POST, GROUPS, &foreign).await?.expect(201)?)?;
    let mut objects = vec![
        (format!("/api/v1/users/organization/{ALPHA}/"), json!({ "description": "d" })),
        (format!("/api/v1/controller/organization/{ALPHA}/limits/"), json!({ "device_limit": 7 })),
        ("/api/v1/users/group/1/".to_owned(), json!({ "name": "Renamed" })),
    ];
    for (list, new, change) in [
        ("/api/v1/controller/template/", template, json!({ "name": "t2" })),
        (GROUPS, group, json!({ "description": "d2" })),
        ("/api/v1/controller/device/", device, json!({ "notes": "n2" })),
        ("/api/v1/users/user/", user, json!({ "bio": "b2" })),
    ] {
        let made = admin.json(Method::POST, list, &new).await?.expect(201)?;
        objects.push((path_of(list, &made)?, change));
    }
    for (path, change) in &objects {
        let seen = settled(&admin, path).await?;
        let changed =
            matched(&admin, Method::PATCH, path, "\"another\", W/\"weak\"", change).await?;
        let sentence = changed.expect(412)?.json().context("JSON")?;
        assert!(sentence["detail"].is_string(), "{path}: {sentence}");
        assert_eq!(settled(&admin, path).await?, seen, "{path}: nothing has happened");
        let known = admin.request(Method::GET, path).header("if-none-match", &seen);
        assert!(admin.send(known).await?.expect(304)?.body.is_empty(), "{path}");

        matched(&admin, Method::PATCH, path, &seen, change).await?.expect(200)?;
        assert_ne!(settled(&admin, path).await?, seen, "{path}: another tag");
        matched(&admin, Method::PATCH, path, &seen, change).await?.expect(412)?;
        matched(&admin, Method::PATCH, path, "*", change).await?.expect(200)?;
        // Without the header it is as before.
        admin.json(Method::PATCH, path, change).await?.expect(200)?;
    }
    // Lists have none.
    assert_eq!(admin.get(GROUPS).await?.expect(200)?.header("etag"), None);

    // What is not there, or another's, is neither fresh nor stale.
    for method in [Method::PATCH, Method::DELETE] {
        let refused = matched(&manager, method, &foreign, "\"x\"", &json!({})).await?;
        refused.expect(404)?;
    }
    let (group, _) = &objects[4];
    let stale = settled(&manager, group).await?;
    admin.json(Method::PATCH, group, &json!({ "description": "newer" })).await?.expect(200)?;
    matched(&manager, Method::DELETE, group, &stale, &Value::Null).await?.expect(412)?;
    let fresh = settled(&manager, group).await?;
    matched(&manager, Method::DELETE, group, &fresh, &Value::Null).await?.expect(204)?;

    // Of many at once who have seen the same, one changes it.
    let (path, _) = &objects[0];
    let seen = settled(&admin, path).await?;
    let changes = (0..8).map(|number| {
        let (admin, seen) = (admin.clone(), seen.clone());
        async move {
            let change = json!({ "description": format!("number {number}") });
            matched(&admin, Method::PATCH, path, &seen, &change).await
        }
    });
    let answers = futures::future::try_join_all(changes).await?;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 412, 503].contains(status)), "{statuses:?}");
    Ok(())
}

async fn limits_of_organizations_are_for_those_who_found_them(
    database: Database,
) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let (admin, manager) = (server.admin(), server.client().with_token(MANAGER));
    let path = |id: &str| format!("/api/v1/controller/organization/{id}/limits/");
    let shown = manager.get(&path(ALPHA)).await?.expect(200)?.json().context("JSON")?;
    assert_eq!(shown, json!({ "organization": ALPHA, "device_limit": 0, "devices": 0 }));
    manager.get(&path(BETA)).await?.expect(404)?;
    server.client().get(&path(ALPHA)).await?.expect(401)?;
    for id in [ALPHA, BETA] {
        let change = json!({ "device_limit": 5 });
        manager.json(Method::PATCH, &path(id), &change).await?.expect(403)?;
    }
    // The other door is closed, too.
    let organization = format!("/api/v1/users/organization/{ALPHA}/");
    let lifted = json!({ "config_settings": { "device_limit": 5 } });
    manager.json(Method::PATCH, &organization, &lifted).await?.expect(403)?;

    for (sent, kept) in [(json!(1), json!(1)), (json!(null), json!(null)), (json!(2), json!(2))] {
        let change = json!({ "device_limit": sent });
        let answer = admin.json(Method::PUT, &path(ALPHA), &change).await?.expect(200)?;
        assert_eq!(answer.json().context("JSON")?["device_limit"], kept);
    }
    for wrong in [json!({ "device_limit": -1 }), json!({ "device_limit": "x" }), json!({})] {
        let answer = admin.json(Method::PUT, &path(ALPHA), &wrong).await?.expect(400)?;
        assert!(answer.json().context("JSON")?["device_limit"].is_array(), "{wrong}");
    }
    for number in 1..=2 {
        let device = json!({ "name": format!("d{number}"), "organization": ALPHA,
            "mac_address": format!("02:00:00:00:00:0{number}"), "config": null });
        let answer = admin.json(Method::POST, "/api/v1/controller/device/", &device).await?;
        answer.expect(201)?;
    }
    let lower = json!({ "device_limit": 1 });
    let answer = admin.json(Method::PATCH, &path(ALPHA), &lower).await?.expect(400)?;
    assert!(answer.json().context("JSON")?["device_limit"].is_array());
    Ok(())
}

async fn keyed(
    client: &Client,
    method: Method,
    path: &str,
    key: &str,
    body: &Value,
) -> anyhow::Result<Answer> {
    let request = client.request(method, path).header("idempotency-key", key);
    client.send(if body.is_null() { request } else { request.json(body) }).await
}

async fn matched(
    client: &Client,
    method: Method,
    path: &str,
    tag: &str,
    body: &Value,
) -> anyhow::Result<Answer> {
    let request = client.request(method, path).header("if-match", tag);
    client.send(if body.is_null() { request } else { request.json(body) }).await
}

/// The tag of an object.
async fn settled(client: &Client, path: &str) -> anyhow::Result<String> {
    let answer = client.get(path).await?.expect(200)?;
    Ok(answer.header("etag").with_context(|| format!("{path} has no tag"))?.to_owned())
}

async fn count(client: &Client) -> anyhow::Result<u64> {
    let answer = client.get(GROUPS).await?.expect(200)?.json().context("JSON")?;
    answer["count"].as_u64().context("a number")
}

async fn disable(server: &Server, organization: &str) -> anyhow::Result<()> {
    let path = format!("/api/v1/users/organization/{organization}/");
    let admin = server.client().with_token("0000000000000000000000000000000000000adm");
    admin.json(Method::PATCH, &path, &json!({ "is_active": false })).await?.expect(200)?;
    Ok(())
}

/// Another manager of alpha.
async fn another_manager(server: &Server, name: &str) -> anyhow::Result<Client> {
    let admin = server.client().with_token("0000000000000000000000000000000000000adm");
    let user = json!({ "username": name, "email": format!("{name}@example.org"),
        "password": "Correct-Horse-7", "email_verified": true, "is_staff": true, "groups": [2],
        "organization_users": { "organization": ALPHA, "is_admin": true } });
    admin.json(Method::POST, "/api/v1/users/user/", &user).await?.expect(201)?;
    let log_in = json!({ "username": name, "password": "Correct-Horse-7" });
    let answer = admin.json(Method::POST, "/api/v1/users/token/", &log_in).await?.expect(200)?;
    let answer = answer.json().context("JSON")?;
    let token = answer["token"].as_str().context("a token")?;
    note_secret(token);
    Ok(server.client().with_token(token))
}

fn id(answer: &Answer) -> anyhow::Result<String> {
    let body = answer.json().context("JSON")?;
    Ok(body["id"].as_str().context("an id")?.to_owned())
}

fn path_of(list: &str, made: &Answer) -> anyhow::Result<String> {
    Ok(format!("{list}{}/", id(made)?))
}
