//! Lists of the past, and who put what where, as clients ask for them.

use anyhow::Context as _;
use serde_json::{Value, json};
use wisptrail_tests::{Database, Server, Start, on_each_database};

use super::{Scene, fields, word};
use crate::{ALPHA, ALPHA_MANAGER, BETA, code, device};

on_each_database!(the_past_is_listed_page_by_page, every_option_tells_where_it_comes_from);

const DEVICES: &str = "query ($asOf: Moment, $filter: DeviceFilterInput, $order: DeviceOrderBy, $first: Int, $after: String) {
    devices(asOf: $asOf, filter: $filter, orderBy: $order, first: $first, after: $after) {
        totalCount position pageInfo { hasNextPage endCursor }
        nodes { id name shownAt notes group { name } configuration { templates { name config } } } } }";
const TEMPLATES: &str =
    "query ($asOf: Moment) { templates(asOf: $asOf) { totalCount nodes { name shownAt config } } }";
const BLAME: &str = "query ($id: ID!, $at: Moment, $pointer: String) { device(id: $id, at: $at) { configuration {
    blame(pointer: $pointer) { totalCount position nodes { pointer written source template { id name }
        event { kind name sentence event { position type actor } } writtenBy { event { position } } assignedBy { event { position } }
        variables { name source template { name } event { sentence } } } } } } }";

async fn the_past_is_listed_page_by_page(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let (admin, manager) = (server.admin(), server.client().with_token(ALPHA_MANAGER));
    let scene = Scene::new(&server).await?;
    for number in 1..4 {
        device(&admin, if number == 3 { BETA } else { ALPHA }, number).await?;
    }
    let now = admin.graphql_data(DEVICES, json!({ "order": "CREATED", "first": 100 })).await?;
    let then = now["devices"]["position"].clone();
    let moment = json!({ "position": then });
    scene.change(&admin, json!({ "name": "renamed", "notes": "", "groupId": null })).await?;
    scene.change_words(&server, "second").await?;
    device(&admin, ALPHA, 4).await?;

    let past = admin.graphql_data(DEVICES, json!({ "asOf": moment, "first": 100 })).await?;
    assert_eq!(past["devices"]["totalCount"], now["devices"]["totalCount"]);
    let strip = |value: &Value| -> Vec<Value> {
        let nodes = value["devices"]["nodes"].as_array().cloned().unwrap_or_default();
        let strip = |mut node: Value| {
            node["shownAt"] = Value::Null;
            node
        };
        nodes.into_iter().map(strip).collect()
    };
    assert_eq!(strip(&past), strip(&now), "as it was");
    assert!(
        past["devices"]["nodes"]
            .as_array()
            .context("a list")?
            .iter()
            .all(|it| it["shownAt"] == then)
    );

    // Page by page it is the same list, for those who may see it.
    let (mut names, mut after) = (Vec::new(), Value::Null);
    loop {
        let variables = json!({ "asOf": moment, "first": 2, "after": after });
        let page = manager.graphql_data(DEVICES, variables).await?["devices"].clone();
        assert_eq!(page["totalCount"], 3, "those of Alpha");
        for node in page["nodes"].as_array().context("a list")? {
            names.push(node["name"].as_str().context("a name")?.to_owned());
        }
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    assert_eq!(names, ["ap-then", "ap-001", "ap-002"]);
    let of_beta = json!({ "asOf": moment, "filter": { "organizationIds": [BETA] } });
    let found = admin.graphql_data(DEVICES, of_beta.clone()).await?;
    assert_eq!(found["devices"]["nodes"][0]["name"], "ap-003");
    let found = manager.graphql_data(DEVICES, of_beta).await?;
    assert_eq!(found["devices"]["totalCount"], 0);
    let templates = admin.graphql_data(TEMPLATES, json!({ "asOf": moment })).await?;
    let templates = templates["templates"]["nodes"].as_array().context("a list")?;
    let words = templates.iter().find(|it| it["name"] == "words").context("words")?;
    assert_eq!(words, &json!({ "name": "words", "shownAt": then, "config": word("first") }));

    // What cannot be answered is refused, and says what can.
    for (variables, field) in [
        (json!({ "asOf": moment, "filter": { "search": "ap" } }), "filter"),
        (json!({ "asOf": moment, "order": "NAME" }), "orderBy"),
        (json!({ "asOf": { "position": 99_999_999 } }), "asOf"),
        (json!({ "asOf": moment, "after": "nonsense" }), "after"),
    ] {
        let answer = admin.graphql(DEVICES, variables).await?;
        assert_eq!((code(&answer), fields(&answer)), ("INVALID", vec![field]), "{answer}");
    }
    let answer = admin.graphql(DEVICES, json!({ "asOf": moment, "order": "NAME" })).await?;
    assert!(answer["errors"][0]["message"].to_string().contains("wisptrail replay"), "{answer}");
    Ok(())
}

async fn every_option_tells_where_it_comes_from(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    let scene = Scene::new(&server).await?;
    let assigned = scene.newest(&admin).await?;
    scene.change_words(&server, "second {{ place }}").await?;
    let blame = async |at: Value, pointer: &str| -> anyhow::Result<Value> {
        let variables = json!({ "id": scene.id, "at": at, "pointer": pointer });
        let data = admin.graphql_data(BLAME, variables).await?;
        Ok(data["device"]["configuration"]["blame"].clone())
    };
    let all = blame(Value::Null, "").await?;
    let nodes = all["nodes"].as_array().context("a list")?;
    assert_eq!(all["totalCount"], nodes.len());
    let at = |pointer: &str| nodes.iter().find(|it| it["pointer"] == pointer).context("a part");
    let file = at("/files/0")?;
    assert_eq!((&file["source"], &file["template"]["name"]), (&json!("TEMPLATE"), &json!("words")));
    let (event, kind) = (&file["event"]["event"], &file["event"]["kind"]);
    assert_eq!((&event["type"], kind), (&json!("template.contents_changed"), &json!("TEMPLATE")));
    assert_eq!(event["position"], file["writtenBy"]["event"]["position"]);
    assert!(file["assignedBy"]["event"]["position"].as_i64() < event["position"].as_i64());
    assert!(event["actor"].as_str().is_some_and(|actor| actor.starts_with("user:")), "{event}");
    let variable = &file["variables"][0];
    assert_eq!((&variable["name"], &variable["source"]), (&json!("place"), &json!("GROUP")));
    let zone = at("/general/timezone")?;
    assert_eq!((&zone["source"], &zone["written"]), (&json!("DEVICE"), &json!("UTC")));
    assert_eq!(zone["assignedBy"], Value::Null);
    assert_eq!(at("/general/hostname")?["source"], "DEVICE_NAME");

    // Before the change of the template it was there because of the assignment.
    let then = blame(json!({ "position": assigned["position"] }), "/files").await?;
    assert_eq!(then["totalCount"], 1);
    let file = &then["nodes"][0];
    assert_eq!(file["event"]["event"]["position"], file["assignedBy"]["event"]["position"]);
    assert_eq!(file["event"]["kind"], "DEVICE");
    Ok(())
}
