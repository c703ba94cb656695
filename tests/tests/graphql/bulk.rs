//! One operation on many devices, as a job that is watched and stopped.

use anyhow::Context as _;
use serde_json::{Value, json};
use wisptrail_tests::{Client, Database, Server, Start, on_each_database, patience};

use crate::{
    ALPHA, ALPHA_MANAGER, BETA, code, device,
    dry_runs::{agrees, checksums, exact},
    history::{fields, word},
};

on_each_database!(
    an_operation_over_a_filter_reaches_exactly_these_devices,
    every_operation_does_what_its_dry_run_told,
    an_operation_is_paused_resumed_and_cancelled,
    devices_that_refuse_are_told,
    orders_that_cannot_be_are_refused,
    what_others_own_is_out_of_reach,
);

const START: &str = "mutation ($input: StartBulkOperationInput!) { startBulkOperation(input: $input) { job { id state total } } }";
const JOB: &str = "query ($id: ID!) { bulkOperation(id: $id) {
    id state operation total done changed failed progress error startedBy createdAt updatedAt
    variableNames selectedIds group { name } templates { name }
    failures { id reason device { name } }
} }";
const LIST: &str =
    "query ($first: Int, $after: String) { bulkOperations(first: $first, after: $after) {
    nodes { id } pageInfo { hasNextPage hasPreviousPage endCursor }
} }";
const CONTROLS: [(&str, &str); 3] = [
    ("pauseBulkOperation", "PAUSED"),
    ("resumeBulkOperation", "QUEUED"),
    ("cancelBulkOperation", "CANCELLED"),
];

fn control(name: &str) -> String {
    format!("mutation ($id: ID!) {{ {name}(input: {{ id: $id }}) {{ job {{ state progress }} }} }}")
}

async fn start(client: &Client, input: Value) -> anyhow::Result<String> {
    let data = client.graphql_data(START, json!({ "input": input })).await?;
    let id = &data["startBulkOperation"]["job"]["id"];
    id.as_str().map(str::to_owned).context("an id")
}

async fn job(client: &Client, id: &str) -> anyhow::Result<Value> {
    Ok(client.graphql_data(JOB, json!({ "id": id })).await?["bulkOperation"].take())
}

async fn done(client: &Client, id: &str) -> anyhow::Result<Value> {
    let mut last = Value::Null;
    patience("the operation is done", async || {
        last = job(client, id).await?;
        Ok(last["state"] == "DONE")
    })
    .await?;
    Ok(last)
}

/// Names of the devices that have a variable of their own.
async fn with_variable(client: &Client, variable: &str) -> anyhow::Result<Vec<String>> {
    let query = "{ devices(first: 100) { nodes { name configuration { variables } } } }";
    let data = client.graphql_data(query, json!({})).await?;
    let nodes = data["devices"]["nodes"].as_array().context("devices")?.iter();
    let has = |node: &&Value| !node["configuration"]["variables"][variable].is_null();
    Ok(nodes.filter(has).filter_map(|node| node["name"].as_str().map(str::to_owned)).collect())
}

async fn an_operation_over_a_filter_reaches_exactly_these_devices(
    database: Database,
) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    for number in 1..8 {
        device(&admin, ALPHA, number).await?;
    }
    device(&admin, BETA, 10).await?;
    // Model 1 is every third; nobody was heard, which is told from now on.
    let input = json!({
        "clientMutationId": "words",
        "selection": { "filter": { "organizationIds": [ALPHA], "model": "Model 1", "silentFor": 60 } },
        "operation": { "mergeVariables": { "word": "secret", "other": 1 } },
    });
    let id = start(&admin, input.clone()).await?;
    let job = done(&admin, &id).await?;
    for (field, expected) in [
        ("operation", json!("MERGE_VARIABLES")),
        ("total", json!(3)),
        ("done", json!(3)),
        ("changed", json!(3)),
        ("failed", json!(0)),
        ("progress", json!(100.0)),
        ("error", Value::Null),
        ("variableNames", json!(["word", "other"])),
        ("selectedIds", Value::Null),
        ("group", Value::Null),
        ("templates", json!([])),
        ("failures", json!([])),
    ] {
        assert_eq!(job[field], expected, "{field}: {job}");
    }
    let viewer = admin.graphql_data("{ viewer { actor } }", json!({})).await?;
    assert_eq!(job["startedBy"], viewer["viewer"]["actor"]);
    assert_eq!(with_variable(&admin, "word").await?, ["ap-001", "ap-004", "ap-007"]);

    let node =
        "query ($id: ID!) { node(id: $id) { __typename id ... on BulkOperation { state } } }";
    let data = admin.graphql_data(node, json!({ "id": id })).await?;
    let expected = json!({ "__typename": "BulkOperation", "id": id, "state": "DONE" });
    assert_eq!(data["node"], expected);

    // Asked again it is the same one; the same id for something else is refused.
    assert_eq!(start(&admin, input.clone()).await?, id);
    let mut other = input.clone();
    other["operation"] = json!({ "setActive": false });
    let refused = admin.graphql(START, json!({ "input": other })).await?;
    assert_eq!((code(&refused), fields(&refused)), ("REFUSED", vec!["clientMutationId"]));

    // It is so already.
    let mut again = input.clone();
    again["clientMutationId"] = json!("again");
    let second = start(&admin, again.clone()).await?;
    let job = done(&admin, &second).await?;
    assert_eq!((&job["done"], &job["changed"]), (&json!(3), &json!(0)));
    // None are found: that is done, too.
    again["clientMutationId"] = json!("nothing");
    again["selection"] = json!({ "filter": { "name": "nobody" } });
    let third = start(&admin, again).await?;
    let job = done(&admin, &third).await?;
    assert_eq!((&job["total"], &job["progress"]), (&json!(0), &json!(100.0)));

    // The newest first, page by page.
    let mut listed = Vec::new();
    let mut after = Value::Null;
    loop {
        let data = admin.graphql_data(LIST, json!({ "first": 1, "after": after })).await?;
        let page = &data["bulkOperations"];
        let nodes = page["nodes"].as_array().context("operations")?;
        assert_eq!(nodes.len(), 1);
        assert_eq!(page["pageInfo"]["hasPreviousPage"], !after.is_null());
        listed.extend(nodes.iter().map(|node| node["id"].clone()));
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    assert_eq!(listed, [json!(third), json!(second), json!(id)]);
    let foreign = admin.graphql(LIST, json!({ "after": "nonsense" })).await?;
    assert_eq!((code(&foreign), fields(&foreign)), ("INVALID", vec!["after"]));
    Ok(())
}

async fn every_operation_does_what_its_dry_run_told(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    let data = admin
        .graphql_data(
            "mutation ($template: CreateTemplateInput!, $group: CreateDeviceGroupInput!) {
                createTemplate(input: $template) { template { id } }
                createDeviceGroup(input: $group) { deviceGroup { id } }
            }",
            json!({
                "template": { "organizationId": ALPHA, "name": "words", "config": word("first"), "defaultValues": { "place": "plain" } },
                "group": { "organizationId": ALPHA, "name": "masts", "variables": { "place": "hill" } },
            }),
        )
        .await?;
    let template = &data["createTemplate"]["template"]["id"];
    let group = &data["createDeviceGroup"]["deviceGroup"]["id"];
    let mut ids = Vec::new();
    for number in 1..5 {
        ids.push(device(&admin, ALPHA, number).await?);
    }
    let some = json!({ "ids": &ids[..3] });
    let all = json!({ "filter": { "active": true } });
    for (number, (selection, operation, changes, changed)) in [
        (&some, json!({ "addTemplates": [template] }), 3, 3),
        (&all, json!({ "setGroup": { "groupId": group } }), 3, 4),
        (&some, json!({ "mergeVariables": { "place": "tower" } }), 3, 3),
        (&all, json!({ "removeVariables": ["place", "other"] }), 3, 3),
        (&all, json!({ "setGroup": {} }), 3, 4),
        (&all, json!({ "removeTemplates": [template] }), 3, 3),
        (&some, json!({ "setActive": false }), 0, 3),
        (&some, json!({ "setActive": true }), 0, 3),
    ]
    .into_iter()
    .enumerate()
    {
        let input = json!({ "clientMutationId": format!("step {number}"), "selection": selection, "operation": operation });
        let before = checksums(&admin).await?;
        let run = exact(&admin, json!({ "startBulkOperation": input })).await?;
        assert_eq!((&run["changed"], &run["failed"]), (&json!(changes), &json!(0)), "{operation}");
        assert_eq!(checksums(&admin).await?, before, "nothing happened");
        let id = start(&admin, input).await?;
        let job = done(&admin, &id).await?;
        assert_eq!((&job["changed"], &job["failed"]), (&json!(changed), &json!(0)), "{operation}");
        assert_eq!(job["progress"], 100.0);
        assert_eq!(job["selectedIds"].is_array(), *selection == some);
        if operation["addTemplates"].is_array() {
            assert_eq!(job["templates"], json!([{ "name": "words" }]));
        }
        if operation["setGroup"]["groupId"].is_string() {
            assert_eq!(job["group"], json!({ "name": "masts" }));
        }
        patience(&format!("devices have what was foretold for {operation}"), async || {
            agrees(&before, &run, &checksums(&admin).await?)
        })
        .await?;
    }
    Ok(())
}

async fn an_operation_is_paused_resumed_and_cancelled(database: Database) -> anyhow::Result<()> {
    const DEVICES: u32 = 48;
    const ATTEMPTS: usize = 20;
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    for number in 1..=DEVICES {
        device(&admin, ALPHA, number).await?;
    }
    let order = |name: &str| {
        json!({
            "clientMutationId": name, "selection": { "filter": {} },
            "operation": { "mergeVariables": { name: "x" } },
        })
    };
    // A worker may be done before it is told to stop: then it is tried again.
    let stopped = async |name: &str, expected: &str| {
        for attempt in 0..ATTEMPTS {
            let name = format!("{expected}-{attempt}").to_lowercase();
            let id = start(&admin, order(&name)).await?;
            let data = admin.graphql_data(&control(name_of(expected)), json!({ "id": id })).await?;
            let state = &data[name_of(expected)]["job"]["state"];
            if state == expected {
                return anyhow::Ok((id, name));
            }
            assert_eq!(state, "DONE", "nothing happens to what is complete");
        }
        anyhow::bail!("{name}: every attempt was done too soon")
    };
    let (id, name) = stopped("pause", "PAUSED").await?;
    let paused = job(&admin, &id).await?;
    assert_eq!(paused["state"], "PAUSED");
    assert!(paused["progress"].as_f64().context("a number")? < 100.0, "{paused}");
    let data = admin.graphql_data(&control("resumeBulkOperation"), json!({ "id": id })).await?;
    assert_ne!(data["resumeBulkOperation"]["job"]["state"], "PAUSED");
    let resumed = done(&admin, &id).await?;
    assert_eq!((&resumed["done"], &resumed["failed"]), (&json!(DEVICES), &json!(0)));
    assert_eq!(resumed["progress"], 100.0);
    assert_eq!(with_variable(&admin, &name).await?.len(), DEVICES as usize);

    let (id, _) = stopped("cancel", "CANCELLED").await?;
    let cancelled = job(&admin, &id).await?;
    assert!(cancelled["progress"].as_f64().context("a number")? < 100.0, "{cancelled}");
    for (name, _) in CONTROLS {
        let data = admin.graphql_data(&control(name), json!({ "id": id })).await?;
        assert_eq!(data[name]["job"]["state"], "CANCELLED", "{name}");
    }
    Ok(())
}

/// The control that leads to a state.
fn name_of(state: &str) -> &'static str {
    CONTROLS.iter().find(|(_, leads)| *leads == state).map_or("", |(name, _)| name)
}

async fn devices_that_refuse_are_told(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    let (one, other) = (device(&admin, ALPHA, 1).await?, device(&admin, BETA, 2).await?);
    let nobody = "00000000-0000-4000-8000-00000000dead";
    let query = "mutation ($input: CreateDeviceGroupInput!) { createDeviceGroup(input: $input) { deviceGroup { id } } }";
    let input = json!({ "organizationId": ALPHA, "name": "masts" });
    let data = admin.graphql_data(query, json!({ "input": input })).await?;
    let group = &data["createDeviceGroup"]["deviceGroup"]["id"];
    let input = json!({
        "clientMutationId": "group", "selection": { "ids": [one, other, nobody, one] },
        "operation": { "setGroup": { "groupId": group } },
    });
    let told = |failures: &Value| -> anyhow::Result<Vec<(Value, Value)>> {
        let failures = failures.as_array().context("failures")?.iter();
        let mut told: Vec<(Value, Value)> = failures
            .map(|failure| {
                assert!(failure["reason"].as_str().is_some_and(|reason| !reason.is_empty()));
                (failure["id"].clone(), failure["device"]["name"].clone())
            })
            .collect();
        told.sort_by_key(|(id, _)| id.to_string());
        Ok(told)
    };
    let run = exact(&admin, json!({ "startBulkOperation": input })).await?;
    let id = start(&admin, input).await?;
    let job = done(&admin, &id).await?;
    assert_eq!(
        ["total", "done", "changed", "failed"].map(|field| job[field].as_u64()),
        [Some(3), Some(3), Some(1), Some(2)],
        "{job}"
    );
    let mut expected = vec![(json!(other), json!("ap-002")), (json!(nobody), Value::Null)];
    expected.sort_by_key(|(id, _)| id.to_string());
    assert_eq!(told(&job["failures"])?, expected);
    assert_eq!(told(&run["failedDevices"])?, expected, "the dry run knew");
    let query = "query ($id: ID!) { device(id: $id) { group { name } } }";
    let data = admin.graphql_data(query, json!({ "id": one })).await?;
    assert_eq!(data["device"]["group"]["name"], "masts");
    Ok(())
}

async fn orders_that_cannot_be_are_refused(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    let id = device(&admin, ALPHA, 1).await?;
    let many = vec![&id; 1001];
    let every = json!({ "filter": {} });
    let off = json!({ "setActive": false });
    let refusal = async |key: &str, selection: &Value, operation: &Value, field: &str| {
        let input =
            json!({ "clientMutationId": key, "selection": selection, "operation": operation });
        let refused = admin.graphql(START, json!({ "input": input })).await?;
        assert_eq!((code(&refused), &*fields(&refused)), ("INVALID", &[field][..]), "{refused}");
        if field != "clientMutationId" {
            let change = json!({ "startBulkOperation": input });
            let run = admin.graphql(crate::dry_runs::DRY_RUN, json!({ "change": change })).await?;
            assert_eq!((code(&run), &*fields(&run)), ("INVALID", &[field][..]), "{run}");
        }
        anyhow::Ok(())
    };
    refusal("", &every, &off, "clientMutationId").await?;
    refusal(&"x".repeat(201), &every, &off, "clientMutationId").await?;
    refusal("a\u{0}b", &every, &off, "clientMutationId").await?;
    for (selection, field) in [
        (json!({ "ids": ["nope"] }), "selection.ids"),
        (json!({ "ids": many }), "selection.ids"),
        (json!({ "filter": { "ids": many } }), "filter.ids"),
        (json!({ "filter": { "groupId": "nope" } }), "filter.groupId"),
    ] {
        refusal("selection", &selection, &off, field).await?;
    }
    let names: Vec<String> = (0..101).map(|number| format!("v{number}")).collect();
    for (operation, field) in [
        (json!({ "setGroup": { "groupId": "nope" } }), "operation.setGroup.groupId"),
        (json!({ "setGroup": { "groupId": id } }), "operation.setGroup.groupId"),
        (json!({ "addTemplates": ["nope"] }), "operation.addTemplates"),
        (json!({ "addTemplates": [id] }), "operation.addTemplates"),
        (json!({ "removeTemplates": [id] }), "operation.removeTemplates"),
        (json!({ "mergeVariables": { "x": "a\u{0}b" } }), "operation.mergeVariables"),
        (json!({ "removeVariables": names }), "operation.removeVariables"),
    ] {
        refusal("operation", &every, &operation, field).await?;
    }
    for (selection, operation) in [
        (json!({}), off.clone()),
        (json!({ "ids": [id], "filter": {} }), off.clone()),
        (every.clone(), json!({})),
        (every.clone(), json!({ "setActive": true, "setGroup": {} })),
    ] {
        let input =
            json!({ "clientMutationId": "one of", "selection": selection, "operation": operation });
        let refused = admin.graphql(START, json!({ "input": input })).await?;
        assert!(refused["errors"].is_array() && refused["data"].is_null(), "{refused}");
    }
    let list = admin.graphql_data(LIST, json!({})).await?;
    assert_eq!(list["bulkOperations"]["nodes"], json!([]), "nothing was ordered");
    Ok(())
}

async fn what_others_own_is_out_of_reach(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let (admin, nobody) = (server.admin(), server.client());
    let manager = nobody.with_token(ALPHA_MANAGER);
    let (own, foreign) = (device(&admin, ALPHA, 1).await?, device(&admin, BETA, 2).await?);
    let query = "mutation ($input: CreateDeviceGroupInput!) { createDeviceGroup(input: $input) { deviceGroup { id } } }";
    let input = json!({ "organizationId": BETA, "name": "theirs" });
    let data = admin.graphql_data(query, json!({ "input": input })).await?;
    let group = &data["createDeviceGroup"]["deviceGroup"]["id"];

    let words = json!({ "mergeVariables": { "word": "mine" } });
    let order = |key: &str, selection: Value, operation: &Value| json!({ "clientMutationId": key, "selection": selection, "operation": operation });
    // Whatever is selected, others' devices are not among it.
    let every = start(&manager, order("every", json!({ "filter": {} }), &words)).await?;
    let job = done(&manager, &every).await?;
    assert_eq!((&job["total"], &job["changed"]), (&json!(1), &json!(1)));
    let input = order("theirs", json!({ "filter": { "organizationIds": [BETA] } }), &words);
    let theirs = start(&manager, input).await?;
    assert_eq!(done(&manager, &theirs).await?["total"], 0);
    let input = order("named", json!({ "ids": [own, foreign] }), &json!({ "setActive": false }));
    let run = exact(&manager, json!({ "startBulkOperation": input })).await?;
    let named = start(&manager, input).await?;
    let job = done(&manager, &named).await?;
    assert_eq!((&job["changed"], &job["failed"]), (&json!(1), &json!(1)));
    for failure in [&job["failures"][0], &run["failedDevices"][0]] {
        assert_eq!((&failure["id"], &failure["device"]), (&json!(foreign), &Value::Null));
    }
    assert_eq!(with_variable(&admin, "word").await?, ["ap-001"]);
    let input =
        order("group", json!({ "filter": {} }), &json!({ "setGroup": { "groupId": group } }));
    let refused = manager.graphql(START, json!({ "input": input })).await?;
    let expected = ("INVALID", vec!["operation.setGroup.groupId"]);
    assert_eq!((code(&refused), fields(&refused)), expected);

    // Nor are others' operations there.
    let input = order("words", json!({ "ids": [own, foreign] }), &words);
    let across = start(&admin, input.clone()).await?;
    assert_ne!(start(&manager, input.clone()).await?, across, "ids belong to whoever chose them");
    done(&admin, &across).await?;
    for (client, expected) in [(&manager, "NOT_FOUND"), (&nobody, "UNAUTHENTICATED")] {
        let answer = client.graphql(JOB, json!({ "id": across })).await?;
        assert_eq!(code(&answer), expected, "{answer}");
        for (name, _) in CONTROLS {
            let answer = client.graphql(&control(name), json!({ "id": across })).await?;
            assert_eq!(code(&answer), expected, "{name}: {answer}");
        }
    }
    let node = "query ($id: ID!) { node(id: $id) { id } }";
    let data = manager.graphql_data(node, json!({ "id": across })).await?;
    assert_eq!(data["node"], Value::Null);
    for (query, variables) in [(LIST, json!({})), (START, json!({ "input": input }))] {
        assert_eq!(code(&nobody.graphql(query, variables).await?), "UNAUTHENTICATED");
    }
    let seen = async |client: &Client| {
        let data = client.graphql_data(LIST, json!({ "first": 50 })).await?;
        let nodes = data["bulkOperations"]["nodes"].as_array().context("operations")?.clone();
        anyhow::Ok(nodes.into_iter().map(|mut node| node["id"].take()).collect::<Vec<_>>())
    };
    let (mine, all) = (seen(&manager).await?, seen(&admin).await?);
    assert_eq!((mine.len(), all.len()), (4, 5));
    assert!(!mine.contains(&json!(across)) && mine.contains(&json!(every)), "{mine:?}");
    Ok(())
}
