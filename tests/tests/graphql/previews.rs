//! Files of configurations before anybody saves them, now, and then; and how they differ.

use std::io::Read as _;

use anyhow::Context as _;
use serde_json::{Value, json};
use wisptrail_tests::{Database, Server, Start, on_each_database};

use crate::{
    ALPHA, ALPHA_MANAGER, BETA, code, device,
    history::{CHANGE_DEVICE, Scene, fields, word},
};

on_each_database!(
    a_preview_is_what_is_downloaded_after_the_change,
    a_device_that_is_not_there_yet_has_files,
    a_preview_is_refused_as_the_change_is,
    what_others_own_has_no_files,
    a_preview_does_not_tell_the_key,
);

/// Whoever may try out any contents would learn it so, without the permission to and without a trace.
async fn a_preview_does_not_tell_the_key(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let (admin, scene) = (server.admin(), Scene::new(&server).await?);
    let file = json!({ "path": "/etc/k", "mode": "0600", "contents": "<{{ key }}>\n" });
    let configuration = json!({ "config": { "files": [file] } });
    let input = json!({ "changeDevice": { "id": scene.id, "configuration": configuration } });
    let data = admin.graphql_data(PREVIEW, json!({ "input": input })).await?;
    let preview = &data["previewDevice"];
    let shown = told(&preview["files"])?;
    let file = shown.iter().find(|(path, _)| path == "etc/k").context("the file")?;
    assert_eq!(file.1, "<{{ key }}>\n");
    assert!(preview["diff"].to_string().contains("<{{ key }}>"), "{preview}");
    assert!(!data.to_string().contains(&scene.device.key), "{data}");

    let variables = json!({ "keys": "{{ key }}" });
    let run = json!({ "changeTemplate": { "id": scene.template, "defaultValues": variables,
        "config": { "files": [{ "path": "/etc/word", "mode": "0644", "contents": "{{ key }} {{ keys }}" }] } } });
    let data = admin.graphql_data(super::dry_runs::DRY_RUN, json!({ "change": run })).await?;
    assert!(data["dryRun"]["diffs"].to_string().contains("+{{ key }} "), "{data}");
    assert!(!data.to_string().contains(&scene.device.key), "{data}");

    // The checksum is that of what the device would get.
    scene.change(&admin, json!({ "configuration": configuration })).await?;
    assert_eq!(preview["md5"], json!(scene.checksum(&server).await?));
    Ok(())
}

pub(crate) const PREVIEW: &str = "query ($input: PreviewDeviceInput!) { previewDevice(input: $input) {
    name md5 files { path mode text } diff { cut files { path change addedLines removedLines unified } }
} }";
const CREATE_DEVICE: &str =
    "mutation ($input: CreateDeviceInput!) { createDevice(input: $input) { position } }";
const FILES: &str = "query ($id: ID!, $at: Moment) { device(id: $id, at: $at) { configuration {
    archive { md5 } files { path mode text }
} } }";
const DIFF: &str =
    "query ($from: DeviceMomentInput!, $to: DeviceMomentInput!) { filesDiff(from: $from, to: $to) {
    cut files { path change addedLines removedLines unified }
} }";
const SECTIONS: &str =
    "query ($from: DeviceMomentInput!, $to: DeviceMomentInput!) { filesDiff(from: $from, to: $to) {
    files { path sections { kind name change options { name change before after isList } } }
} }";

/// The texts in an archive by their paths, as agents unpack it.
fn unpack(archive: &[u8]) -> anyhow::Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(archive));
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.display().to_string();
        let mut text = String::new();
        entry.read_to_string(&mut text)?;
        files.push((path, text));
    }
    files.sort();
    Ok(files)
}

/// The same as GraphQL told it.
fn told(files: &Value) -> anyhow::Result<Vec<(String, String)>> {
    let text = |value: &Value| value.as_str().map(str::to_owned).context("a text");
    let files = files.as_array().context("files")?.iter();
    files.map(|file| Ok((text(&file["path"])?, text(&file["text"])?))).collect()
}

async fn a_preview_is_what_is_downloaded_after_the_change(
    database: Database,
) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    let scene = Scene::new(&server).await?;
    let (checksum, newest) = (scene.checksum(&server).await?, scene.newest(&admin).await?);
    let before = admin.graphql_data(FILES, json!({ "id": scene.id })).await?;
    assert_eq!(
        told(&before["device"]["configuration"]["files"])?,
        unpack(&scene.download(&server).await?)?,
        "now"
    );

    let input = json!({
        "id": scene.id, "clientMutationId": "later", "name": "ap-later",
        "configuration": { "variables": { "place": "valley" }, "config": { "general": { "timezone": "UTC", "hostname": "{{ name }}" } } },
    });
    let variables = json!({ "input": { "changeDevice": input } });
    let preview = admin.graphql_data(PREVIEW, variables.clone()).await?["previewDevice"].take();
    assert_eq!(preview["name"], "ap-later");
    let word = preview["diff"]["files"].as_array().context("files")?.iter();
    let word = word.clone().find(|file| file["path"] == "etc/word").context("the file")?;
    assert_eq!(word["change"], "CHANGED");
    assert_eq!((&word["addedLines"], &word["removedLines"]), (&json!(1), &json!(1)));
    let unified = word["unified"].as_str().context("a text")?;
    assert!(unified.contains("\n-hill\n+valley\n"), "{unified}");
    assert_eq!(scene.checksum(&server).await?, checksum, "nothing happened");
    assert_eq!(scene.newest(&admin).await?, newest, "nothing was stored");

    // Its key was not used up either.
    admin.graphql_data(CHANGE_DEVICE, json!({ "input": input })).await?;
    assert_eq!(json!(scene.checksum(&server).await?), preview["md5"]);
    assert_eq!(told(&preview["files"])?, unpack(&scene.download(&server).await?)?);
    let after = admin.graphql_data(FILES, json!({ "id": scene.id })).await?;
    let configuration = &after["device"]["configuration"];
    assert_eq!(configuration["files"], preview["files"]);
    assert_eq!(configuration["archive"]["md5"], preview["md5"]);

    // What the change was, and the way back, from the log.
    let at = json!({ "position": newest["position"] });
    let then = admin.graphql_data(FILES, json!({ "id": scene.id, "at": at })).await?;
    assert_eq!(then["device"]["configuration"], before["device"]["configuration"]);
    let (now, past) = (json!({ "deviceId": scene.id }), json!({ "deviceId": scene.id, "at": at }));
    let diff = admin.graphql_data(DIFF, json!({ "from": past, "to": now })).await?;
    assert_eq!(diff["filesDiff"], preview["diff"]);
    let said = admin.graphql_data(SECTIONS, json!({ "from": past, "to": now })).await?;
    let files = said["filesDiff"]["files"].as_array().context("files")?;
    let sections =
        |path: &str| files.iter().find(|file| file["path"] == path).map(|file| &file["sections"]);
    assert_eq!(sections("etc/word"), Some(&Value::Null), "it is no package");
    let system = sections("etc/config/system").context("the package")?;
    assert_eq!((&system[0]["kind"], &system[0]["name"]), (&json!("system"), &json!("system")));
    let options = system[0]["options"].as_array().context("options")?;
    let option = |name: &str| options.iter().find(|option| option["name"] == name);
    let hostname = option("hostname").context("the option")?;
    assert_eq!((&hostname["after"], &hostname["isList"]), (&json!(["ap-later"]), &json!(false)));
    let same = admin.graphql_data(DIFF, json!({ "from": now, "to": now })).await?;
    assert_eq!(same["filesDiff"], json!({ "cut": false, "files": [] }));
    let again = admin.graphql_data(PREVIEW, variables).await?["previewDevice"].take();
    assert_eq!(again["diff"], same["filesDiff"], "it is so already");
    assert_eq!(again["md5"], preview["md5"]);
    Ok(())
}

async fn a_device_that_is_not_there_yet_has_files(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    let scene = Scene::new(&server).await?;
    let id = "0198aaaa-0000-7000-8000-000000000077";
    let config = json!({ "files": [{ "path": "/etc/own", "mode": "0600", "contents": "{{ id }} {{ name }}\n" }] });
    let input = json!({
        "id": id, "organizationId": ALPHA, "name": "ap-new", "macAddress": "02:00:00:00:0B:01", "groupId": scene.group,
        "configuration": { "backend": "netjsonconfig.OpenWrt", "config": config, "templateIds": [scene.template] },
    });
    let variables = json!({ "input": { "createDevice": input } });
    let preview = admin.graphql_data(PREVIEW, variables).await?["previewDevice"].take();
    let own = json!({ "path": "etc/own", "mode": "0600", "text": format!("{id} ap-new\n") });
    let words = json!({ "path": "etc/word", "mode": "0644", "text": "first\nhill\n" });
    for file in [&own, &words] {
        assert!(preview["files"].as_array().context("files")?.contains(file), "{preview}");
    }
    let changes = preview["diff"]["files"].as_array().context("files")?;
    assert_eq!(changes.len(), preview["files"].as_array().context("files")?.len());
    assert!(changes.iter().all(|file| file["change"] == "ADDED"), "{changes:?}");
    assert_eq!(code(&admin.graphql(FILES, json!({ "id": id })).await?), "NOT_FOUND");

    admin.graphql_data(CREATE_DEVICE, json!({ "input": input })).await?;
    let made = admin.graphql_data(FILES, json!({ "id": id })).await?;
    let configuration = &made["device"]["configuration"];
    assert_eq!(configuration["files"], preview["files"]);
    assert_eq!(configuration["archive"]["md5"], preview["md5"]);

    // Two devices, side by side.
    let (one, other) = (json!({ "deviceId": scene.id }), json!({ "deviceId": id }));
    let diff = admin.graphql_data(DIFF, json!({ "from": one, "to": other })).await?;
    let files = diff["filesDiff"]["files"].as_array().context("files")?.iter();
    let own = files.clone().find(|file| file["path"] == "etc/own").context("the file")?;
    assert_eq!(own["change"], "ADDED");
    assert!(!files.clone().any(|file| file["path"] == "etc/word"), "equal files are left out");
    Ok(())
}

async fn a_preview_is_refused_as_the_change_is(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    let id = device(&admin, ALPHA, 1).await?;
    for (values, expected, field) in [
        (json!({ "name": "no good name" }), "INVALID", "name"),
        (json!({ "macAddress": "nope" }), "INVALID", "macAddress"),
        (json!({ "groupId": id }), "INVALID", "groupId"),
        (json!({ "groupId": "nope" }), "INVALID", "groupId"),
        (json!({ "managementIp": "nope" }), "INVALID", "managementIp"),
        (
            json!({ "configuration": { "templateIds": [id] } }),
            "INVALID",
            "configuration.templateIds",
        ),
        (json!({ "configuration": { "backend": "nope" } }), "INVALID", "configuration.backend"),
        (
            json!({ "configuration": { "config": { "interfaces": 7 } } }),
            "REFUSED",
            "configuration.config",
        ),
    ] {
        let mut input = values;
        input["id"] = json!(id);
        let preview = json!({ "input": { "changeDevice": input } });
        let preview = admin.graphql(PREVIEW, preview).await?;
        assert_eq!((code(&preview), &*fields(&preview)), (expected, &[field][..]), "{preview}");
        let change = admin.graphql(CHANGE_DEVICE, json!({ "input": input })).await?;
        assert_eq!(preview["errors"][0]["extensions"], change["errors"][0]["extensions"]);
        assert_eq!(preview["errors"][0]["message"], change["errors"][0]["message"]);
    }
    // A move brings along what is decided when it happens.
    let moved = json!({ "input": { "changeDevice": { "id": id, "organizationId": BETA } } });
    let moved = admin.graphql(PREVIEW, moved).await?;
    assert_eq!((code(&moved), fields(&moved)), ("INVALID", vec!["organizationId"]));
    let new = json!({ "organizationId": ALPHA, "name": "no good name", "macAddress": "nope" });
    let preview = admin.graphql(PREVIEW, json!({ "input": { "createDevice": new } })).await?;
    let create = admin.graphql(CREATE_DEVICE, json!({ "input": new })).await?;
    assert_eq!(code(&preview), "INVALID");
    assert_eq!(preview["errors"][0]["extensions"], create["errors"][0]["extensions"]);

    for (from, to, field) in [
        (json!({ "deviceId": "nope" }), json!({ "deviceId": id }), "from.deviceId"),
        (json!({ "deviceId": id }), json!({ "deviceId": "nope" }), "to.deviceId"),
        (
            json!({ "deviceId": id, "at": { "position": 1_000_000_000 } }),
            json!({ "deviceId": id }),
            "from.at",
        ),
        (
            json!({ "deviceId": id }),
            json!({ "deviceId": id, "at": { "time": "2999-01-01T00:00:00Z" } }),
            "to.at",
        ),
    ] {
        let refused = admin.graphql(DIFF, json!({ "from": from, "to": to })).await?;
        assert_eq!((code(&refused), fields(&refused)), ("INVALID", vec![field]), "{refused}");
    }
    let never = json!({ "deviceId": id, "at": { "position": 0 } });
    let never = admin.graphql(DIFF, json!({ "from": never, "to": { "deviceId": id } })).await?;
    assert_eq!(code(&never), "NOT_FOUND", "it was not there");
    Ok(())
}

async fn what_others_own_has_no_files(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let (admin, nobody) = (server.admin(), server.client());
    let manager = nobody.with_token(ALPHA_MANAGER);
    let (own, foreign) = (device(&admin, ALPHA, 1).await?, device(&admin, BETA, 2).await?);
    let template = "mutation ($input: CreateTemplateInput!) { createTemplate(input: $input) { template { id } } }";
    let input = json!({ "organizationId": BETA, "name": "theirs", "config": word("theirs") });
    let data = admin.graphql_data(template, json!({ "input": input })).await?;
    let template = &data["createTemplate"]["template"]["id"];

    let change = |id: &str, values: Value| {
        let mut input = values;
        input["id"] = json!(id);
        json!({ "input": { "changeDevice": input } })
    };
    let new = json!({ "input": { "createDevice": { "organizationId": BETA, "name": "x", "macAddress": "02:00:00:00:00:09", "configuration": {} } } });
    let linked = change(&own, json!({ "configuration": { "templateIds": [template] } }));
    let pair =
        |from: &str, to: &str| json!({ "from": { "deviceId": from }, "to": { "deviceId": to } });
    for (query, variables, expected) in [
        (PREVIEW, change(&foreign, json!({ "name": "mine" })), "NOT_FOUND"),
        (PREVIEW, new, "INVALID"),
        (PREVIEW, linked, "INVALID"),
        (DIFF, pair(&own, &foreign), "NOT_FOUND"),
        (DIFF, pair(&foreign, &own), "NOT_FOUND"),
        (FILES, json!({ "id": foreign }), "NOT_FOUND"),
    ] {
        let answer = manager.graphql(query, variables.clone()).await?;
        assert_eq!(code(&answer), expected, "{variables}: {answer}");
        let answer = nobody.graphql(query, variables.clone()).await?;
        assert_eq!(code(&answer), "UNAUTHENTICATED", "{variables}: {answer}");
    }
    let own_files = manager.graphql_data(FILES, json!({ "id": own })).await?;
    assert!(own_files["device"]["configuration"]["files"].is_array(), "{own_files}");
    Ok(())
}
