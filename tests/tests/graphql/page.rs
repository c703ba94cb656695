//! The page for people, as their browsers load it.

use std::io::Read as _;

use flate2::read::GzDecoder;
use regex::Regex;
use reqwest::Method;
use wisptrail_tests::{Answer, Client, Database, Server, Start, on_each_database};

on_each_database!(
    browsers_get_a_page_of_this_server_alone,
    files_of_the_page_are_kept_for_ever,
    the_page_can_be_switched_off,
);

/// What browsers send.
const ACCEPT: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

async fn get(client: &Client, path: &str, headers: &[(&str, &str)]) -> anyhow::Result<Answer> {
    let request =
        headers.iter().fold(client.request(Method::GET, path), |request, (name, value)| {
            request.header(*name, *value)
        });
    client.send(request).await
}

/// The addresses in a page.
fn addresses(html: &str) -> Vec<String> {
    let attribute = Regex::new(r#"(?:src|href)="([^"]*)""#).expect("an expression");
    attribute.captures_iter(html).map(|found| found[1].to_owned()).collect()
}

async fn browsers_get_a_page_of_this_server_alone(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let client = server.client();
    let page = get(&client, "/graphql", &[("accept", ACCEPT)]).await?.expect(200)?;
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(page.header("x-frame-options"), Some("DENY"));
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(page.header("cache-control"), Some("no-cache"));
    assert_eq!(page.header("vary"), Some("accept"));

    let policy = page.header("content-security-policy").unwrap_or_default();
    let directives: Vec<&str> = policy.split(';').map(str::trim).collect();
    for directive in [
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "frame-ancestors 'none'",
        "form-action 'none'",
        "base-uri 'none'",
        "object-src 'none'",
    ] {
        assert!(directives.contains(&directive), "{directive}: {policy}");
    }
    for weakness in ["unsafe", "http:", "https:", "*"] {
        assert!(!policy.contains(weakness), "{weakness}: {policy}");
    }

    // Nothing inline, and nothing from elsewhere.
    let html = page.text();
    let inline = Regex::new(r"<script(?:[^>]*)>\s*[^<\s]|<style|\sstyle=|\son[a-z]+=")?;
    assert!(!inline.is_match(&html), "{html}");
    let addresses = addresses(&html);
    assert!(addresses.len() >= 3, "{html}");
    for address in &addresses {
        let ours = address.starts_with("/graphql/assets/") || address == "data:,";
        assert!(ours, "{address}");
    }

    // Programs, and whoever has no use for a page, are told what to send.
    for accept in ["application/json", "*/*", "text/html;q=0", "text/htmlx"] {
        let answer = get(&client, "/graphql", &[("accept", accept)]).await?.expect(405)?;
        assert_eq!(answer.header("allow"), Some("POST"), "{accept}");
        assert_eq!(answer.header("vary"), Some("accept"), "{accept}");
    }
    for method in [Method::PUT, Method::DELETE] {
        let request = client.request(method, "/graphql").header("accept", ACCEPT);
        let answer = client.send(request).await?.expect(405)?;
        assert_eq!(answer.header("allow"), Some("POST"));
    }
    Ok(())
}

async fn files_of_the_page_are_kept_for_ever(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let client = server.client();
    let page = get(&client, "/graphql", &[("accept", ACCEPT)]).await?.expect(200)?;
    let addresses = addresses(&page.text());
    let mut kinds = Vec::new();
    // The suite's client unzips by itself and says nothing of it.
    let raw = reqwest::Client::builder().no_gzip().no_proxy().tls_certs_only([]).build()?;
    let load = async |address: &str, encodings: &str| {
        let request = raw.get(format!("{}{address}", server.address()));
        let answer = request.header("accept-encoding", encodings).send().await?;
        let answer = answer.error_for_status()?;
        let headers = answer.headers().clone();
        anyhow::Ok((headers, answer.bytes().await?))
    };
    for address in addresses.iter().filter(|address| address.starts_with('/')) {
        let (headers, zipped) = load(address, "br, gzip;q=0.5").await?;
        assert_eq!(headers["content-encoding"], "gzip", "{address}");
        let mut unzipped = Vec::new();
        GzDecoder::new(&zipped[..]).read_to_end(&mut unzipped)?;
        for encodings in ["identity", "gzip;q=0, br"] {
            let (plain_headers, plain) = load(address, encodings).await?;
            assert!(!plain_headers.contains_key("content-encoding"), "{address}");
            assert!(plain == unzipped, "{address} differs");
            assert_eq!(plain_headers["content-type"], headers["content-type"]);
            assert_eq!(plain_headers["vary"], "accept-encoding");
        }
        assert_eq!(headers["cache-control"], "public, max-age=31536000, immutable");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        kinds.push(headers["content-type"].to_str()?.to_owned());
    }
    kinds.sort();
    let expected =
        ["text/css; charset=utf-8", "text/javascript; charset=utf-8", "text/plain; charset=utf-8"];
    assert_eq!(kinds, expected);
    for path in [
        "/graphql/assets/",
        "/graphql/assets/page.js",
        "/graphql/assets/page-0000000000000000.js",
        "/graphql/assets/..%2F..%2Fpage.html",
        "/graphql/assets/%00",
        "/graphql/assets/%ff",
    ] {
        let status = get(&client, path, &[]).await?.status;
        assert!(status == 404 || status == 400, "{path}: {status}");
    }
    Ok(())
}

async fn the_page_can_be_switched_off(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let page = get(&server.client(), "/graphql", &[("accept", ACCEPT)]).await?.expect(200)?;
    let addresses = addresses(&page.text());
    drop(server);

    let start = Start::with_fixture()?.set("WISPTRAIL_GRAPHQL__GRAPHIQL", "false");
    let server = Server::start(&database, start).await?;
    let client = server.client();
    let answer = get(&client, "/graphql", &[("accept", ACCEPT)]).await?.expect(405)?;
    assert_eq!(answer.header("allow"), Some("POST"));
    for address in addresses.iter().filter(|address| address.starts_with('/')) {
        get(&client, address, &[]).await?.expect(404)?;
    }
    let data =
        server.admin().graphql_data("{ viewer { superuser } }", serde_json::json!({})).await?;
    assert_eq!(data["viewer"]["superuser"], true);
    Ok(())
}
