//! `wisptrail users|orgs|tokens`: beside a server and without one.

use std::{fmt::Write as _, os::unix::fs::PermissionsExt as _, process::Stdio};

use anyhow::Context as _;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use wisptrail_tests::{
    Database, Finished, Home, Server, Start, note_secret, on_each_database, patience,
};

on_each_database!(
    people_are_helped_beside_a_server_and_without_one,
    accounts_are_exported,
    accounts_of_another_system_are_brought_along,
);

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

/// What those who were brought along log in with, and how Django hashed it.
const BROUGHT: &str = "Correct-Horse-7";
const HASHES: [(&str, &str); 4] = [
    (
        "pia",
        "pbkdf2_sha256$1000$seasalt2seasalt2seasal$2vc6I+vYPFOPPFoyxGlFD679ue/xHEJtDD5lBtfvfE0=",
    ),
    (
        "ari",
        "argon2$argon2id$v=19$m=1024,t=2,p=8$c29tZXNhbHRzb21lc2FsdA$NAGTZC8TPdSYfemLtkLYI+Xwwj16mN2Qu3eNg8orAe8",
    ),
    ("bea", "bcrypt_sha256$$2b$04$Vp6Z9CqlWr33X.Q17g1I0eSk9lCxT80uiRgwcjVDRRMsvTRpJu7fy"),
    ("bob", "bcrypt$$2b$04$0PCPfFleyb8YnuRXU9j27e5XqGivtiGkr2mAhB18nVfFhVt3LY0g2"),
];
const COLUMNS: &str = "id,username,email,password,first_name,last_name,is_staff,is_active,date_joined,phone_number,birth_date,location,notes,language,organizations";

async fn accounts_of_another_system_are_brought_along(database: Database) -> anyhow::Result<()> {
    note_secret(BROUGHT);
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let home = server.home().clone();
    let mut text = format!("{COLUMNS}\r\n");
    for (number, (name, hash)) in HASHES.iter().enumerate() {
        note_secret(hash);
        write!(
            text,
            "0198aaaa-0000-7000-8000-0000000000{number:02},{name},{name}@example.org,\"{hash}\",Ann,\"O'Neill, jr.\",True,True,2020-02-02 10:00:00.000000+00:00,+39333123450{number},1990-12-10,,\"'=1;'-2\",en-gb,\"(aaaaaaaa-0000-4000-8000-000000000001,True)\n(bbbbbbbb-0000-4000-8000-000000000002,False)\"\r\n",
        )?;
    }
    // Each of these is refused, and hinders nobody else.
    text.push_str(
        "0198aaaa-0000-7000-8000-000000000011,eve,nope,!unusable,,,False,True,,,,,,,\r\n",
    );
    text.push_str("0198aaaa-0000-7000-8000-000000000012,eva,,md5$x$y,,,False,True,,,,,,,\r\n");
    text.push_str("0198aaaa-0000-7000-8000-000000000013,pia,,,,,False,True,,,,,,,\r\n");
    text.push_str("0198aaaa-0000-7000-8000-000000000014,short\r\n");
    text.push_str(
        "0198aaaa-0000-7000-8000-000000000015,ewe,,,,,False,True,,,,,,,\"(nowhere,True)\"\r\n",
    );
    text.push_str("0198aaaa-0000-7000-8000-000000000016,admin,,,,,False,True,,,,,,,\r\n");
    text.push_str("0198aaaa-0000-7000-8000-000000000017,una,,!unusable,,,False,False,,,,,,,\r\n");
    let file = home.data().join("theirs.csv");
    std::fs::write(&file, &text)?;
    let name = file.to_str().context("a path")?;
    let imported = async |more: &[&str]| {
        let finished = run(&home, &[&["users", "import", name], more].concat()).await?;
        anyhow::ensure!(!finished.stderr.contains("error"), "{finished:?}");
        let told: Vec<String> = finished.stdout.lines().map(str::to_owned).collect();
        Ok::<_, anyhow::Error>((finished.code, told))
    };
    let refused = [
        (10, "email"),
        (11, "password_hash"),
        (12, "username stands in line 2 already"),
        (13, "has 2 cells instead of 15"),
        (14, "no organization `nowhere`"),
        (15, "username belongs to another account"),
    ];
    let tells = |(code, told): (i32, Vec<String>), last: &str| {
        assert_eq!(code, 1, "{told:?}");
        assert_eq!(told.last().map(String::as_str), Some(last), "{told:?}");
        for (line, word) in refused {
            let found = told.iter().find(|text| text.starts_with(&format!("line {line}:")));
            assert!(found.is_some_and(|text| text.contains(word)), "{line} {word}: {told:?}");
        }
        assert_eq!(told.len(), refused.len() + 1, "{told:?}");
    };
    tells(imported(&["--dry-run"]).await?, "5 would be made, 0 there already, 6 refused");
    tells(imported(&["--dry-run"]).await?, "5 would be made, 0 there already, 6 refused");
    tells(imported(&[]).await?, "5 made, 0 there already, 6 refused");
    tells(imported(&[]).await?, "0 made, 5 there already, 6 refused");

    // The passwords of before work, and are hashed anew with that.
    for (name, _) in HASHES {
        for (password, status) in [("another word", 400), (BROUGHT, 200), (BROUGHT, 200)] {
            let form = [("username", name), ("password", password)];
            let answer = server.client().post_form("/api/v1/users/token/", &form).await?;
            assert_eq!(answer.status, status, "{name}: {}", answer.text());
        }
    }
    server.stop().await?;

    // What is exported is what was brought, and can be brought again, also without a server.
    let out = home.data().join("ours.csv");
    let ours = out.to_str().context("a path")?;
    run(&home, &["users", "export", "--filename", ours, "--with-password-hashes"])
        .await?
        .success()?;
    let exported = std::fs::read_to_string(&out)?;
    assert!(!exported.contains("pbkdf2") && !exported.contains("bcrypt"), "hashed anew");
    for (name, _) in HASHES {
        let known = format!(",{name},{name}@example.org,\"$argon2id$v=19$m=19456,");
        assert!(exported.contains(&known), "{name}: {exported}");
    }
    assert!(exported.contains("\"O'Neill, jr.\"") && exported.contains(",\"'=1;'-2\",en-gb,"));
    assert!(exported.contains(
        "\"(aaaaaaaa-0000-4000-8000-000000000001,True)\n(bbbbbbbb-0000-4000-8000-000000000002,False)\""
    ));
    let again = run(&home, &["users", "import", ours]).await?.success()?;
    assert!(
        again.trim().starts_with("0 made, ") && again.trim().ends_with(" 0 refused"),
        "{again}"
    );
    std::fs::write(&file, "username,nonsense\nx,y\n")?;
    let refused = run(&home, &["users", "import", name]).await?;
    assert!(refused.code != 0 && refused.stderr.contains("`nonsense`"), "{refused:?}");
    Ok(())
}
