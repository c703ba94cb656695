//! Requests of every wrong kind at every route. Each gets a clear answer in time, and none is the
//! server's fault.

mod garbage;
mod routes;

use std::{fmt::Write, time::Duration};

use anyhow::Context;
use futures::{StreamExt, stream};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use reqwest::Method;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use wisptrail_tests::{
    ADMIN_TOKEN, Client, Database, Device, Server, Start, on_each_database, register, secret_of,
};

use self::garbage::Garbage;

on_each_database!(
    random_requests_are_answered_with_anything_but_5xx,
    what_is_not_http_harms_nobody,
    every_operation_wants_a_token,
    what_is_not_text_is_refused,
    numbers_are_kept_as_they_are_or_refused,
    who_says_nothing_takes_no_place_for_long,
);

/// Requests per database; the seed is fixed, so that what fails fails again.
const REQUESTS: usize = 2_000;
const SEED: u64 = 30;

async fn random_requests_are_answered_with_anything_but_5xx(
    database: Database,
) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let (device, group) = (device(&server).await?, group(&server).await?);
    let paths = routes::paths(&device, &group);
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let requests: Vec<Garbage> =
        (0..REQUESTS).map(|_| Garbage::new(&mut rng, &device, &paths)).collect();
    let anonymous = Client::without_reuse(server.address());
    let admin = anonymous.with_token(ADMIN_TOKEN);
    let complaints: Vec<String> = stream::iter(requests)
        .map(|garbage| {
            let (anonymous, admin) = (&anonymous, &admin);
            async move {
                let client = if garbage.is_admin { admin } else { anonymous };
                complaint(client, &garbage).await
            }
        })
        .buffered(4)
        .filter_map(async |complaint| complaint)
        .collect()
        .await;
    anonymous.get("/healthz").await.context("the server is gone")?.expect(200)?;
    assert!(complaints.is_empty(), "{} of {REQUESTS}:\n{}", complaints.len(), listed(&complaints));
    Ok(())
}

/// What is wrong with the answer to this request.
async fn complaint(client: &Client, garbage: &Garbage) -> Option<String> {
    let request = match garbage.request(client) {
        Ok(request) => request,
        Err(error) => return Some(format!("{garbage}: cannot be sent: {error:#}")),
    };
    match client.send(request).await {
        Ok(answer) if answer.status < 500 => None,
        Ok(answer) => {
            let text: String = answer.text().chars().take(200).collect();
            Some(format!("{garbage}: {} {text}", answer.status))
        }
        // A server may close the connection before it has read a long body.
        Err(_) if garbage.may_go_unread() => None,
        Err(error) => Some(format!("{garbage}: {error:#}")),
    }
}

fn listed(complaints: &[String]) -> String {
    complaints.iter().take(25).fold(String::new(), |mut list, complaint| {
        // Writing to a string cannot fail.
        let _ = writeln!(list, "  {complaint}");
        list
    })
}

async fn what_is_not_http_harms_nobody(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let address = server.address().strip_prefix("http://").context("an address")?;
    let long_header = format!("GET / HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "y".repeat(1 << 20));
    let many_headers = format!("GET / HTTP/1.1\r\nhost: x\r\n{}\r\n", "a: b\r\n".repeat(5_000));
    let long_path = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "z".repeat(100_000));
    for (what, bytes) in [
        ("nothing HTTP", &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc"[..]),
        ("an empty line", b"\r\n\r\n\r\n"),
        ("U+0000 in the path", b"GET /\0 HTTP/1.1\r\nhost: x\r\n\r\n"),
        ("bad UTF-8 in the path", b"GET /\xff\xfe HTTP/1.1\r\nhost: x\r\n\r\n"),
        ("bad UTF-8 in a header", b"GET /healthz HTTP/1.1\r\nhost: x\r\nauthorization: \xff\r\n\r\n"),
        ("no host", b"GET /controller/register/ HTTP/1.1\r\n\r\n"),
        ("two lengths", b"POST /controller/register/ HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab"),
        ("a negative length", b"POST /controller/register/ HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n"),
        ("a bad chunk", b"POST /controller/register/ HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"),
        ("a very long header", long_header.as_bytes()),
        ("very many headers", many_headers.as_bytes()),
        ("a very long path", long_path.as_bytes()),
    ] {
        let mut connection = TcpStream::connect(address).await?;
        // The server may have enough before everything is sent.
        let _ = connection.write_all(bytes).await;
        let _ = connection.shutdown().await;
        let mut answer = Vec::new();
        let reading = timeout(Duration::from_secs(30), connection.read_to_end(&mut answer)).await;
        assert!(reading.is_ok(), "{what}: the connection stays open");
        assert!(!answer.starts_with(b"HTTP/1.1 5"), "{what}: {}", String::from_utf8_lossy(&answer));
        server.client().get("/healthz").await.with_context(|| format!("gone after {what}"))?.expect(200)?;
    }
    Ok(())
}

async fn who_says_nothing_takes_no_place_for_long(database: Database) -> anyhow::Result<()> {
    let start = Start::with_fixture()?
        .set("WISPTRAIL_HTTP__HEADER_TIMEOUT", "1s")
        .set("WISPTRAIL_HTTP__MAX_CONNECTIONS", "4");
    let server = Server::start(&database, start).await?;
    let address = server.address().strip_prefix("http://").context("an address")?;
    // Nothing, a beginning that may become either version of HTTP, and the beginning of a head.
    let mut silent = Vec::new();
    for said in [&b""[..], b"P", b"PRI * HTTP/2.0", b"GET /healthz HTTP/1.1\r\nho"] {
        let mut connection = TcpStream::connect(address).await?;
        connection.write_all(said).await?;
        silent.push(connection);
    }
    let answered = server.client().get("/healthz").await.context("all places are taken")?;
    answered.expect(200)?;
    for mut connection in silent {
        let mut rest = Vec::new();
        let ended = timeout(Duration::from_secs(10), connection.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "a silent connection stays open");
    }
    Ok(())
}

/// Only the reason of a failed configuration may hold anything: an agent sends a piece of its log.
async fn what_is_not_text_is_refused(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let (device, client) = (device(&server).await?, server.client());
    let form = async |client: &Client, method, path: &str, body: String| {
        let form = "application/x-www-form-urlencoded";
        client.send(client.request(method, path).header("content-type", form).body(body)).await
    };
    let (id, key, secret) = (&device.id, &device.key, secret_of("alpha")?);
    let (backend, mac) = ("netjsonconfig.OpenWrt", "02:00:00:00:06:02");
    let registration =
        format!("secret={secret}&name=caf%E9&mac_address={mac}&backend={backend}&model=%FF");
    let refused = form(&client, Method::POST, "/controller/register/", registration).await?;
    assert!(refused.expect(400)?.text().contains("UTF-8"));
    let path = format!("/controller/update-info/{id}/");
    let refused = form(&client, Method::POST, &path, format!("key={key}&model=%FF")).await?;
    assert!(refused.expect(400)?.text().contains("UTF-8"));
    form(&client, Method::POST, &path, "key=wrong&model=%FF".to_owned()).await?.expect(403)?;
    let path = format!("/controller/report-status/{id}/");
    let report = format!("key={key}&status=error&error_reason=%FF");
    form(&client, Method::POST, &path, report).await?.expect(200)?;

    let admin = server.admin();
    let id: uuid::Uuid = id.parse()?;
    let path = format!("/api/v1/controller/device/{id}/");
    let refused = form(&admin, Method::PATCH, &path, "notes=%FF".to_owned()).await?.expect(400)?;
    assert!(refused.json().context("JSON")?["notes"].is_array());
    admin.get("/api/v1/controller/device/?name=%FF").await?.expect(400)?;
    let detail = admin.get(&path).await?.expect(200)?;
    assert_eq!(detail.json().context("JSON")?["notes"], "");
    Ok(())
}

/// No value of a configuration becomes another one on the way.
async fn numbers_are_kept_as_they_are_or_refused(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let (id, admin) = (device(&server).await?.id, server.admin());
    let path = format!("/api/v1/controller/device/{}/", id.parse::<uuid::Uuid>()?);
    let change = async |kind: &str, body: String| {
        let request = admin.request(Method::PATCH, &path).header("content-type", kind);
        admin.send(request.body(body)).await
    };
    let config = |number: &str| {
        format!(
            "{{\"backend\": \"netjsonconfig.OpenWrt\", \"templates\": [], \"context\": {{}}, \
             \"config\": {{\"x\": [{{\"config_name\": \"t\", \"n\": {number}}}]}}}}"
        )
    };
    let form = |config: &str| format!("config={}", config.replace(' ', "").replace('+', "%2B"));
    for number in ["18446744073709551616", "-9223372036854775809"] {
        let body = format!("{{\"config\": {}}}", config(number));
        for answer in [
            change("application/json", body).await?,
            change("application/x-www-form-urlencoded", form(&config(number))).await?,
        ] {
            let refused = answer.expect(400)?.json().context("JSON")?;
            let sentence = refused["config"][0].as_str().context("a sentence")?;
            assert!(
                sentence.contains("64 bits") && sentence.contains("/config/x/0/n"),
                "{refused}"
            );
        }
        let json = "application/json";
        for body in [
            format!("{{\"query\": \"mutation {{ x(config: {{n: {number}}}) }}\"}}"),
            format!("{{\"query\": \"{{ viewer {{ id }} }}\", \"variables\": {{\"n\": {number}}}}}"),
        ] {
            let request = admin.request(Method::POST, "/graphql").header("content-type", json);
            let refused = admin.send(request.body(body)).await?.json().context("JSON")?;
            let message = refused["errors"][0]["message"].as_str().context("a message")?;
            assert!(message.contains("64 bits"), "{refused}");
        }
    }
    for (number, kept) in [
        ("-0", "0"),
        ("-0.0", "-0.0"),
        ("18446744073709551615", "18446744073709551615"),
        ("1.7976931348623157e308", "1.7976931348623157e+308"),
        // The nearest float of many digits, which a quick parser misses.
        ("9007199254740993.0", "9007199254740992.0"),
        ("1.00000000000000011102230246251565404236316680908203126", "1.0000000000000002"),
    ] {
        change("application/json", format!("{{\"config\": {}}}", config(number)))
            .await?
            .expect(200)?;
        let device = admin.get(&path).await?.expect(200)?.json().context("JSON")?;
        assert_eq!(device["config"]["config"]["x"][0]["n"].to_string(), kept);
    }
    Ok(())
}

async fn every_operation_wants_a_token(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let (device, group) = (device(&server).await?, group(&server).await?);
    let anonymous = server.client();
    let strangers = [
        ("no token", anonymous.clone()),
        ("an unknown token", anonymous.with_token("ffffffffffffffffffffffffffffffffffffffff")),
        ("a device's key", anonymous.with_token(&device.key)),
    ];
    let mut wrong = Vec::new();
    for (method, path) in routes::operations(&device, &group) {
        for (what, client) in &strangers {
            let body = serde_json::json!({});
            let method: Method = method.parse()?;
            let answer = client.json(method.clone(), &path, &body).await?;
            if !matches!(answer.status, 401 | 403) {
                wrong.push(format!("{method} {path} with {what}: {}", answer.status));
            }
            // As devices send it.
            let with_key = format!("{path}?key={}", device.key);
            let answer = anonymous.json(method.clone(), &with_key, &body).await?;
            if !matches!(answer.status, 401 | 403) {
                wrong.push(format!("{method} {path}?key=…: {}", answer.status));
            }
        }
        let answer = server.admin().json(method.parse()?, &path, &serde_json::json!({})).await?;
        if matches!(answer.status, 401 | 403 | 405) || answer.status >= 500 {
            wrong.push(format!("{method} {path} as superuser: {}", answer.status));
        }
    }
    assert!(wrong.is_empty(), "{}", listed(&wrong));
    Ok(())
}

async fn device(server: &Server) -> anyhow::Result<Device> {
    let secret = &secret_of("alpha")?;
    register(&server.client(), secret, "target", "02:00:00:00:06:01").await
}

async fn group(server: &Server) -> anyhow::Result<String> {
    let body = serde_json::json!({
        "name": "target", "organization": "aaaaaaaa-0000-4000-8000-000000000001", "templates": [],
    });
    let path = "/api/v1/controller/group/";
    let group = server.admin().json(Method::POST, path, &body).await?.expect(201)?;
    let group = group.json().context("JSON")?;
    Ok(group["id"].as_str().context("an id")?.to_owned())
}
