//! Backups are made while everything goes on, and become installations again.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::Context;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use wisptrail_tests::{
    Client, Database, Device, Finished, Fixture, Home, Server, Somebody, Start, note_secret,
    on_each_database, program, register, secret_of,
};

on_each_database!(
    a_backup_under_load_is_an_installation_again,
    a_backup_without_its_key_wants_it,
    a_damaged_backup_is_refused_before_anything_is_written,
    nothing_is_written_over,
    a_backup_of_the_other_database_is_refused,
    a_log_that_does_not_fit_together_is_no_backup,
    a_dump_of_something_else_is_refused,
    whoever_was_erased_since_does_not_come_back,
);

/// Runs a command in a home, on its data.
async fn command(home: &Home, arguments: &[&str]) -> anyhow::Result<Finished> {
    let data = text(home.data())?;
    let mut all = arguments.to_vec();
    all.extend(["--data", data]);
    program(home, &all).await
}

fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("a path")
}

/// A server with a template that every device gets, and a device.
async fn installation(database: &Database) -> anyhow::Result<(Server, Device)> {
    let server = Server::start(database, Start::with_fixture()?).await?;
    let organization = Fixture::own()?.organization("alpha")?.id.clone();
    let template = json!({
        "name": "banner",
        "organization": organization,
        "type": "generic",
        "backend": "netjsonconfig.OpenWrt",
        "default": true,
        "config": { "files": [{ "path": "/etc/banner", "mode": "0644", "contents": "{{ name }}\n" }] },
    });
    let admin = server.admin();
    admin.json(Method::POST, "/api/v1/controller/template/", &template).await?.expect(201)?;
    let device =
        register(&server.client(), &secret_of("alpha")?, "kept", "02:00:00:00:0B:01").await?;
    Ok((server, device))
}

/// What a device gets: its checksum and its archive.
async fn served(client: &Client, device: &Device) -> anyhow::Result<(String, Vec<u8>)> {
    let checksum = client.get(&device.checksum_path()).await?.expect(200)?.text();
    Ok((checksum, client.get(&device.download_path()).await?.expect(200)?.body))
}

/// Position and hash of one event.
async fn event(home: &Home, position: i64) -> anyhow::Result<Value> {
    let after = (position - 1).to_string();
    let listed = command(home, &["events", "list", "--after", &after, "--limit", "1"]).await?;
    let event: Value = serde_json::from_str(&listed.success()?)?;
    Ok(json!({ "position": event["position"], "hash": event["hash"] }))
}

fn manifest(backup: &Path) -> anyhow::Result<Value> {
    Ok(serde_json::from_slice(&fs::read(backup.join("manifest.json"))?)?)
}

fn names(folder: &Path) -> anyhow::Result<BTreeSet<String>> {
    let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into()));
    names.collect()
}

/// Whatever may be in a folder without data.
fn is_untouched(folder: &Path) -> anyhow::Result<bool> {
    Ok(names(folder)?.iter().all(|name| name == "lock"))
}

/// The line of an output that is a command of PostgreSQL's tools, which ran; none where there are no tools.
async fn run_printed(said: &str, tool: &str) -> anyhow::Result<Option<()>> {
    let Some(tools) = folder_of(tool) else { return Ok(None) };
    let line = said.lines().find(|line| line.trim_start().starts_with(tool));
    let line = line.with_context(|| format!("no command {tool} in: {said}"))?;
    let ran = tokio::process::Command::new("sh")
        .args(["-c", line.trim()])
        .env(
            "PATH",
            std::env::join_paths([tools.as_path(), Path::new("/usr/bin"), Path::new("/bin")])?,
        )
        .stdin(Stdio::null())
        .output()
        .await?;
    anyhow::ensure!(ran.status.success(), "{line}: {}", String::from_utf8_lossy(&ran.stderr));
    Ok(Some(()))
}

/// The folder of a tool: of the path, or where Debian keeps those of each version.
fn folder_of(tool: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let found = versions.map(|version| version.path().join("bin"));
    std::env::split_paths(&path).chain(found).find(|folder| folder.join(tool).exists())
}

/// A backup with everything that belongs to it; none where PostgreSQL's tools are needed and missing.
async fn back_up(home: &Home, to: &Path, more: &[&str]) -> anyhow::Result<Option<String>> {
    let mut arguments = vec!["backup", text(to)?];
    arguments.extend(more);
    let said = command(home, &arguments).await?.success()?;
    let key = fs::read_to_string(home.data().join("master.key"))?;
    note_secret(key.trim());
    assert!(!said.contains(key.trim()), "the key was told");
    if manifest(to)?["database"] == "postgres" && run_printed(&said, "pg_dump").await?.is_none() {
        return Ok(None);
    }
    Ok(Some(said))
}

/// Loads the dump, where there is one: the first attempt to restore says how.
async fn load(home: &Home, backup: &Path) -> anyhow::Result<()> {
    if backup.join("database.dump").exists() {
        let first = command(home, &["restore", text(backup)?]).await?;
        assert_eq!(first.code, 1, "{first:?}");
        assert!(is_untouched(home.data())?, "{first:?}");
        run_printed(&first.stderr, "pg_restore").await?.context("the tools were there before")?;
    }
    Ok(())
}

async fn a_backup_under_load_is_an_installation_again(database: Database) -> anyhow::Result<()> {
    let (server, device) = installation(&database).await?;
    let home = server.home().clone();
    let before = served(&server.client(), &device).await?;
    let place = TempDir::new()?;
    let backup = place.path().join("backup");

    // Devices register all the time.
    let stop = Arc::new(AtomicBool::new(false));
    let load = {
        let (stop, client, secret) = (Arc::clone(&stop), server.client(), secret_of("alpha")?);
        async move {
            let mut devices = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let number = devices.len();
                let mac = format!("02:00:00:0C:{:02X}:{:02X}", number / 256, number % 256);
                devices.push(register(&client, &secret, &format!("load-{number}"), &mac).await?);
            }
            anyhow::Ok(devices)
        }
    };
    let backing_up = async {
        let made = back_up(&home, &backup, &[]).await;
        stop.store(true, Ordering::Relaxed);
        made
    };
    let (devices, said) = tokio::join!(load, backing_up);
    assert!(!devices?.is_empty());
    let Some(said) = said? else { return Ok(()) };
    let manifest = manifest(&backup)?;
    let head = manifest["head"].as_i64().context("a position")?;
    assert!(said.contains(&format!("position {head}")), "{said}");
    assert!(said.contains("whoever gets hold of this backup"), "{said}");
    for name in names(&backup)? {
        let mode = fs::metadata(backup.join(&name))?.permissions().mode() & 0o777;
        // What other tools put there is theirs.
        assert!(mode == 0o600 || name == "database.dump", "{name}: {mode:o}");
    }
    assert_eq!(fs::metadata(&backup)?.permissions().mode() & 0o777, 0o700);
    assert_eq!(names(place.path())?.len(), 1, "nothing else is left");
    let last = event(&home, head).await?;
    assert_eq!(last["hash"], manifest["chain"]["hash"]);
    served(&server.client(), &device).await?;
    assert_eq!(server.stop().await?.code(), Some(0));

    let new = Home::new(&database).await?;
    self::load(&new, &backup).await?;
    let restored = command(&new, &["restore", text(&backup)?]).await?.success()?;
    assert!(restored.contains("the chain fits together"), "{restored}");
    assert!(restored.contains("all tables are what the events say"), "{restored}");
    for (name, expected) in [("", 0o700), ("master.key", 0o600)] {
        let mode = fs::metadata(new.data().join(name))?.permissions().mode() & 0o777;
        assert_eq!(mode, expected, "{name}");
    }
    assert_eq!(event(&new, head).await?, last);
    command(&new, &["verify"]).await?.success()?;
    let server = Server::start_in(new.clone(), Start::default()).await?;
    assert_eq!(served(&server.client(), &device).await?, before);
    let secret = secret_of("alpha")?;
    let known = register(&server.client(), &secret, "kept", "02:00:00:00:0B:01").await?;
    assert_eq!((known.id, known.is_new), (device.id.clone(), false));
    let fresh = register(&server.client(), &secret, "fresh", "02:00:00:00:0B:02").await?;
    assert!(fresh.is_new);
    served(&server.client(), &fresh).await?;
    command(&new, &["verify"]).await?.success()?;
    assert_eq!(server.stop().await?.code(), Some(0));
    Ok(())
}

async fn a_backup_without_its_key_wants_it(database: Database) -> anyhow::Result<()> {
    let (server, device) = installation(&database).await?;
    let home = server.home().clone();
    let before = served(&server.client(), &device).await?;
    assert_eq!(server.stop().await?.code(), Some(0));
    let place = TempDir::new()?;
    let backup = place.path().join("backup");
    let Some(said) = back_up(&home, &backup, &["--without-key"]).await? else { return Ok(()) };
    assert!(said.contains("NOT in it") && said.contains("master.key"), "{said}");
    assert!(!names(&backup)?.contains("master.key"));

    // A key that opens nothing is not taken into a backup either.
    let (right, wrong) = (place.path().join("right"), place.path().join("wrong"));
    fs::rename(home.data().join("master.key"), &right)?;
    fs::write(&wrong, "ab".repeat(32))?;
    let other = place.path().join("other");
    let missing = command(&home, &["backup", text(&other)?]).await?;
    assert!(missing.code == 1 && missing.stderr.contains("--without-key"), "{missing:?}");
    fs::copy(&wrong, home.data().join("master.key"))?;
    let refused = command(&home, &["backup", text(&other)?]).await?;
    assert!(refused.code == 1 && refused.stderr.contains("not the master key"), "{refused:?}");
    assert_eq!(names(place.path())?.len(), 3, "nothing is left of them");

    let new = Home::new(&database).await?;
    load(&new, &backup).await?;
    let restore = async |more: &[&str]| {
        let mut arguments = vec!["restore", text(&backup)?];
        arguments.extend(more);
        command(&new, &arguments).await
    };
    for (more, why) in [
        (&[][..], "--master-key FILE"),
        (&["--master-key", text(&wrong)?], "is not the master key"),
        (&["--master-key", text(&place.path().join("none"))?], "there is no master key at"),
    ] {
        let refused = restore(more).await?;
        assert!(refused.code == 1 && refused.stderr.contains(why), "{refused:?}");
        assert!(refused.stderr.contains("nothing was written"), "{refused:?}");
        assert!(!refused.stderr.contains("abab"), "a key was told");
        assert!(is_untouched(new.data())?, "{refused:?}");
    }
    restore(&["--master-key", text(&right)?]).await?.success()?;
    let server = Server::start_in(new.clone(), Start::default()).await?;
    assert_eq!(served(&server.client(), &device).await?, before);
    assert_eq!(server.stop().await?.code(), Some(0));
    Ok(())
}

async fn a_damaged_backup_is_refused_before_anything_is_written(
    database: Database,
) -> anyhow::Result<()> {
    let (server, _) = installation(&database).await?;
    let home = server.home().clone();
    let place = TempDir::new()?;
    let backup = place.path().join("backup");
    command(&home, &["backup", text(&backup)?]).await?.success()?;
    let new = Home::new(&database).await?;
    let cut = |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() / 2);
    let change = |bytes: &mut Vec<u8>| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    };
    let files: &[&str] = match database {
        Database::Sqlite => &["wisptrail.db", "blobs.db"],
        Database::Postgres(_) | Database::Bounded(_) => &[],
    };
    let all = files.iter().flat_map(|name| [(*name, cut as fn(&mut Vec<u8>)), (*name, change)]);
    for (name, damage) in [("manifest.json", cut as fn(&mut Vec<u8>))].into_iter().chain(all) {
        let path = backup.join(name);
        let whole = fs::read(&path)?;
        let mut other = whole.clone();
        damage(&mut other);
        fs::write(&path, other)?;
        let refused = command(&new, &["restore", text(&backup)?]).await?;
        assert!(refused.code == 1 && refused.stderr.contains(name), "{name}: {refused:?}");
        assert!(refused.stderr.contains("another"), "what to do about {name}? {refused:?}");
        assert!(is_untouched(new.data())?, "{name}: {refused:?}");

        fs::remove_file(&path)?;
        let refused = command(&new, &["restore", text(&backup)?]).await?;
        assert!(refused.code == 1 && refused.stderr.contains(name), "{name}: {refused:?}");
        assert!(is_untouched(new.data())?, "{name}: {refused:?}");
        fs::write(&path, whole)?;
    }
    let nowhere = place.path().join("nowhere");
    let refused = command(&new, &["restore", text(&nowhere)?]).await?;
    assert!(refused.code == 1 && refused.stderr.contains("is not a backup"), "{refused:?}");
    Ok(())
}

async fn nothing_is_written_over(database: Database) -> anyhow::Result<()> {
    let (server, device) = installation(&database).await?;
    let home = server.home().clone();
    let place = TempDir::new()?;
    let backup = place.path().join("backup");
    fs::create_dir(&backup)?;
    let refused = command(&home, &["backup", text(&backup)?]).await?;
    assert!(refused.code == 1 && refused.stderr.contains("is there already"), "{refused:?}");
    fs::rename(&backup, place.path().join("backup.part"))?;
    let refused = command(&home, &["backup", text(&backup)?]).await?;
    assert!(refused.code == 1 && refused.stderr.contains("rm -r"), "{refused:?}");
    fs::remove_dir(place.path().join("backup.part"))?;
    let there = names(home.data())?;
    let inside = home.data().join("backup");
    let refused = command(&home, &["backup", text(&inside)?]).await?;
    assert!(refused.code == 1 && refused.stderr.contains("lost together"), "{refused:?}");
    assert_eq!(names(home.data())?, there);
    command(&home, &["backup", text(&backup)?]).await?.success()?;

    // Neither beside a server nor over what it has left.
    let before = served(&server.client(), &device).await?;
    let refused = command(&home, &["restore", text(&backup)?]).await?;
    assert!(refused.code == 1 && refused.stderr.contains("not empty"), "{refused:?}");
    assert_eq!(served(&server.client(), &device).await?, before);
    assert_eq!(server.stop().await?.code(), Some(0));
    let there = names(home.data())?;
    let refused = command(&home, &["restore", text(&backup)?]).await?;
    assert!(refused.code == 1 && refused.stderr.contains(" is in it"), "{refused:?}");
    assert_eq!(names(home.data())?, there);

    // Half of a restore is not taken for an installation.
    let new = Home::new(&database).await?;
    fs::create_dir(new.data().join("restore.part"))?;
    for arguments in [&["restore", text(&backup)?][..], &["serve", "--listen", "127.0.0.1:0"]] {
        let refused = command(&new, arguments).await?;
        assert!(refused.code == 1 && refused.stderr.contains("interrupted"), "{refused:?}");
    }
    // Neither is half of an import backed up.
    fs::write(home.data().join("import.unfinished"), "")?;
    if database == Database::Sqlite {
        let refused = command(&home, &["backup", text(&place.path().join("half"))?]).await?;
        assert!(refused.code == 1 && refused.stderr.contains("import"), "{refused:?}");
        assert_eq!(names(place.path())?.len(), 1, "nothing is left of it");
        let refused = command(&new, &["backup", text(&place.path().join("other"))?]).await?;
        assert!(refused.code == 1 && refused.stderr.contains("there is no data"), "{refused:?}");
    }
    Ok(())
}

async fn a_backup_of_the_other_database_is_refused(database: Database) -> anyhow::Result<()> {
    let Some(postgres) = Database::postgres() else { return Ok(()) };
    let (server, _) = installation(&database).await?;
    let place = TempDir::new()?;
    let backup = place.path().join("backup");
    command(server.home(), &["backup", text(&backup)?]).await?.success()?;
    let (other, remedy) = match database {
        Database::Sqlite => (postgres, "export"),
        Database::Postgres(_) | Database::Bounded(_) => (Database::Sqlite, "--database-url"),
    };
    let new = Home::new(&other).await?;
    let refused = command(&new, &["restore", text(&backup)?]).await?;
    assert!(refused.code == 1 && refused.stderr.contains(remedy), "{refused:?}");
    assert!(is_untouched(new.data())?);
    Ok(())
}

/// SQLite alone: on PostgreSQL the log is looked at when it comes back.
async fn a_log_that_does_not_fit_together_is_no_backup(database: Database) -> anyhow::Result<()> {
    if database != Database::Sqlite {
        return Ok(());
    }
    let (server, _) = installation(&database).await?;
    let home = server.home().clone();
    assert_eq!(server.stop().await?.code(), Some(0));
    let log = home.data().join("wisptrail.db");
    let mut bytes = fs::read(&log)?;
    let (right, wrong) = (b"/etc/banner", b"/etc/bonner");
    let places: Vec<usize> =
        (0..bytes.len()).filter(|at| bytes[*at..].starts_with(right)).collect();
    assert!(!places.is_empty(), "the template is in the log");
    for at in places {
        bytes[at..at + wrong.len()].copy_from_slice(wrong);
    }
    fs::write(&log, bytes)?;
    let place = TempDir::new()?;
    let backup = place.path().join("backup");
    let refused = command(&home, &["backup", text(&backup)?]).await?;
    assert!(
        refused.code == 1 && refused.stderr.contains("chain of events is broken"),
        "{refused:?}"
    );
    assert!(refused.stderr.contains("nothing was kept"), "{refused:?}");
    assert_eq!(names(place.path())?.len(), 0, "nothing is left of it");
    Ok(())
}

/// PostgreSQL alone: only there the log comes by another way than the rest.
async fn a_dump_of_something_else_is_refused(database: Database) -> anyhow::Result<()> {
    if database == Database::Sqlite {
        return Ok(());
    }
    let (server, _) = installation(&database).await?;
    let place = TempDir::new()?;
    let (backup, later) = (place.path().join("backup"), place.path().join("later"));
    let empty = place.path().join("data");
    let restore = async |home: &Home, backup: &Path| {
        program(home, &["restore", text(backup)?, "--data", text(&empty)?]).await
    };
    command(server.home(), &["backup", text(&backup)?]).await?.success()?;

    // Of another installation.
    let (other, _) = installation(&database).await?;
    for number in 0..20 {
        let (mac, name) = (format!("02:00:00:00:0D:{number:02X}"), format!("more-{number}"));
        register(&other.client(), &secret_of("alpha")?, &name, &mac).await?;
    }
    let refused = restore(other.home(), &backup).await?;
    assert!(refused.code == 1 && refused.stderr.contains("another event"), "{refused:?}");
    // Older than the rest.
    command(other.home(), &["backup", text(&later)?]).await?.success()?;
    let refused = restore(server.home(), &later).await?;
    assert!(refused.code == 1 && refused.stderr.contains("the database ends at"), "{refused:?}");
    assert!(refused.stderr.contains("nothing was written") && !empty.exists(), "{refused:?}");
    // Younger, as it is when it was made in use.
    register(&server.client(), &secret_of("alpha")?, "later", "02:00:00:00:0E:01").await?;
    let restored = restore(server.home(), &backup).await?.success()?;
    assert!(restored.contains("the backup was made at position"), "{restored}");
    Ok(())
}

async fn whoever_was_erased_since_does_not_come_back(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let home = server.home().clone();
    let (somebody, other) = (Somebody::of(&server, 1).await?, Somebody::of(&server, 2).await?);
    let place = TempDir::new()?;
    let backup = place.path().join("backup");
    let Some(_) = back_up(&home, &backup, &[]).await? else { return Ok(()) };
    somebody.erase(&server, false).await?;
    assert_eq!(server.stop().await?.code(), Some(0));
    let list = home.data().join("erasures");

    // With the list of the former data folder, given or put where it belongs.
    for given in [true, false] {
        let new = Home::new(&database).await?;
        load(&new, &backup).await?;
        let missing = place.path().join("no-such-list");
        let arguments = ["restore", text(&backup)?, "--erasures", text(&missing)?];
        let refused = command(&new, &arguments).await?;
        assert!(refused.code == 1 && refused.stderr.contains("no list of erasures"), "{refused:?}");
        assert!(is_untouched(new.data())?, "{refused:?}");
        let mut arguments = vec!["restore", text(&backup)?];
        if given {
            arguments.extend(["--erasures", text(&list)?]);
        } else {
            fs::copy(&list, new.data().join("erasures"))?;
        }
        let restored = command(&new, &arguments).await?.success()?;
        assert!(restored.contains("the chain fits together"), "{restored}");
        assert!(restored.contains("1 people were erased since the backup was made"), "{restored}");
        assert_eq!(somebody.left_in(new.data())?, [""; 0]);
        command(&new, &["verify"]).await?.success()?;
        let export = place.path().join(format!("export-{given}.gz"));
        command(&new, &["export", text(&export)?]).await?.success()?;
        let erased =
            command(&new, &["events", "list", "--type", "user.erased"]).await?.success()?;
        assert!(erased.contains(&somebody.id) && erased.contains("system:erasures"), "{erased}");

        let server = Server::start_in(new.clone(), Start::default()).await?;
        assert_eq!(somebody.log_in(&server, &somebody.password).await?, 400);
        assert_eq!(other.log_in(&server, &other.password).await?, 200);
        assert_eq!(somebody.left_in(new.data())?, [""; 0]);
        let listed = fs::read_to_string(new.data().join("erasures"))?;
        assert_eq!(listed.matches(&somebody.id).count(), 1, "the list goes on");
        assert_eq!(server.stop().await?.code(), Some(0));
    }
    fs::remove_dir_all(&backup)?;
    assert_eq!(somebody.left_in(place.path())?, [""; 0], "exports of what was restored");
    Ok(())
}
