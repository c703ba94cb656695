//! Tokens for a purpose and the audit of log-ins, over GraphQL and REST, from the right and the wrong organization.

use anyhow::Context as _;
use reqwest::Method;
use serde_json::{Value, json};
use wisptrail_tests::{Client, Database, Server, Start, note_secret, on_each_database};

use crate::{ALPHA, ALPHA_MANAGER, BETA, code, live::Socket};

on_each_database!(
    a_token_for_a_purpose_is_told_once,
    tokens_go_no_further_than_their_scope,
    whoever_listens_is_sent_away,
    tokens_over_rest,
    who_logged_in_is_told,
    too_many_wrong_passwords_have_to_wait,
);

const CREATE: &str = "mutation ($input: CreateTokenInput!) { createToken(input: $input) { secret position token { id name permissions organizationIds readOnly expiresAt lastUsedAt } } }";
const REVOKE: &str = "mutation ($input: TokenIdInput!) { revokeToken(input: $input) { position } }";
const TOKENS: &str = "query ($user: ID) { tokens(userId: $user) { id name } }";
const PERSON: &str =
    "mutation ($input: CreateUserInput!) { createUser(input: $input) { user { id } } }";
const LOG_IN: &str = "mutation ($name: String!, $password: String!) { logIn(username: $name, password: $password) { token } }";
const LOG_INS: &str = "query ($user: ID, $first: Int) { logIns(userId: $user, first: $first) { totalCount nodes { userId outcome method address times } } }";
const ADA: &str = "0198aaaa-0000-7000-8000-0000000000aa";
const EVE: &str = "0198aaaa-0000-7000-8000-0000000000ee";
const WORD: &str = "people-have-this-Password1";

async fn person(admin: &Client, id: &str, name: &str, of: &str) -> anyhow::Result<()> {
    note_secret(WORD);
    let input = json!({ "id": id, "username": name, "password": WORD, "roles": ["ADMINISTRATOR"],
        "memberships": [{ "organizationId": of, "manager": true }] });
    admin.graphql_data(PERSON, json!({ "input": input })).await?;
    Ok(())
}

async fn logged_in(server: &Server, name: &str) -> anyhow::Result<(String, Client)> {
    let variables = json!({ "name": name, "password": WORD });
    let data = server.client().graphql_data(LOG_IN, variables).await?;
    let token = data["logIn"]["token"].as_str().context("a token")?.to_owned();
    note_secret(&token);
    let client = server.client().with_token(&token);
    Ok((token, client))
}

async fn made(client: &Client, input: Value) -> anyhow::Result<(String, Value)> {
    let data = client.graphql_data(CREATE, json!({ "input": input })).await?;
    let payload = data["createToken"].clone();
    let secret = payload["secret"].as_str().context("a secret")?.to_owned();
    note_secret(&secret);
    Ok((secret, payload["token"].clone()))
}

async fn a_token_for_a_purpose_is_told_once(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    person(&server.admin(), ADA, "ada", ALPHA).await?;
    person(&server.admin(), EVE, "eve", BETA).await?;
    let (_, ada) = logged_in(&server, "ada").await?;
    let id = "0198aaaa-0000-7000-8000-00000000070c";
    let input = json!({ "id": id, "name": "charts", "readOnly": true, "expiresAt": "2090-01-31T00:00:00Z" });
    let (secret, token) = made(&ada, input.clone()).await?;
    let expected = json!({ "id": id, "name": "charts", "permissions": null, "organizationIds": null,
        "readOnly": true, "expiresAt": "2090-01-31T00:00:00+00:00", "lastUsedAt": null });
    assert_eq!(token, expected);
    let again = ada.graphql_data(CREATE, json!({ "input": input })).await?;
    assert_eq!(
        (&again["createToken"]["secret"], &again["createToken"]["token"]),
        (&Value::Null, &token)
    );
    let charts = server.client().with_token(&secret);
    charts.graphql_data("{ viewer { actor } }", json!({})).await?;
    let data = ada.graphql_data("{ tokens { id lastUsedAt } }", json!({})).await?;
    assert_eq!(data["tokens"][0]["id"], id);
    assert!(data["tokens"][0]["lastUsedAt"].is_string(), "{data}");

    // From elsewhere there is no such account and no such token.
    let (_, eve) = logged_in(&server, "eve").await?;
    for (query, variables) in [
        (TOKENS, json!({ "user": ADA })),
        (REVOKE, json!({ "input": { "id": id } })),
        (CREATE, json!({ "input": { "userId": ADA, "name": "mine" } })),
        (LOG_INS, json!({ "user": ADA })),
    ] {
        let refused = eve.graphql(query, variables.clone()).await?;
        assert_eq!(code(&refused), "NOT_FOUND", "{query}: {refused}");
        let refused = server.client().graphql(query, variables).await?;
        assert_eq!(code(&refused), "UNAUTHENTICATED", "{query}: {refused}");
    }
    let refused = eve
        .graphql(CREATE, json!({ "input": { "name": "x", "organizationIds": [ALPHA] } }))
        .await?;
    assert_eq!(code(&refused), "NOT_FOUND", "{refused}");

    ada.graphql_data(REVOKE, json!({ "input": { "id": id } })).await?;
    assert_eq!(code(&charts.graphql("{ viewer { actor } }", json!({})).await?), "UNAUTHENTICATED");
    assert_eq!(ada.graphql_data(TOKENS, json!({})).await?["tokens"], json!([]));
    Ok(())
}

async fn tokens_go_no_further_than_their_scope(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let (secret, _) =
        made(&server.admin(), json!({ "name": "reads all", "readOnly": true })).await?;
    let reader = server.client().with_token(&secret);
    let data = reader
        .graphql_data("{ viewer { superuser } organizations { totalCount } }", json!({}))
        .await?;
    assert_eq!(data["viewer"]["superuser"], false);
    assert!(data["organizations"]["totalCount"].as_i64() >= Some(2), "{data}");
    let rename = "mutation ($input: ChangeOrganizationInput!) { changeOrganization(input: $input) { position } }";
    let refused =
        reader.graphql(rename, json!({ "input": { "id": ALPHA, "name": "mine" } })).await?;
    assert_eq!(code(&refused), "FORBIDDEN", "{refused}");

    let input = json!({ "name": "beta only", "organizationIds": [BETA], "permissions": ["change_organization", "view_user"] });
    let (secret, _) = made(&server.admin(), input).await?;
    let beta = server.client().with_token(&secret);
    let data = beta.graphql_data("{ organizations { nodes { slug } } }", json!({})).await?;
    assert_eq!(data["organizations"]["nodes"], json!([{ "slug": "beta" }]));
    let refused = beta.graphql(rename, json!({ "input": { "id": ALPHA, "name": "mine" } })).await?;
    assert_eq!(code(&refused), "NOT_FOUND", "{refused}");
    let broader = json!({ "input": { "name": "broader" } });
    assert_eq!(code(&beta.graphql(CREATE, broader).await?), "FORBIDDEN");
    let device = "{ devices { totalCount } }";
    assert_eq!(code(&beta.graphql(device, json!({})).await?), "FORBIDDEN");
    Ok(())
}

async fn whoever_listens_is_sent_away(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    person(&admin, ADA, "ada", ALPHA).await?;
    let change = "mutation ($input: ChangeUserInput!) { changeUser(input: $input) { position } }";
    let password =
        "mutation ($input: ChangePasswordInput!) { changePassword(input: $input) { position } }";
    let revoke = "mutation ($input: UserIdInput!) { revokeTokens(input: $input) { position } }";
    let (second, third) = ("people-have-that-Password2", "people-have-that-Password3");
    for word in [second, third] {
        note_secret(word);
    }
    for (word, mutation, input) in [
        (WORD, change, json!({ "id": ADA, "groupNumbers": [] })),
        (WORD, revoke, json!({ "id": ADA })),
        (WORD, password, json!({ "id": ADA, "password": second })),
        (second, password, json!({ "id": ADA, "password": third })),
        (third, change, json!({ "id": ADA, "active": false })),
    ] {
        let variables = json!({ "name": "ada", "password": word });
        let data = server.client().graphql_data(LOG_IN, variables).await?;
        let token = data["logIn"]["token"].as_str().context("a token")?.to_owned();
        note_secret(&token);
        let mut socket = Socket::open(&server, &token).await?;
        admin.graphql_data(mutation, json!({ "input": input })).await?;
        assert_eq!(socket.closed().await?.0, 4401, "{mutation}: {input}");
    }

    // A token for a purpose goes on when the password changes, until it is revoked.
    admin.graphql_data(change, json!({ "input": { "id": ADA, "active": true } })).await?;
    let id = "0198aaaa-0000-7000-8000-00000000070d";
    let (secret, _) = made(&admin, json!({ "id": id, "userId": ADA, "name": "listens" })).await?;
    let mut socket = Socket::open(&server, &secret).await?;
    let word = "people-have-that-Password4";
    note_secret(word);
    let input = json!({ "id": ADA, "password": word });
    admin.graphql_data(password, json!({ "input": input })).await?;
    socket.subscribe("1", "{ viewer { actor } }", json!({})).await?;
    assert_eq!(socket.next().await?["viewer"]["actor"], format!("user:{ADA}"));
    admin.graphql_data(REVOKE, json!({ "input": { "id": id } })).await?;
    let closed = loop {
        match socket.hear().await? {
            crate::live::Heard::Closed(code, _) => break code,
            crate::live::Heard::Message(_) => {}
        }
    };
    assert_eq!(closed, 4401);
    Ok(())
}

async fn tokens_over_rest(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    person(&server.admin(), ADA, "ada", ALPHA).await?;
    let (_, ada) = logged_in(&server, "ada").await?;
    let path = format!("/api/v1/users/user/{ADA}/token/");
    let body = json!({ "name": "backup", "permissions": [1], "organizations": [ALPHA], "expires_at": "2090-01-31T00:00:00Z" });
    let made = ada.json(Method::POST, &path, &body).await?.expect(201)?.json().context("JSON")?;
    let secret = made["token"].as_str().context("a token")?.to_owned();
    note_secret(&secret);
    assert_eq!((&made["permissions"], &made["organizations"]), (&json!([1]), &json!([ALPHA])));
    let listed = ada.get(&path).await?.expect(200)?.json().context("JSON")?;
    assert_eq!((&listed["count"], &listed["results"][0]["name"]), (&json!(1), &json!("backup")));
    assert!(listed["results"][0].get("token").is_none(), "told once");

    let backup = server.client().with_token(&secret);
    backup.get("/api/v1/controller/device/").await?.expect(200)?;
    backup.get("/api/v1/controller/template/").await?.expect(403)?;
    for (body, field) in [
        (json!({}), "name"),
        (json!({ "name": "x", "permissions": [999] }), "permissions"),
        (json!({ "name": "x", "expires_at": "tomorrow" }), "expires_at"),
        (json!({ "name": "backup" }), "name"),
    ] {
        let refused = ada.json(Method::POST, &path, &body).await?.expect(400)?;
        assert!(refused.json().is_some_and(|said| said.get(field).is_some()), "{body}");
    }
    let stranger = server.client().with_token(ALPHA_MANAGER);
    let one = format!("{path}{}/", made["id"].as_str().context("an id")?);
    let theirs = format!("/api/v1/users/user/{EVE}/token/");
    stranger.get(&theirs).await?.expect(404)?;
    server.client().get(&path).await?.expect(401)?;
    ada.get(&format!("{path}nonsense/")).await?.expect(404)?;
    let gone = ada.send(ada.request(Method::DELETE, &one)).await?;
    gone.expect(204)?;
    ada.send(ada.request(Method::DELETE, &one)).await?.expect(404)?;
    backup.get("/api/v1/controller/device/").await?.expect(401)?;
    Ok(())
}

async fn who_logged_in_is_told(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    person(&admin, ADA, "ada", ALPHA).await?;
    let wrong = json!({ "name": "ada", "password": "wrong" });
    assert_eq!(code(&server.client().graphql(LOG_IN, wrong).await?), "UNAUTHENTICATED");
    let (_, ada) = logged_in(&server, "ada").await?;
    let row = |outcome: &str| json!({ "userId": ADA, "outcome": outcome, "method": "PASSWORD", "address": "127.0.0.1", "times": 1 });
    let expected = json!({ "totalCount": 2, "nodes": [row("SUCCEEDED"), row("WRONG_PASSWORD")] });
    let manager = server.client().with_token(ALPHA_MANAGER);
    for client in [&ada, &manager, &admin] {
        let data = client.graphql_data(LOG_INS, json!({ "user": ADA })).await?;
        assert_eq!(data["logIns"], expected);
    }
    let data = ada.graphql_data(LOG_INS, json!({ "first": 1 })).await?;
    assert_eq!(data["logIns"]["nodes"], json!([row("SUCCEEDED")]));
    let shown = admin.get(&format!("/api/v1/users/user/{ADA}/")).await?.expect(200)?;
    assert!(shown.json().is_some_and(|user| user["last_login"].is_string()));
    Ok(())
}

async fn too_many_wrong_passwords_have_to_wait(database: Database) -> anyhow::Result<()> {
    let start = Start::with_fixture()?.set("WISPTRAIL_ACCOUNTS__FAILURES_PER_ACCOUNT", "2");
    let server = Server::start(&database, start).await?;
    person(&server.admin(), ADA, "ada", ALPHA).await?;
    let path = "/api/v1/users/token/";
    let form = |password| [("username", "ada"), ("password", password)];
    for _ in 0..2 {
        server.client().post_form(path, &form("wrong")).await?.expect(400)?;
    }
    let refused = server.client().post_form(path, &form(WORD)).await?.expect(429)?;
    let after: u64 = refused.header("retry-after").context("Retry-After")?.parse()?;
    assert!((1..=900).contains(&after), "{after}");
    assert_eq!(refused.json(), Some(json!({ "detail": "Request was throttled." })));
    let refused =
        server.client().graphql(LOG_IN, json!({ "name": "ada", "password": WORD })).await?;
    assert_eq!(code(&refused), "RATE_LIMITED", "{refused}");
    assert!(refused["errors"][0]["extensions"]["retryAfter"].is_u64(), "{refused}");
    Ok(())
}
