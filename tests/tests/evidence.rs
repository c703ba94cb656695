//! Evidence through the real program: what an archive proves, and who is betrayed by it.

use std::{
    fs,
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sqlx::{Connection as _, PgConnection, Row as _};
use tempfile::TempDir;
use uuid::Uuid;
use wisptrail_tests::{
    Database, Finished, Home, Server, Somebody, Start, on_bounded_database, on_each_database,
    patience, program, register, secret_of,
};

on_each_database!(
    an_archive_is_made_and_checked,
    what_is_done_to_an_archive_is_named,
    erased_people_are_named_and_not_in_it,
    whoever_rewrites_the_log_is_betrayed_by_checkpoints,
);
on_bounded_database!(an_archive_is_made_and_checked);

const ALPHA: &str = "aaaaaaaa-0000-4000-8000-000000000001";

/// Runs a command in a home, on its data.
async fn command(home: &Home, arguments: &[&str]) -> anyhow::Result<Finished> {
    let data = home.data().to_str().context("a path")?;
    program(home, &[arguments, &["--data", data]].concat()).await
}

/// A place for files, and their paths as arguments.
struct Desk(TempDir);

impl Desk {
    fn new() -> anyhow::Result<Self> {
        Ok(Self(TempDir::new()?))
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }
}

/// Nothing but the file: no data folder, no database.
async fn check(desk: &Desk, file: &str, further: &[&str]) -> anyhow::Result<Finished> {
    let nowhere = Home::new(&Database::Sqlite).await?;
    let file = desk.path(file);
    let finished = program(&nowhere, &[&["audit", "verify", &file], further].concat()).await?;
    assert_eq!(fs::read_dir(nowhere.data())?.count(), 0, "it makes nothing");
    Ok(finished)
}

async fn export(home: &Home, desk: &Desk, file: &str, further: &[&str]) -> anyhow::Result<String> {
    let out = desk.path(file);
    let finished = command(home, &[&["audit", "export", "--out", &out], further].concat()).await?;
    let said = finished.stderr.clone();
    finished.success()?;
    Ok(said)
}

async fn key(home: &Home, desk: &Desk) -> anyhow::Result<String> {
    let finished = command(home, &["audit", "key"]).await?;
    assert!(finished.stderr.contains("SHA-256"), "{finished:?}");
    let (pem, path) = (finished.success()?, desk.path("audit.pem"));
    assert!(pem.starts_with("-----BEGIN PUBLIC KEY-----\n"), "{pem}");
    fs::write(&path, pem)?;
    Ok(path)
}

async fn head(home: &Home) -> anyhow::Result<i64> {
    let said = command(home, &["verify"]).await?.success()?;
    let (_, rest) = said.split_once("chain head: position ").context("a head")?;
    Ok(rest.split(',').next().unwrap_or_default().parse()?)
}

/// A server on which something has happened.
async fn inhabited(database: &Database) -> anyhow::Result<Server> {
    let server = Server::start(database, Start::with_fixture()?).await?;
    for (slug, number) in [("alpha", 1), ("beta", 2), ("alpha", 3)] {
        let mac = format!("02:00:00:00:0E:{number:02}");
        register(&server.client(), &secret_of(slug)?, &format!("node-{number}"), &mac).await?;
    }
    Ok(server)
}

async fn an_archive_is_made_and_checked(database: Database) -> anyhow::Result<()> {
    let desk = Desk::new()?;
    let server = inhabited(&database).await?;
    let home = server.home().clone();
    let pem = key(&home, &desk).await?;

    // Beside the server.
    let said = export(&home, &desk, "all.tar", &["--sign"]).await?;
    assert!(said.contains("positions 1 to ") && said.contains("signed with the key"), "{said}");
    let said = check(&desk, "all.tar", &["--key", &pem]).await?.success()?;
    assert!(
        said.contains("as asked") && said.ends_with("OK: this is what was written\n"),
        "{said}"
    );
    let said = check(&desk, "all.tar", &[]).await?.success()?;
    assert!(said.contains("proves nothing until it is compared"), "{said}");
    let again = command(&home, &["audit", "export", "--out", &desk.path("all.tar")]).await?;
    assert!(again.code == 1 && again.stderr.contains("is there already"), "{again:?}");
    let manifest: Value = serde_json::from_slice(&member(&desk, "all.tar", "manifest.json")?)?;
    let catalogue = String::from_utf8(member(&desk, "all.tar", "catalogue.json")?)?;
    assert!(catalogue.contains("\"type\": \"device.registered\""), "{catalogue}");
    assert_eq!(server.stop().await?.code(), Some(0));

    // Without it: the same key, and the same chain.
    assert_eq!(fs::read(&key(&home, &desk).await?)?, fs::read(&pem)?);
    let last = manifest["last"].as_i64().context("a position")?;
    let (last_text, first) = (last.to_string(), manifest["made_at"].as_str().context("a moment")?);
    export(&home, &desk, "again.tar", &["--sign", "--to", &last_text]).await?;
    let again: Value = serde_json::from_slice(&member(&desk, "again.tar", "manifest.json")?)?;
    assert_eq!((&again["hash"], &again["key"]), (&manifest["hash"], &manifest["key"]));
    check(&desk, "again.tar", &["--key", &pem]).await?.success()?;

    // One organization: nothing of the others.
    let part = ["--sign", "--from", "3", "--to", first, "--organization", ALPHA];
    let said = export(&home, &desk, "alpha.tar", &part).await?;
    assert!(said.contains("positions 3 to ") && said.contains("digests only"), "{said}");
    let said = check(&desk, "alpha.tar", &["--key", &pem]).await?.success()?;
    assert!(said.contains(&format!("events of organization {ALPHA}")), "{said}");
    let (all, alpha) = (lines(&desk, "all.tar")?, lines(&desk, "alpha.tar")?);
    assert!(all.iter().any(|line| line.contains("node-2")), "it is there");
    assert!(alpha.iter().any(|line| line.contains("node-3")), "it is theirs");
    for line in &alpha {
        let line: Value = serde_json::from_str(line)?;
        let shown = line["event"]["organization_id"].as_str() == Some(ALPHA);
        let withheld = line["withheld"].as_object().is_some_and(|it| it.len() == 3);
        assert!(shown || withheld, "{line}");
    }
    assert!(!alpha.iter().any(|line| line.contains("node-2")), "it is of others");

    // What makes no sense makes no file.
    let out = desk.path("none");
    let none = command(&home, &["audit", "export", "--out", &out, "--from", "99999"]).await?;
    assert!(none.code == 1 && none.stderr.contains("the log has the positions 1 to"), "{none:?}");
    assert!(!Path::new(&desk.path("none")).exists());
    let wrong = command(&home, &["audit", "export", "--from", "yesterday"]).await?;
    assert!(wrong.code == 2 && wrong.stderr.contains("neither a position"), "{wrong:?}");
    Ok(())
}

fn unpacked(path: &str) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    for member in tar::Archive::new(fs::File::open(path)?).entries()? {
        let mut member = member?;
        let mut bytes = Vec::new();
        member.read_to_end(&mut bytes)?;
        found.push((member.path()?.display().to_string(), bytes));
    }
    Ok(found)
}

fn member(desk: &Desk, file: &str, name: &str) -> anyhow::Result<Vec<u8>> {
    let found = unpacked(&desk.path(file))?.into_iter().find(|(it, _)| it == name);
    Ok(found.with_context(|| format!("no {name}"))?.1)
}

fn lines(desk: &Desk, file: &str) -> anyhow::Result<Vec<String>> {
    let mut text = String::new();
    for (name, bytes) in unpacked(&desk.path(file))? {
        if name.starts_with("events/") {
            GzDecoder::new(bytes.as_slice()).read_to_string(&mut text)?;
        }
    }
    Ok(text.lines().map(str::to_owned).collect())
}

/// Packs members as the program does; `change` sees the lines of the only piece of events.
fn forge(
    desk: &Desk,
    file: &str,
    change: impl FnOnce(&mut Vec<String>),
    manifest: impl FnOnce(&mut Value),
) -> anyhow::Result<()> {
    let mut members = unpacked(&desk.path("all.tar"))?;
    let mut lines = lines(desk, "all.tar")?;
    change(&mut lines);
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all((lines.join("\n") + "\n").as_bytes())?;
    members[1].1 = packed.finish()?;
    let mut changed: Value = serde_json::from_slice(&members[2].1)?;
    let before = changed.clone();
    manifest(&mut changed);
    if changed != before {
        members[2].1 = serde_json::to_vec_pretty(&changed)?;
    }
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in &members {
        let mut head = tar::Header::new_ustar();
        head.set_path(name)?;
        head.set_size(bytes.len() as u64);
        head.set_mode(0o644);
        head.set_uid(0);
        head.set_gid(0);
        head.set_mtime(0);
        head.set_entry_type(tar::EntryType::Regular);
        head.set_cksum();
        builder.append(&head, bytes.as_slice())?;
    }
    fs::write(desk.path(file), builder.into_inner()?)?;
    Ok(())
}

async fn what_is_done_to_an_archive_is_named(database: Database) -> anyhow::Result<()> {
    let desk = Desk::new()?;
    let server = inhabited(&database).await?;
    let home = server.home().clone();
    let pem = key(&home, &desk).await?;
    export(&home, &desk, "all.tar", &["--sign"]).await?;
    let last = lines(&desk, "all.tar")?.len();
    let none = |_: &mut Value| ();
    let refused = async |what: &str, file: &str, expected: &[&str]| {
        let finished = check(&desk, file, &["--key", &pem]).await?;
        assert_eq!(finished.code, 1, "{what}: {finished:?}");
        assert!(finished.stdout.ends_with("NOT what was written\n"), "{what}: {finished:?}");
        for expected in expected {
            let told = finished.stdout.contains(&format!("WRONG {expected}"));
            assert!(told, "{what}, {expected}: {}", finished.stdout);
        }
        anyhow::Ok(())
    };
    let piece = "member events/000000000001.jsonl.gz: is not the one that the manifest names";

    forge(&desk, "same.tar", |_| (), none)?;
    assert!(
        fs::read(desk.path("same.tar"))? == fs::read(desk.path("all.tar"))?,
        "the forger can pack"
    );

    let rename = |lines: &mut Vec<String>| {
        let at = lines.iter().position(|line| line.contains("node-2")).unwrap_or(0);
        lines[at] = lines[at].replace("node-2", "node-9");
    };
    let renamed = lines(&desk, "all.tar")?.iter().position(|it| it.contains("node-2"));
    let renamed = renamed.context("the device is there")? + 1;
    forge(&desk, "a.tar", rename, none)?;
    let at = format!("position {renamed}: the event is not what the chain says");
    refused("a changed byte", "a.tar", &[&at, piece]).await?;

    forge(&desk, "b.tar", |lines| drop(lines.remove(5)), none)?;
    refused("a removed event", "b.tar", &["position 6: the event is missing", piece]).await?;

    forge(&desk, "c.tar", |lines| lines.swap(6, 7), none)?;
    let swapped = "position 7: this event and that of position 8 are swapped";
    refused("two swapped", "c.tar", &[swapped, piece]).await?;

    forge(&desk, "d.tar", |lines| lines.truncate(last - 2), none)?;
    let cut =
        format!("positions {} to {last}: the events are missing: the tail was cut off", last - 1);
    refused("a truncated tail", "d.tar", &[&cut, piece]).await?;
    // With a manifest to match.
    let shorter = |manifest: &mut Value| manifest["last"] = json!(last - 2);
    forge(&desk, "e.tar", |lines| lines.truncate(last - 2), shorter)?;
    let unsigned = "member manifest.sig: is not the signature of this manifest";
    refused("a truncated tail and manifest", "e.tar", &[unsigned]).await?;

    let newer = |manifest: &mut Value| manifest["wisptrail_evidence"] = json!(7);
    forge(&desk, "f.tar", |_| (), newer)?;
    refused("an unknown version", "f.tar", &["member manifest.json: the archive has format 7"])
        .await?;

    let whole = fs::read(desk.path("all.tar"))?;
    fs::write(desk.path("g.tar"), &whole[..whole.len() - 3000])?;
    refused("a cut file", "g.tar", &["member manifest.json: the archive ends inside of it"])
        .await?;
    let mut flipped = whole.clone();
    let inside = whole.windows(12).position(|it| it == b"log_position").context("a manifest")?;
    flipped[inside + 15] ^= 1;
    fs::write(desk.path("h.tar"), &flipped)?;
    refused("a flipped byte in the manifest", "h.tar", &[unsigned]).await?;

    let other = "MCowBQYDK2VwAyEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=";
    let other = format!("-----BEGIN PUBLIC KEY-----\n{other}\n-----END PUBLIC KEY-----\n");
    fs::write(desk.path("other.pem"), other)?;
    let finished = check(&desk, "all.tar", &["--key", &desk.path("other.pem")]).await?;
    assert_eq!(finished.code, 1, "{finished:?}");
    let told = "WRONG member manifest.sig: the archive is signed with another key";
    assert!(finished.stdout.contains(told), "{finished:?}");
    Ok(())
}

async fn erased_people_are_named_and_not_in_it(database: Database) -> anyhow::Result<()> {
    let desk = Desk::new()?;
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let home = server.home().clone();
    let somebody = Somebody::of(&server, 1).await?;
    let before = head(&home).await?;
    export(&home, &desk, "before.tar", &["--sign"]).await?;
    somebody.erase(&server, false).await?;
    export(&home, &desk, "after.tar", &["--sign"]).await?;
    export(&home, &desk, "part.tar", &["--sign", "--to", &before.to_string()]).await?;

    let pem = key(&home, &desk).await?;
    check(&desk, "before.tar", &["--key", &pem]).await?.success()?;
    for file in ["after.tar", "part.tar"] {
        let said = check(&desk, file, &["--key", &pem]).await?.success()?;
        let named = said.contains("erased: the contents of") && said.contains(&somebody.id);
        assert!(named && said.contains("expired: the contents of"), "{file}: {said}");
        let folder = TempDir::new()?;
        fs::write(folder.path().join("lines"), lines(&desk, file)?.join("\n"))?;
        assert_eq!(somebody.left_in(folder.path())?, [""; 0], "{file}");
    }
    Ok(())
}

/// Where checkpoints are, in the order of the file.
fn checkpoints(file: &Path) -> anyhow::Result<Vec<i64>> {
    let text = if file.exists() { fs::read_to_string(file)? } else { String::new() };
    let position = |line: &str| {
        let line: Value = serde_json::from_str(line)?;
        line["position"].as_i64().context("a position")
    };
    text.lines().map(position).collect()
}

async fn whoever_rewrites_the_log_is_betrayed_by_checkpoints(
    database: Database,
) -> anyhow::Result<()> {
    let desk = Desk::new()?;
    let path = desk.path("checkpoints.jsonl");
    let file = PathBuf::from(&path);
    let settings = [
        ("WISPTRAIL_AUDIT__CHECKPOINTS".to_owned(), path.clone()),
        ("WISPTRAIL_AUDIT__CHECKPOINT_INTERVAL".to_owned(), "50ms".to_owned()),
    ];
    let start = Start { settings: settings.to_vec(), ..Start::with_fixture()? };
    let server = Server::start(&database, start).await?;
    let home = server.home().clone();
    patience("there is a checkpoint", async || Ok(!checkpoints(&file)?.is_empty())).await?;
    register(&server.client(), &secret_of("alpha")?, "watched", "02:00:00:00:0F:01").await?;
    let after = head(&home).await?;
    patience("the head is in it", async || Ok(checkpoints(&file)?.last() >= Some(&after))).await?;
    let pem = key(&home, &desk).await?;
    let look = ["verify", "--checkpoints", &path];
    let said = command(&home, &look).await?.success()?;
    assert!(said.contains("the log agrees with all of them"), "{said}");
    assert_eq!(server.stop().await?.code(), Some(0));
    command(&home, &look).await?.success()?;
    export(&home, &desk, "before.tar", &["--sign"]).await?;
    check(&desk, "before.tar", &["--key", &pem, "--checkpoints", &path]).await?.success()?;

    // Somebody with the rights of the database puts the blame on somebody else, and makes the chain anew.
    let written = checkpoints(&file)?;
    let victim = written.last().copied().context("a checkpoint")? - 1;
    rewrite(&home, victim).await?;
    let said = command(&home, &["verify"]).await?.success()?;
    assert!(said.contains("fit together"), "the chain alone tells nothing: {said}");

    let first = written.iter().copied().find(|at| *at >= victim).context("a checkpoint")?;
    let agreed = written.iter().copied().rfind(|at| *at < victim);
    let named = |finished: &Finished, what: &str| {
        assert_eq!(finished.code, 1, "{finished:?}");
        let agreed = agreed.map_or_else(String::new, |at| format!(" and after {at}"));
        let told = format!("the past was rewritten at or before {first}{agreed}\n");
        assert!(finished.stdout.contains(what) && finished.stdout.contains(&told), "{finished:?}");
    };
    let differs =
        format!("checkpoints: WRONG: position {first}: the chain of the log is not the one");
    named(&command(&home, &look).await?, &differs);
    named(&command(&home, &[&look[..], &["--key", &pem]].concat()).await?, &differs);
    export(&home, &desk, "after.tar", &["--sign"]).await?;
    let found = check(&desk, "after.tar", &["--key", &pem, "--checkpoints", &path]).await?;
    named(&found, &format!("WRONG position {first}: the chain differs from the checkpoint"));
    check(&desk, "before.tar", &["--key", &pem, "--checkpoints", &path]).await?.success()?;
    let doctor = async || {
        let mut command = tokio::process::Command::from(home.command());
        command.args(["doctor", "--data"]).arg(home.data()).envs(settings.clone());
        let output = command.kill_on_drop(true).output().await?;
        anyhow::Ok((output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned()))
    };
    let (code, said) = doctor().await?;
    assert!(
        code == Some(1) && said.contains(&format!("FAIL checkpoints: position {first}: ")),
        "{said}"
    );

    // A server vouches for nothing more, and says why.
    let start = Start { settings: settings.to_vec(), ..Start::default() };
    let server = Server::start_in(home.clone(), start).await?;
    patience("the server complains", async || {
        Ok(server.output().contains("the log differs from the checkpoint at position"))
    })
    .await?;
    named(&command(&home, &look).await?, &differs);
    let (code, said) = doctor().await?;
    assert!(code == Some(1) && said.contains("FAIL checkpoints: "), "{said}");
    assert_eq!(checkpoints(&file)?, written);
    assert_eq!(server.stop().await?.code(), Some(0));

    // Whoever can write the file, too, cannot sign.
    let text = fs::read_to_string(&file)?;
    let hash = |archive: &str| {
        let lines = lines(&desk, archive)?;
        let line: Value = serde_json::from_str(&lines[usize::try_from(first - 1)?])?;
        line["event"]["hash"].as_str().map(str::to_owned).context("a hash")
    };
    fs::write(&file, text.replace(&hash("before.tar")?, &hash("after.tar")?))?;
    let finished = command(&home, &look).await?;
    let told =
        format!("checkpoints: WRONG: position {first}: the signature of the checkpoint is wrong");
    assert!(finished.code == 1 && finished.stdout.contains(&told), "{finished:?}");
    Ok(())
}

/// What the chain covers of an event.
struct Event {
    position: i64,
    /// In the order of the header; the actor is the eighth.
    fields: Vec<Option<Vec<u8>>>,
}

/// Makes somebody else the author of an event, and recomputes everything after it, as `docs/evidence.md` describes the chain.
async fn rewrite(home: &Home, victim: i64) -> anyhow::Result<()> {
    const ACTOR: usize = 7;
    const AUTHOR: &str = "user:00000000-0000-4000-8000-00000000dead";
    let mut events = match home.database() {
        Some(address) => read_postgres(&address).await?,
        None => read_sqlite(home.data())?,
    };
    let mut hash = Vec::new();
    let mut hashes = Vec::new();
    for event in &mut events {
        if event.position == victim {
            event.fields[ACTOR] = Some(AUTHOR.as_bytes().to_vec());
        }
        let mut header = Sha256::new();
        for field in &event.fields {
            let length = field.as_ref().map_or(Ok(u32::MAX), |it| u32::try_from(it.len()))?;
            header.update(length.to_be_bytes());
            header.update(field.as_deref().unwrap_or_default());
        }
        let link = Sha256::new().chain_update(&hash).chain_update(event.position.to_be_bytes());
        hash = link.chain_update(header.finalize()).finalize().to_vec();
        hashes.push((event.position, hash.clone()));
    }
    let head = hash;
    let mut statements =
        vec![format!("UPDATE events SET actor = '{AUTHOR}' WHERE position = {victim}")];
    let bytes = |hash: &[u8]| match home.database() {
        Some(_) => format!("'\\x{}'::bytea", hex::encode(hash)),
        None => format!("x'{}'", hex::encode(hash)),
    };
    for (position, hash) in hashes {
        let statement =
            format!("UPDATE events SET hash = {} WHERE position = {position}", bytes(&hash));
        statements.push(statement);
    }
    statements.push(format!("UPDATE store_head SET hash = {} WHERE id = 1", bytes(&head)));
    let all = statements.join(";\n");
    match home.database() {
        Some(address) => {
            let mut connection = PgConnection::connect(&address).await?;
            sqlx::raw_sql(&all).execute(&mut connection).await?;
        }
        None => {
            rusqlite::Connection::open(home.data().join("wisptrail.db"))?.execute_batch(&all)?;
        }
    }
    Ok(())
}

fn read_sqlite(folder: &Path) -> anyhow::Result<Vec<Event>> {
    let connection = rusqlite::Connection::open(folder.join("wisptrail.db"))?;
    let mut statement = connection.prepare(
        "SELECT position, event_id, aggregate_type, aggregate_id, sequence, event_type, event_version, organization_id,
                actor, correlation_id, causation, recorded_at, retention, metadata, payload_hash FROM events ORDER BY position",
    )?;
    let text = |row: &rusqlite::Row<'_>, at: usize| row.get::<_, Option<String>>(at);
    let id = |row: &rusqlite::Row<'_>, at: usize| {
        let text = row.get::<_, Option<String>>(at)?;
        Ok::<_, rusqlite::Error>(text.and_then(|it| it.parse::<Uuid>().ok()))
    };
    let rows = statement.query_map([], |row| {
        let bytes = |text: Option<String>| text.map(String::into_bytes);
        let id_bytes = |id: Option<Uuid>| id.map(|it| it.as_bytes().to_vec());
        Ok(Event {
            position: row.get(0)?,
            fields: vec![
                id_bytes(id(row, 1)?),
                bytes(text(row, 2)?),
                bytes(text(row, 3)?),
                Some(row.get::<_, i64>(4)?.to_be_bytes().to_vec()),
                bytes(text(row, 5)?),
                bytes(text(row, 6)?),
                id_bytes(id(row, 7)?),
                bytes(text(row, 8)?),
                id_bytes(id(row, 9)?),
                bytes(text(row, 10)?),
                Some(row.get::<_, i64>(11)?.to_be_bytes().to_vec()),
                Some(row.get::<_, i16>(12)?.to_be_bytes().to_vec()),
                bytes(text(row, 13)?),
                row.get(14)?,
            ],
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

async fn read_postgres(address: &str) -> anyhow::Result<Vec<Event>> {
    let mut connection = PgConnection::connect(address).await?;
    let rows = sqlx::query(
        "SELECT position, event_id, aggregate_type, aggregate_id, sequence, event_type, event_version, organization_id,
                actor, correlation_id, causation, (EXTRACT(EPOCH FROM recorded_at) * 1000000)::bigint, retention,
                metadata::text, payload_hash FROM events ORDER BY position",
    )
    .fetch_all(&mut connection)
    .await?;
    let event = |row: &sqlx::postgres::PgRow| {
        let bytes = |at: usize| {
            Ok::<_, sqlx::Error>(row.try_get::<Option<String>, _>(at)?.map(String::into_bytes))
        };
        let id = |at: usize| {
            let id = row.try_get::<Option<Uuid>, _>(at)?;
            Ok::<_, sqlx::Error>(id.map(|it| it.as_bytes().to_vec()))
        };
        let number = |at: usize| {
            Ok::<_, sqlx::Error>(Some(row.try_get::<i64, _>(at)?.to_be_bytes().to_vec()))
        };
        Ok(Event {
            position: row.try_get(0)?,
            fields: vec![
                id(1)?,
                bytes(2)?,
                bytes(3)?,
                number(4)?,
                bytes(5)?,
                bytes(6)?,
                id(7)?,
                bytes(8)?,
                id(9)?,
                bytes(10)?,
                number(11)?,
                Some(row.try_get::<i16, _>(12)?.to_be_bytes().to_vec()),
                bytes(13)?,
                row.try_get(14)?,
            ],
        })
    };
    rows.iter().map(event).collect()
}
