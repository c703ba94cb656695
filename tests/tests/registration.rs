//! Devices that come at the same time, and people who are not theirs.

use anyhow::Context;
use futures::future::{join_all, try_join_all};
use md5::{Digest, Md5};
use reqwest::Method;
use serde_json::{Value, json};
use wisptrail_tests::{
    Client, Database, Server, Start, note_secret, on_each_database, register, secret_of,
};

on_each_database!(
    of_many_requests_with_one_key_one_makes_the_device,
    of_two_devices_with_one_address_one_is_taken,
    the_last_place_goes_to_one,
    what_belongs_to_others_does_not_exist,
);

async fn of_many_requests_with_one_key_one_makes_the_device(
    database: Database,
) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let secret = secret_of("alpha")?;
    for round in 0..5 {
        let (name, mac) = (format!("twin-{round}"), format!("02:00:00:00:01:{round:02X}"));
        let client = server.client();
        let answers = try_join_all((0..6).map(|_| register(&client, &secret, &name, &mac))).await?;
        let new = answers.iter().filter(|device| device.is_new).count();
        assert_eq!(new, 1, "one request made the device, the others found it");
        assert!(answers.iter().all(|device| device.id == answers[0].id), "{answers:?}");
    }
    let devices = server.admin().get("/api/v1/controller/device/").await?.expect(200)?;
    assert_eq!(devices.json().context("JSON")?["count"], 5);
    Ok(())
}

async fn of_two_devices_with_one_address_one_is_taken(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let (client, secret) = (server.client(), secret_of("alpha")?);
    for round in 0..5 {
        let mac = format!("02:00:00:00:02:{round:02X}");
        let name = format!("rival-{round}");
        let answers = join_all(["first", "second"].map(|rival| {
            let key = hex::encode(Md5::digest(format!("{rival} {round}")));
            attempt(&client, &secret, &name, &mac, key)
        }))
        .await
        .into_iter()
        .collect::<anyhow::Result<Vec<_>>>()?;
        let mut statuses: Vec<u16> = answers.iter().map(|(status, _)| *status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 400], "{answers:?}");
        let (_, refusal) = answers.iter().find(|(status, _)| *status == 400).context("one")?;
        assert_eq!(
            refusal,
            "Device with this Name and Organization already exists. \
             Device with this Mac address and Organization already exists.",
            "every taken field is named"
        );
    }
    Ok(())
}

async fn the_last_place_goes_to_one(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let (client, secret) = (server.client(), secret_of("epsilon")?);
    let answers = join_all((0..4).map(|number| {
        let (name, mac) = (format!("place-{number}"), format!("02:00:00:00:03:{number:02X}"));
        let key = hex::encode(Md5::digest(format!("{mac}+{secret}")));
        let (client, secret) = (&client, &secret);
        async move { attempt(client, secret, &name, &mac, key).await }
    }))
    .await
    .into_iter()
    .collect::<anyhow::Result<Vec<_>>>()?;
    let won = answers.iter().filter(|(status, _)| *status == 201).count();
    assert_eq!(won, 1, "the limit is one device: {answers:?}");
    for (_, text) in answers.iter().filter(|(status, _)| *status != 201) {
        assert_eq!(
            text,
            "The maximum amount of allowed devices has been reached for organization Epsilon."
        );
    }
    Ok(())
}

/// Everyone of another organization: its managers, its members, its devices.
async fn what_belongs_to_others_does_not_exist(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let device =
        register(&server.client(), &secret_of("beta")?, "beta-1", "02:00:00:00:04:01").await?;
    let neighbour =
        register(&server.client(), &secret_of("alpha")?, "alpha-1", "02:00:00:00:04:02").await?;
    let path = format!("/api/v1/controller/device/{}/", device.dashed());
    let template = "/api/v1/controller/template/71000000-0000-4000-8000-000000000001/";
    let before = server.admin().get(&path).await?.expect(200)?.json().context("JSON")?;

    for user in ["mgr", "opr", "mbr", "ngr"] {
        let stranger = server.client().with_token(&format!("{user:0>40}"));
        for path in [path.as_str(), template] {
            for method in [Method::GET, Method::PUT, Method::PATCH, Method::DELETE] {
                let body = json!({ "name": "taken-over" });
                let answer = stranger.json(method.clone(), path, &body).await?;
                assert!(
                    matches!(answer.status, 403 | 404),
                    "{user}: {method} {path} answered {}",
                    answer.status
                );
            }
        }
        let list = stranger.get("/api/v1/controller/device/?page_size=100").await?;
        assert!(matches!(list.status, 200 | 403), "{user}: {}", list.status);
        assert!(!list.text().contains(&device.dashed()), "{user} sees the device of others");
        let foreign = json!({
            "name": "planted", "mac_address": "02:00:00:00:04:03",
            "organization": "bbbbbbbb-0000-4000-8000-000000000002",
            "config": { "backend": "netjsonconfig.OpenWrt", "templates": [], "context": {}, "config": {} },
        });
        let answer = stranger.json(Method::POST, "/api/v1/controller/device/", &foreign).await?;
        assert!(matches!(answer.status, 400 | 403), "{user}: {}", answer.status);
    }

    // A device's key is good for that device and nothing else.
    for (what, id) in [("checksum", &device.id), ("download-config", &device.id)] {
        let path = format!("/controller/{what}/{id}/?key={}", neighbour.key);
        server.client().get(&path).await?.expect(403)?;
    }
    let form = [("key", neighbour.key.as_str()), ("status", "applied")];
    let report = format!("/controller/report-status/{}/", device.id);
    server.client().post_form(&report, &form).await?.expect(403)?;

    let after = server.admin().get(&path).await?.expect(200)?.json().context("JSON")?;
    assert_eq!(without_presence(before), without_presence(after), "nothing changed");
    Ok(())
}

/// What is left when the traces of mere contact are taken away.
fn without_presence(mut device: Value) -> Value {
    if let Some(members) = device.as_object_mut() {
        members.remove("last_ip");
    }
    device
}

/// Status and text of a registration.
async fn attempt(
    client: &Client,
    secret: &str,
    name: &str,
    mac_address: &str,
    key: String,
) -> anyhow::Result<(u16, String)> {
    note_secret(&key);
    let form = [
        ("backend", "netjsonconfig.OpenWrt"),
        ("key", key.as_str()),
        ("secret", secret),
        ("name", name),
        ("mac_address", mac_address),
    ];
    let answer = client.post_form("/controller/register/", &form).await?;
    Ok((answer.status, answer.text()))
}
