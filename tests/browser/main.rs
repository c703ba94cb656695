//! Pages as people use them, in a real browser: headless Chromium where it is installed. Elsewhere these stories say
//! `browser: absent` and are not told.

mod chromium;

use std::io::Write as _;

use serde_json::{Value, json};
use wisptrail_tests::{ADMIN_TOKEN, Database, Server, Start, note_secret};

use crate::chromium::Chromium;

const FORM: &str = "document.activeElement?.id === 'username'";
const EDITOR: &str = "document.querySelector('.graphiql-query-editor .CodeMirror').CodeMirror";
const SIGNED_IN: &str = "document.getElementById('viewer') !== null";

/// A server, and a browser that shows its page for GraphQL; nothing where there is no browser.
async fn page() -> anyhow::Result<Option<(Server, Chromium)>> {
    let Some((server, mut browser)) = opened("/graphql").await? else { return Ok(None) };
    browser.until(FORM).await?;
    Ok(Some((server, browser)))
}

/// A server, and a browser that goes to one of its pages; nothing where there is no browser.
async fn opened(path: &str) -> anyhow::Result<Option<(Server, Chromium)>> {
    let Some(mut browser) = Chromium::start().await? else {
        // Past the runner, which keeps what passing tests say.
        std::io::stderr().write_all(b"browser: absent\n")?;
        return Ok(None);
    };
    let server = Server::start(&Database::Sqlite, Start::with_fixture()?).await?;
    let address = format!("{}{path}", server.address());
    browser.command("Page.navigate", json!({ "url": address })).await?;
    Ok(Some((server, browser)))
}

/// As people do without a mouse.
async fn sign_in(browser: &mut Chromium, username: &str, password: &str) -> anyhow::Result<()> {
    browser.until(FORM).await?;
    browser.type_text(username).await?;
    browser.press("Tab", 9, false).await?;
    browser.type_text(password).await?;
    browser.press("Enter", 13, false).await
}

/// The page asked nobody but its server, and its policy forbade it nothing.
fn assert_at_home(browser: &Chromium, server: &Server) {
    for address in &browser.asked {
        let home = address.starts_with(server.address()) || address.starts_with("data:");
        assert!(home, "{address}");
    }
    assert!(!browser.asked.is_empty());
    assert_eq!(browser.complaints, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn people_sign_in_and_run_a_query() -> anyhow::Result<()> {
    let Some((server, mut browser)) = page().await? else { return Ok(()) };
    sign_in(&mut browser, "admin", "admin").await?;
    browser.until(SIGNED_IN).await?;
    let viewer = server.admin().graphql_data("{ viewer { actor } }", json!({})).await?;
    let shown = browser.evaluate("document.getElementById('viewer').textContent").await?;
    assert_eq!(shown, viewer["viewer"]["actor"]);
    let header = browser.evaluate("document.querySelector('header').textContent").await?;
    assert!(header.as_str().is_some_and(|text| text.contains("superuser")), "{header}");

    // The token is in the tab's storage and in no other.
    let kept = browser.evaluate("sessionStorage.getItem('wisptrail:token')").await?;
    let kept = kept.as_str().unwrap_or_default();
    note_secret(kept);
    let client = server.client().with_token(kept);
    let theirs = client.graphql_data("{ viewer { actor } }", json!({})).await?;
    assert!(theirs == viewer, "the token is somebody else's");
    let elsewhere = "localStorage.length + document.cookie.length";
    assert_eq!(browser.evaluate(elsewhere).await?, 0);

    browser.until(&format!("Boolean({EDITOR})")).await?;
    browser.evaluate(&format!("{EDITOR}.focus(); {EDITOR}.execCommand('selectAll')")).await?;
    browser.type_text("{ organizations(first: 3) { nodes { slug } totalCount } }").await?;
    browser.press("Enter", 13, true).await?;
    let result = "document.querySelector('.result-window .CodeMirror')?.CodeMirror.getValue()";
    browser.until(&format!("{result}?.includes('totalCount')")).await?;
    let answer = browser.evaluate(result).await?;
    let answer: Value = serde_json::from_str(answer.as_str().unwrap_or_default())?;
    let query = "{ organizations(first: 3) { nodes { slug } totalCount } }";
    assert_eq!(answer["data"], server.admin().graphql_data(query, json!({})).await?);

    // The schema came, too: the documentation names its root.
    let documentation = "document.querySelector('[aria-label=\"Show Documentation Explorer\"]')";
    browser.evaluate(&format!("{documentation}.click()")).await?;
    browser
        .until("document.querySelector('.graphiql-doc-explorer')?.innerText.includes('Mutation')")
        .await?;

    // A dialog opens, as far as the policy is concerned, and goes.
    browser
        .evaluate("document.querySelector('[aria-label=\"Open settings dialog\"]').click()")
        .await?;
    browser.until("document.querySelector('[role=dialog]') !== null").await?;
    browser.press("Escape", 27, false).await?;
    browser.until("document.querySelector('[role=dialog]') === null").await?;

    // The tab remembers, until somebody signs out.
    browser.command("Page.reload", json!({})).await?;
    browser.until(SIGNED_IN).await?;
    browser.evaluate("document.querySelector('header button').click()").await?;
    browser.until(FORM).await?;
    assert_eq!(browser.evaluate("sessionStorage.length + localStorage.length").await?, 0);
    assert_at_home(&browser, &server);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_refused_reads_why() -> anyhow::Result<()> {
    let Some((server, mut browser)) = page().await? else { return Ok(()) };
    let narrow = json!({ "width": 360, "height": 640, "deviceScaleFactor": 1, "mobile": true });
    browser.command("Emulation.setDeviceMetricsOverride", narrow).await?;
    browser.until("window.innerWidth === 360").await?;

    sign_in(&mut browser, "admin", "not-the-password").await?;
    let alert = "document.querySelector('[role=alert]').textContent";
    browser.until(&format!("{alert} === 'The user name or the password is wrong.'")).await?;
    assert_eq!(browser.evaluate(SIGNED_IN).await?, false);
    assert_eq!(browser.evaluate("sessionStorage.length").await?, 0);
    // Whoever typed is back at the first field.
    assert_eq!(browser.evaluate(FORM).await?, true);

    // Every field is named, and nothing sticks out of a small screen.
    let named =
        "[...document.querySelectorAll('input')].every((field) => field.labels.length === 1)";
    assert_eq!(browser.evaluate(named).await?, true);
    let wide = "document.documentElement.scrollWidth <= 360";
    assert_eq!(browser.evaluate(wide).await?, true);
    assert_eq!(browser.evaluate("document.documentElement.lang").await?, "en");

    for (token, expected) in [
        ("1111111111111111111111111111111111111111", false),
        ("no token, but words", false),
        (ADMIN_TOKEN, true),
    ] {
        browser.evaluate("document.querySelector('input[value=token]').click()").await?;
        browser.until("document.activeElement?.id === 'token'").await?;
        browser.evaluate("document.activeElement.select()").await?;
        browser.type_text(token).await?;
        browser.press("Enter", 13, false).await?;
        if expected {
            browser.until(SIGNED_IN).await?;
        } else {
            browser.until(&format!("{alert} === 'The token is not valid.'")).await?;
        }
    }
    assert_at_home(&browser, &server);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn rest_is_shown_and_tried() -> anyhow::Result<()> {
    let Some((server, mut browser)) = opened("/api/v1/docs/").await? else { return Ok(()) };
    // Every operation of the document is there.
    let document = server.client().get("/api/v1/docs/openapi.json").await?.expect(200)?;
    let document = document.json().unwrap_or_default();
    let paths = document["paths"].as_object().into_iter().flatten();
    let operations: usize =
        paths.map(|(_, methods)| methods.as_object().map_or(0, serde_json::Map::len)).sum();
    assert!(operations > 50, "{operations}");
    browser
        .until(&format!("document.querySelectorAll('.opblock').length === {operations}"))
        .await?;

    // A token is entered, and kept nowhere.
    let click = |what: &str| format!("document.querySelector('{what}').click()");
    browser.evaluate(&click(".scheme-container .authorize")).await?;
    browser.until("document.querySelector('#auth-bearer-value') !== null").await?;
    browser.evaluate("document.querySelector('#auth-bearer-value').focus()").await?;
    browser.type_text(ADMIN_TOKEN).await?;
    browser.evaluate(&click(".auth-btn-wrapper .authorize")).await?;
    browser.until("document.querySelector('#auth-bearer-value') === null").await?;
    browser.evaluate(&click(".auth-btn-wrapper .btn-done")).await?;
    browser.until("document.querySelector('.dialog-ux') === null").await?;
    let kept = "sessionStorage.length + localStorage.length + document.cookie.length";
    assert_eq!(browser.evaluate(kept).await?, 0);

    // An operation is tried, and answered as it is without the page.
    let operation = "#operations-users-users_organization_list";
    browser.evaluate(&click(&format!("{operation} .opblock-summary-control"))).await?;
    browser.until(&format!("document.querySelector('{operation} .try-out__btn') !== null")).await?;
    browser.evaluate(&click(&format!("{operation} .try-out__btn"))).await?;
    browser.until(&format!("document.querySelector('{operation} .execute') !== null")).await?;
    browser.evaluate(&click(&format!("{operation} .execute"))).await?;
    let answer = format!("document.querySelector('{operation} .live-responses-table')?.innerText");
    browser.until(&format!("{answer}?.includes('\"count\"')")).await?;
    let shown = browser.evaluate(&answer).await?;
    let shown = shown.as_str().unwrap_or_default();
    assert!(shown.contains("200"), "{shown}");
    let listed = server.admin().get("/api/v1/users/organization/").await?.expect(200)?;
    let listed = listed.json().unwrap_or_default();
    let slug = listed["results"][0]["slug"].as_str().unwrap_or_default();
    assert!(!slug.is_empty() && shown.contains(slug), "{shown}");
    assert_at_home(&browser, &server);
    Ok(())
}
