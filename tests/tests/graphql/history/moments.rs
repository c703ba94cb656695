//! Moments that there are not.

use serde_json::json;
use wisptrail_tests::{Database, Server, Start, on_each_database};

use super::{Scene, fields};
use crate::{ALPHA, code};

on_each_database!(moments_that_are_none_are_told_so);

/// Every field that takes a moment, with the argument's name.
const QUESTIONS: [(&str, &str); 9] = [
    ("at", "device(id: $device, at: $moment) { id }"),
    ("at", "template(id: $template, at: $moment) { id }"),
    ("at", "deviceGroup(id: $group, at: $moment) { id }"),
    ("at", "organization(id: $organization) { variables(at: $moment) }"),
    ("at", "deviceConfigurationArchive(id: $device, at: $moment) { md5 }"),
    ("from", "deviceDiff(id: $device, from: $moment) { from }"),
    ("to", "deviceDiff(id: $device, from: { position: $some }, to: $moment) { from }"),
    ("to", "revertDevice(input: { id: $device, to: $moment }) { position }"),
    (
        "to",
        "revertDevice(input: { id: $device, to: $moment, clientMutationId: \"c\" }) { position }",
    ),
];

async fn moments_that_are_none_are_told_so(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    let scene = Scene::new(&server).await?;
    let some = scene.newest(&admin).await?["position"].clone();
    let arguments = [
        ("device", "ID!", json!(scene.id)),
        ("template", "ID!", json!(scene.template)),
        ("group", "ID!", json!(scene.group)),
        ("organization", "ID!", json!(ALPHA)),
        ("some", "Position!", some),
    ];
    for (field, question) in QUESTIONS {
        // Variables that nobody uses are refused.
        let used = || arguments.iter().filter(|(name, ..)| question.contains(&format!("${name}")));
        let declared: Vec<String> =
            used().map(|(name, kind, _)| format!("${name}: {kind}")).collect();
        let declared = declared.join(", ");
        let operation = if question.starts_with("revert") { "mutation" } else { "query" };
        let query = format!("{operation} ({declared}, $moment: Moment!) {{ {question} }}");
        let mut variables = json!({});
        for (name, _, value) in used() {
            variables[*name] = value.clone();
        }
        for wrong in [
            json!({ "time": "nonsense" }),
            json!({ "time": 7 }),
            json!({ "time": "2999-01-01T00:00:00Z" }),
            json!({ "position": -1 }),
            json!({ "position": "nonsense" }),
            json!({ "position": 1_000_000_000_000_i64 }),
        ] {
            variables["moment"] = wrong.clone();
            let answer = admin.graphql(&query, variables.clone()).await?;
            let told = (code(&answer), fields(&answer));
            assert_eq!(told, ("INVALID", vec![field]), "{question}, {wrong}: {answer}");
        }
        for none in [json!({}), json!({ "time": "2020-01-01T00:00:00Z", "position": 1 })] {
            variables["moment"] = none.clone();
            let answer = admin.graphql(&query, variables.clone()).await?;
            assert!(answer["errors"].is_array(), "{question}, {none}: {answer}");
        }
        // Before everything there was nothing.
        for before in [json!({ "position": 0 }), json!({ "time": "1999-12-31T23:59:59+01:00" })] {
            variables["moment"] = before.clone();
            let answer = admin.graphql(&query, variables.clone()).await?;
            assert_eq!(code(&answer), "NOT_FOUND", "{question}, {before}: {answer}");
        }
    }
    Ok(())
}
