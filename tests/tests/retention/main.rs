//! What is kept how long: archives of the log, contents that leave it, and people who are erased from all of it.

mod archives;
#[expect(dead_code, reason = "the stories of streams use all of it")]
#[path = "../events/client.rs"]
mod client;
mod person;
#[expect(dead_code, reason = "the stories of GraphQL use all of it")]
#[path = "../graphql/live/socket.rs"]
mod socket;

use std::{
    collections::BTreeSet,
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use wisptrail_tests::{
    Client, Database, Finished, Home, Server, Somebody, Start, aged, patience, program,
};

/// Runs a command in a home, on its data.
async fn command(home: &Home, arguments: &[&str]) -> anyhow::Result<Finished> {
    program(home, &[arguments, &["--data", text(home.data())?]].concat()).await
}

fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("a path")
}

/// Everything that was tried with an account, the newest first.
async fn log_ins(client: &Client, of: Option<&str>) -> anyhow::Result<Vec<Value>> {
    let query = "query ($of: ID) { logIns(first: 100, userId: $of) { nodes { id userId outcome address } } }";
    let data = client.graphql_data(query, json!({ "of": of })).await?;
    Ok(data["logIns"]["nodes"].as_array().context("a list")?.clone())
}

/// All events as pages tell them.
async fn told(client: &Client, further: &str) -> anyhow::Result<Vec<Value>> {
    let (mut after, mut all) = (0, Vec::new());
    loop {
        let path = format!("/api/v1/events?after={after}&limit=1000{further}");
        let mut page = client.get(&path).await?.expect(200)?.json().context("JSON")?;
        all.append(page["events"].as_array_mut().context("a list")?);
        after = page["position"].as_i64().context("a position")?;
        if page["caught_up"] == true {
            return Ok(all);
        }
    }
}

/// Positions of events whose contents are gone.
fn gone(events: &[Value]) -> BTreeSet<String> {
    let gone = events.iter().filter(|event| event["data"] == json!({ "$scavenged": true }));
    gone.filter_map(|event| event["position"].as_str().map(str::to_owned)).collect()
}

/// Archives in a folder, by their names.
fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        found.push(entry?.path());
    }
    found.sort();
    Ok(found)
}

/// Puts the members of all archives of a folder, packed pieces also unpacked, where they can be searched.
fn unpacked(folder: &Path) -> anyhow::Result<TempDir> {
    let place = TempDir::new()?;
    for (number, path) in files(folder)?.iter().enumerate() {
        for member in tar::Archive::new(fs::File::open(path)?).entries()? {
            let mut member = member?;
            let name = member.path()?.display().to_string().replace('/', "_");
            let mut bytes = Vec::new();
            member.read_to_end(&mut bytes)?;
            fs::write(place.path().join(format!("{number}-{name}")), bytes)?;
        }
    }
    Ok(place)
}

/// An installation whose past is long ago, in a home of its own: its people have not logged in since.
struct Old {
    home: Arc<Home>,
    somebody: Somebody,
    other: Somebody,
    /// What was tried when all that happened.
    log_ins: Vec<Value>,
    /// Position of the last event of that time.
    events: i64,
}

/// More than a year, and less than two.
const DAYS: i64 = 400;

async fn old(database: &Database) -> anyhow::Result<Old> {
    let server = Server::start(database, Start::with_fixture()?).await?;
    let (somebody, other) = (Somebody::of(&server, 1).await?, Somebody::of(&server, 2).await?);
    let form = [("username", "nobody-is-called-so"), ("password", "wrong")];
    server.client().post_form("/api/v1/users/token/", &form).await?.expect(400)?;
    let key = "{ organizations(first: 10) { nodes { sharedSecret } } }";
    server.admin().graphql_data(key, json!({})).await?;
    let log_ins = log_ins(&server.admin(), None).await?;
    assert!(log_ins.len() >= 5, "{log_ins:?}");
    let first = server.home().clone();
    assert_eq!(server.stop().await?.code(), Some(0));

    let place = TempDir::new()?;
    let (now, then) = (place.path().join("now.gz"), place.path().join("then.gz"));
    command(&first, &["export", "--with-master-key", text(&now)?]).await?.success()?;
    let events = aged(&now, DAYS, &then)?;
    let home = Home::new(database).await?;
    command(&home, &["import", text(&then)?]).await?.success()?;
    Ok(Old { home, somebody, other, log_ins, events })
}

/// Waits until the contents of everything that was kept for a year are gone, and tells all events.
async fn expired(server: &Server, old: i64) -> anyhow::Result<Vec<Value>> {
    let mut events = Vec::new();
    patience("the contents are gone", async || {
        events = told(&server.admin(), "").await?;
        let facts = events.iter().filter(|event| {
            ["log_in.tried", "secret.read"].contains(&event["type"].as_str().unwrap_or_default())
        });
        let position = |event: &Value| event["position"].as_str()?.parse::<i64>().ok();
        let facts = facts.filter(|event| position(event).is_some_and(|it| it <= old));
        let left = facts.filter(|event| event["data"] != json!({ "$scavenged": true }));
        Ok(left.count() == 0 && !gone(&events).is_empty())
    })
    .await?;
    Ok(events)
}

/// Serves a folder that shows what was, and lets somebody look who may see everything.
async fn look_at(home: &Arc<Home>) -> anyhow::Result<(Server, Client, String)> {
    let arguments = vec!["--read-only".to_owned()];
    let start = Start { arguments, ..Start::default() };
    let server = Server::start_in(Arc::clone(home), start).await?;
    let mut token = String::new();
    patience("the server tells the token", async || {
        let said = server.output();
        token = said.split_once("sign in with the token ").map_or("", |(_, rest)| rest).into();
        Ok(token.contains('\n'))
    })
    .await?;
    let viewer = server.client().with_token(token.lines().next().context("a token")?.trim());
    let said = server.output();
    Ok((server, viewer, said))
}

async fn head(home: &Home) -> anyhow::Result<String> {
    let said = command(home, &["verify"]).await?.success()?;
    let line = said.lines().find(|line| line.starts_with("chain head: position "));
    Ok(line.context("a head")?.to_owned())
}

/// This moment, as `--until` takes it.
#[expect(clippy::disallowed_methods, reason = "the program asks the same clock")]
fn now() -> String {
    chrono::Utc::now().to_rfc3339()
}
