//! A person is erased from everything: what is there, what follows, and what was copied before.

use std::{fs, path::Path};

use anyhow::Context as _;
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection, Row as _};
use tempfile::TempDir;
use wisptrail_tests::{
    ADMIN_TOKEN, Client, Database, Home, Receiver, Server, Somebody, Start, note_secret,
    on_each_database, patience, program,
    smtp::{Peer, Protection},
};

use crate::{
    client::Stream, command, expired, files, log_ins, look_at, old, socket::Socket, text, told,
    unpacked,
};

on_each_database!(nothing_of_a_person_is_anywhere);

/// Everything that integrations are told from the beginning: pages, a stream, a subscription, the command line.
async fn heard(server: &Server) -> anyhow::Result<String> {
    const EVENTS: &str = "subscription { events(after: 0, sensitive: true) { caughtUp events { position payload } } }";
    let events = told(&server.admin(), "&sensitive=true").await?;
    let mut text = serde_json::to_string(&events)?;
    let mut stream = Stream::open(server, ADMIN_TOKEN, "after=0&sensitive=true", None).await?;
    for _ in &events {
        text.push_str(&stream.event().await?.data.context("an event")?.to_string());
    }
    let mut socket = Socket::open(server, ADMIN_TOKEN).await?;
    socket.subscribe("1", EVENTS, json!({})).await?;
    let mut count = 0;
    loop {
        let page = socket.next().await?["events"].take();
        count += page["events"].as_array().map_or(0, Vec::len);
        text.push_str(&page.to_string());
        if page["caughtUp"] == true {
            break;
        }
    }
    assert!(count >= events.len(), "{count} of {}", events.len());
    let listed = command(server.home(), &["events", "list"]).await?.success()?;
    Ok(text + &listed)
}

/// Every row of every table of a PostgreSQL; an embedded database is files.
async fn rows(home: &Home) -> anyhow::Result<String> {
    let Some(address) = home.database() else { return Ok(String::new()) };
    let mut connection = PgConnection::connect(&address).await?;
    let tables = "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema()";
    let mut text = String::new();
    for table in sqlx::query(tables).fetch_all(&mut connection).await? {
        let table: String = table.try_get(0)?;
        let all = format!("SELECT t::text FROM \"{table}\" t");
        for row in sqlx::query(&all).fetch_all(&mut connection).await? {
            text.push_str(row.try_get(0)?);
            text.push('\n');
        }
    }
    connection.close().await?;
    Ok(text)
}

fn said_of(somebody: &Somebody, text: &str) -> Vec<String> {
    somebody.spellings().into_iter().filter(|said| text.contains(said)).collect()
}

/// Copies of all kinds, each in a place of its own.
struct Copies(TempDir);

impl Copies {
    async fn of(home: &Home) -> anyhow::Result<Self> {
        let copies = Self(TempDir::new()?);
        let (all, evidence) = (copies.path("all.gz"), copies.path("evidence.tar"));
        command(home, &["export", text(&all)?]).await?.success()?;
        command(home, &["audit", "export", "--sign", "--out", text(&evidence)?])
            .await?
            .success()?;
        let backup = copies.path("backup");
        command(home, &["backup", "--without-key", text(&backup)?]).await?.success()?;
        let archives = copies.path("archives");
        let again = ["archive", "--again", "--before", "1000000", "--into", text(&archives)?];
        command(home, &again).await?.success()?;
        Ok(copies)
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    /// What they say of somebody in clear, packed or not.
    fn say_of(&self, somebody: &Somebody) -> anyhow::Result<Vec<String>> {
        let mut found = somebody.left_in(self.0.path())?;
        found.extend(somebody.left_in(unpacked(&self.path("archives"))?.path())?);
        let evidence = TempDir::new()?;
        fs::copy(self.path("evidence.tar"), evidence.path().join("evidence.tar"))?;
        found.extend(somebody.left_in(unpacked(evidence.path())?.path())?);
        Ok(found)
    }
}

/// Builds what was, with all keys that there are, and looks at it.
async fn with_everything(home: &Home, archives: &Path) -> anyhow::Result<(Server, Client, String)> {
    let then = Home::new(&Database::Sqlite).await?;
    let into = text(then.data())?;
    let moment = crate::now();
    let arguments = ["replay", "--with-keys", "--until", &moment, "--into", into];
    let said = command(home, &[&arguments[..], &["--archives", text(archives)?]].concat()).await?;
    anyhow::ensure!(said.code == 0, "{said:?}");
    let (server, viewer, _) = look_at(&then).await?;
    Ok((server, viewer, said.stderr))
}

/// Who has tried, as far as that is known.
fn whose(log_ins: &[Value]) -> Vec<&str> {
    log_ins.iter().filter_map(|it| it["userId"].as_str()).collect()
}

async fn nothing_of_a_person_is_anywhere(database: Database) -> anyhow::Result<()> {
    // What they did long ago is in archives alone.
    let there = old(&database).await?;
    let (home, somebody, other) = (there.home, there.somebody, there.other);
    let place = TempDir::new()?;
    let folder = place.path().join("archives");
    let (post, receiver) =
        (Peer::listen(Protection::None, "127.0.0.1").await?, Receiver::listen().await?);
    let start = Start::default()
        .set("WISPTRAIL_ARCHIVE__FOLDER", text(&folder)?)
        .set("WISPTRAIL_WEBHOOKS__ALLOW_PRIVATE", "true")
        .set("WISPTRAIL_HTTP__PUBLIC_URL", "https://wifi.example.org")
        .set("WISPTRAIL_MAIL__SMTP_HOST", "127.0.0.1")
        .set("WISPTRAIL_MAIL__SMTP_PORT", &post.port().to_string())
        .set("WISPTRAIL_MAIL__SMTP_TLS", "none")
        .set("WISPTRAIL_MAIL__FROM", "wifi@example.org");
    let server = Server::start_in(home.clone(), start.clone()).await?;
    let admin = server.admin();
    expired(&server, there.events).await?;

    // And today: a mail, deliveries, tries to log in.
    let webhook = "mutation { createWebhook(input: { name: \"all\", url: \"URL\", selection: {} }) { secret } }";
    let made = admin.graphql_data(&webhook.replace("URL", &receiver.url()), json!({})).await?;
    note_secret(made["createWebhook"]["secret"].as_str().context("a secret")?);
    let reset = json!({ "input": somebody.email });
    let path = "/api/v1/users/password/reset/";
    server.client().json(reqwest::Method::POST, path, &reset).await?.expect(200)?;
    patience("the mail is sent", async || Ok(post.named(&somebody.email) > 0)).await?;
    assert_eq!(somebody.log_in(&server, "wrong").await?, 400);
    assert_eq!(somebody.log_in(&server, &somebody.password).await?, 200);
    assert_eq!(other.log_in(&server, &other.password).await?, 200);
    let came =
        |kind: &str| receiver.received().iter().filter(|one| one.event()["type"] == kind).count();
    patience("deliveries came", async || Ok(came("log_in.tried") >= 3)).await?;
    let before = Copies::of(&home).await?;
    let (looking, viewer, _) = with_everything(&home, &folder).await?;
    let user = "query ($id: ID!) { user(id: $id) { username } }";
    let shown = viewer.graphql_data(user, json!({ "id": somebody.id })).await?;
    assert_eq!(shown["user"]["username"], somebody.username);
    let known = log_ins(&viewer, Some(&somebody.id)).await?;
    // One of them long ago, with a password that was wrong; the address is known, too.
    assert!(known.len() >= 4 && known.iter().all(|it| it["address"] == "127.0.0.1"), "{known:?}");
    let others = log_ins(&viewer, Some(&other.id)).await?;
    let nobodys = log_ins(&viewer, None).await?.iter().filter(|it| it["userId"].is_null()).count();
    assert!(others.len() >= 3 && nobodys >= 1, "{others:?}");
    assert_eq!(looking.stop().await?.code(), Some(0));

    // What is told and copied of a person tells nothing in clear, also before.
    assert_eq!(said_of(&somebody, &heard(&server).await?), [""; 0]);
    assert_eq!(before.say_of(&somebody)?, [""; 0]);

    somebody.erase(&server, false).await?;
    patience("the deliveries came", async || Ok(came("user.erased") > 0)).await?;
    let log = home.data().join("wisptrail.db-wal");
    patience("the write-ahead log was emptied", async || {
        Ok(!log.exists() || fs::metadata(&log)?.len() < 4 << 20)
    })
    .await?;
    for _ in 0..2 {
        assert_eq!(somebody.left_in(home.data())?, [""; 0]);
        assert_eq!(said_of(&somebody, &rows(&home).await?), [""; 0]);
        let told = heard(&server).await?;
        assert_eq!(said_of(&somebody, &told), [""; 0]);
        assert!(told.contains("$erased") && told.contains("$scavenged"), "it is told as gone");
        command(&home, &["verify"]).await?.success()?;
        command(&home, &["projections", "rebuild", "--all"]).await?.success()?;
    }
    for received in receiver.received() {
        let body = String::from_utf8_lossy(&received.body).into_owned();
        assert_eq!(said_of(&somebody, &body), [""; 0]);
    }
    let after = Copies::of(&home).await?;
    assert_eq!(after.say_of(&somebody)?, [""; 0]);

    // What was copied before still proves itself, and nobody opens what it keeps of the person.
    let nowhere = Home::new(&Database::Sqlite).await?;
    let mut archives = files(&folder)?;
    archives.extend(files(&before.path("archives"))?);
    archives.push(before.path("evidence.tar"));
    archives.extend(files(&after.path("archives"))?);
    archives.push(after.path("evidence.tar"));
    for file in &archives {
        program(&nowhere, &["audit", "verify", text(file)?]).await?.success()?;
    }
    for archives in [folder.clone(), before.path("archives")] {
        let (looking, viewer, said) = with_everything(&home, &archives).await?;
        assert!(said.contains("are missing") || archives != folder, "{said}");
        let shown = viewer.graphql(user, json!({ "id": somebody.id })).await?;
        assert_eq!(shown["errors"][0]["extensions"]["code"], "NOT_FOUND", "{shown}");
        let all = log_ins(&viewer, None).await?;
        assert!(!whose(&all).contains(&somebody.id.as_str()), "{all:?}");
        if archives == folder {
            assert_eq!(log_ins(&viewer, Some(&other.id)).await?, others, "others are as they were");
            let left = all.iter().filter(|it| it["userId"].is_null()).count();
            assert_eq!(left, nobodys, "and so is nobody");
        }
        let folder = looking.home().clone();
        assert_eq!(looking.stop().await?.code(), Some(0));
        assert_eq!(somebody.left_in(folder.data())?, [""; 0]);
    }

    // An installation that is made of a copy from before learns of the erasure by the list.
    let new = Home::new(&database).await?;
    let (all, key) = (before.path("all.gz"), home.data().join("master.key"));
    let list = home.data().join("erasures");
    let import = ["import", text(&all)?, "--master-key", text(&key)?, "--erasures", text(&list)?];
    command(&new, &import).await?.success()?;
    command(&new, &["verify"]).await?.success()?;
    assert_eq!(somebody.left_in(new.data())?, [""; 0]);
    let (looking, viewer, _) = with_everything(&new, &folder).await?;
    let all = log_ins(&viewer, None).await?;
    assert!(!whose(&all).contains(&somebody.id.as_str()), "{all:?}");
    assert_eq!(log_ins(&viewer, Some(&other.id)).await?, others);
    assert_eq!(looking.stop().await?.code(), Some(0));
    assert_eq!(server.stop().await?.code(), Some(0));
    Ok(())
}
