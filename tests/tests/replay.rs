//! The whole system as it was: built beside a server, looked at, and never changed.

use std::{path::Path, process::Stdio, sync::Arc};

use anyhow::Context as _;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use wisptrail_tests::{
    Client, Database, Device, Home, Server, Somebody, Start, on_each_database, patience, program,
    register, secret_of,
};

on_each_database!(
    what_was_is_an_installation_of_its_own,
    with_its_keys_it_answers_devices,
    an_interrupted_replay_leaves_nothing_that_looks_whole,
    what_cannot_be_built_is_refused_with_reasons,
);

/// Everything of a device that can be asked about any moment.
const SHOWN: &str = "query ($id: ID!, $at: Moment) { device(id: $id, at: $at) {
    name macAddress notes active group { name } organization { name } createdAt modifiedAt
    configuration { config variables status templates { name config } }
    history(first: 50) { nodes { position type sentence } } } }";
const ARCHIVE: &str = "query ($id: ID!, $at: Moment) { deviceConfigurationArchive(id: $id, at: $at) { sha256 base64 } }";
const NAMES: &str = "{ devices(first: 50, orderBy: CREATED) { totalCount nodes { name } } templates { nodes { name } } }";
const POSITION: &str = "{ devices(first: 1) { position } }";
const RENAME: &str =
    "mutation ($input: ChangeDeviceInput!) { changeDevice(input: $input) { position } }";

struct Inhabited {
    server: Server,
    device: Device,
    template: String,
    archive: Vec<u8>,
}

/// A device with a template, whose archive has come to rest.
async fn inhabited(database: &Database) -> anyhow::Result<Inhabited> {
    let server = Server::start(database, Start::with_fixture()?).await?;
    let (client, admin) = (server.client(), server.admin());
    let organizations = admin.get("/api/v1/users/organization/").await?.expect(200)?;
    let organizations = organizations.json().context("JSON")?;
    let all = organizations["results"].as_array().context("a list")?;
    let alpha = all.iter().find(|it| it["slug"] == "alpha").context("alpha")?["id"].clone();
    let template = json!({
        "name": "of old", "organization": alpha, "type": "generic", "backend": "netjsonconfig.OpenWrt",
        "default": true, "default_values": { "color": "red" },
        "config": { "files": [{ "path": "/etc/color", "mode": "0644", "contents": "{{ color }}\n" }] },
    });
    let made = admin.json(Method::POST, "/api/v1/controller/template/", &template).await?;
    let made = made.expect(201)?.json().context("JSON")?;
    let template = made["id"].as_str().context("an id")?.to_owned();
    let device = register(&client, &secret_of("alpha")?, "old", "02:00:00:00:0C:01").await?;
    let mut archive = Vec::new();
    patience("the device has its archive", async || {
        let answer = client.get(&device.download_path()).await?;
        archive = answer.body;
        Ok(answer.status == 200)
    })
    .await?;
    Ok(Inhabited { server, device, template, archive })
}

impl Inhabited {
    fn admin(&self) -> Client {
        self.server.admin()
    }

    async fn position(&self) -> anyhow::Result<i64> {
        self.admin().graphql_data(POSITION, json!({})).await?["devices"]["position"]
            .as_i64()
            .context("a position")
    }

    async fn shown(&self, at: i64) -> anyhow::Result<Value> {
        let variables = json!({ "id": self.device.dashed(), "at": { "position": at } });
        self.admin().graphql_data(SHOWN, variables).await
    }

    /// Nothing stays as it was.
    async fn change_everything(&self) -> anyhow::Result<()> {
        let admin = self.admin();
        let input = json!({ "id": self.device.dashed(), "name": "young", "notes": "changed" });
        admin.graphql_data(RENAME, json!({ "input": input })).await?;
        let path = format!("/api/v1/controller/template/{}/", self.template);
        let body = json!({ "name": "of today", "default_values": { "color": "blue" } });
        admin.json(Method::PATCH, &path, &body).await?.expect(200)?;
        let secret = secret_of("alpha")?;
        register(&self.server.client(), &secret, "another", "02:00:00:00:0C:02").await?;
        patience("the device downloads something else", async || {
            let answer = self.server.client().get(&self.device.download_path()).await?;
            Ok(answer.status == 200 && answer.body != self.archive)
        })
        .await
    }

    async fn replay(&self, until: i64, into: &Path, further: &[&str]) -> anyhow::Result<String> {
        let home = self.server.home();
        let (data, into) = (text(home.data())?, text(into)?);
        let until = until.to_string();
        let mut arguments = vec!["replay", "--until", &until, "--into", into, "--data", data];
        arguments.extend(further);
        program(home, &arguments).await?.success()
    }
}

fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("a path")
}

/// Serves a folder that shows what was. The token is for whoever started it.
async fn look_at(home: &Arc<Home>) -> anyhow::Result<(Server, Client)> {
    let arguments = vec!["--read-only".to_owned()];
    let server =
        Server::start_in(Arc::clone(home), Start { arguments, ..Start::default() }).await?;
    let mut token = String::new();
    patience("the server tells the token", async || {
        let said = server.output();
        token = said.split_once("sign in with the token ").map_or("", |(_, rest)| rest).into();
        Ok(token.contains('\n'))
    })
    .await?;
    let token = token.lines().next().context("a token")?.trim().to_owned();
    // It is printed for whoever started the server, and is no secret in what that server says.
    let viewer = server.client().with_token(&token);
    Ok((server, viewer))
}

async fn head(home: &Home) -> anyhow::Result<String> {
    let said = program(home, &["verify", "--data", text(home.data())?]).await?.success()?;
    let line = said.lines().find(|line| line.starts_with("chain head: position "));
    Ok(line.context("a head")?.to_owned())
}

async fn what_was_is_an_installation_of_its_own(database: Database) -> anyhow::Result<()> {
    let there = inhabited(&database).await?;
    let somebody = Somebody::of(&there.server, 1).await?;
    let at = there.position().await?;
    let (shown, names) =
        (there.shown(at).await?, there.admin().graphql_data(NAMES, json!({})).await?);
    there.change_everything().await?;
    somebody.erase(&there.server, false).await?;
    let before = there.position().await?;

    // Beside the server, who goes on.
    let home = Home::new(&Database::Sqlite).await?;
    let said = there.replay(at, home.data(), &[]).await?;
    assert!(said.contains(&format!("shows position {at}")), "{said}");
    assert!(said.contains("what is sealed stays sealed"), "{said}");
    assert!(there.position().await? >= before);

    // The log is the beginning of the other one, and the tables are those of it.
    let line = head(&home).await?;
    assert!(line.starts_with(&format!("chain head: position {at},")), "{line}");
    assert_eq!(somebody.left_in(home.data())?, [""; 0], "who was erased since stays so");

    // Nobody writes there.
    let Err(refused) = Server::start_in(Arc::clone(&home), Start::default()).await else {
        anyhow::bail!("it is served as if it were alive")
    };
    assert!(refused.to_string().contains("add --read-only"), "{refused}");
    let data = text(home.data())?;
    let made = program(&home, &["orgs", "create", "newcomers", "--data", data]).await?;
    assert!(made.code > 0, "{made:?}");

    let (server, viewer) = look_at(&home).await?;
    let id = there.device.dashed();
    let now = viewer.graphql_data(SHOWN, json!({ "id": id })).await?;
    assert_eq!(now, shown, "it is as it was");
    assert_eq!(viewer.graphql_data(NAMES, json!({})).await?, names);
    let told = viewer.graphql_data("{ viewer { superuser } me { id } }", json!({})).await?;
    assert_eq!(told, json!({ "viewer": { "superuser": true }, "me": null }));
    let moment = json!({ "id": id, "at": { "position": at } });
    let archive = there.admin().graphql_data(ARCHIVE, moment).await?;
    assert_eq!(viewer.graphql_data(ARCHIVE, json!({ "id": id })).await?, archive);
    let archive = archive["deviceConfigurationArchive"]["base64"].as_str().context("bytes")?;
    assert_eq!(BASE64_STANDARD.decode(archive)?, there.archive);
    // Sealed values are neither told nor taken for erased ones, and nobody else gets in.
    let key = "query ($id: ID!) { device(id: $id) { key } }";
    let key = viewer.graphql_data(key, json!({ "id": id })).await?;
    assert_eq!(key["device"]["key"], "[sealed]");
    let admin = Client::new(server.address()).with_token(wisptrail_tests::ADMIN_TOKEN);
    let refused = admin.graphql(NAMES, json!({})).await?;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{refused}");

    // Whatever would change something is refused with the same words.
    let rename = json!({ "input": { "id": id, "name": "changed" } });
    let log_in = "mutation { logIn(username: \"admin\", password: \"x\") { token } }";
    for (client, text, variables) in
        [(&viewer, RENAME, rename), (&server.client(), log_in, json!({}))]
    {
        let answer = client.graphql(text, variables).await?;
        let error = &answer["errors"][0];
        assert_eq!(error["extensions"]["code"], "UNAVAILABLE", "{answer}");
        assert_eq!(error["extensions"]["reason"], "read_only", "{answer}");
    }
    let organization = json!({ "name": "newcomers", "slug": "newcomers" });
    let answer = viewer.json(Method::POST, "/api/v1/users/organization/", &organization).await?;
    let said = answer.expect(503)?.json().context("JSON")?;
    assert_eq!(said["code"], "read_only", "{said}");
    let path = format!("/api/v1/controller/device/{id}/");
    viewer.json(Method::PATCH, &path, &json!({ "name": "changed" })).await?.expect(503)?;
    viewer.send(viewer.request(Method::DELETE, &path)).await?.expect(503)?;
    let form = [("secret", "x"), ("name", "y"), ("mac_address", "02:00:00:00:0C:09")];
    server.client().post_form("/controller/register/", &form).await?.expect(503)?;
    viewer.get(&path).await?.expect(200)?;
    viewer.get("/healthz").await?.expect(200)?;
    viewer.get("/readyz").await?.expect(200)?;
    assert_eq!(viewer.graphql_data(POSITION, json!({})).await?["devices"]["position"], at);
    assert_eq!(server.stop().await?.code(), Some(0));
    assert_eq!(head(&home).await?, line, "nothing was written");
    Ok(())
}

async fn with_its_keys_it_answers_devices(database: Database) -> anyhow::Result<()> {
    let there = inhabited(&database).await?;
    let somebody = Somebody::of(&there.server, 1).await?;
    let at = there.position().await?;
    there.change_everything().await?;

    let home = Home::new(&Database::Sqlite).await?;
    there.replay(at, home.data(), &["--with-keys"]).await?;
    let (server, viewer) = look_at(&home).await?;
    // Tokens, keys and archives are what they were.
    let admin = server.client().with_token(wisptrail_tests::ADMIN_TOKEN);
    let key = "query ($id: ID!) { device(id: $id) { name key } }";
    for client in [&viewer, &admin] {
        let told = client.graphql_data(key, json!({ "id": there.device.dashed() })).await?;
        assert_eq!(told["device"], json!({ "name": "old", "key": there.device.key }));
    }
    let download = server.client().get(&there.device.download_path()).await?.expect(200)?;
    assert_eq!(download.body, there.archive);
    server.client().get(&there.device.checksum_path()).await?.expect(200)?;
    let user = "query ($id: ID!) { user(id: $id) { username } }";
    let told = viewer.graphql_data(user, json!({ "id": somebody.id })).await?;
    assert_eq!(told["user"]["username"], somebody.username);
    // Nobody logs in: that would be an event.
    let status = somebody.log_in(&server, &somebody.password).await?;
    assert_eq!(status, 503);
    assert_eq!(server.stop().await?.code(), Some(0));
    Ok(())
}

async fn an_interrupted_replay_leaves_nothing_that_looks_whole(
    database: Database,
) -> anyhow::Result<()> {
    let there = inhabited(&database).await?;
    let place = TempDir::new()?;
    let (into, part) = (place.path().join("then"), place.path().join("then.part"));
    let mut replay = there.server.home().command();
    let head = there.position().await?.to_string();
    replay.args(["replay", "--until", &head, "--into"]).arg(&into);
    replay.arg("--data").arg(there.server.home().data());
    replay.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut replay = replay.spawn()?;
    patience("it has begun, or ended already", async || Ok(part.exists() || into.exists())).await?;
    replay.kill()?;
    replay.wait()?;
    if into.exists() {
        // It was faster.
        assert!(into.join("replayed.json").exists());
    } else {
        let Err(refused) = there.replay(1, &into, &[]).await else {
            anyhow::bail!("what was left is overwritten")
        };
        assert!(refused.to_string().contains("then.part"), "{refused}");
        let data = text(&part)?;
        let served =
            program(there.server.home(), &["serve", "--read-only", "--data", data]).await?;
        assert!(served.code > 0, "{served:?}");
        std::fs::remove_dir_all(&part)?;
        there.replay(1, &into, &[]).await?;
    }
    assert!(!part.exists());
    Ok(())
}

async fn what_cannot_be_built_is_refused_with_reasons(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::default()).await?;
    let place = TempDir::new()?;
    let data = text(server.home().data())?;
    let full = place.path().join("full");
    std::fs::create_dir(&full)?;
    std::fs::write(full.join("notes.txt"), "mine")?;
    let fresh = place.path().join("fresh");
    for (until, into, why) in [
        ("999999999", &fresh, "has not been reached"),
        ("yesterday", &fresh, "neither a position"),
        ("2999-01-01T00:00:00Z", &fresh, "is still to come"),
        ("1", &full, "is not empty"),
    ] {
        let arguments = ["replay", "--until", until, "--into", text(into)?, "--data", data];
        let finished = program(server.home(), &arguments).await?;
        assert!(finished.code > 0 && finished.stderr.contains(why), "{finished:?}");
    }
    assert!(!fresh.exists());
    assert_eq!(std::fs::read_dir(place.path())?.count(), 1, "nothing is left behind");
    let finished =
        program(server.home(), &["serve", "--read-only", "--data", text(&full)?]).await?;
    assert!(finished.code > 0 && finished.stderr.contains("wisptrail replay"), "{finished:?}");
    // Before everything there is nothing, and that can be looked at.
    let home = Home::new(&Database::Sqlite).await?;
    let arguments = ["replay", "--until", "0", "--into", text(home.data())?, "--data", data];
    program(server.home(), &arguments).await?.success()?;
    let (empty, viewer) = look_at(&home).await?;
    assert_eq!(viewer.graphql_data(NAMES, json!({})).await?["devices"]["totalCount"], 0);
    assert_eq!(empty.stop().await?.code(), Some(0));
    Ok(())
}
