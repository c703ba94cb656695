//! What is confidential is masked; who may see secrets asks for them, and that is noted.

use anyhow::Context;
use serde_json::{Value, json};
use wisptrail_tests::{
    ADMIN_TOKEN, Client, Database, Fixture, Server, Start, note_secret, on_each_database,
};

use crate::{ALPHA, ALPHA_MANAGER, BETA, change, client::Stream, device, pages};

on_each_database!(nothing_confidential_leaves, secrets_are_told_to_who_may_see_them);

async fn nothing_confidential_leaves(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    let (id, key) = device(&admin, ALPHA, 1).await?;
    let configuration = json!({ "configuration": {
        "variables": { "psk": "word-of-a-variable" },
        "config": { "general": { "description": "word-of-a-document" } },
    } });
    change(&admin, &id, configuration).await?;
    let mut secrets = vec![key, ADMIN_TOKEN.to_owned()];
    secrets.extend(Fixture::own()?.organizations.into_iter().map(|own| own.shared_secret));
    for sensitive in [false, true] {
        let told = pages(&admin, &format!("after=0&sensitive={sensitive}")).await?;
        assert!(told.iter().any(|event| event["type"] == "user.created"));
        let text = serde_json::to_string(&told)?;
        for secret in secrets.iter().map(String::as_str).chain(["$enc", "envelope", "fingerprint"])
        {
            assert!(!text.contains(secret), "a secret is told");
        }
        for word in ["word-of-a-variable", "word-of-a-document"] {
            assert_eq!(text.contains(word), sensitive, "{word}");
        }
        let mut stream =
            Stream::open(&server, ADMIN_TOKEN, &format!("after=0&sensitive={sensitive}"), None)
                .await?;
        for event in &told {
            assert_eq!(stream.event().await?.data.as_ref(), Some(event));
        }
    }
    Ok(())
}

/// Readings of secrets after a position.
async fn readings(admin: &Client, after: i64) -> anyhow::Result<Vec<Value>> {
    pages(admin, &format!("after={after}&type=secret.read")).await
}

async fn head(client: &Client) -> anyhow::Result<i64> {
    let page = client.get("/api/v1/events").await?.expect(200)?.json().context("JSON")?;
    page["position"].as_i64().context("a position")
}

/// A token of the manager that may only this.
async fn narrow(manager: &Client, name: &str, permissions: Value) -> anyhow::Result<String> {
    let query = "mutation ($input: CreateTokenInput!) { createToken(input: $input) { secret } }";
    let input = json!({ "name": name, "permissions": permissions, "readOnly": true });
    let data = manager.graphql_data(query, json!({ "input": input })).await?;
    let secret = data["createToken"]["secret"].as_str().context("a secret")?.to_owned();
    note_secret(&secret);
    Ok(secret)
}

async fn secrets_are_told_to_who_may_see_them(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let (admin, manager) = (server.admin(), server.client().with_token(ALPHA_MANAGER));
    let (own, key) = device(&admin, ALPHA, 1).await?;
    let (moved, moved_key) = device(&admin, ALPHA, 2).await?;
    change(&admin, &moved, json!({ "organizationId": BETA })).await?;
    let shared = wisptrail_tests::secret_of("alpha")?;
    let before = head(&admin).await?;

    let told = pages(&manager, "after=0&secrets=true").await?;
    let registered = |id: &str| {
        let subject = json!(format!("device/{id}"));
        let found = told
            .iter()
            .find(|event| event["subject"] == subject && event["type"] == "device.registered");
        found.map(|event| event["data"]["registered"]["key"].clone())
    };
    assert_eq!(registered(&own), Some(json!(key)));
    // It has kept its key, so who had it before is not told.
    assert_eq!(registered(&moved), Some(json!({ "masked": "sealed" })));
    let created = told.iter().find(|event| event["type"] == "organization.created");
    let created = created.context("the organization")?;
    assert_eq!(created["data"]["created"]["secret"], json!(shared));
    let text = serde_json::to_string(&told)?;
    assert!(!text.contains(&moved_key) && !text.contains("fingerprint") && !text.contains("$enc"));

    // Who, of what and when is in the log, the values are not.
    let noted = readings(&admin, before).await?;
    let read: Vec<&Value> = noted.iter().map(|event| &event["data"]["read"]).collect();
    assert_eq!(read.len(), 2, "{noted:?}");
    assert!(read.iter().any(|read| read["what"] == "device_key" && read["of"] == json!([own])));
    assert!(
        read.iter().any(|read| read["what"] == "shared_secret" && read["of"] == json!([ALPHA]))
    );
    let actor = manager.graphql_data("{ viewer { actor } }", json!({})).await?;
    assert!(noted.iter().all(|event| event["actor"] == actor["viewer"]["actor"]), "{noted:?}");
    assert!(!serde_json::to_string(&noted)?.contains(&key));

    // A stream tells the same, and so does a subscription's twin for superusers, who see both.
    let mut stream =
        Stream::open(&server, ALPHA_MANAGER, "after=0&secrets=true&type=device.registered", None)
            .await?;
    assert_eq!(
        stream.event().await?.data.context("an event")?["data"]["registered"]["key"],
        json!(key)
    );
    let all = serde_json::to_string(&pages(&admin, "after=0&secrets=true").await?)?;
    assert!(all.contains(&key) && all.contains(&moved_key));

    // A token without the permission is refused, one with it is not.
    let blind = narrow(&manager, "blind", json!(["view_device"])).await?;
    let seeing = narrow(&manager, "seeing", json!(["view_device", "see_secrets"])).await?;
    let before = head(&admin).await?;
    server.client().with_token(&blind).get("/api/v1/events?secrets=true").await?.expect(403)?;
    let told = pages(&server.client().with_token(&blind), "after=0").await?;
    assert!(!told.is_empty() && !serde_json::to_string(&told)?.contains(&key));
    assert!(readings(&admin, before).await?.is_empty(), "nothing was read");
    let told = pages(&server.client().with_token(&seeing), "after=0&secrets=true").await?;
    assert!(serde_json::to_string(&told)?.contains(&key));
    assert!(told.iter().all(|event| event["type"] != "organization.created"), "only devices");
    Ok(())
}
