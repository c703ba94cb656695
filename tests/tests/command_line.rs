//! What operators type beside a server and without one.

use anyhow::Context;
use serde_json::Value;
use wisptrail_tests::{
    Database, Finished, Home, Server, Start, on_each_database, program, register, secret_of,
};

on_each_database!(
    projections_are_listed_and_rebuilt,
    a_doctor_looks_at_a_server_and_at_its_data,
    commands_are_completed,
);

/// Runs a command in a home, on its data.
async fn command(home: &Home, arguments: &[&str]) -> anyhow::Result<Finished> {
    let data = home.data().to_str().context("a path")?;
    let mut all = arguments.to_vec();
    all.extend(["--data", data]);
    program(home, &all).await
}

async fn projections_are_listed_and_rebuilt(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let home = server.home().clone();
    let secret = secret_of("alpha")?;
    let device = register(&server.client(), &secret, "kept", "02:00:00:00:0A:01").await?;
    let list = async |home: &Home| {
        let finished = command(home, &["projections", "list", "--json"]).await?;
        anyhow::ensure!(finished.code == 0, "{finished:?}");
        anyhow::Ok(serde_json::from_str::<Value>(&finished.stdout)?)
    };
    let generation = |states: &Value, name: &str| {
        let all = states["projections"].as_array().cloned().unwrap_or_default();
        all.iter().find(|it| it["name"] == name).map(|it| it["generation"].clone())
    };
    let states = list(&home).await?;
    assert!(states["head"].as_i64() > Some(0), "{states}");
    assert_eq!(generation(&states, "render_inputs.v1"), Some(1.into()), "{states}");

    // While it serves, and afterwards it still knows its device.
    let finished = command(&home, &["projections", "rebuild", "render_inputs.v1"]).await?;
    assert_eq!(finished.code, 0, "{finished:?}");
    assert!(finished.stdout.contains("rebuilt up to position"), "{finished:?}");
    assert_eq!(generation(&list(&home).await?, "render_inputs.v1"), Some(2.into()));
    server.client().get(&device.checksum_path()).await?.expect(200)?;
    let finished = command(&home, &["projections", "rebuild", "claims"]).await?;
    assert_eq!(finished.code, 0, "{finished:?}");

    let finished = command(&home, &["projections", "rebuild", "--all"]).await?;
    assert_eq!(finished.code, 0, "{finished:?}");
    assert!(finished.stdout.starts_with("all: rebuilt up to position"), "{finished:?}");
    assert_eq!(generation(&list(&home).await?, "accounts.v1"), Some(2.into()));
    assert_eq!(generation(&list(&home).await?, "render_inputs.v1"), Some(3.into()));

    let finished = command(&home, &["projections", "rebuild", "nonsense"]).await?;
    assert!(finished.code > 0 && finished.stderr.contains("render_inputs.v1"), "{finished:?}");

    assert_eq!(server.stop().await?.code(), Some(0));
    let finished = command(&home, &["projections", "rebuild", "render_inputs.v1"]).await?;
    assert_eq!(finished.code, 0, "{finished:?}");
    assert_eq!(generation(&list(&home).await?, "render_inputs.v1"), Some(4.into()));
    let finished = command(&home, &["verify"]).await?;
    assert_eq!(finished.code, 0, "{finished:?}");
    let shown = command(&home, &["projections", "list"]).await?;
    assert!(shown.stdout.contains("render_inputs.v1") && shown.stdout.contains("running"));
    Ok(())
}

async fn a_doctor_looks_at_a_server_and_at_its_data(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let home = server.home().clone();
    let finished = command(&home, &["doctor"]).await?;
    assert_eq!(finished.code, 0, "{finished:?}");
    for line in ["OK   server: is running", "OK   projection render_inputs.v1", "OK   clock"] {
        assert!(finished.stdout.contains(line), "{line}: {}", finished.stdout);
    }
    assert_eq!(server.stop().await?.code(), Some(0));
    let finished = command(&home, &["doctor"]).await?;
    assert_eq!(finished.code, 0, "{finished:?}");
    assert!(finished.stdout.contains("OK   master key: fits"), "{}", finished.stdout);

    // Another key would lock everybody out of their own secrets.
    let key = home.data().join("master.key");
    let right = std::fs::read(&key)?;
    std::fs::write(&key, "00".repeat(32))?;
    let finished = command(&home, &["doctor"]).await?;
    assert_eq!(finished.code, 1, "{finished:?}");
    assert!(finished.stdout.contains("FAIL master key"), "{}", finished.stdout);
    assert!(!finished.stdout.contains(&"00".repeat(32)), "a key was told");
    std::fs::remove_file(&key)?;
    let finished = command(&home, &["doctor"]).await?;
    assert_eq!(finished.code, 1, "{finished:?}");
    std::fs::write(&key, right)?;
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    assert_eq!(command(&home, &["doctor"]).await?.code, 0);

    let nowhere = home.data().join("nowhere");
    let nowhere = nowhere.to_str().context("a path")?;
    let finished = program(&home, &["doctor", "--data", nowhere]).await?;
    if matches!(database, Database::Sqlite) {
        assert_eq!(finished.code, 1, "{finished:?}");
        assert!(finished.stdout.contains("FAIL data"), "{}", finished.stdout);
    }
    Ok(())
}

async fn commands_are_completed(database: Database) -> anyhow::Result<()> {
    let home = Home::new(&database).await?;
    for shell in ["bash", "zsh", "fish"] {
        let finished = program(&home, &["completions", shell]).await?;
        assert_eq!(finished.code, 0, "{finished:?}");
        assert!(finished.stdout.contains("projections"), "{shell}");
    }
    Ok(())
}
