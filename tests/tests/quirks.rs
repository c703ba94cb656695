//! Where the reference is wrong, and what is right: rules that no recording can show.

use std::io::Read;

use anyhow::Context;
use flate2::read::GzDecoder;
use reqwest::Method;
use serde_json::{Value, json};
use wisptrail_tests::{
    Answer, Client, Database, Device, Server, Start, on_each_database, register, secret_of,
};

on_each_database!(
    a_registration_takes_what_agents_send_and_nothing_else,
    the_management_address_stays_until_another_device_claims_it,
    a_long_reason_is_cut_and_kept,
    a_report_about_a_former_archive_changes_no_status,
    a_device_cannot_lock_itself_out,
    an_archive_holds_all_bytes_of_a_file,
    parameters_are_read_from_their_place_only,
    every_answer_says_where_it_comes_from,
    a_partial_change_leaves_the_rest_alone,
);

const ALPHA: &str = "aaaaaaaa-0000-4000-8000-000000000001";

async fn a_registration_takes_what_agents_send_and_nothing_else(
    database: Database,
) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let secret = secret_of("alpha")?;
    let form = [
        ("secret", secret.as_str()),
        ("name", "modest"),
        ("mac_address", "02:00:00:00:08:01"),
        ("backend", "netjsonconfig.OpenWrt"),
        ("tags", "uci: Entry not found"),
        ("id", "12121212-0000-4000-8000-000000000001"),
        ("notes", "planted"),
        ("management_ip", "10.8.0.1"),
        ("_is_deactivated", "True"),
        ("is_deactivated", "True"),
        ("group", "text"),
        ("organization", "bbbbbbbb-0000-4000-8000-000000000002"),
    ];
    let answer = server.client().post_form("/controller/register/", &form).await?.expect(201)?;
    let answer = answer.text();
    let id = answer.lines().find_map(|line| line.strip_prefix("uuid: ")).context("an id")?;
    assert_ne!(id, "12121212000040008000000000000001");
    let device = Device { id: id.to_owned(), key: String::new(), is_new: true };
    let device = seen(&server.admin(), &device).await?;
    let got = ["notes", "management_ip", "is_deactivated", "group", "organization"]
        .map(|name| device[name].clone());
    assert_eq!(got, [json!(""), Value::Null, json!(false), Value::Null, json!(ALPHA)]);
    Ok(())
}

async fn the_management_address_stays_until_another_device_claims_it(
    database: Database,
) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let (one, two) = (device(&server, "one", 2).await?, device(&server, "two", 3).await?);
    let (client, admin) = (server.client(), server.admin());
    let poll = async |device: &Device, query: &str| {
        client.get(&format!("{}{query}", device.checksum_path())).await?.expect(200)
    };
    poll(&one, "&management_ip=10.8.0.2").await?;
    for query in ["", "&management_ip=", "&management_ip=nonsense", "&management_ip=10.8.0.2"] {
        poll(&one, query).await?;
        assert_eq!(seen(&admin, &one).await?["management_ip"], "10.8.0.2", "after `{query}`");
    }
    poll(&two, "&management_ip=10.8.0.2").await?;
    assert_eq!(seen(&admin, &two).await?["management_ip"], "10.8.0.2");
    assert_eq!(seen(&admin, &one).await?["management_ip"], Value::Null, "an address has one owner");
    poll(&one, "&management_ip=fd00:8::2").await?;
    assert_eq!(seen(&admin, &one).await?["management_ip"], "fd00:8::2");
    Ok(())
}

async fn a_long_reason_is_cut_and_kept(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let device = device(&server, "talkative", 4).await?;
    for (reason, kept) in [
        ("e".repeat(1024), "e".repeat(1024)),
        ("é".repeat(1025), format!("{}\n[truncated]", "é".repeat(1012))),
    ] {
        let answer = report(&server, &device, "error", Some(&reason)).await?;
        assert_eq!(answer.text(), "report-result: success\ncurrent-status: error\n");
        let seen = seen(&server.admin(), &device).await?;
        assert_eq!(seen["config"]["status"], "error");
        assert_eq!(seen["config"]["error_reason"], kept.as_str());
    }
    Ok(())
}

async fn a_report_about_a_former_archive_changes_no_status(
    database: Database,
) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let device = device(&server, "late", 5).await?;
    server.client().get(&device.download_path()).await?.expect(200)?;
    configure(&server, &device, "changed meanwhile").await?;
    let answer = report(&server, &device, "applied", None).await?;
    assert_eq!(answer.text(), "report-result: success\ncurrent-status: applied\n");
    assert_eq!(seen(&server.admin(), &device).await?["config"]["status"], "modified");

    server.client().get(&device.download_path()).await?.expect(200)?;
    report(&server, &device, "applied", None).await?;
    assert_eq!(seen(&server.admin(), &device).await?["config"]["status"], "applied");
    Ok(())
}

async fn a_device_cannot_lock_itself_out(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let device = device(&server, "clumsy", 6).await?;
    let path = format!("/controller/report-status/{}/", device.id);
    for status in ["deactivating", "deactivated", "applied", "deactivated", "error"] {
        let form = [("key", device.key.as_str()), ("status", status)];
        let answer = server.client().post_form(&path, &form).await?;
        assert!(matches!(answer.status, 200 | 403), "{status}: {}", answer.status);
        server.client().get(&device.checksum_path()).await?.expect(200)?;
    }
    assert_eq!(seen(&server.admin(), &device).await?["is_deactivated"], false);
    Ok(())
}

async fn an_archive_holds_all_bytes_of_a_file(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let device = device(&server, "polyglot", 7).await?;
    let contents = "caffè €\nend\n";
    configure(&server, &device, contents).await?;
    let body = server.client().get(&device.download_path()).await?.expect(200)?.body;
    let mut plain = Vec::new();
    GzDecoder::new(body.as_slice()).read_to_end(&mut plain)?;
    let mut archive = tar::Archive::new(plain.as_slice());
    let file = archive.entries()?.find_map(|entry| {
        let mut entry = entry.ok()?;
        (entry.path_bytes().as_ref() == b"etc/story").then(|| {
            let mut text = String::new();
            entry.read_to_string(&mut text).map(|_| text)
        })
    });
    assert_eq!(file.context("the file is there")??, contents);
    Ok(())
}

async fn parameters_are_read_from_their_place_only(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let (client, secret) = (server.client(), secret_of("alpha")?);
    let device = device(&server, "placed", 8).await?;
    let fields = [
        ("secret", secret.as_str()),
        ("name", "multi"),
        ("mac_address", "02:00:00:00:08:09"),
        ("backend", "netjsonconfig.OpenWrt"),
    ];
    let json: Value = fields.iter().map(|(name, value)| (*name, *value)).collect();
    let answer = client.json(Method::POST, "/controller/register/", &json).await?.expect(400)?;
    assert_eq!(answer.text(), "error: missing required parameter \"secret\"\n");
    let mut parts: String = fields
        .iter()
        .map(|(name, value)| {
            ["--x\r\ncontent-disposition: form-data; name=\"", name, "\"\r\n\r\n", value, "\r\n"]
                .concat()
        })
        .collect();
    parts.push_str("--x--\r\n");
    let multipart = client
        .request(Method::POST, "/controller/register/")
        .header("content-type", "multipart/form-data; boundary=x")
        .body(parts);
    client.send(multipart).await?.expect(201)?;

    let report = format!("/controller/report-status/{}/?key={}", device.id, device.key);
    let answer = client.post_form(&report, &[("status", "applied")]).await?.expect(400)?;
    assert_eq!(answer.text(), "error: missing required parameter \"key\"\n");
    let upper = device.checksum_path().replace(&device.id, &device.id.to_uppercase());
    client.get(&upper).await?.expect(404)?;
    let moved = client.post_form("/controller/register?a=b", &fields).await?.expect(301)?;
    assert_eq!(moved.header("location"), Some("/controller/register/?a=b"));
    Ok(())
}

/// Agents stop for good when they do not find the header, and look for their answer in the head, too.
async fn every_answer_says_where_it_comes_from(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let (client, device) = (server.client(), device(&server, "trusting", 10).await?);
    let unknown = "/controller/checksum/00000000000040008000000000000000/?key=x";
    let wrong = device.checksum_path().replace(&device.key, "wrong-key");
    let former = device.checksum_path().replace("/?", "?");
    for (status, method, path) in [
        (200, Method::GET, device.checksum_path()),
        (200, Method::HEAD, device.checksum_path()),
        (200, Method::GET, device.download_path()),
        (301, Method::GET, former),
        (400, Method::POST, "/controller/register/".to_owned()),
        (403, Method::GET, wrong),
        (404, Method::GET, unknown.to_owned()),
        (404, Method::GET, "/controller/nothing/".to_owned()),
        (404, Method::GET, "/controller/checksum/not-a-uuid/".to_owned()),
        (405, Method::GET, "/controller/register/".to_owned()),
    ] {
        let answer = client.send(client.request(method.clone(), &path)).await?.expect(status)?;
        assert_eq!(answer.header("x-openwisp-controller"), Some("true"), "{method} {status}");
        for (name, value) in &answer.headers {
            let line = format!("{name}: {}", String::from_utf8_lossy(value.as_bytes()));
            for label in ["uuid: ", "key: ", "hostname: ", "is-new: "] {
                assert!(
                    !line.contains(label),
                    "{method} {status}: agents misread the header `{name}`"
                );
            }
        }
    }
    Ok(())
}

async fn a_partial_change_leaves_the_rest_alone(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    let device =
        register(&server.client(), &secret_of("zeta")?, "partial", "02:00:00:00:08:0B").await?;
    let path = format!("/api/v1/controller/device/{}/", device.dashed());
    let before = seen(&admin, &device).await?["config"]["templates"].clone();
    assert_eq!(before.as_array().map(Vec::len), Some(2), "required and default");
    let context = json!({ "config": { "context": { "level": "device" } } });
    admin.json(Method::PATCH, &path, &context).await?.expect(200)?;
    let seen_then = seen(&admin, &device).await?;
    assert_eq!(seen_then["config"]["templates"], before);
    assert_eq!(seen_then["config"]["context"], json!({ "level": "device" }));

    let reset = json!({ "config": {
        "backend": "netjsonconfig.OpenWrt", "templates": [], "context": {}, "config": {},
    } });
    admin.json(Method::PATCH, &path, &reset).await?.expect(200)?;
    let seen_then = seen(&admin, &device).await?;
    assert_eq!(seen_then["config"]["context"], json!({}), "a configuration can be reset");
    Ok(())
}

async fn device(server: &Server, name: &str, number: u8) -> anyhow::Result<Device> {
    let mac = format!("02:00:00:00:08:{number:02X}");
    register(&server.client(), &secret_of("alpha")?, name, &mac).await
}

async fn report(
    server: &Server,
    device: &Device,
    status: &str,
    reason: Option<&str>,
) -> anyhow::Result<Answer> {
    let mut form = vec![("key", device.key.as_str()), ("status", status)];
    form.extend(reason.map(|reason| ("error_reason", reason)));
    let path = format!("/controller/report-status/{}/", device.id);
    server.client().post_form(&path, &form).await?.expect(200)
}

/// Gives the device a file `/etc/story`.
async fn configure(server: &Server, device: &Device, contents: &str) -> anyhow::Result<()> {
    let file = json!({ "path": "/etc/story", "mode": "0644", "contents": contents });
    let path = format!("/api/v1/controller/device/{}/", device.dashed());
    let body = json!({ "config": { "config": { "files": [file] } } });
    server.admin().json(Method::PATCH, &path, &body).await?.expect(200)?;
    Ok(())
}

async fn seen(admin: &Client, device: &Device) -> anyhow::Result<Value> {
    let path = format!("/api/v1/controller/device/{}/", device.dashed());
    admin.get(&path).await?.expect(200)?.json().context("JSON")
}
