//! Mailed links on the real program: what is sent, what pages do with it, and that a kill sends nothing twice.

use std::sync::Arc;

use anyhow::Context as _;
use regex::Regex;
use reqwest::Method;
use serde_json::{Value, json};
use wisptrail_tests::{
    Answer, Database, Home, Server, Start, note_secret, on_each_database, patience,
    smtp::{Does, Peer, Protection, Step},
};

on_each_database!(
    a_link_leads_to_a_page_that_changes_the_password,
    an_address_is_confirmed_and_a_token_had_by_mail,
    a_kill_while_a_mail_leaves_sends_it_no_second_time,
    whatever_the_mail_server_does_and_through_a_kill_no_mail_is_sent_twice,
    a_mail_server_has_to_prove_its_name,
    mail_without_an_address_for_links_is_refused_at_start,
    whether_there_is_an_account_shows_in_no_answer_and_no_statement,
    mails_of_two_installations_are_told_apart,
);

const PASSWORD: &str = "Correct-Horse-7";
const OTHER: &str = "Battery-Staple-8";
const PUBLIC: &str = "https://wifi.example.org/wisp";

const RITA: &str = "rita@example.org";

/// The key in the newest mail's link.
fn key(post: &Peer) -> anyhow::Result<String> {
    let mails = post.taken();
    let text = &mails.last().context("no mail")?.text;
    let text = text.replace("=\n", "").replace("=3D", "=");
    let link =
        Regex::new(&format!("{PUBLIC}/accounts/[a-z/-]*?/([0-9a-f]{{32}}-[0-9a-f]{{64}})/"))?;
    let key = link.captures(&text).with_context(|| format!("no link in {text}"))?[1].to_owned();
    note_secret(&key);
    Ok(key)
}

async fn post() -> anyhow::Result<Peer> {
    Peer::listen(Protection::None, "127.0.0.1").await
}

fn start(port: u16) -> Start {
    Start::default()
        .set("WISPTRAIL_HTTP__PUBLIC_URL", PUBLIC)
        .set("WISPTRAIL_MAIL__SMTP_HOST", "127.0.0.1")
        .set("WISPTRAIL_MAIL__SMTP_PORT", &port.to_string())
        .set("WISPTRAIL_MAIL__SMTP_TLS", "none")
        .set("WISPTRAIL_MAIL__SMTP_TIMEOUT", "5s")
        .set("WISPTRAIL_MAIL__FROM", "wifi@example.org")
}

async fn rita(server: &Server, verified: bool) -> anyhow::Result<()> {
    let new = json!({
        "username": "rita",
        "email": "rita@example.org",
        "password": PASSWORD,
        "email_verified": verified,
    });
    note_secret(PASSWORD);
    note_secret(OTHER);
    server.admin().json(Method::POST, "/api/v1/users/user/", &new).await?.expect(201)?;
    Ok(())
}

/// Asks for a link and waits until its mail is there.
async fn reset(server: &Server, post: &Peer) -> anyhow::Result<String> {
    let before = post.count();
    let asked = json!({ "input": "rita" });
    let path = "/api/v1/users/password/reset/";
    // The answer to somebody who can be written to as they like.
    let request = server.client().request(Method::POST, path).json(&asked);
    let request = request.header("host", "evil.example.net");
    server.client().send(request).await?.expect(200)?;
    patience("the mail", async || Ok(post.count() > before)).await?;
    key(post)
}

async fn a_link_leads_to_a_page_that_changes_the_password(
    database: Database,
) -> anyhow::Result<()> {
    let post = post().await?;
    let server = Server::start(&database, start(post.port())).await?;
    rita(&server, true).await?;
    let key = reset(&server, &post).await?;
    let client = server.client();
    let path = format!("/accounts/password/reset/key/{key}/");
    for _ in 0..2 {
        // Mail programs look at links, too.
        let page = client.get(&path).await?.expect(200)?;
        assert!(page.text().contains("new_password1"), "{}", page.text());
        let policy = page.header("content-security-policy").unwrap_or_default();
        assert!(policy.contains("default-src 'none'"), "{policy}");
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(page.header("cache-control"), Some("no-store"));
    }
    let german = client.request(Method::GET, &path).header("accept-language", "de-AT, en;q=0.5");
    let page = client.send(german).await?.expect(200)?;
    assert_eq!(page.header("content-language"), Some("de"));
    assert!(page.text().contains("Neues Passwort"), "{}", page.text());
    let two = |one, two| [("new_password1", one), ("new_password2", two)];
    client.post_form(&path, &two(OTHER, PASSWORD)).await?.expect(400)?;
    client.post_form(&path, &two(PASSWORD, PASSWORD)).await?.expect(400)?;
    client.post_form(&path, &two("short", "short")).await?.expect(400)?;
    client.post_form(&path, &two(OTHER, OTHER)).await?.expect(200)?;
    client.post_form(&path, &two(PASSWORD, PASSWORD)).await?.expect(404)?;
    client.get(&path).await?.expect(404)?;
    client.get("/accounts/password/reset/key/nobodys/").await?.expect(404)?;
    client.get("/accounts/style.css").await?.expect(200)?;
    client.get("/accounts/password/reset/").await?.expect(200)?;
    let token = |password| [("username", "rita"), ("password", password)];
    client.post_form("/api/v1/users/token/", &token(PASSWORD)).await?.expect(400)?;
    client.post_form("/api/v1/users/token/", &token(OTHER)).await?.expect(200)?;

    let route = "/accounts/password/reset/key/{key}/";
    patience("the route is told", async || Ok(server.output().contains(route))).await?;
    let said = server.output();
    for secret in [key.as_str(), "rita@example.org", "evil.example"] {
        assert!(!said.contains(secret), "{secret} is in the log");
    }
    Ok(())
}

async fn an_address_is_confirmed_and_a_token_had_by_mail(database: Database) -> anyhow::Result<()> {
    let post = post().await?;
    let server = Server::start(&database, start(post.port())).await?;
    rita(&server, false).await?;
    patience("the mail", async || Ok(post.count() == 1)).await?;
    let (client, key_of_mail) = (server.client(), key(&post)?);
    let path = format!("/accounts/confirm-email/{key_of_mail}/");
    client.get(&path).await?.expect(200)?;
    client.post_form(&path, &[]).await?.expect(200)?;
    client.post_form(&path, &[]).await?.expect(404)?;

    let asked = client
        .graphql_data(
            "mutation { requestMagicLink(username: \"rita@example.org\") { accepted } }",
            json!({}),
        )
        .await?;
    assert_eq!(asked["requestMagicLink"]["accepted"], true);
    patience("the mail", async || Ok(post.count() == 2)).await?;
    let given = json!({ "key": key(&post)? });
    let log_in = "mutation ($key: String!) { logInByLink(key: $key) { token } }";
    let data = client.graphql_data(log_in, given.clone()).await?;
    let token = data["logInByLink"]["token"].as_str().context("a token")?;
    note_secret(token);
    let rita = client.with_token(token);
    let viewer = rita.graphql_data("{ viewer { user { username } } }", json!({})).await?;
    assert_eq!(viewer["viewer"]["user"]["username"], "rita");
    let again = client.graphql(log_in, given).await?;
    assert_eq!(again["errors"][0]["extensions"]["code"], "REFUSED", "{again}");

    // The page does the same for a browser.
    client
        .graphql_data("mutation { requestMagicLink(username: \"rita\") { accepted } }", json!({}))
        .await?;
    patience("the mail", async || Ok(post.count() == 3)).await?;
    let path = format!("/accounts/log-in/key/{}/", key(&post)?);
    client.get(&path).await?.expect(200)?;
    let page = client.post_form(&path, &[]).await?.expect(200)?;
    assert!(page.text().contains(token), "{}", page.text());
    client.post_form(&path, &[]).await?.expect(404)?;
    Ok(())
}

/// Opens an account that can be written to.
async fn person(server: &Server, name: &str) -> anyhow::Result<()> {
    let new = json!({
        "username": name,
        "email": format!("{name}@example.org"),
        "password": PASSWORD,
        "email_verified": true,
    });
    server.admin().json(Method::POST, "/api/v1/users/user/", &new).await?.expect(201)?;
    Ok(())
}

async fn ask(server: &Server, name: &str) -> anyhow::Result<()> {
    let path = "/api/v1/users/password/reset/";
    server.client().json(Method::POST, path, &json!({ "input": name })).await?.expect(200)?;
    Ok(())
}

/// A worker that died is waited for, and so is another attempt: 15 seconds each.
async fn long_patience(
    what: &str,
    condition: impl AsyncFn() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    if patience(what, &condition).await.is_ok() {
        return Ok(());
    }
    patience(what, &condition).await
}

/// How many mails ended so in this run of the program.
async fn ended(server: &Server, outcome: &str) -> anyhow::Result<u32> {
    let metrics = server.client().get("/metrics").await?.text();
    let begins = format!("wisptrail_mails_total{{outcome=\"{outcome}\"}} ");
    let line = metrics.lines().find_map(|line| line.strip_prefix(&begins));
    Ok(line.unwrap_or("0").parse()?)
}

async fn a_kill_while_a_mail_leaves_sends_it_no_second_time(
    database: Database,
) -> anyhow::Result<()> {
    let post = post().await?;
    let start = start(post.port());
    let home = Home::new(&database).await?;
    let server = Server::start_in(Arc::clone(&home), start.clone()).await?;
    rita(&server, true).await?;
    reset(&server, &post).await?;
    // It has the mail, and nobody will know.
    post.when(RITA, Step::End, Does::Silent);
    ask(&server, RITA).await?;
    patience("the mail server has the mail", async || Ok(post.count() == 2)).await?;
    let before = server.transcript();
    server.kill().await?;
    post.calm();

    let server = Server::start_in(home, start).await?;
    let after = server.transcript();
    // By the new program, once it takes the old one for dead; by that one, where the kill came late.
    long_patience("the doubt is told", async || {
        Ok([&before, &after].iter().any(|said| said.lock().contains("is not sent again")))
    })
    .await?;
    assert_eq!(post.count(), 2, "no second time");
    Ok(())
}

async fn whatever_the_mail_server_does_and_through_a_kill_no_mail_is_sent_twice(
    database: Database,
) -> anyhow::Result<()> {
    let post = post().await?;
    let start = start(post.port());
    let home = Home::new(&database).await?;
    let server = Server::start_in(Arc::clone(&home), start.clone()).await?;
    note_secret(PASSWORD);
    for name in ["ann", "bob", "cat", "dan", "eve"] {
        person(&server, name).await?;
    }
    post.when("ann@example.org", Step::To, Does::Says("450 not now"));
    post.when("bob@example.org", Step::To, Does::Says("550 there is no such mailbox"));
    post.when("cat@example.org", Step::Middle, Does::HangsUp);
    post.when("dan@example.org", Step::Data, Does::Silent);
    for (name, outcome) in
        [("bob", "failed"), ("cat", "doubtful"), ("eve", "sent"), ("ann", "retried")]
    {
        ask(&server, name).await?;
        patience("it has an end", async || Ok(ended(&server, outcome).await? == 1)).await?;
    }
    // Dan's mail has not begun to leave.
    ask(&server, "dan").await?;
    patience("it is spoken of", async || Ok(post.named("dan@example.org") == 1)).await?;
    server.kill().await?;
    post.calm();

    let server = Server::start_in(home, start).await?;
    for name in ["dan", "ann"] {
        let to = format!("{name}@example.org");
        long_patience("it comes after all", async || Ok(post.count_to(&to) == 1)).await?;
    }
    patience("both are known to be sent", async || Ok(ended(&server, "sent").await? == 2)).await?;
    // Every order has come to its end by now.
    let came = |name: &str| post.count_to(&format!("{name}@example.org"));
    assert_eq!(["ann", "bob", "cat", "dan", "eve"].map(came), [1, 0, 1, 1, 1]);
    assert_eq!(post.named("bob@example.org"), 1, "for good");
    assert_eq!(post.named("cat@example.org"), 1, "it may have arrived");
    for name in ["ann", "dan"] {
        assert!(!server.output().contains(&format!("{name}@")), "{}", server.output());
    }
    Ok(())
}

async fn a_mail_server_has_to_prove_its_name(database: Database) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("authority.pem");
    for (protection, tls) in
        [(Protection::StartTls, "starttls"), (Protection::Implicit, "implicit")]
    {
        let post = Peer::listen(protection, "127.0.0.1").await?;
        let other = Peer::listen(protection, "127.0.0.1").await?;
        std::fs::write(&file, post.authority())?;
        let with_tls = |port| {
            start(port)
                .set("WISPTRAIL_MAIL__SMTP_TLS", tls)
                .set("WISPTRAIL_MAIL__SMTP_USER", "wifi")
                .set("WISPTRAIL_MAIL__SMTP_PASSWORD", "the-word-of-the-post")
                .set("WISPTRAIL_MAIL__SMTP_CERTIFICATE_FILE", &file.display().to_string())
        };
        note_secret("the-word-of-the-post");
        let server = Server::start(&database, with_tls(post.port())).await?;
        rita(&server, true).await?;
        reset(&server, &post).await?;
        let taken = post.taken();
        assert!(taken[0].secured && taken[0].whole, "{tls}");
        assert!(taken[0].commands.iter().any(|line| line.starts_with("AUTH")), "{tls}");
        server.stop().await?;

        let server = Server::start(&database, with_tls(other.port())).await?;
        rita(&server, true).await?;
        ask(&server, "rita").await?;
        patience("it is put off", async || Ok(ended(&server, "retried").await? == 1)).await?;
        assert_eq!(other.named(RITA), 0, "{tls}");
        patience("the reason is told", async || Ok(server.output().contains("TLS"))).await?;
        server.stop().await?;
    }
    Ok(())
}

async fn mail_without_an_address_for_links_is_refused_at_start(
    database: Database,
) -> anyhow::Result<()> {
    let start = start(1).set("WISPTRAIL_HTTP__PUBLIC_URL", "");
    let Err(error) = Server::start(&database, start).await else {
        anyhow::bail!("it started");
    };
    let said = format!("{error:#}");
    assert!(said.contains("http.public_url") && said.contains("links"), "{said}");
    Ok(())
}

/// The texts of the statements that a request made, in order.
async fn statements(server: &Server, answer: &Answer) -> anyhow::Result<Vec<String>> {
    let id = answer.header("x-request-id").context("no id")?.to_owned();
    let lines = || {
        let output = server.output();
        let lines = output.lines().filter(|line| line.contains(&id));
        lines.filter_map(|line| serde_json::from_str(line).ok()).collect::<Vec<Value>>()
    };
    // The line of the request itself comes last.
    let told = |lines: &[Value]| lines.last().is_some_and(|last| last["target"] == "access");
    patience("the request is in the log", async || Ok(told(&lines()))).await?;
    let of = |line: &Value| line["fields"]["message"].to_string();
    Ok(lines().iter().filter(|line| line["target"] == "statement").map(of).collect())
}

async fn whether_there_is_an_account_shows_in_no_answer_and_no_statement(
    database: Database,
) -> anyhow::Result<()> {
    let post = post().await?;
    let start = start(post.port())
        .set("WISPTRAIL_LOG__FORMAT", "json")
        .set("WISPTRAIL_LOG__LEVEL", "info,statement=trace");
    let server = Server::start(&database, start).await?;
    rita(&server, true).await?;
    let asked = async |path: &str, body: Value| {
        let answer = server.client().json(Method::POST, path, &body).await?;
        let statements = statements(&server, &answer).await?;
        anyhow::Ok((answer.status, answer.text(), statements))
    };
    let path = "/api/v1/users/password/reset/";
    let known = asked(path, json!({ "input": "rita@example.org" })).await?;
    let unknown = asked(path, json!({ "input": "nobody@example.org" })).await?;
    assert_eq!(known, unknown);
    assert_eq!(known.2.len(), 1, "{known:?}");
    for field in ["requestPasswordReset", "requestMagicLink"] {
        let query = |name: &str| json!({ "query": format!("mutation {{ {field}(username: \"{name}\") {{ accepted }} }}") });
        let known = asked("/graphql", query("rita")).await?;
        let unknown = asked("/graphql", query("nobody")).await?;
        assert_eq!(known, unknown);
        assert_eq!(known.0, 200, "{known:?}");
    }
    patience("the mails", async || Ok(post.count() == 3)).await?;

    // A key that is wrong, of an account that is there or not.
    let id = server.admin().get("/api/v1/users/user/").await?.expect(200)?;
    let id = id.json().context("JSON")?["results"][0]["id"].clone();
    let confirm = "/api/v1/users/password/reset/confirm/";
    let key = |uid: Value| json!({ "uid": uid, "token": "0", "new_password1": OTHER, "new_password2": OTHER });
    let known = asked(confirm, key(id)).await?;
    let unknown = asked(confirm, key(json!("00000000-0000-7000-8000-000000000001"))).await?;
    assert_eq!(known.0, 400, "{known:?}");
    assert_eq!(known, unknown);
    Ok(())
}

/// What mailboxes know mails by is not the same on two servers that were set up in the same way.
async fn mails_of_two_installations_are_told_apart(database: Database) -> anyhow::Result<()> {
    let id = Regex::new(r"(?m)^Message-ID: <([0-9a-f-]{36})@example\.org>")?;
    let mut known = Vec::new();
    for _ in 0..2 {
        let post = post().await?;
        let server = Server::start(&database, start(post.port())).await?;
        rita(&server, false).await?;
        patience("the mail", async || Ok(post.count() == 1)).await?;
        let mails = post.taken();
        let text = &mails.first().context("no mail")?.text;
        let id = id.captures(text).with_context(|| format!("no id in {text}"))?[1].to_owned();
        known.push(id);
        server.stop().await?;
    }
    assert_ne!(known[0], known[1]);
    Ok(())
}
