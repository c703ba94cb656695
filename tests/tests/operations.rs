//! Starting, stopping, starting again, and the commands beside a server.

use std::net::TcpListener;

use anyhow::Context;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use wisptrail_tests::{
    Database, Fixture, Home, Server, Start, on_each_database, patience, program, register,
    secret_of,
};

on_each_database!(
    a_stopped_server_finishes_what_it_has_begun,
    a_body_that_stops_short_is_the_clients_fault,
    a_variable_that_nobody_knows_stops_the_start,
    an_administrators_token_can_be_sent,
    a_fixture_that_cannot_be_read_leaves_nothing_behind,
    a_fleet_that_nobody_takes_is_a_failure,
    filters_that_fit_nothing_are_told,
    a_used_port_is_a_clear_error,
    a_data_folder_in_use_is_a_clear_error,
    a_second_start_keeps_the_data_and_prints_no_password,
    events_can_be_read_beside_a_server_and_without_one,
    a_fixture_is_loaded_into_an_empty_database_only,
    no_query_is_logged,
    a_poll_gets_its_answer_from_the_current_and_the_former_path,
    an_address_that_was_not_yet_recorded_survives_a_restart,
);

async fn a_stopped_server_finishes_what_it_has_begun(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let secret = &secret_of("alpha")?;
    let body = format!(
        "secret={secret}&name=late&mac_address=02:00:00:00:07:01&backend=netjsonconfig.OpenWrt"
    );
    let address = server.address().strip_prefix("http://").context("an address")?;
    let mut connection = TcpStream::connect(address).await?;
    let head = format!(
        "POST /controller/register/ HTTP/1.1\r\nhost: {address}\r\nexpect: 100-continue\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    connection.write_all(head.as_bytes()).await?;
    let mut answer = [0; 25];
    connection.read_exact(&mut answer).await?;
    assert_eq!(&answer, b"HTTP/1.1 100 Continue\r\n\r\n", "the request has begun");

    server.terminate();
    let client = server.client();
    patience("the server takes no more connections", async || {
        Ok(client.get("/healthz").await.is_err())
    })
    .await?;
    connection.write_all(body.as_bytes()).await?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await?;
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    assert!(answer.contains("is-new: 1\n"), "{answer}");
    assert_eq!(server.ended().await?.code(), Some(0));
    Ok(())
}

/// A 5xx would say that the server is unwell.
async fn a_body_that_stops_short_is_the_clients_fault(database: Database) -> anyhow::Result<()> {
    let start = Start::default().set("WISPTRAIL_HTTP__REQUEST_TIMEOUT", "500ms");
    let server = Server::start(&database, start).await?;
    let address = server.address().strip_prefix("http://").context("an address")?;
    for (path, expected) in [
        ("/controller/register/", "\r\n\r\nerror: the body took too long\n"),
        ("/api/v1/users/token/", "\r\n\r\nthe body took too long\n"),
    ] {
        let mut connection = TcpStream::connect(address).await?;
        let request =
            format!("POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: 50\r\n\r\nabc");
        connection.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await?;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{path}: {answer}");
        assert!(answer.ends_with(expected), "{path}: {answer}");
    }
    Ok(())
}

/// What a server said that did not start. It has left nothing in its folder.
async fn refusal(database: &Database, start: Start) -> anyhow::Result<String> {
    let home = Home::new(database).await?;
    let Err(error) = Server::start_in(home.clone(), start).await else {
        anyhow::bail!("the server started");
    };
    assert_eq!(std::fs::read_dir(home.data())?.count(), 0, "it has left something behind");
    Ok(error.to_string())
}

async fn a_variable_that_nobody_knows_stops_the_start(database: Database) -> anyhow::Result<()> {
    let start = Start::default().set("WISPTRAIL_HTTP_LISTEN", "127.0.0.1:0");
    let said = refusal(&database, start).await?;
    assert!(said.contains("did you mean `WISPTRAIL_HTTP__LISTEN`?"), "{said}");
    Ok(())
}

async fn an_administrators_token_can_be_sent(database: Database) -> anyhow::Result<()> {
    for (name, value) in [
        ("WISPTRAIL_ADMIN_TOKEN", "0123456789 0123456789"),
        ("WISPTRAIL_ADMIN_PASSWORD", "short-1"),
    ] {
        let start = Start { own_token: true, ..Start::default() }.set(name, value);
        let said = refusal(&database, start).await?;
        assert!(said.contains(name) && !said.contains(value), "{said}");
    }
    Ok(())
}

async fn a_fixture_that_cannot_be_read_leaves_nothing_behind(
    database: Database,
) -> anyhow::Result<()> {
    let place = Home::new(&Database::Sqlite).await?;
    for (name, text, why) in [
        ("missing", None, "cannot read"),
        ("cut", Some("{"), "EOF"),
        ("empty", Some("{}"), "`organizations`"),
        ("list", Some("[]"), "`organizations`"),
    ] {
        let mut fixture = Fixture::own()?;
        fixture.path = place.data().join(name);
        if let Some(text) = text {
            std::fs::write(&fixture.path, text)?;
        }
        let start = Start { fixture: Some(fixture), ..Start::default() };
        let said = refusal(&database, start).await?;
        assert!(said.contains(why) && said.contains(name), "{name}: {said}");
    }
    Ok(())
}

async fn a_fleet_that_nobody_takes_is_a_failure(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let fleet = async |url: &str, secret: &str, duration: &str| {
        let arguments = [
            "fleet",
            "--url",
            url,
            "--secret",
            secret,
            "--devices",
            "2",
            "--until-settled",
            "--interval",
            "fast",
            "--json",
            "--duration",
            duration,
        ];
        program(server.home(), &arguments).await
    };
    let refused = fleet(server.address(), "not-the-secret", "30s").await?;
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("refused"), "{refused:?}");
    let summary: Value = serde_json::from_str(&refused.stdout)?;
    assert_eq!((&summary["refused"], &summary["settled"]), (&json!(2), &json!(0)), "{summary}");
    let nowhere = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let unheard = fleet(&format!("http://{nowhere}"), "not-the-secret", "1s").await?;
    assert_eq!(unheard.code, 1, "{unheard:?}");
    let taken = fleet(server.address(), &secret_of("alpha")?, "60s").await?;
    let summary: Value = serde_json::from_str(&taken.success()?)?;
    assert_eq!(summary["settled"], 2, "{summary}");
    Ok(())
}

async fn filters_that_fit_nothing_are_told(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let secret = &secret_of("alpha")?;
    let device = register(&server.client(), secret, "sought", "02:00:00:00:07:06").await?;
    let home = server.home().clone();
    let data = home.data().to_str().context("a path")?.to_owned();
    let list = async |filter: [&str; 2]| {
        program(&home, &["events", "list", "--data", &data, filter[0], filter[1]]).await
    };
    let told = async || {
        let plain = format!("device/{}", device.dashed().replace('-', ""));
        let found = list(["--aggregate", &plain]).await?.success()?;
        assert!(found.contains("device.registered"), "{found}");
        let none = list(["--type", "device.deactivated"]).await?;
        assert_eq!((none.code, none.stdout.as_str()), (0, ""), "{none:?}");
        assert!(none.stderr.contains("no event fits"), "{none:?}");
        let unknown = list(["--type", "device.registred"]).await?;
        assert_eq!((unknown.code, unknown.stdout.as_str()), (2, ""), "{unknown:?}");
        assert!(unknown.stderr.contains("did you mean `device.registered`?"), "{unknown:?}");
        anyhow::Ok(())
    };
    told().await.context("beside the server")?;
    assert_eq!(server.stop().await?.code(), Some(0));
    told().await.context("without a server")
}

/// An address is recorded once a minute at most: a change within that minute waits in the table of presence.
async fn an_address_that_was_not_yet_recorded_survives_a_restart(
    database: Database,
) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let home = server.home().clone();
    let client = server.client();
    let device = register(&client, &secret_of("alpha")?, "roaming", "02:00:00:00:07:05").await?;
    let poll = async |client: &wisptrail_tests::Client, address: &str| {
        let path = format!("{}&management_ip={address}", device.checksum_path());
        client.get(&path).await?.expect(200)
    };
    let recorded = async |home: &Home| {
        let data = home.data().to_str().context("a path")?.to_owned();
        let kind = "device.management_address_changed";
        let arguments = ["events", "list", "--data", &data, "--type", kind];
        let finished = program(home, &arguments).await?;
        anyhow::ensure!(finished.code == 0, "{finished:?}");
        anyhow::Ok(finished.stdout)
    };
    poll(&client, "10.5.0.1").await?;
    patience("the first address is recorded", async || {
        Ok(recorded(&home).await?.contains("10.5.0.1"))
    })
    .await?;
    poll(&client, "10.5.0.2").await?;
    assert_eq!(server.stop().await?.code(), Some(0));
    assert!(!recorded(&home).await?.contains("10.5.0.2"), "the minute is not over");

    let server = Server::start_in(home.clone(), Start::default()).await?;
    patience("the second address is recorded", async || {
        Ok(recorded(server.home()).await?.contains("10.5.0.2"))
    })
    .await
}

async fn a_used_port_is_a_clear_error(database: Database) -> anyhow::Result<()> {
    let occupied = TcpListener::bind("127.0.0.1:0")?;
    let address = occupied.local_addr()?.to_string();
    let home = Home::new(&database).await?;
    let data = home.data().to_str().context("a path")?.to_owned();
    let finished = program(&home, &["serve", "--data", &data, "--listen", &address]).await?;
    assert!(finished.code > 0, "{finished:?}");
    assert!(finished.stderr.contains(&address), "which address? {}", finished.stderr);
    assert!(!finished.stderr.contains("panicked"), "{}", finished.stderr);
    Ok(())
}

async fn a_data_folder_in_use_is_a_clear_error(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::default()).await?;
    let data = server.home().data().to_str().context("a path")?.to_owned();
    let serve = ["serve", "--data", &data, "--listen", "127.0.0.1:0"];
    let finished = program(server.home(), &serve).await?;
    assert!(finished.code > 0, "{finished:?}");
    assert!(finished.stderr.contains(&data), "which folder? {}", finished.stderr);
    assert!(!finished.stderr.contains("panicked"), "{}", finished.stderr);
    server.client().get("/healthz").await?.expect(200)?;
    Ok(())
}

async fn a_second_start_keeps_the_data_and_prints_no_password(
    database: Database,
) -> anyhow::Result<()> {
    let home = Home::new(&database).await?;
    let start = || Start { own_token: true, ..Start::default() };
    let server = Server::start_in(home.clone(), start()).await?;
    let password = printed(&server, "password").context("the password is printed once")?;
    let token = printed(&server, "token").context("the token is printed once")?;
    let form = [("username", "admin"), ("password", password.as_str())];
    let answer = server.client().post_form("/api/v1/users/token/", &form).await?.expect(200)?;
    assert_eq!(answer.json().context("JSON")?["token"], token.as_str());
    let wrong = [("username", "admin"), ("password", "wrong")];
    server.client().post_form("/api/v1/users/token/", &wrong).await?.expect(400)?;
    let group = json!({ "name": "kept", "organization": null });
    let groups = "/api/v1/controller/group/";
    let admin = server.client().with_token(&token);
    let made = admin.json(Method::POST, groups, &group).await?;
    let organizations = admin.get("/api/v1/users/organization/").await?.expect(200)?;
    let organizations = organizations.json().context("JSON")?;
    let kept = admin.get(groups).await?.expect(200)?.json().context("JSON")?["count"].clone();
    assert_eq!(kept, u8::from(made.status == 201));
    assert_eq!(server.stop().await?.code(), Some(0));

    let server = Server::start_in(home, start()).await?;
    assert!(printed(&server, "password").is_none(), "a second start has nothing to tell");
    assert!(!server.output().contains(&password) && !server.output().contains(&token));
    let admin = server.client().with_token(&token);
    let again = admin.get("/api/v1/users/organization/").await?.expect(200)?;
    assert_eq!(again.json().context("JSON")?, organizations);
    let again = admin.get(groups).await?.expect(200)?.json().context("JSON")?;
    assert_eq!(again["count"], kept);
    let answer = server.client().post_form("/api/v1/users/token/", &form).await?.expect(200)?;
    assert_eq!(answer.json().context("JSON")?["token"], token.as_str());
    Ok(())
}

/// The word after `password` or `token` at the beginning of a line that the server printed.
fn printed(server: &Server, what: &str) -> Option<String> {
    let output = server.output();
    let word = output.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(' '))?;
    Some(word.trim().to_owned())
}

async fn events_can_be_read_beside_a_server_and_without_one(
    database: Database,
) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let secret = &secret_of("alpha")?;
    let device = register(&server.client(), secret, "told", "02:00:00:00:07:02").await?;
    let home = server.home().clone();
    let data = home.data().to_str().context("a path")?.to_owned();

    let beside = registrations(&home, &data).await?;
    assert_eq!(beside.len(), 1, "{beside:?}");
    assert_eq!(beside[0]["aggregate_id"], device.dashed());
    assert!(!beside[0].to_string().contains(&device.key), "the key is sealed: {}", beside[0]);
    program(&home, &["verify", "--data", &data]).await?.success().context("beside the server")?;

    assert_eq!(server.stop().await?.code(), Some(0));
    let without = registrations(&home, &data).await?;
    assert_eq!(without, beside, "the log is the same");
    program(&home, &["verify", "--data", &data]).await?.success().context("without a server")?;
    Ok(())
}

/// The registrations of devices, one JSON object per line on a pipe.
async fn registrations(home: &Home, data: &str) -> anyhow::Result<Vec<Value>> {
    let arguments = ["events", "list", "--data", data, "--type", "device.registered"];
    let lines = program(home, &arguments).await?.success()?;
    lines.lines().map(|line| serde_json::from_str(line).context("a line is JSON")).collect()
}

async fn a_fixture_is_loaded_into_an_empty_database_only(database: Database) -> anyhow::Result<()> {
    let fixture = Fixture::own()?;
    let start = || Start { fixture: Some(fixture.clone()), ..Start::default() };
    let server = Server::start(&database, start()).await?;
    for organization in &fixture.organizations {
        let path = format!("/api/v1/users/organization/{}/", organization.id);
        server.admin().get(&path).await?.expect(200)?;
    }
    let home = server.home().clone();
    assert_eq!(server.stop().await?.code(), Some(0));

    let (data, path) = (home.data().to_str().context("a path")?, fixture.path.to_str());
    let serve =
        ["serve", "--data", data, "--listen", "127.0.0.1:0", "--fixture", path.context("a path")?];
    let finished = program(&home, &serve).await?;
    assert!(finished.code > 0, "{finished:?}");
    assert!(finished.stderr.contains("empty"), "why? {}", finished.stderr);
    Ok(())
}

async fn no_query_is_logged(database: Database) -> anyhow::Result<()> {
    let start = Start::with_fixture()?.set("WISPTRAIL_LOG__LEVEL", "debug");
    let server = Server::start(&database, start).await?;
    let client = server.client();
    let fixture = Fixture::own()?;
    let secret = &fixture.organization("alpha")?.shared_secret;
    let device = register(&client, secret, "secretive", "02:00:00:00:07:03").await?;
    client.get(&device.checksum_path()).await?.expect(200)?;
    client.get(&device.download_path()).await?.expect(200)?;
    client
        .get(&device.checksum_path().replace(&device.key, "wrong-key-0123456789"))
        .await?
        .expect(403)?;
    client.get(&device.checksum_path().replace("/?", "?")).await?.expect(301)?;
    client.get(&format!("/nowhere/?key={}", device.key)).await?.expect(404)?;
    let form = [("key", device.key.as_str()), ("status", "applied")];
    client
        .post_form(&format!("/controller/report-status/{}/", device.id), &form)
        .await?
        .expect(200)?;
    server.admin().get("/api/v1/controller/device/?search=secretive").await?.expect(200)?;
    let marker = "/controller/download-config/";
    patience("requests are logged", async || Ok(server.output().contains(marker))).await?;
    let output = server.output();
    let secrets =
        ["key=", "search=", &device.key, "wrong-key-0123456789", secret, &fixture.admin_token];
    for told in secrets {
        let line = output.lines().find(|line| line.contains(told));
        assert!(line.is_none(), "`{told}` is in the log: {}", line.unwrap_or_default());
    }
    Ok(())
}

async fn a_poll_gets_its_answer_from_the_current_and_the_former_path(
    database: Database,
) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let (client, fixture) = (server.client(), Fixture::own()?);
    let secret = &fixture.organization("alpha")?.shared_secret;
    let device = register(&client, secret, "both", "02:00:00:00:07:04").await?;
    let former = client.get(&device.checksum_path()).await?.expect(200)?;
    let path = device.checksum_path().replace("/checksum/", "/device/checksum/");
    let current = client.get(&path).await?.expect(200)?;
    assert_eq!(former.body, current.body);
    assert_eq!(former.header("x-openwisp-controller"), Some("true"));
    Ok(())
}
