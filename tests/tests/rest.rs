//! The recorded REST interface, replayed against the real program.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use anyhow::Context;
use reqwest::Method;
use serde_json::{Value, json};
use wisptrail_tests::{
    Client, Contract, Database, Fixture, Server, Start,
    conformance::{Accepted, Area, Clients, Outcome, Report, Rules, Transcript, replay},
    note_secret, on_each_database,
};

on_each_database!(transcripts, default_groups);

/// Files that ask for what this server does not have yet.
const LATER: [(&str, &str); 1] =
    [("group-by-common-name.json", "certificates and templates of VPN servers")];
/// Where a server writes its mails, inside of its data folder.
const MAILS: &str = "mails";
/// What the permission groups of a new installation hold: no transcript.
const GROUPS: &str = "default-groups.json";
async fn transcripts(database: Database) -> anyhow::Result<()> {
    let area = Area::find("rest")?;
    if area.is_absent() {
        return Ok(());
    }
    let mut report = Report::accepting(Accepted::read("rest-accepted.json")?);
    let mut scenarios = Vec::new();
    for path in &area.files {
        let file = name(path);
        match LATER.iter().find(|(later, _)| *later == file) {
            _ if file == GROUPS => {}
            Some((_, what)) => report.left_out(&file, &format!("it needs {what}")),
            None => scenarios.push((file, Transcript::read(path)?)),
        }
    }
    report.play(scenarios, async |transcript| scenario(transcript, &area, &database).await).await;
    report.finish(&area, database.name())
}

/// A scenario has a server of its own: it starts from the fixture and nothing else.
async fn scenario(
    transcript: &Transcript,
    area: &Area,
    database: &Database,
) -> anyhow::Result<Outcome> {
    let server = start(database, &area.fixture).await?;
    let contract = contract(&server).await?;
    let anonymous = server.client().judged_by(&contract);
    let mut roles = BTreeMap::new();
    for person in &area.fixture.people {
        let token = match person.token.as_str() {
            "" => log_in(&anonymous, &person.username, &person.password).await?,
            token => token.to_owned(),
        };
        roles.insert(person.role().to_owned(), anonymous.with_token(&token));
    }
    let known = known(&server, &area.fixture).await?;
    let mails = Some(server.home().data().join(MAILS));
    let clients = Clients { anonymous, roles, mails };
    let outcome = replay(transcript, &clients, &area.fixture, &known, Rules::REST).await?;
    server.stop().await?;
    Ok(outcome)
}

async fn start(database: &Database, fixture: &Fixture) -> anyhow::Result<Server> {
    let start = Start { fixture: Some(fixture.clone()), ..Start::default() }
        .set("WISPTRAIL_HTTP__PUBLIC_URL", "https://wifi.example.org")
        .set("WISPTRAIL_MAIL__FOLDER", MAILS)
        .set("WISPTRAIL_MAIL__FROM", "wifi@example.org");
    Server::start(database, start).await
}

/// What the server says of its answers.
async fn contract(server: &Server) -> anyhow::Result<Arc<Contract>> {
    let answer = server.client().get("/api/v1/docs/openapi.json").await?.expect(200)?;
    Ok(Arc::new(Contract::new(&answer.json().context("no JSON")?)?))
}

async fn log_in(client: &Client, username: &str, password: &str) -> anyhow::Result<String> {
    let body = json!({ "username": username, "password": password });
    let answer = client.json(Method::POST, "/api/v1/users/token/", &body).await?.expect(200)?;
    let token = answer.json().and_then(|body| Some(body["token"].as_str()?.to_owned()));
    let token = token.context("no token")?;
    note_secret(&token);
    Ok(token)
}

/// The address of the server, and the ids of the fixture's people.
async fn known(server: &Server, fixture: &Fixture) -> anyhow::Result<Vec<(String, String)>> {
    let answer = server.admin().get("/api/v1/users/user/?page_size=100").await?.expect(200)?;
    let people = answer.json().unwrap_or_default();
    let mut known = vec![("base".to_owned(), server.address().to_owned())];
    for person in &fixture.people {
        let id = people["results"]
            .as_array()
            .and_then(|people| people.iter().find(|user| user["username"] == person.username))
            .and_then(|user| user["id"].as_str())
            .with_context(|| format!("{} is not there", person.username))?;
        known.push((format!("user.{}", person.role()), id.to_owned()));
        known.push((format!("user.{}", person.username), id.to_owned()));
    }
    Ok(known)
}

/// Kinds of things that the recorded system does not have: Administrators look after them, too.
const OURS: [&str; 1] = ["webhook | "];

/// Special acts, which the recorded groups have no permission of their own for.
const ACTS: [&str; 5] = [
    "Can push configuration",
    "Can reboot Device",
    "Can run custom command",
    "Can find user",
    "Can see secrets",
];

/// Administrator and Operator hold what is recorded of them as far as it exists here, and may see what they may change.
async fn default_groups(database: Database) -> anyhow::Result<()> {
    let area = Area::find("rest")?;
    let Some(path) = area.files.iter().find(|path| name(path) == GROUPS) else { return Ok(()) };
    let recorded: Value = serde_json::from_slice(&std::fs::read(path)?)?;
    let server = start(&database, &area.fixture).await?;
    let existing = existing(&server.admin()).await?;
    anyhow::ensure!(existing.len() > 30, "permissions are missing: {existing:?}");

    let groups = server.admin().get("/api/v1/users/group/?page_size=100").await?.expect(200)?;
    let groups = groups.json().unwrap_or_default();
    for role in ["Administrator", "Operator"] {
        let modules = recorded["groups"][role].as_object().context("no such group")?;
        let shown = modules.values().filter_map(Value::as_array).flatten();
        let mut expected: BTreeSet<String> = shown
            .filter_map(|permission| permission["shown"].as_str())
            .filter(|shown| existing.contains(*shown))
            .map(str::to_owned)
            .collect();
        let seen = expected.iter().map(|shown| shown.replace("Can change ", "Can view "));
        expected.extend(seen.filter(|shown| existing.contains(shown)).collect::<Vec<_>>());
        let held = groups["results"]
            .as_array()
            .and_then(|groups| groups.iter().find(|group| group["name"] == role))
            .context("no such group")?;
        let held: BTreeSet<String> = lines(held)
            .into_iter()
            .filter(|shown| !ACTS.iter().any(|act| shown.ends_with(act)))
            .filter(|shown| !OURS.iter().any(|kind| shown.starts_with(kind)))
            .collect();
        anyhow::ensure!(held == expected, "{role} holds {held:?}, expected {expected:?}");
    }
    server.stop().await?;
    Ok(())
}

/// Every permission that there is, in words.
async fn existing(admin: &Client) -> anyhow::Result<BTreeSet<String>> {
    let group = json!({ "name": "all of them in turn", "permissions": [] });
    let group = admin.json(Method::POST, "/api/v1/users/group/", &group).await?.expect(201)?;
    let path = format!("/api/v1/users/group/{}/", group.json().unwrap_or_default()["id"]);
    let mut existing = BTreeSet::new();
    for number in 1..=255 {
        let answer = admin.json(Method::PATCH, &path, &json!({ "permissions": [number] })).await?;
        if answer.status == 200 {
            existing.extend(lines(&answer.json().unwrap_or_default()));
        } else {
            answer.expect(400)?;
        }
    }
    admin.send(admin.request(Method::DELETE, &path)).await?.expect(204)?;
    Ok(existing)
}

/// Permissions of a group as shown, without their numbers.
fn lines(group: &Value) -> Vec<String> {
    let permissions = group["permissions"].as_array().map(Vec::as_slice).unwrap_or_default();
    permissions
        .iter()
        .filter_map(|line| Some(line.as_str()?.split_once(": ")?.1.to_owned()))
        .collect()
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
