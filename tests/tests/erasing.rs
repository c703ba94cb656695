//! Erasing people, through the real program.

use std::{
    fs::{self, File},
    io::Read as _,
    path::Path,
};

use anyhow::Context as _;
use flate2::read::GzDecoder;
use reqwest::Method;
use serde_json::json;
use tempfile::TempDir;
use wisptrail_tests::{
    Database, Finished, Home, Server, Somebody, Start, on_bounded_database, on_each_database,
    patience, program,
    smtp::{Does, Peer, Protection, Step},
};

on_each_database!(
    nothing_of_a_person_is_left_in_any_file,
    an_erasure_whose_server_was_killed_is_taken_up_again,
    people_are_erased_beside_a_server_and_without_one,
    a_manager_erases_who_has_mail_waiting,
);
on_bounded_database!(
    nothing_of_a_person_is_left_in_any_file,
    a_manager_erases_who_has_mail_waiting
);

const ALPHA: &str = "aaaaaaaa-0000-4000-8000-000000000001";
const MANAGER: &str = "0000000000000000000000000000000000000mgr";

/// Runs a command in a home, on its data.
async fn command(home: &Home, arguments: &[&str]) -> anyhow::Result<Finished> {
    let data = home.data().to_str().context("a path")?;
    program(home, &[arguments, &["--data", data]].concat()).await
}

/// All files below the data folder, and all that an export says of the tables.
async fn left(home: &Home, somebody: &Somebody) -> anyhow::Result<Vec<String>> {
    let place = TempDir::new()?;
    let export = place.path().join("all.gz");
    command(home, &["export", export.to_str().context("a path")?]).await?.success()?;
    let mut found = somebody.left_in(home.data())?;
    found.extend(somebody.left_in(place.path())?);
    Ok(found)
}

fn listed(home: &Home) -> anyhow::Result<Vec<String>> {
    let list = home.data().join("erasures");
    let text = if list.exists() { fs::read_to_string(list)? } else { String::new() };
    Ok(text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

/// On SQLite: where nobody is in the way any more, nothing is left of the log beside the file.
async fn merged(home: &Home) -> anyhow::Result<()> {
    let log = home.data().join("wisptrail.db-wal");
    patience("the write-ahead log was emptied", async || Ok(!log.exists() || is_short(&log)?)).await
}

/// What came since is a few pages at most.
fn is_short(log: &Path) -> anyhow::Result<bool> {
    Ok(fs::metadata(log)?.len() < 4 << 20)
}

async fn nothing_of_a_person_is_left_in_any_file(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let home = server.home().clone();
    let (somebody, other) = (Somebody::of(&server, 1).await?, Somebody::of(&server, 2).await?);

    let asked = somebody.erase(&server, true).await?;
    assert_eq!(asked["dryRun"], true);
    let erases = &asked["erases"];
    let expected = json!({ "events": erases["events"], "logIns": 2, "emailAddresses": 2, "tokens": 1, "memberships": 0 });
    assert_eq!(*erases, expected);
    assert!(listed(&home)?.is_empty(), "asking is not doing");
    assert_eq!(somebody.log_in(&server, &somebody.password).await?, 200);

    let done = somebody.erase(&server, false).await?;
    assert_eq!((&done["dryRun"], &done["erases"]["logIns"]), (&json!(false), &json!(3)));
    assert_eq!(listed(&home)?, [somebody.id.as_str()]);
    merged(&home).await?;
    assert_eq!(left(&home, &somebody).await?, [""; 0]);
    command(&home, &["verify"]).await?.success()?;
    for path in ["", "token/", "email/"] {
        let path = format!("/api/v1/users/user/{}/{path}", somebody.id);
        server.admin().get(&path).await?.expect(404)?;
    }
    assert_eq!(somebody.log_in(&server, &somebody.password).await?, 400);
    assert_eq!(other.log_in(&server, &other.password).await?, 200, "others stay");
    let again = somebody.erase(&server, false).await.expect_err("nobody is there");
    assert!(again.to_string().contains("NOT_FOUND"), "{again:#}");

    // The log in order, and as it was shown before.
    let kind = command(&home, &["events", "list", "--type", "user.erased"]).await?.success()?;
    assert!(kind.contains(&somebody.id), "{kind}");
    command(&home, &["projections", "rebuild", "accounts.v1"]).await?.success()?;
    command(&home, &["verify"]).await?.success()?;
    assert_eq!(left(&home, &somebody).await?, [""; 0]);
    assert_eq!(server.stop().await?.code(), Some(0));
    command(&home, &["verify"]).await?.success()?;

    let server = Server::start_in(home.clone(), Start::default()).await?;
    assert_eq!(somebody.log_in(&server, &somebody.password).await?, 400);
    assert_eq!(other.log_in(&server, &other.password).await?, 200);
    assert_eq!(left(&home, &somebody).await?, [""; 0]);
    Ok(())
}

async fn an_erasure_whose_server_was_killed_is_taken_up_again(
    database: Database,
) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let home = server.home().clone();
    let mut people = Vec::new();
    for number in 1..=8 {
        people.push(Somebody::of(&server, number).await?);
    }
    // As many are erased as there is time for: the server dies as soon as the third one is on the list.
    let erasing = async {
        for somebody in &people {
            somebody.erase(&server, false).await?;
        }
        anyhow::Ok(())
    };
    let third = patience("three are on the list", async || Ok(listed(&home)?.len() >= 3));
    tokio::select! {
        // All of them may have been faster.
        _ = erasing => {}
        waited = third => waited?,
    }
    server.kill().await?;

    let on_the_list = listed(&home)?;
    assert!(on_the_list.len() >= 3, "{on_the_list:?}");
    let server = Server::start_in(home.clone(), Start::default()).await?;
    command(&home, &["verify"]).await?.success()?;
    for somebody in &people {
        let erased = on_the_list.contains(&somebody.id);
        let expected = if erased { 400 } else { 200 };
        let status = somebody.log_in(&server, &somebody.password).await?;
        assert_eq!(status, expected, "{somebody:?}");
        if erased {
            assert_eq!(left(&home, somebody).await?, [""; 0]);
            let events = ["events", "list", "--type", "user.erased"];
            let events = command(&home, &events).await?.success()?;
            assert!(events.contains(&somebody.id), "{events}");
        }
    }
    Ok(())
}

async fn people_are_erased_beside_a_server_and_without_one(
    database: Database,
) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let home = server.home().clone();
    let (first, second) = (Somebody::of(&server, 1).await?, Somebody::of(&server, 2).await?);
    let asked = command(&home, &["users", "erase", &first.username]).await?.success()?;
    assert!(asked.contains("2 tries to log in") && asked.contains("--yes"), "{asked}");
    assert_eq!(first.log_in(&server, &first.password).await?, 200);
    let said = command(&home, &["users", "erase", &first.username, "--yes"]).await?.success()?;
    assert!(said.contains("is erased: ") && said.contains("3 tries to log in"), "{said}");
    assert_eq!(first.log_in(&server, &first.password).await?, 400);
    let refused = command(&home, &["users", "erase", "a-manager", "--yes"]).await?;
    assert!(refused.code != 0, "{refused:?}");
    let events = command(&home, &["events", "list", "--type", "user.erased"]).await?.success()?;
    assert!(events.contains("local:"), "{events}");
    assert_eq!(server.stop().await?.code(), Some(0));

    // By id, which a closed account has, too.
    command(&home, &["users", "erase", &second.id, "--yes"]).await?.success()?;
    let again = command(&home, &["users", "erase", &second.id, "--yes"]).await?;
    assert!(again.code != 0 && again.stderr.contains("not found"), "{again:?}");
    assert_eq!(listed(&home)?, [first.id.as_str(), second.id.as_str()]);
    for somebody in [&first, &second] {
        assert_eq!(left(&home, somebody).await?, [""; 0]);
    }
    command(&home, &["verify"]).await?.success()?;
    Ok(())
}

/// What the jobs of an export say, line by line.
async fn jobs(home: &Home) -> anyhow::Result<Vec<String>> {
    let place = TempDir::new()?;
    let export = place.path().join("all.gz");
    command(home, &["export", export.to_str().context("a path")?]).await?.success()?;
    let mut text = String::new();
    GzDecoder::new(File::open(export)?).read_to_string(&mut text)?;
    let jobs = text.lines().filter(|line| line.contains("\"jobs\""));
    Ok(jobs.map(str::to_owned).collect())
}

async fn a_manager_erases_who_has_mail_waiting(database: Database) -> anyhow::Result<()> {
    let post = Peer::listen(Protection::None, "127.0.0.1").await?;
    post.when("", Step::To, Does::Says("451 not now"));
    let start = Start::with_fixture()?
        .set("WISPTRAIL_HTTP__PUBLIC_URL", "https://wifi.example.org")
        .set("WISPTRAIL_MAIL__SMTP_HOST", "127.0.0.1")
        .set("WISPTRAIL_MAIL__SMTP_PORT", &post.port().to_string())
        .set("WISPTRAIL_MAIL__SMTP_TLS", "none")
        .set("WISPTRAIL_MAIL__FROM", "wifi@example.org");
    let server = Server::start(&database, start).await?;
    let home = server.home().clone();
    let (somebody, other) = (Somebody::of(&server, 1).await?, Somebody::of(&server, 2).await?);
    let manager = server.client().with_token(MANAGER);
    let refused = somebody.erase_as(&manager, false).await.expect_err("they belong nowhere");
    assert!(refused.to_string().contains("NOT_FOUND"), "{refused:#}");
    let joins = json!({ "organization_users": { "organization": ALPHA, "is_admin": false } });
    let path = format!("/api/v1/users/user/{}/", somebody.id);
    server.admin().json(Method::PATCH, &path, &joins).await?.expect(200)?;

    // The number as people write it. Each mail is tried once at least, and will be again.
    let spelt = format!("{} {}", &somebody.phone[..6], &somebody.phone[6..]);
    let asked = json!({ "input": spelt });
    let reset = "/api/v1/users/password/reset/";
    server.client().json(Method::POST, reset, &asked).await?.expect(200)?;
    patience("the mail server was asked for each", async || {
        let people = [&somebody.listed, &somebody.email, &other.listed];
        Ok(people.into_iter().all(|address| post.named(address) > 0))
    })
    .await?;
    let before = jobs(&home).await?;
    assert!(before.iter().any(|job| job.contains(&somebody.id)), "{before:?}");
    assert!(before.iter().any(|job| job.contains("password_reset")), "{before:?}");

    let done = somebody.erase_as(&manager, false).await?;
    assert_eq!(done["erases"]["memberships"], 1);
    assert_eq!(listed(&home)?, [somebody.id.as_str()]);
    merged(&home).await?;
    assert_eq!(left(&home, &somebody).await?, [""; 0]);
    let after = jobs(&home).await?;
    assert!(!after.iter().any(|job| job.contains(&somebody.id)), "{after:?}");
    assert!(!after.iter().any(|job| job.contains("password_reset")), "{after:?}");
    assert!(after.iter().any(|job| job.contains(&other.id)), "others get theirs: {after:?}");
    command(&home, &["verify"]).await?.success()?;
    Ok(())
}
