//! Values that would bring options of their own into a device's files are refused, wherever they are written.

use anyhow::Context as _;
use reqwest::Method;
use serde_json::{Value, json};
use wisptrail_tests::{Database, Server, Start, on_each_database};

use crate::{
    ALPHA, code, device,
    history::{CHANGE_DEVICE, CHANGE_TEMPLATE, Scene, fields},
    previews::PREVIEW,
};

on_each_database!(
    the_same_is_refused_over_graphql_and_rest,
    templates_and_variables_of_all_are_looked_at_too,
);

const EVIL: &str = "x'\n\toption evil '1";
const FINDINGS: &str = "query ($id: ID!) { device(id: $id) { configuration {
    findings { pointer package section option adds message }
} } }";

fn described(text: &str) -> Value {
    json!({ "interfaces": [{ "name": "eth0", "type": "ethernet", "descr": text }] })
}

async fn the_same_is_refused_over_graphql_and_rest(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    let id = device(&admin, ALPHA, 1).await?;
    let path = format!("/api/v1/controller/device/{id}/");
    for (configuration, field) in [
        (json!({ "config": described(EVIL) }), "configuration.config"),
        (
            json!({ "config": described("{{ word }}"), "variables": { "word": EVIL } }),
            "configuration.config",
        ),
    ] {
        let input = json!({ "id": id, "configuration": configuration });
        let change = admin.graphql(CHANGE_DEVICE, json!({ "input": input })).await?;
        assert_eq!((code(&change), fields(&change)), ("REFUSED", vec![field]), "{change}");
        let message = change["errors"][0]["message"].as_str().context("a message")?;
        assert!(message.contains("#/interfaces/0/descr") && message.contains("evil"), "{message}");
        let preview = json!({ "input": { "changeDevice": input } });
        let preview = admin.graphql(PREVIEW, preview).await?;
        assert_eq!(preview["errors"][0]["message"], change["errors"][0]["message"]);
        assert_eq!(preview["errors"][0]["extensions"], change["errors"][0]["extensions"]);
    }
    let device = admin.get(&path).await?.expect(200)?.json().context("JSON")?;
    let mut config = device["config"].clone();
    config["config"] = described(EVIL);
    let refused =
        admin.json(Method::PATCH, &path, &json!({ "config": config })).await?.expect(400)?;
    let refused = refused.json().context("JSON")?;
    let sentence = refused["config"]["config"][0].as_str().context("a sentence")?;
    assert!(sentence.contains("#/interfaces/0/descr") && sentence.contains("evil"), "{sentence}");

    // Quotes that change nothing but the value pass, and are told where they break the file.
    for (text, found) in [("it''s", 0), ("line\nline", 0), ("it's", 1)] {
        config["config"] = described(text);
        admin.json(Method::PATCH, &path, &json!({ "config": config })).await?.expect(200)?;
        let told = admin.graphql_data(FINDINGS, json!({ "id": id })).await?;
        let findings = told["device"]["configuration"]["findings"].as_array().context("a list")?;
        assert_eq!(findings.len(), found, "{findings:?}");
        for finding in findings {
            assert_eq!(finding["pointer"], "/interfaces/0/descr");
            assert_eq!(finding["adds"], false);
        }
    }
    Ok(())
}

async fn templates_and_variables_of_all_are_looked_at_too(
    database: Database,
) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    let scene = Scene::new(&server).await?;
    let input = json!({ "id": scene.template, "config": described(EVIL) });
    let change = admin.graphql(CHANGE_TEMPLATE, json!({ "input": input })).await?;
    assert_eq!((code(&change), fields(&change)), ("REFUSED", vec!["config"]), "{change}");
    let path = format!("/api/v1/controller/template/{}/", scene.template);
    let body = json!({ "config": described(EVIL) });
    let refused = admin.json(Method::PATCH, &path, &body).await?.expect(400)?.text();
    assert!(refused.contains("\"config\"") && refused.contains("evil"), "{refused}");

    let mutation = "mutation ($input: ChangeOrganizationInput!) { changeOrganization(input: $input) { position } }";
    let input = json!({ "id": ALPHA, "variables": { "word": EVIL } });
    let change = admin.graphql(mutation, json!({ "input": input })).await?;
    assert_eq!((code(&change), fields(&change)), ("REFUSED", vec!["variables"]), "{change}");
    let path = format!("/api/v1/controller/group/{}/", scene.group);
    let body = json!({ "context": { "word": EVIL } });
    let refused = admin.json(Method::PATCH, &path, &body).await?.expect(400)?.text();
    assert!(refused.contains("\"context\"") && refused.contains("evil"), "{refused}");
    Ok(())
}
