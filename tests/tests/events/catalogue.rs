//! The catalogue over HTTP says what the files say.

use anyhow::Context;
use serde_json::Value;
use wisptrail_tests::{Database, Server, Start, on_each_database};

on_each_database!(the_catalogue_is_for_everybody);

async fn the_catalogue_is_for_everybody(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let client = server.client();
    let get = async |path: &str| -> anyhow::Result<Value> {
        client.get(path).await?.expect(200)?.json().context("JSON")
    };
    let list = get("/api/v1/events/catalogue/").await?;
    let mut types = 0;
    for aggregate in list["aggregates"].as_array().into_iter().flatten() {
        for kind in aggregate["events"].as_array().into_iter().flatten() {
            let name = kind["type"].as_str().context("a name")?;
            let mut one = get(&format!("/api/v1/events/catalogue/{name}/")).await?;
            let schema = one.as_object_mut().and_then(|one| one.remove("schema"));
            assert_eq!(schema.context("a schema")?["title"], name);
            assert_eq!(&one, kind);
            types += 1;
        }
    }
    assert!(types >= 100, "{types} types");
    let renamed = get("/api/v1/events/catalogue/device.renamed/").await?;
    assert_eq!(renamed["fields"][1]["meaning"], "The name before.");
    let asyncapi: Value = serde_json::from_str(include_str!("../../../docs/events/asyncapi.json"))?;
    assert_eq!(get("/api/v1/events/asyncapi.json").await?, asyncapi);
    client.get("/api/v1/events/catalogue/ship.sunk/").await?.expect(404)?;
    Ok(())
}
