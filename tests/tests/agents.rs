//! A fleet of simulated devices, through the real protocol, against the real program.

use anyhow::Context;
use reqwest::Method;
use serde_json::{Value, json};
use wisptrail_tests::{
    Client, Database, Server, Start, note_secret, on_each_database, patience, program, secret_of,
};

on_each_database!(
    every_device_gets_its_configuration,
    a_template_change_travels,
    a_failing_device_says_why,
    a_reboot_storm_leaves_every_device_as_it_was,
);

async fn every_device_gets_its_configuration(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let summary = fleet(&server, &["--devices", "25", "--seed", "1", "--tags", "mesh"]).await?;
    assert_eq!(counts(&summary), (25, 25, 0), "registered, applied, failed: {summary}");
    assert_eq!(summary["errors"], json!({}));
    assert_eq!(with_status(&server.admin(), "applied").await?, 25);

    let devices = server.admin().get("/api/v1/controller/device/").await?.expect(200)?;
    let devices = devices.json().context("JSON")?;
    let id = devices["results"][0]["id"].as_str().context("an id")?.to_owned();
    let path = format!("/api/v1/controller/device/{id}/");
    let device = server.admin().get(&path).await?.expect(200)?.json().context("JSON")?;
    let templates = device["config"]["templates"].as_array().context("templates")?;
    assert_eq!(templates.len(), 4, "required, default and the two with the tag: {device}");
    Ok(())
}

async fn a_template_change_travels(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let arguments = ["--devices", "25", "--seed", "2"];
    let summary = fleet(&server, &arguments).await?;
    assert_eq!(counts(&summary), (25, 25, 0), "registered, applied, failed: {summary}");

    let contents = json!({ "config": { "files": [
        { "path": "/etc/a-default", "mode": "0644", "contents": "changed for {{ name }}\n" },
    ] } });
    let template = "/api/v1/controller/template/71000000-0000-4000-8000-000000000002/";
    server.admin().json(Method::PATCH, template, &contents).await?.expect(200)?;
    patience("the change is prepared for every device", async || {
        Ok(with_status(&server.admin(), "modified").await? == 25)
    })
    .await?;

    let summary = fleet(&server, &arguments).await?;
    assert_eq!(counts(&summary), (0, 25, 0), "the devices are known: {summary}");
    assert_eq!(summary["downloads"], 25);
    assert_eq!(with_status(&server.admin(), "applied").await?, 25);

    let summary = fleet(&server, &arguments).await?;
    assert_eq!(summary["downloads"], 0, "nothing changed: {summary}");
    assert_eq!(summary["settled"], 25);
    Ok(())
}

async fn a_failing_device_says_why(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let arguments = ["--devices", "25", "--seed", "3", "--failing-share", "0.4"];
    let summary = fleet(&server, &arguments).await?;
    let (registered, applied, failed) = counts(&summary);
    assert_eq!((registered, applied + failed), (25, 25), "{summary}");
    assert!(applied > 0 && failed > 0, "some of both: {summary}");
    assert_eq!(with_status(&server.admin(), "applied").await?, applied);
    assert_eq!(with_status(&server.admin(), "error").await?, failed);

    let path = "/api/v1/controller/device/?config__status=error&page_size=100";
    let answer = server.admin().get(path).await?.expect(200)?.json().context("JSON")?;
    let reasons: Vec<&str> = answer["results"]
        .as_array()
        .context("a list")?
        .iter()
        .filter_map(|device| device["config"]["error_reason"].as_str())
        .collect();
    assert!(reasons.iter().all(|reason| !reason.is_empty()), "{reasons:?}");
    assert!(reasons.iter().any(|reason| reason.contains("simulated device")), "{reasons:?}");
    assert!(reasons.iter().all(|reason| reason.chars().count() <= 1024 + "\n[truncated]".len()));
    Ok(())
}

async fn a_reboot_storm_leaves_every_device_as_it_was(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let secret = secret_of("zeta")?;
    let finished = program(
        server.home(),
        &[
            "fleet",
            "--json",
            "--interval",
            "fast",
            "--url",
            server.address(),
            "--secret",
            &secret,
            "--devices",
            "40",
            "--seed",
            "4",
            "--reboot-storm",
            "--duration",
            "8s",
        ],
    )
    .await?;
    let summary: Value = serde_json::from_str(&finished.success()?)?;
    assert_eq!(summary["rebooted"], 40, "{summary}");
    assert_eq!(summary["registered"], 40, "a reboot makes no new device: {summary}");
    assert_eq!(with_status(&server.admin(), "applied").await?, 40);
    Ok(())
}

/// Runs the fleet of the organization `zeta` until every device has nothing left to do.
async fn fleet(server: &Server, arguments: &[&str]) -> anyhow::Result<Value> {
    let secret = secret_of("zeta")?;
    let state = server.home().data().join("fleet.json");
    let state = state.to_str().context("a path")?;
    let mut line = vec!["fleet", "--json", "--interval", "fast", "--until-settled"];
    line.extend(["--duration", "50s", "--url", server.address(), "--secret", &secret]);
    line.extend(["--state", state]);
    line.extend(arguments);
    let finished = program(server.home(), &line).await?;
    let kept: Value = serde_json::from_slice(&std::fs::read(state)?)?;
    for device in kept["devices"].as_array().context("devices")? {
        note_secret(device["key"].as_str().unwrap_or_default());
    }
    Ok(serde_json::from_str(&finished.success()?)?)
}

/// Registered, applied, failed.
fn counts(summary: &Value) -> (u64, u64, u64) {
    let count = |name: &str| summary[name].as_u64().unwrap_or(u64::MAX);
    (count("registered"), count("applied"), count("failed"))
}

async fn with_status(admin: &Client, status: &str) -> anyhow::Result<u64> {
    let path = format!("/api/v1/controller/device/?config__status={status}");
    let answer = admin.get(&path).await?.expect(200)?.json().context("JSON")?;
    answer["count"].as_u64().context("a count")
}
