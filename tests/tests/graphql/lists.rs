//! Lists, cursors, filters, and what a page costs the database.

use std::collections::BTreeSet;

use anyhow::Context;
use serde_json::{Value, json};
use wisptrail_tests::{
    Client, Database, Server, Start, on_each_database, patience, register, secret_of,
};

use crate::{ALPHA, code, device};

on_each_database!(
    pages_go_both_ways_and_lose_nothing,
    devices_are_found_by_what_operators_look_for,
    a_page_costs_a_constant_number_of_statements,
    everything_is_a_node,
);

const NAMES: &str = "query ($first: Int, $after: String, $last: Int, $before: String, $orderBy: DeviceOrderBy, $descending: Boolean) {
    devices(first: $first, after: $after, last: $last, before: $before, orderBy: $orderBy, descending: $descending) {
        totalCount
        nodes { name }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
}";

fn names(page: &Value) -> Vec<&str> {
    let nodes = page["devices"]["nodes"].as_array();
    nodes.into_iter().flatten().filter_map(|node| node["name"].as_str()).collect()
}

async fn pages_go_both_ways_and_lose_nothing(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    for number in 0..7 {
        device(&admin, ALPHA, number).await?;
    }
    for (order, descending) in [
        ("NAME", false),
        ("NAME", true),
        ("CREATED", false),
        ("MODIFIED", true),
        ("LAST_CONTACT", false),
        ("STATUS", true),
        ("MODEL", false),
    ] {
        let ask = async |window: Value| {
            let mut variables = json!({ "orderBy": order, "descending": descending });
            let all = variables.as_object_mut().context("an object")?;
            all.extend(window.as_object().cloned().unwrap_or_default());
            admin.graphql_data(NAMES, variables).await
        };
        let whole = ask(json!({ "first": 100 })).await?;
        assert_eq!(names(&whole).len(), 7, "{order}");
        assert_eq!(whole["devices"]["totalCount"], 7);

        let (mut forth, mut after) = (Vec::new(), Value::Null);
        loop {
            let page = ask(json!({ "first": 3, "after": after })).await?;
            forth.extend(names(&page).iter().map(ToString::to_string));
            let info = &page["devices"]["pageInfo"];
            assert_eq!(info["hasPreviousPage"], !after.is_null());
            after = info["endCursor"].clone();
            if info["hasNextPage"] == false {
                break;
            }
        }
        assert_eq!(forth, names(&whole), "{order} forth");

        let (mut back, mut before): (Vec<String>, _) = (Vec::new(), Value::Null);
        loop {
            let page = ask(json!({ "last": 3, "before": before })).await?;
            back.splice(0..0, names(&page).iter().map(ToString::to_string));
            let info = &page["devices"]["pageInfo"];
            assert_eq!(info["hasNextPage"], !before.is_null());
            before = info["startCursor"].clone();
            if info["hasPreviousPage"] == false {
                break;
            }
        }
        assert_eq!(back, forth, "{order} back");
    }

    // A cursor of another order would compare names with moments.
    let page = admin.graphql_data(NAMES, json!({ "first": 1, "orderBy": "NAME" })).await?;
    let cursor = &page["devices"]["pageInfo"]["endCursor"];
    for wrong in [json!({ "after": cursor, "orderBy": "CREATED" }), json!({ "after": "nonsense" })]
    {
        assert_eq!(code(&admin.graphql(NAMES, wrong).await?), "INVALID");
    }
    let others =
        "query ($after: String) { templates(after: $after, orderBy: NAME) { totalCount } }";
    assert_eq!(code(&admin.graphql(others, json!({ "after": cursor })).await?), "INVALID");
    Ok(())
}

async fn devices_are_found_by_what_operators_look_for(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    for number in 0..4 {
        device(&admin, ALPHA, number).await?;
    }
    let live =
        register(&server.client(), &secret_of("alpha")?, "live", "02:00:00:00:09:01").await?;
    server.client().get(&live.checksum_path()).await?.expect(200)?;
    let report = format!("/controller/report-status/{}/", live.id);
    let form = [
        ("key", live.key.as_str()),
        ("status", "error"),
        ("error_reason", "uci: Parse error (100% sure)"),
    ];
    server.client().post_form(&report, &form).await?.expect(200)?;

    let query = "query ($filter: DeviceFilterInput) { devices(filter: $filter) { totalCount nodes { name explanation } } }";
    let found = async |filter: Value| {
        let data = admin.graphql_data(query, json!({ "filter": filter })).await?;
        anyhow::Ok(names(&data).into_iter().map(str::to_owned).collect::<BTreeSet<_>>())
    };
    let set = |names: &[&str]| names.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    assert_eq!(found(json!({ "search": "AP-00" })).await?.len(), 4);
    assert_eq!(found(json!({ "search": "02:00:00:00:00:02" })).await?, set(&["ap-002"]));
    assert_eq!(found(json!({ "search": "%" })).await?, set(&[]), "a wildcard is a text");
    assert_eq!(found(json!({ "model": "model 0" })).await?, set(&["ap-000", "ap-003"]));
    assert_eq!(found(json!({ "failing": true })).await?, set(&["live"]));
    assert_eq!(found(json!({ "error": "100% SURE" })).await?, set(&["live"]));
    assert_eq!(found(json!({ "status": "ERROR", "ungrouped": true })).await?, set(&["live"]));
    assert_eq!(found(json!({ "status": "APPLIED" })).await?, set(&[]));
    assert_eq!(found(json!({ "organizationIds": [crate::BETA] })).await?, set(&[]));
    assert_eq!(found(json!({ "backend": "netjsonconfig.OpenWrt" })).await?.len(), 5);
    // Letters of every alphabet have two cases; times are as far away as they like.
    let change =
        "mutation ($input: ChangeDeviceInput!) { changeDevice(input: $input) { position } }";
    let input = json!({ "id": live.dashed(), "model": "ÜBER Straße ΔΪ" });
    admin.graphql_data(change, json!({ "input": input })).await?;
    for text in ["ÜBER", "über", "STRAßE", "δϊ"] {
        assert_eq!(found(json!({ "model": text })).await?, set(&["live"]), "{text}");
        assert_eq!(found(json!({ "search": text })).await?, set(&["live"]), "{text}");
    }
    assert_eq!(found(json!({ "createdSince": "-262143-01-01T00:00:00Z" })).await?.len(), 5);
    assert_eq!(found(json!({ "createdBefore": "-262143-01-01T00:00:00Z" })).await?.len(), 0);
    // What is given holds together with where it is asked.
    let of = "query ($id: ID!, $filter: DeviceFilterInput) { organization(id: $id) { devices(filter: $filter) { totalCount } } }";
    for (wanted, count) in [(ALPHA, 5), (crate::BETA, 0)] {
        let asked = json!({ "id": ALPHA, "filter": { "organizationIds": [wanted] } });
        let data = admin.graphql_data(of, asked).await?;
        assert_eq!(data["organization"]["devices"]["totalCount"], count);
    }
    // Contacts are written down every few seconds.
    patience("the contact is found", async || {
        Ok(found(json!({ "heardWithin": 60 })).await? == set(&["live"]))
    })
    .await?;
    assert_eq!(found(json!({ "silentFor": 60 })).await?.len(), 4);

    let data = admin.graphql_data(query, json!({ "filter": { "name": "LIVE" } })).await?;
    let explanation = data["devices"]["nodes"][0]["explanation"].as_str().unwrap_or_default();
    assert!(explanation.contains("uci: Parse error"), "{explanation}");

    // Why somebody is not there.
    let wrong = live.checksum_path().replace(&live.key, "ffffffffffffffffffffffffffffffff");
    server.client().get(&wrong).await?.expect(403)?;
    let refused = "query ($id: ID) { refusedRequests(deviceId: $id) { kind reason subject count organization { slug } } }";
    let id = json!({ "id": live.dashed() });
    patience("the refusal is written down", async || {
        let data = admin.graphql_data(refused, id.clone()).await?;
        let expected = json!([{
            "kind": "poll", "reason": "wrong_key", "subject": live.dashed(), "count": 1,
            "organization": { "slug": "alpha" },
        }]);
        Ok(data["refusedRequests"] == expected)
    })
    .await
}

const FULL_PAGE: &str = "query ($first: Int) {
    devices(first: $first) {
        totalCount
        nodes {
            id name explanation
            organization { slug }
            group { name templates { name } }
            presence { lastContactAt }
            configuration { status templates { name } archive { md5 } }
        }
    }
}";

async fn a_page_costs_a_constant_number_of_statements(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    let template = "mutation ($input: CreateTemplateInput!) { createTemplate(input: $input) { template { id } } }";
    let config = json!({ "files": [{ "path": "/etc/x", "mode": "0644", "contents": "x" }] });
    let input = json!({ "organizationId": ALPHA, "name": "grouped", "config": config });
    let data = admin.graphql_data(template, json!({ "input": input })).await?;
    let template = data["createTemplate"]["template"]["id"].clone();
    let group = "mutation ($input: CreateDeviceGroupInput!) { createDeviceGroup(input: $input) { deviceGroup { id } } }";
    let change =
        "mutation ($input: ChangeDeviceInput!) { changeDevice(input: $input) { position } }";
    for number in 0..100 {
        let id = device(&admin, ALPHA, number).await?;
        if number % 10 == 0 {
            let input = json!({ "organizationId": ALPHA, "name": format!("g{number}"), "templateIds": [template] });
            let data = admin.graphql_data(group, json!({ "input": input })).await?;
            let group = &data["createDeviceGroup"]["deviceGroup"]["id"];
            let input = json!({ "id": id, "groupId": group });
            admin.graphql_data(change, json!({ "input": input })).await?;
        }
    }
    let mut spent = Vec::new();
    for first in [10, 100] {
        let before = asked(&admin).await?;
        let data = admin.graphql_data(FULL_PAGE, json!({ "first": first })).await?;
        let nodes = data["devices"]["nodes"].as_array().context("nodes")?;
        assert_eq!(nodes.len(), first);
        let grouped =
            nodes.iter().filter(|node| node["group"]["templates"][0]["name"] == "grouped");
        assert_eq!(grouped.count(), first / 10);
        spent.push(asked(&admin).await? - before);
    }
    // The token, the page in one state with its count, and one for each kind of thing that it refers to; templates
    // twice, because configurations and groups know theirs at different moments. What is asked for while an earlier
    // batch is under way is a batch of its own, so the number varies a little, and never with the rows.
    assert!(spent.iter().all(|spent| *spent <= 25), "statements for 10 and 100 devices: {spent:?}");
    Ok(())
}

/// Statements that requests have asked for so far.
async fn asked(client: &Client) -> anyhow::Result<u64> {
    let metrics = client.get("/metrics").await?.expect(200)?.text();
    let name = "wisptrail_store_asked_by_requests_total ";
    let value = metrics.lines().find_map(|line| line.strip_prefix(name)).context("not counted")?;
    Ok(value.parse()?)
}

async fn everything_is_a_node(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    let id = device(&admin, ALPHA, 1).await?;
    let query = "query ($id: ID!) { node(id: $id) { __typename id } }";
    for (id, kind) in [
        (id.as_str(), "Device"),
        (ALPHA, "Organization"),
        ("71000000-0000-4000-8000-000000000001", "Template"),
    ] {
        let data = admin.graphql_data(query, json!({ "id": id })).await?;
        assert_eq!(data["node"], json!({ "__typename": kind, "id": id }));
    }
    let nothing = json!({ "id": "00000000-0000-4000-8000-00000000dead" });
    assert_eq!(admin.graphql_data(query, nothing).await?["node"], Value::Null);
    assert_eq!(code(&admin.graphql(query, json!({ "id": "nonsense" })).await?), "INVALID");
    Ok(())
}
