//! What is confidential is masked; who may see secrets asks for them, and that is noted.

use std::io::Read as _;

use anyhow::Context;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use wisptrail_tests::{
    ADMIN_TOKEN, Client, Database, Fixture, Server, Start, note_secret, on_each_database,
};

use crate::{ALPHA, ALPHA_MANAGER, BETA, change, client::Stream, device, pages};

on_each_database!(
    nothing_confidential_leaves,
    secrets_are_told_to_who_may_see_them,
    configurations_tell_the_key_to_who_may_see_it,
);

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

/// Everything that somebody can ask of a device's configuration, as one text.
async fn all_of(
    client: &Client,
    id: &str,
    (first, second): (i64, i64),
) -> anyhow::Result<(String, bool)> {
    let query = "query ($id: ID!, $first: Position!, $second: Position!) {
        device(id: $id) { configuration { files { path text } findings { pointer section option message } failure } }
        then: device(id: $id, at: { position: $first }) { configuration { files { path text } } }
        now: deviceConfigurationArchive(id: $id) { masked md5 size base64 }
        past: deviceConfigurationArchive(id: $id, at: { position: $first }) { base64 }
        deviceDiff(id: $id, from: { position: $first }, to: { position: $second }) { ...differences }
        filesDiff(from: { deviceId: $id, at: { position: $first } }, to: { deviceId: $id }) { ...files }
    }
    fragment differences on DeviceDiff { files { ...files } }
    fragment files on FilesDiff { files { path unified } }";
    let variables = json!({ "id": id, "first": first.to_string(), "second": second.to_string() });
    let data = client.graphql_data(query, variables).await?;
    let mut archives = Vec::new();
    for name in ["now", "past"] {
        let base64 = data[name]["base64"].as_str().context("an archive")?;
        archives.push(BASE64_STANDARD.decode(base64)?);
    }
    for query in [String::new(), format!("?at={first}")] {
        let path = format!("/api/v1/controller/device/{id}/configuration/{query}");
        archives.push(client.get(&path).await?.expect(200)?.body);
    }
    assert_eq!((&archives[0], &archives[1]), (&archives[2], &archives[3]), "all tell the same");
    let mut text = serde_json::to_string(&data)?;
    for archive in archives {
        let mut plain = Vec::new();
        GzDecoder::new(&archive[..]).read_to_end(&mut plain)?;
        text.push_str(&String::from_utf8_lossy(&plain));
    }
    Ok((text, data["now"]["masked"] == json!(true)))
}

async fn configurations_tell_the_key_to_who_may_see_it(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let (admin, manager) = (server.admin(), server.client().with_token(ALPHA_MANAGER));
    let (id, key) = device(&admin, ALPHA, 1).await?;
    let blind = narrow(&manager, "blind", json!(["view_device"])).await?;
    let seeing = narrow(&manager, "seeing", json!(["view_device", "see_secrets"])).await?;
    let (blind, seeing) = (server.client().with_token(&blind), server.client().with_token(&seeing));
    let files = |number: u32| {
        json!({ "configuration": { "config": {
            "files": [
                { "path": "/etc/of-{{ key }}", "mode": "0600", "contents": format!("{number} {{{{ key }}}}") },
                { "path": "/etc/plain", "mode": "0600", "contents": format!("word of {number}") },
            ],
            // The name of a LED's section is made of its name, in lower case.
            "led": [{ "name": "{{ key }}", "sysfs": "led", "trigger": "none" }],
        } } })
    };
    let mut moments = Vec::new();
    for number in [1, 2] {
        change(&admin, &id, files(number)).await?;
        // Rendered.
        let path = format!("/api/v1/controller/device/{id}/configuration/");
        admin.get(&path).await?.expect(200)?;
        moments.push(head(&admin).await?);
    }
    let moments = (moments[0], moments[1]);

    let before = head(&admin).await?;
    let (text, masked) = all_of(&blind, &id, moments).await?;
    assert!(masked && !text.to_lowercase().contains(&key.to_lowercase()), "the key is told");
    assert!(text.contains("{{ key }}") && text.contains("word of 2") && text.contains("word of 1"));
    assert!(readings(&admin, before).await?.is_empty(), "nothing was read");

    let (text, masked) = all_of(&seeing, &id, moments).await?;
    assert!(!masked && text.contains(&key) && !text.contains("of-{{ key }}"));
    let noted = readings(&admin, before).await?;
    assert!(!noted.is_empty());
    for event in &noted {
        let read = &event["data"]["read"];
        assert!(read["what"] == "device_key" && read["of"] == json!([id]), "{noted:?}");
    }

    // What a device has no key in is told to both, and nobody has read anything.
    let (id, _) = device(&admin, ALPHA, 2).await?;
    let plain = json!({ "configuration": { "config": {
        "files": [{ "path": "/etc/plain", "mode": "0600", "contents": "word" }],
    } } });
    change(&admin, &id, plain).await?;
    let before = head(&admin).await?;
    let mut archives = Vec::new();
    for client in [&blind, &seeing] {
        let path = format!("/api/v1/controller/device/{id}/configuration/");
        archives.push(client.get(&path).await?.expect(200)?.body);
    }
    assert_eq!(archives[0], archives[1]);
    assert!(readings(&admin, before).await?.is_empty());
    Ok(())
}
