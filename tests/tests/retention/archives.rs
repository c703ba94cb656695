//! Archives of the log: whole, once, in a row; and what they give back.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::Context as _;
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use tempfile::TempDir;
use wisptrail_tests::{
    ADMIN_TOKEN, Database, Home, Server, Start, on_each_database, patience, program, register,
    secret_of,
};

use crate::{
    client::Stream, command, expired, files, gone, head, log_ins, look_at, old, text, told,
    unpacked,
};

on_each_database!(
    old_contents_are_archived_and_leave_the_log,
    without_archives_it_says_what_is_missing,
    archives_are_made_once_and_in_a_row,
    a_killed_one_is_taken_up_again,
);

/// Outcomes and whose they were; addresses are told to whoever has the keys.
fn shown(log_ins: &[Value]) -> Vec<(Value, Value, Value)> {
    let shown = log_ins.iter().map(|it| &it["id"]).zip(log_ins);
    shown.map(|(id, it)| (id.clone(), it["userId"].clone(), it["outcome"].clone())).collect()
}

async fn old_contents_are_archived_and_leave_the_log(database: Database) -> anyhow::Result<()> {
    let there = old(&database).await?;
    let place = TempDir::new()?;
    let folder = place.path().join("archives");
    let start = Start::default().set("WISPTRAIL_ARCHIVE__FOLDER", text(&folder)?);
    let server = Server::start_in(there.home.clone(), start).await?;
    let admin = server.admin();
    let events = expired(&server, there.events).await?;
    let gone = gone(&events);
    assert!(gone.len() >= there.log_ins.len(), "{gone:?}");
    assert!(log_ins(&admin, None).await?.is_empty());
    let last = "query ($id: ID!) { user(id: $id) { lastLogInAt } }";
    let id = json!({ "id": there.other.id });
    let told_last = admin.graphql_data(last, id).await?;
    assert_eq!(told_last["user"]["lastLogInAt"], Value::Null);

    // Nobody who follows the log waits for what is not there any more, and what happens goes on.
    let mut stream = Stream::open(&server, ADMIN_TOKEN, "after=0&sensitive=true", None).await?;
    for event in &told(&admin, "&sensitive=true").await? {
        assert_eq!(stream.event().await?.data.as_ref(), Some(event));
    }
    assert_eq!(there.other.log_in(&server, &there.other.password).await?, 200);
    while stream.event().await?.data.context("an event")?["type"] != "log_in.tried" {}
    assert_eq!(log_ins(&admin, None).await?.len(), 1);
    command(&there.home, &["verify"]).await?.success()?;
    command(&there.home, &["projections", "rebuild", "--all"]).await?.success()?;
    assert_eq!(log_ins(&admin, None).await?.len(), 1);
    command(&there.home, &["verify"]).await?.success()?;

    // Each archive proves itself, and tells nobody anything of people.
    let nowhere = Home::new(&Database::Sqlite).await?;
    for file in files(&folder)? {
        let said = program(&nowhere, &["audit", "verify", text(&file)?]).await?;
        let said = said.success()?;
        assert!(said.contains("sealed: the contents of ") && said.contains("OK: "), "{said}");
    }
    let open = unpacked(&folder)?;
    for somebody in [&there.somebody, &there.other] {
        assert_eq!(somebody.left_in(open.path())?, [""; 0]);
    }
    // Not even what is in clear in the log: languages, places, whom a try was about.
    let mut sealed = 0;
    for path in files(open.path())? {
        if path.extension().is_none_or(|extension| extension != "gz") {
            continue;
        }
        for line in BufReader::new(GzDecoder::new(fs::File::open(path)?)).lines() {
            let event = &serde_json::from_str::<Value>(&line?)?["event"];
            if ["user", "log_in"].iter().any(|kind| event["aggregate_type"] == *kind) {
                let payload = event["payload"].as_str().context("a payload")?;
                assert!(payload.starts_with("{\"$sealed\":"), "{event}");
                sealed += 1;
            }
        }
    }
    assert!(sealed > there.log_ins.len(), "{sealed}");

    // An installation of then shows what was tried then; whoever has the keys is told from where.
    let now = head(&there.home).await?;
    for keys in [false, true] {
        let then = Home::new(&Database::Sqlite).await?;
        let into = text(then.data())?;
        let moment = crate::now();
        let mut arguments = vec!["replay", "--until", &moment, "--into", into];
        arguments.extend(["--archives", text(&folder)?]);
        if keys {
            arguments.push("--with-keys");
        }
        let said = command(&there.home, &arguments).await?;
        assert!(said.code == 0 && !said.stderr.contains("are missing"), "{said:?}");
        assert_eq!(head(&then).await?, now, "the same log");
        let (server, viewer, _) = look_at(&then).await?;
        let all = log_ins(&viewer, None).await?;
        assert_eq!(shown(&all[1..]), shown(&there.log_ins));
        assert_eq!(all[1]["address"].is_string(), keys, "{all:?}");
        assert_eq!(server.stop().await?.code(), Some(0));
    }
    Ok(())
}

async fn without_archives_it_says_what_is_missing(database: Database) -> anyhow::Result<()> {
    let there = old(&database).await?;
    let server = Server::start_in(there.home.clone(), Start::default()).await?;
    let events = expired(&server, there.events).await?;
    let count = gone(&events).len();
    let then = Home::new(&Database::Sqlite).await?;
    let into = text(then.data())?;
    let moment = crate::now();
    let arguments = ["replay", "--until", &moment, "--into", into];
    let said = command(&there.home, &arguments).await?;
    let missing = format!("the contents of {count} events were kept for a while only");
    assert!(said.code == 0 && said.stderr.contains(&missing), "{said:?}");
    let (looking, viewer, said) = look_at(&then).await?;
    assert!(said.contains(&missing), "{said}");
    assert!(log_ins(&viewer, None).await?.is_empty());
    assert_eq!(looking.stop().await?.code(), Some(0));

    // Folders without archives are a mistake; archives of others have nothing.
    let place = TempDir::new()?;
    let wrong = [&arguments[..], &["--archives", text(place.path())?]].concat();
    let refused = command(&there.home, &wrong).await?;
    assert!(refused.code == 1 && refused.stderr.contains("there are no archives"), "{refused:?}");
    let other = Server::start(&database, Start::with_fixture()?).await?;
    let folder = text(place.path())?;
    command(other.home(), &["archive", "--before", "1000000", "--into", folder])
        .await?
        .success()?;
    let home = Home::new(&Database::Sqlite).await?;
    let mut arguments = arguments;
    arguments[4] = text(home.data())?;
    let all = [&arguments[..], &["--archives", folder]].concat();
    let said = command(&there.home, &all).await?;
    assert!(said.code == 0 && said.stderr.contains(&missing), "{said:?}");
    Ok(())
}

/// Positions that the names of archives say.
fn parts(names: &[PathBuf]) -> anyhow::Result<Vec<(i64, i64)>> {
    let mut parts = Vec::new();
    for path in names {
        let name = path.file_name().and_then(|name| name.to_str()).context("a name")?;
        let middle = name.strip_prefix("wisptrail-").and_then(|it| it.strip_suffix(".tar"));
        let (first, last) = middle.and_then(|it| it.split_once('-')).context("an archive")?;
        parts.push((first.parse()?, last.parse()?));
    }
    Ok(parts)
}

async fn archives_are_made_once_and_in_a_row(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let home = server.home().clone();
    let place = TempDir::new()?;
    let (one, two) = (place.path().join("one"), place.path().join("two"));
    let archive = async |before: &str, into: &Path, further: &[&str]| {
        let into = text(into)?;
        command(&home, &[&["archive", "--before", before, "--into", into], further].concat()).await
    };
    archive("4", &one, &[]).await?.success()?;
    assert_eq!(parts(&files(&one)?)?, [(1, 3)]);
    let said = archive("4", &one, &[]).await?.success()?;
    assert!(said.contains("everything up to position 3 is in archives already"), "{said}");
    // Where the former ones are does not matter.
    archive("6", &two, &[]).await?.success()?;
    assert_eq!(parts(&files(&two)?)?, [(4, 5)]);
    assert_eq!(server.stop().await?.code(), Some(0));
    archive("2100-01-01T00:00:00Z", &two, &[]).await?.success()?;
    let all = parts(&files(&two)?)?;
    assert_eq!((all.len(), all[1].0), (2, 6));
    let last = all[1].1;

    // For new copies, from the beginning; that changes nothing about the others.
    let again = place.path().join("again");
    archive(&(last + 1).to_string(), &again, &["--again"]).await?.success()?;
    assert_eq!(parts(&files(&again)?)?, [(1, last)]);
    archive(&(last + 1).to_string(), &again, &["--again"]).await?.success()?;
    assert_eq!(files(&again)?.len(), 1);

    // What is there is looked at before it counts.
    home.execute("UPDATE archiving SET position = 0").await?;
    archive("4", &one, &[]).await?.success()?;
    assert_eq!(files(&one)?.len(), 1);
    home.execute("UPDATE archiving SET position = 0").await?;
    let file = &files(&one)?[0];
    let mut bytes = fs::read(file)?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(file, &bytes)?;
    let refused = archive("4", &one, &[]).await?;
    assert!(refused.code == 1 && refused.stderr.contains("is damaged"), "{refused:?}");
    let asked = command(&home, &["archive", "--before", "4"]).await?;
    assert!(asked.code == 1 && asked.stderr.contains("--into"), "{asked:?}");
    let asked = command(&home, &["archive", "--before", "yesterday", "--into", "x"]).await?;
    assert!(asked.code == 2 && asked.stderr.contains("neither a position"), "{asked:?}");
    Ok(())
}

async fn a_killed_one_is_taken_up_again(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let home = server.home().clone();
    let place = TempDir::new()?;
    let folder = place.path().join("archives");
    // The server makes it, and dies as soon as there is something.
    let mut asking = home.command();
    asking.args(["archive", "--before", "1000000", "--into"]).arg(&folder);
    asking.arg("--data").arg(home.data());
    asking.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut asking = asking.spawn()?;
    patience("a file is there", async || Ok(folder.exists() && !files(&folder)?.is_empty()))
        .await?;
    server.kill().await?;
    asking.wait()?;
    let left = files(&folder)?;
    // What a kill at the worst moment leaves.
    fs::write(folder.join("wisptrail-000000000001-000000000009.tar.part"), "half")?;

    let server = Server::start_in(home.clone(), Start::default()).await?;
    let secret = secret_of("alpha")?;
    register(&server.client(), &secret, "later", "02:00:00:00:0F:01").await?;
    let into = text(&folder)?;
    command(&home, &["archive", "--before", "1000000", "--into", into]).await?.success()?;
    let names = files(&folder)?;
    let all = parts(&names)?;
    assert_eq!(all[0].0, 1);
    assert!(all.windows(2).all(|pair| pair[0].1 + 1 == pair[1].0), "{left:?} {all:?}");
    let nowhere = Home::new(&Database::Sqlite).await?;
    for file in &names {
        program(&nowhere, &["audit", "verify", text(file)?]).await?.success()?;
    }
    assert_eq!(server.stop().await?.code(), Some(0));
    Ok(())
}
