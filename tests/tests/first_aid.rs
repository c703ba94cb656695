//! `wisptrail users|orgs|tokens`: beside a server and without one.

use std::{os::unix::fs::PermissionsExt as _, process::Stdio};

use anyhow::Context as _;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use wisptrail_tests::{
    Database, Finished, Home, Server, Start, note_secret, on_each_database, patience,
};

on_each_database!(people_are_helped_beside_a_server_and_without_one, accounts_are_exported,);

const WORD: &str = "somebody-has-this-Password1";
const OTHER: &str = "somebody-has-that-Password2";

/// Runs a command on the data of a home.
async fn run(home: &Home, arguments: &[&str]) -> anyhow::Result<Finished> {
    let data = home.data().to_str().context("a path")?;
    wisptrail_tests::program(home, &[arguments, &["--data", data]].concat()).await
}

/// Runs a command that reads a line.
async fn told(home: &Home, arguments: &[&str], line: &str) -> anyhow::Result<String> {
    note_secret(line);
    let mut command = tokio::process::Command::from(home.command());
    command
        .args(arguments)
        .arg("--data")
        .arg(home.data())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut running = command.kill_on_drop(true).spawn()?;
    let mut input = running.stdin.take().context("its input")?;
    input.write_all(format!("{line}\n").as_bytes()).await?;
    drop(input);
    let ended = tokio::time::timeout(std::time::Duration::from_mins(1), running.wait_with_output());
    let output = ended.await.context("it does not end")??;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    anyhow::ensure!(output.status.success(), "{arguments:?}: {said}");
    assert!(!said.contains(line), "{said}");
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

async fn log_in(server: &Server, password: &str) -> anyhow::Result<u16> {
    let form = [("username", "ada"), ("password", password)];
    let answer = server.client().post_form("/api/v1/users/token/", &form).await?;
    if let Some(token) = answer.json().and_then(|said| Some(said["token"].as_str()?.to_owned())) {
        note_secret(&token);
    }
    Ok(answer.status)
}

async fn people_are_helped_beside_a_server_and_without_one(
    database: Database,
) -> anyhow::Result<()> {
    let home = Home::new(&database).await?;
    // Before any server ran here.
    run(&home, &["orgs", "create", "North Harbour"]).await?.success()?;
    let create = [
        "users",
        "create",
        "ada",
        "--email",
        "ada@example.org",
        "--password",
        "--group",
        "1",
        "--manages",
        "north-harbour",
    ];
    told(&home, &create, WORD).await?;
    let listed = run(&home, &["users", "list"]).await?.success()?;
    assert!(listed.contains("ada  ada@example.org"), "{listed}");

    let server = Server::start_in(home.clone(), Start::default()).await?;
    assert_eq!(log_in(&server, WORD).await?, 200);
    let refused = run(&home, &["users", "create", "ada"]).await?;
    assert!(refused.code != 0 && refused.stderr.contains("taken"), "{refused:?}");
    let refused = run(&home, &["users", "deactivate", "nobody"]).await?;
    assert!(refused.code != 0 && refused.stderr.contains("users list"), "{refused:?}");

    run(&home, &["users", "deactivate", "ada@example.org"]).await?.success()?;
    assert_eq!(log_in(&server, WORD).await?, 400);
    run(&home, &["users", "activate", "ada"]).await?.success()?;
    told(&home, &["users", "set-password", "ada"], OTHER).await?;
    assert_eq!((log_in(&server, WORD).await?, log_in(&server, OTHER).await?), (400, 200));

    let made =
        ["tokens", "create", "ada", "charts", "--read-only", "--organization", "north-harbour"];
    let token = run(&home, &made).await?.success()?.trim().to_owned();
    note_secret(&token);
    let charts = server.client().with_token(&token);
    let data = charts.graphql_data("{ organizations { nodes { slug } } }", json!({})).await?;
    assert_eq!(data["organizations"]["nodes"], json!([{ "slug": "north-harbour" }]));
    run(&home, &["orgs", "deactivate", "north-harbour"]).await?.success()?;
    let listed = run(&home, &["orgs", "list"]).await?.success()?;
    assert!(listed.contains("north-harbour  North Harbour  not served"), "{listed}");
    run(&home, &["orgs", "activate", "north-harbour"]).await?.success()?;
    let listed = run(&home, &["tokens", "list", "ada"]).await?.success()?;
    let id = listed.split_whitespace().next().context("an id")?;
    assert!(listed.contains("charts") && listed.contains("read-only"), "{listed}");
    run(&home, &["tokens", "revoke", id]).await?.success()?;
    charts.get("/api/v1/controller/device/").await?.expect(401)?;

    run(&home, &["users", "make-superuser", "ada"]).await?.success()?;
    let events = run(&home, &["events", "list", "--type", "user.superuser_changed"]);
    let events = events.await?.success()?;
    assert!(events.contains("local:"), "{events}");
    server.stop().await?;
    let listed = run(&home, &["users", "list", "ada"]).await?.success()?;
    assert!(listed.contains("superuser"), "{listed}");
    Ok(())
}

async fn accounts_are_exported(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let home = server.home().clone();
    let create = [
        "users",
        "create",
        "ada",
        "--email",
        "ada@example.org",
        "--password",
        "--member-of",
        "alpha",
    ];
    told(&home, &create, WORD).await?;
    let file = home.data().join("people.csv");
    let name = file.to_str().context("a path")?;
    let export = ["users", "export", "--filename", name, "--exclude-fields", "birth_date,location"];
    let written = async |arguments: &[&str]| {
        run(&home, arguments).await?.success()?;
        assert_eq!(std::fs::metadata(&file)?.permissions().mode() & 0o777, 0o600);
        Ok::<_, anyhow::Error>(std::fs::read_to_string(&file)?)
    };
    let text = written(&export).await?;
    let head = "id,username,email,first_name,last_name,is_staff,is_active,date_joined,phone_number,notes,language,organizations\r\n";
    assert!(text.starts_with(head), "{text}");
    let ada = text.lines().find(|line| line.contains(",ada,")).context("her line")?;
    assert!(ada.contains(",ada,ada@example.org,,,False,True,"), "{ada}");
    assert!(ada.ends_with("\"(aaaaaaaa-0000-4000-8000-000000000001,False)\""), "{ada}");
    assert!(!text.contains("argon2"), "hashes are for those who ask");
    let hashes =
        written(&["users", "export", "--filename", name, "--with-password-hashes"]).await?;
    assert!(hashes.contains("$argon2id$"), "{hashes}");

    let refused = run(&home, &["users", "export", "--exclude-fields", "nonsense"]).await?;
    assert!(refused.code != 0 && refused.stderr.contains("nonsense"), "{refused:?}");
    // A spreadsheet shows it and does not run it.
    let change = "mutation ($input: ChangeUserInput!) { changeUser(input: $input) { position } }";
    let viewer = server.admin().graphql_data("{ viewer { user { id } } }", json!({})).await?;
    let input = json!({ "id": viewer["viewer"]["user"]["id"], "notes": "=1+1" });
    server.admin().graphql_data(change, json!({ "input": input })).await?;
    let text = run(&home, &["users", "export", "--filename", "-"]).await?.success()?;
    assert!(text.contains(",'=1+1,"), "{text}");
    patience("nothing is left", async || Ok(!file.with_file_name("people.csv.part").exists())).await
}
