//! Devices as they change.

use serde_json::{Value, json};
use wisptrail_tests::{Database, Server, Start, on_each_database};

use crate::{ALPHA, ALPHA_MANAGER, BETA, device, live::Socket};

on_each_database!(a_change_shows_the_device_as_it_is, devices_come_and_go, only_what_is_selected);

const CHANGED: &str = "subscription ($id: ID, $filter: DeviceChangedFilter, $after: Position) {
    deviceChanged(deviceId: $id, filter: $filter, after: $after) {
        deviceId position resumeAfter types
        device { id name organization { slug } group { name } configuration { status } }
    }
}";

const CHANGE: &str =
    "mutation ($input: ChangeDeviceInput!) { changeDevice(input: $input) { position } }";

/// The next device that changed, after which this position was reached.
async fn reached(socket: &mut Socket, position: &Value) -> anyhow::Result<Vec<Value>> {
    let mut told = Vec::new();
    loop {
        let change = socket.next().await?["deviceChanged"].take();
        let end = change["position"].as_i64() >= position.as_i64();
        told.push(change);
        if end {
            return Ok(told);
        }
    }
}

async fn a_change_shows_the_device_as_it_is(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    let id = device(&admin, ALPHA, 1).await?;
    let group = "mutation ($input: CreateDeviceGroupInput!) { createDeviceGroup(input: $input) { deviceGroup { id } position } }";
    let input = json!({ "organizationId": ALPHA, "name": "roofs" });
    let data = admin.graphql_data(group, json!({ "input": input })).await?;
    let group = data["createDeviceGroup"]["deviceGroup"]["id"].clone();
    let start = data["createDeviceGroup"]["position"].clone();

    let mut socket = Socket::open(&server, ALPHA_MANAGER).await?;
    socket.subscribe("1", CHANGED, json!({ "id": id, "after": start })).await?;
    let input = json!({ "id": id, "name": "ap-roof", "groupId": group });
    let data = admin.graphql_data(CHANGE, json!({ "input": input })).await?;
    let told = reached(&mut socket, &data["changeDevice"]["position"]).await?;
    let last = told.last().cloned().unwrap_or_default();
    assert_eq!(last["deviceId"], json!(id));
    assert_eq!(last["device"]["name"], "ap-roof");
    assert_eq!(last["device"]["organization"]["slug"], "alpha");
    assert_eq!(last["device"]["group"]["name"], "roofs");
    let types: Vec<&Value> =
        told.iter().filter_map(|change| change["types"].as_array()).flatten().collect();
    assert!(types.contains(&&json!("device.renamed")), "{types:?}");
    assert!(types.contains(&&json!("device.group_changed")), "{types:?}");

    // What was missed is told once, as it is now.
    drop(socket);
    let resume = last["resumeAfter"].clone();
    let mut end = Value::Null;
    for name in ["ap-one", "ap-two", "ap-three"] {
        let input = json!({ "id": id, "name": name });
        let data = admin.graphql_data(CHANGE, json!({ "input": input })).await?;
        end = data["changeDevice"]["position"].clone();
    }
    let mut socket = Socket::open(&server, ALPHA_MANAGER).await?;
    socket.subscribe("1", CHANGED, json!({ "id": id, "after": resume })).await?;
    let told = reached(&mut socket, &end).await?;
    let renamed = told.iter().filter(|change| {
        change["types"].as_array().is_some_and(|types| types.contains(&json!("device.renamed")))
    });
    assert_eq!(renamed.count(), 1, "{told:?}");
    assert!(told.iter().all(|change| change["device"]["name"] == "ap-three"), "{told:?}");
    Ok(())
}

async fn devices_come_and_go(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    let moving = device(&admin, ALPHA, 1).await?;
    let head =
        admin.graphql_data(CHANGE, json!({ "input": { "id": moving, "notes": "x" } })).await?;
    let start = head["changeDevice"]["position"].clone();
    let mut socket = Socket::open(&server, ALPHA_MANAGER).await?;
    socket.subscribe("1", CHANGED, json!({ "after": start })).await?;

    let foreign = device(&admin, BETA, 2).await?;
    let own = device(&admin, ALPHA, 3).await?;
    loop {
        let change = socket.next().await?["deviceChanged"].take();
        if change["deviceId"] == json!(own) {
            assert_eq!(change["device"]["id"], json!(own));
            break;
        }
        // Renderings of the first one may come later than its change.
        assert_eq!(change["deviceId"], json!(moving));
    }
    let input = json!({ "id": moving, "organizationId": BETA });
    admin.graphql_data(CHANGE, json!({ "input": input })).await?;
    loop {
        let change = socket.next().await?["deviceChanged"].take();
        if change["deviceId"] == json!(moving) && change["device"].is_null() {
            assert_eq!(change["types"], json!([]), "{change}");
            break;
        }
        assert_ne!(change["deviceId"], json!(foreign));
    }
    // From here on it is none of theirs.
    for id in [&moving, &foreign] {
        admin.graphql_data(CHANGE, json!({ "input": { "id": id, "notes": "theirs" } })).await?;
    }
    let input = json!({ "id": own, "notes": "the last one" });
    let data = admin.graphql_data(CHANGE, json!({ "input": input })).await?;
    let told = reached(&mut socket, &data["changeDevice"]["position"]).await?;
    assert!(told.iter().all(|change| change["deviceId"] == json!(own)), "{told:?}");

    let remove =
        "mutation ($id: ID!) { removeDevice(input: { id: $id, force: true }) { position } }";
    let data = admin.graphql_data(remove, json!({ "id": own })).await?;
    let told = reached(&mut socket, &data["removeDevice"]["position"]).await?;
    let last = told.last().cloned().unwrap_or_default();
    assert!(last["device"].is_null() && last["deviceId"] == json!(own), "{last}");
    socket.subscribe("2", CHANGED, json!({ "id": foreign })).await?;
    assert_eq!(socket.error().await?, "NOT_FOUND");
    Ok(())
}

async fn only_what_is_selected(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    let group = "mutation ($input: CreateDeviceGroupInput!) { createDeviceGroup(input: $input) { deviceGroup { id } position } }";
    let input = json!({ "organizationId": ALPHA, "name": "roofs" });
    let data = admin.graphql_data(group, json!({ "input": input })).await?;
    let group = data["createDeviceGroup"]["deviceGroup"]["id"].clone();
    let start = data["createDeviceGroup"]["position"].clone();
    let (inside, outside, foreign) = (
        device(&admin, ALPHA, 1).await?,
        device(&admin, ALPHA, 2).await?,
        device(&admin, BETA, 3).await?,
    );
    let mut socket = Socket::open(&server, wisptrail_tests::ADMIN_TOKEN).await?;
    let filter = json!({ "organizationIds": [ALPHA], "groupId": group });
    socket.subscribe("1", CHANGED, json!({ "after": start, "filter": filter })).await?;
    for (id, name) in [(&outside, "ap-x"), (&foreign, "ap-y")] {
        let input = json!({ "id": id, "name": name });
        admin.graphql_data(CHANGE, json!({ "input": input })).await?;
    }
    let input = json!({ "id": inside, "groupId": group });
    let data = admin.graphql_data(CHANGE, json!({ "input": input })).await?;
    let told = reached(&mut socket, &data["changeDevice"]["position"]).await?;
    assert!(told.iter().all(|change| change["deviceId"] == json!(inside)), "{told:?}");
    // Leaving is the last that is heard of it.
    let input = json!({ "id": inside, "groupId": null });
    let data = admin.graphql_data(CHANGE, json!({ "input": input })).await?;
    let told = reached(&mut socket, &data["changeDevice"]["position"]).await?;
    assert!(told.iter().any(|change| change["device"]["group"].is_null()), "{told:?}");
    Ok(())
}
