//! The catalogue over HTTP says what the files say.

use anyhow::{Context, anyhow};
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
            let schema = schema.context("a schema")?;
            assert_eq!(schema["title"], name);
            let validator = jsonschema::validator_for(&schema)?;
            validator.validate(&one["example"]).map_err(|error| anyhow!("{name}: {error}"))?;
            // What is told to others than superusers fits, too.
            let masked = masked(&one["example"], &schema)?;
            validator.validate(&masked).map_err(|error| anyhow!("{name}, masked: {error}"))?;
            for mark in ["$erased", "$scavenged"] {
                let emptied = serde_json::json!({ mark: true });
                validator.validate(&emptied).map_err(|error| anyhow!("{name}, {mark}: {error}"))?;
            }
            let other = serde_json::json!({ "something_else": {} });
            assert!(!validator.is_valid(&other), "{name} is anything");
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

/// An example as it is told to somebody who may see nothing that is confidential.
fn masked(example: &Value, schema: &Value) -> anyhow::Result<Value> {
    let mut masked = example.clone();
    for (variant, fields) in masked.as_object_mut().context("a payload")? {
        let known = &schema["anyOf"][0]["properties"][variant.as_str()]["properties"];
        for (name, value) in fields.as_object_mut().into_iter().flatten() {
            if let Some(class) = known[name.as_str()]["x-confidential"].as_str() {
                let shown = if class == "sensitive" { "sensitive" } else { "sealed" };
                *value = serde_json::json!({ "masked": shown });
            }
        }
    }
    Ok(masked)
}
