//! The whole log on its way to another machine or database.

use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
};

use anyhow::Context as _;
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use wisptrail_tests::{
    ADMIN_TOKEN, Database, Device, Finished, Home, Server, Somebody, Start, on_each_database,
    patience, program, register, secret_of,
};

on_each_database!(
    a_log_goes_there_and_back_again,
    an_export_says_what_it_needs,
    what_is_not_whole_is_refused,
    what_is_not_empty_is_refused,
    an_import_that_died_can_be_repeated,
    whoever_was_erased_since_an_export_does_not_come_back,
);

/// Runs a command in a home, on its data.
async fn command(home: &Home, arguments: &[&str]) -> anyhow::Result<Finished> {
    let data = home.data().to_str().context("a path")?;
    let mut all = arguments.to_vec();
    all.extend(["--data", data]);
    program(home, &all).await
}

/// The line that tells position and hash; everything is sound.
async fn head(home: &Home) -> anyhow::Result<String> {
    let finished = command(home, &["verify"]).await?;
    let said = finished.success()?;
    let line = said.lines().find(|line| line.starts_with("chain head: position "));
    let hash = line.and_then(|line| line.rsplit_once("hash "));
    anyhow::ensure!(hash.is_some_and(|(_, hash)| hash.len() == 64), "{said}");
    Ok(line.context("a head")?.to_owned())
}

async fn export(home: &Home, to: &Path, further: &[&str]) -> anyhow::Result<()> {
    let mut arguments = vec!["export", to.to_str().context("a path")?];
    arguments.extend(further);
    command(home, &arguments).await?.success()?;
    Ok(())
}

async fn import(home: &Home, from: &Path, further: &[&str]) -> anyhow::Result<Finished> {
    let mut arguments = vec!["import", from.to_str().context("a path")?];
    arguments.extend(further);
    command(home, &arguments).await
}

/// A server with a device that has an archive, which comes along.
async fn inhabited(database: &Database) -> anyhow::Result<(Server, Device, Vec<u8>)> {
    let server = Server::start(database, Start::with_fixture()?).await?;
    let secret = secret_of("alpha")?;
    let client = server.client();
    let device = register(&client, &secret, "carried", "02:00:00:00:0B:01").await?;
    let organizations = server.admin().get("/api/v1/users/organization/").await?.expect(200)?;
    let organizations = organizations.json().context("JSON")?;
    let alpha = organizations["results"].as_array().context("a list")?.iter();
    let alpha = alpha.clone().find(|it| it["slug"] == "alpha").context("alpha")?["id"].clone();
    let template = json!({
        "name": "carried", "organization": alpha, "type": "generic", "backend": "netjsonconfig.OpenWrt",
        "default": true,
        "config": { "files": [{ "path": "/etc/carried", "mode": "0644", "contents": "{{ name }} ✓\n" }] },
    });
    let templates = "/api/v1/controller/template/";
    server.admin().json(Method::POST, templates, &template).await?.expect(201)?;
    let mut archive = Vec::new();
    patience("the template is in the archive", async || {
        let answer = client.get(&device.download_path()).await?;
        if answer.status == 503 {
            // Devices try again, too.
            return Ok(false);
        }
        archive = answer.expect(200)?.body;
        let mut archive = tar::Archive::new(GzDecoder::new(archive.as_slice()));
        let found = archive.entries()?.filter_map(Result::ok);
        Ok(found.filter_map(|it| Some(it.path().ok()?.ends_with("carried"))).any(|it| it))
    })
    .await?;
    Ok((server, device, archive))
}

/// The fixture's token is known to no start without fixture.
async fn restarted(home: &Arc<Home>) -> anyhow::Result<Server> {
    Server::start_in(Arc::clone(home), Start::default()).await
}

fn other(database: &Database) -> Database {
    match database {
        Database::Sqlite => Database::postgres().unwrap_or(Database::Sqlite),
        Database::Postgres(_) | Database::Bounded(_) => Database::Sqlite,
    }
}

async fn a_log_goes_there_and_back_again(database: Database) -> anyhow::Result<()> {
    let place = TempDir::new()?;
    let (server, device, archive) = inhabited(&database).await?;
    let home = server.home().clone();

    // Beside the server, who goes on; what is written meanwhile may be in it or not.
    let beside = place.path().join("beside.gz");
    export(&home, &beside, &["--with-master-key"]).await?;
    let mode = fs::metadata(&beside)?.permissions().mode() & 0o777;
    assert_eq!(mode, 0o600, "only its owner reads it");
    server.client().get(&device.checksum_path()).await?.expect(200)?;
    let looks = shown(&server, &device).await?;
    assert_eq!(server.stop().await?.code(), Some(0));

    let there = place.path().join("there.gz");
    export(&home, &there, &["--with-master-key"]).await?;
    let carried = Home::new(&other(&database)).await?;
    let said = import(&carried, &there, &[]).await?.success()?;
    let before = head(&home).await?;
    assert!(said.contains(&before), "{before}: {said}");
    assert_eq!(head(&carried).await?, before);
    // Whoever follows the log goes on where it was, and the past is not followed again.
    assert_eq!(positions(&carried).await?, positions(&home).await?);

    // A device does not notice, and sealed values can be read.
    let server = restarted(&carried).await?;
    let client = server.client();
    assert_eq!(shown(&server, &device).await?, looks);
    assert_eq!(looks[0]["key"], device.key.as_str());
    assert_eq!(client.get(&device.download_path()).await?.expect(200)?.body, archive);
    let again = register(&client, &secret_of("alpha")?, "carried", "02:00:00:00:0B:01").await?;
    assert_eq!((again.id.as_str(), again.is_new), (device.id.as_str(), false));

    // It goes on from there.
    let younger = register(&client, &secret_of("alpha")?, "younger", "02:00:00:00:0B:02").await?;
    client.get(&younger.checksum_path()).await?.expect(200)?;
    assert_eq!(server.stop().await?.code(), Some(0));
    let (position, grown) = (of(&before)?, head(&carried).await?);
    assert!(of(&grown)? > position, "{before} {grown}");

    let back = place.path().join("back.gz");
    export(&carried, &back, &["--with-master-key"]).await?;
    let home = Home::new(&database).await?;
    import(&home, &back, &[]).await?.success()?;
    assert_eq!(head(&home).await?, grown);
    let server = restarted(&home).await?;
    let client = server.client();
    assert_eq!(client.get(&device.download_path()).await?.expect(200)?.body, archive);
    client.get(&younger.checksum_path()).await?.expect(200)?;
    positions(&home).await.map(drop)
}

/// What operators see.
async fn shown(server: &Server, device: &Device) -> anyhow::Result<Vec<Value>> {
    let admin = server.client().with_token(ADMIN_TOKEN);
    let mut shown = Vec::new();
    for path in [
        &format!("controller/device/{}/", device.dashed()),
        "controller/template/",
        "controller/group/",
        "users/organization/",
    ] {
        let answer = admin.get(&format!("/api/v1/{path}")).await?.expect(200)?;
        shown.push(answer.json().context("JSON")?);
    }
    Ok(shown)
}

/// How far each projection is.
async fn positions(home: &Home) -> anyhow::Result<Vec<(String, i64)>> {
    let states = command(home, &["projections", "list", "--json"]).await?.success()?;
    let states: Value = serde_json::from_str(&states)?;
    let states = states["projections"].as_array().context("a list")?.iter();
    let positions = states.map(|it| {
        assert_eq!(it["state"], "running", "{it}");
        Some((it["name"].as_str()?.to_owned(), it["position"].as_i64()?))
    });
    let positions: Vec<_> = positions.collect::<Option<_>>().context("positions")?;
    anyhow::ensure!(positions.iter().all(|(_, position)| *position > 0), "{positions:?}");
    Ok(positions)
}

fn of(head: &str) -> anyhow::Result<i64> {
    let (_, rest) = head.split_once("position ").context("a position")?;
    Ok(rest.split(',').next().unwrap_or_default().parse()?)
}

async fn an_export_says_what_it_needs(database: Database) -> anyhow::Result<()> {
    let place = TempDir::new()?;
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let home = server.home().clone();
    assert_eq!(server.stop().await?.code(), Some(0));
    let file = place.path().join("log.gz");
    export(&home, &file, &[]).await?;
    let again = command(&home, &["export", file.to_str().context("a path")?]).await?;
    assert!(again.code > 0 && again.stderr.contains("is there already"), "{again:?}");
    assert!(!place.path().join("log.gz.part").exists());

    let key = home.data().join("master.key");
    let digits = fs::read_to_string(&key)?;
    assert!(!unpacked(&file)?.contains(digits.trim()), "nobody asked for the key");
    let target = Home::new(&database).await?;
    let without = import(&target, &file, &[]).await?;
    assert!(without.code > 0 && without.stderr.contains("--master-key"), "{without:?}");

    let wrong = place.path().join("wrong.key");
    fs::write(&wrong, "00".repeat(32))?;
    let wrong =
        import(&target, &file, &["--master-key", wrong.to_str().context("a path")?]).await?;
    assert!(wrong.code > 0 && wrong.stderr.contains("does not open"), "{wrong:?}");
    assert!(left(&target)?.is_empty(), "{:?}", left(&target)?);

    let key = key.to_str().context("a path")?;
    import(&target, &file, &["--master-key", key]).await?.success()?;
    // The server will look for it there.
    let kept = target.data().join("master.key");
    assert_eq!(fs::read_to_string(&kept)?, digits);
    assert_eq!(fs::metadata(&kept)?.permissions().mode() & 0o777, 0o600);
    assert_eq!(head(&target).await?, head(&home).await?);
    let server = restarted(&target).await?;
    assert_eq!(server.stop().await?.code(), Some(0));

    // The operator may have put it there before.
    let target = Home::new(&database).await?;
    fs::copy(key, target.data().join("master.key"))?;
    import(&target, &file, &[]).await?.success()?;
    assert_eq!(head(&target).await?, head(&home).await?);
    Ok(())
}

/// What is in a data folder but for the lock.
fn left(home: &Home) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(home.data())?.map(|entry| Ok(entry?.path()));
    let entries: Vec<PathBuf> = entries.collect::<std::io::Result<_>>()?;
    Ok(entries.into_iter().filter(|path| !path.ends_with("lock")).collect())
}

fn unpacked(file: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    GzDecoder::new(fs::File::open(file)?).read_to_string(&mut text)?;
    Ok(text)
}

fn packed(text: &str) -> anyhow::Result<Vec<u8>> {
    let mut packing = GzEncoder::new(Vec::new(), Compression::fast());
    packing.write_all(text.as_bytes())?;
    Ok(packing.finish()?)
}

async fn what_is_not_whole_is_refused(database: Database) -> anyhow::Result<()> {
    let place = TempDir::new()?;
    let (server, _, _) = inhabited(&database).await?;
    let home = server.home().clone();
    assert_eq!(server.stop().await?.code(), Some(0));
    let file = place.path().join("log.gz");
    export(&home, &file, &["--with-master-key"]).await?;
    let (bytes, text) = (fs::read(&file)?, unpacked(&file)?);
    let lines: Vec<&str> = text.lines().collect();
    let event = |n: usize| {
        lines.iter().position(|it| it.contains(&format!("\"event\":{{\"position\":{n},")))
    };
    let (first, second) = (event(1).context("an event")?, event(2).context("an event")?);
    let blob = lines.iter().rposition(|it| it.starts_with("{\"blob\"")).context("an archive")?;
    let with = |change: &dyn Fn(&mut Vec<String>)| {
        let mut lines: Vec<String> = lines.iter().map(|&line| line.to_owned()).collect();
        change(&mut lines);
        packed(&(lines.join("\n") + "\n"))
    };
    let flipped = {
        let mut bytes = bytes.clone();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
        bytes
    };
    let at = |line: usize| format!("line {}", line + 1);
    let cases = [
        ("cut", bytes[..bytes.len() * 2 / 3].to_vec(), vec!["line ", "cut off"]),
        ("cut behind a line", with(&|lines| lines.truncate(blob))?, vec!["trailer is missing"]),
        ("flipped", flipped, vec!["line ", "copy or export again"]),
        ("reordered", with(&|lines| lines.swap(first, second))?, vec!["position 1 should follow"]),
        ("left out", with(&|lines| drop(lines.remove(second)))?, vec!["position 2 should follow"]),
        (
            "another actor",
            with(&|lines| {
                lines[second] = lines[second].replacen("\"actor\":\"", "\"actor\":\"x", 1);
            })?,
            vec!["not the one that the chain has there"],
        ),
        (
            "another payload",
            with(&|lines| {
                lines[second] = lines[second].replacen("\"payload\":\"{", "\"payload\":\"{ ", 1);
            })?,
            vec!["not the one that the chain has there"],
        ),
        (
            "no archive",
            with(&|lines| drop(lines.remove(blob)))?,
            vec!["not those that were written"],
        ),
        ("no JSON", with(&|lines| lines[second].truncate(70))?, vec!["copy or export again"]),
        (
            "a newer format",
            packed(&text.replacen("\"wisptrail_export\":1", "\"wisptrail_export\":9", 1))?,
            vec!["line 1", "format 9"],
        ),
        (
            "half an event",
            with(&|lines| lines[second].truncate(200))?,
            vec!["copy or export again"],
        ),
        ("something else", b"#!/bin/sh\n".to_vec(), vec!["line 1"]),
        ("nothing", Vec::new(), vec!["export again"]),
    ];
    let target = Home::new(&database).await?;
    for (name, bytes, why) in cases {
        let bad = place.path().join(name);
        fs::write(&bad, bytes)?;
        let finished = import(&target, &bad, &[]).await?;
        assert_eq!(finished.code, 1, "{name}: {finished:?}");
        for why in why {
            assert!(finished.stderr.contains(why), "{name}: {}", finished.stderr);
        }
        assert!(!finished.stderr.contains("panicked"), "{name}: {}", finished.stderr);
        assert!(left(&target)?.is_empty(), "{name}: {:?}", left(&target)?);
        for (name, line) in [("reordered", first), ("left out", second), ("another actor", second)]
        {
            if bad.ends_with(name) {
                assert!(finished.stderr.contains(&at(line)), "{name}: {}", finished.stderr);
            }
        }
    }
    import(&target, &file, &[]).await?.success()?;
    assert_eq!(head(&target).await?, head(&home).await?);
    Ok(())
}

async fn what_is_not_empty_is_refused(database: Database) -> anyhow::Result<()> {
    let place = TempDir::new()?;
    let server = Server::start(&database, Start::default()).await?;
    let home = server.home().clone();
    let file = place.path().join("log.gz");
    export(&home, &file, &["--with-master-key"]).await?;
    let beside = import(&home, &file, &[]).await?;
    assert!(beside.code > 0 && beside.stderr.contains("in use"), "{beside:?}");
    assert_eq!(server.stop().await?.code(), Some(0));
    let before = head(&home).await?;
    let onto = import(&home, &file, &[]).await?;
    assert!(onto.code > 0 && onto.stderr.contains("is not empty"), "{onto:?}");
    assert_eq!(head(&home).await?, before, "what is there stays");

    let named = Home::new(&database).await?;
    fs::write(named.data().join("notes.txt"), "mine")?;
    let finished = import(&named, &file, &[]).await?;
    assert!(finished.code > 0 && finished.stderr.contains("notes.txt"), "{finished:?}");
    assert_eq!(fs::read_to_string(named.data().join("notes.txt"))?, "mine");
    if database != Database::Sqlite {
        // Another folder does not make the database empty.
        let empty = place.path().join("empty");
        let empty = empty.to_str().context("a path")?;
        let file = file.to_str().context("a path")?;
        let finished = program(&home, &["import", file, "--data", empty]).await?;
        assert!(finished.code > 0 && finished.stderr.contains("relation"), "{finished:?}");
        assert!(!Path::new(empty).exists());
    }
    Ok(())
}

async fn an_import_that_died_can_be_repeated(database: Database) -> anyhow::Result<()> {
    let place = TempDir::new()?;
    let (server, device, archive) = inhabited(&database).await?;
    let home = server.home().clone();
    assert_eq!(server.stop().await?.code(), Some(0));
    let file = place.path().join("log.gz");
    export(&home, &file, &["--with-master-key"]).await?;
    let bytes = fs::read(&file)?;

    let target = Home::new(&database).await?;
    let mut importing = target.command();
    importing.args(["import", "-", "--data"]).arg(target.data());
    importing.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut importing = importing.spawn()?;
    let mut input = importing.stdin.take().context("an input")?;
    input.write_all(&bytes[..bytes.len() / 2])?;
    patience("the import has begun", async || Ok(target.data().join("import.unfinished").exists()))
        .await?;
    importing.kill()?;
    importing.wait()?;

    let Err(refused) = restarted(&target).await else { anyhow::bail!("half a log is served") };
    assert!(refused.to_string().contains("did not come to its end"), "{refused}");
    let verified = command(&target, &["verify"]).await?;
    assert!(verified.code > 0, "{verified:?}");

    import(&target, &file, &[]).await?.success()?;
    assert_eq!(head(&target).await?, head(&home).await?);
    let server = restarted(&target).await?;
    let answer = server.client().get(&device.download_path()).await?.expect(200)?;
    assert_eq!(answer.body, archive);
    Ok(())
}

async fn whoever_was_erased_since_an_export_does_not_come_back(
    database: Database,
) -> anyhow::Result<()> {
    let place = TempDir::new()?;
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let home = server.home().clone();
    let (somebody, other) = (Somebody::of(&server, 1).await?, Somebody::of(&server, 2).await?);
    let older = place.path().join("older.gz");
    export(&home, &older, &["--with-master-key"]).await?;
    somebody.erase(&server, false).await?;
    let newer = place.path().join("newer.gz");
    export(&home, &newer, &["--with-master-key"]).await?;
    assert_eq!(server.stop().await?.code(), Some(0));

    // An export from after it knows by itself.
    let list = home.data().join("erasures");
    let list = list.to_str().context("a path")?;
    for (file, arguments, again) in
        [(&older, &["--erasures", list][..], true), (&newer, &[][..], false)]
    {
        let carried = Home::new(&self::other(&database)).await?;
        let said = import(&carried, file, arguments).await?.success()?;
        assert_eq!(said.contains("1 people were erased since the export"), again, "{said}");
        head(&carried).await?;
        assert_eq!(somebody.left_in(carried.data())?, [""; 0]);
        let server = restarted(&carried).await?;
        assert_eq!(somebody.log_in(&server, &somebody.password).await?, 400);
        assert_eq!(other.log_in(&server, &other.password).await?, 200);
        let listed = fs::read_to_string(carried.data().join("erasures"))?;
        assert_eq!(listed.matches(&somebody.id).count(), 1, "the list goes on");
        assert_eq!(server.stop().await?.code(), Some(0));
        let onwards = carried.data().join("onwards.gz");
        export(&carried, &onwards, &[]).await?;
        assert_eq!(somebody.left_in(carried.data())?, [""; 0]);
    }
    Ok(())
}
