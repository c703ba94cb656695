//! What one request may ask for.

use reqwest::Method;
use serde_json::{Value, json};
use wisptrail_tests::{Database, Server, Start, on_each_database};

on_each_database!(
    requests_are_bounded,
    malformed_requests_are_told_so,
    queries_may_be_named_by_their_hash,
    no_request_ends_the_program,
);

/// The parser goes as deep as a request does, on a stack that ends with the program.
async fn no_request_ends_the_program(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let nobody = server.client();
    for levels in [150, 1_000, 5_000, 100_000] {
        let nested =
            |open: &str, close: &str| format!("{}{}", open.repeat(levels), close.repeat(levels));
        let (lists, objects) = (nested("[", "]"), nested("{ a: ", " }"));
        for query in [
            format!("{{ devices(filter: {{ ids: {lists} }}) {{ totalCount }} }}"),
            format!("{{ devices(filter: {objects}) {{ totalCount }} }}"),
            format!("query ($a: Int = {lists}) {{ viewer {{ actor }} }}"),
            format!("query ($a: {}) {{ viewer {{ actor }} }}", nested("[", "]")),
            format!("{{ viewer @x(a: {lists}) {{ actor }} }}"),
            format!("{{ devices(filter: {{ ids: [\"\"\"a\" {lists} \"x\"] }}) {{ totalCount }} }}"),
            nested("{ viewer ", " }"),
            nested("{ ... ", " }"),
        ] {
            let body = json!({ "query": query });
            let answer = nobody.json(Method::POST, "/graphql", &body).await?;
            let errors = answer.json().unwrap_or_default();
            assert!(errors["errors"][0]["message"].is_string(), "{levels}: {errors}");
        }
    }
    server.admin().graphql_data("{ viewer { actor } }", json!({})).await?;
    Ok(())
}

async fn requests_are_bounded(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    let deep =
        format!("{{ {} id {} }}", "devices { nodes { group { ".repeat(6), "} } } ".repeat(6));
    let wide =
        "{ devices(first: 100) { nodes { group { devices(first: 100) { nodes { id } } } } } }";
    let aliases: Vec<String> =
        (0..6000).map(|number| format!("a{number}: viewer {{ actor }}")).collect();
    let directives = format!("{{ viewer {{ actor {} }} }}", "@include(if: true) ".repeat(100));
    for (what, query) in [
        ("depth", deep),
        ("complexity", wide.to_owned()),
        ("aliases", format!("{{ {} }}", aliases.join(" "))),
        ("directives", directives),
        ("recursion", format!("{{ viewer {} }}", "{ viewer ".repeat(5000))),
    ] {
        let answer = admin.graphql(&query, json!({})).await?;
        assert!(answer["errors"].is_array(), "{what}: {answer}");
        assert!(answer["data"].is_null(), "{what}");
    }
    let introspection = admin.graphql("{ __schema { queryType { name } } }", json!({})).await?;
    assert_eq!(introspection["data"]["__schema"]["queryType"]["name"], "Query");

    let batch: Vec<Value> = vec![json!({ "query": "{ viewer { actor } }" }); 10];
    let answer = admin.json(Method::POST, "/graphql", &json!(batch)).await?.expect(200)?;
    assert_eq!(answer.json().and_then(|answers| answers.as_array().map(Vec::len)), Some(10));
    let batch: Vec<Value> = vec![json!({ "query": "{ viewer { actor } }" }); 11];
    admin.json(Method::POST, "/graphql", &json!(batch)).await?.expect(400)?;
    let large = json!({ "query": format!("{{ viewer {{ actor }} }} #{}", "x".repeat(1 << 20)) });
    admin.json(Method::POST, "/graphql", &large).await?.expect(413)?;
    Ok(())
}

async fn malformed_requests_are_told_so(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    for (content_type, body, status) in [
        ("application/json", &b"{"[..], 400),
        ("application/json", b"[]", 400),
        ("application/json", b"7", 400),
        ("application/json", b"{\"query\": \"\xff\"}", 400),
        ("text/plain", b"{ viewer { actor } }", 415),
        ("multipart/form-data; boundary=x", b"--x--", 415),
        ("application/json", b"{\"query\": \"nonsense\"}", 200),
        ("application/json", b"{\"query\": \"{ nonsense }\"}", 200),
        ("application/json", b"{\"query\": \"{ viewer { actor } }\", \"variables\": 7}", 400),
    ] {
        let request = admin.request(Method::POST, "/graphql").header("content-type", content_type);
        let answer = admin.send(request.body(body)).await?.expect(status)?;
        let answer = answer.json().unwrap_or_default();
        assert!(answer["errors"][0]["message"].is_string(), "{body:?}: {answer}");
    }
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let answer = admin.send(admin.request(method, "/graphql")).await?.expect(405)?;
        assert_eq!(answer.header("allow"), Some("POST"));
    }
    Ok(())
}

async fn queries_may_be_named_by_their_hash(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let admin = server.admin();
    // SHA-256 of the text below.
    let text = "{ viewer { superuser } }";
    let hash = "318b3f4a8b0151629c445189f494123ceb4a41c8f7830a5d2367a97b80be6406";
    let named = json!({ "extensions": { "persistedQuery": { "version": 1, "sha256Hash": hash } } });
    let answer = admin.json(Method::POST, "/graphql", &named).await?.json().unwrap_or_default();
    assert_eq!(answer["errors"][0]["message"], "PersistedQueryNotFound");
    let mut told = named.clone();
    told["query"] = json!(text);
    let answer = admin.json(Method::POST, "/graphql", &told).await?.json().unwrap_or_default();
    assert_eq!(answer["data"]["viewer"]["superuser"], true, "{answer}");
    let answer = admin.json(Method::POST, "/graphql", &named).await?.json().unwrap_or_default();
    assert_eq!(answer["data"]["viewer"]["superuser"], true, "{answer}");
    Ok(())
}
