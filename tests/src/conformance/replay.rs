//! Sends the requests of a scenario and looks at the answers.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context;
use md5::{Digest, Md5};
use regex::Regex;
use reqwest::Method;
use serde_json::{Map, Value};
use tokio::time::{Instant, sleep};

use super::{
    archive,
    compare::{Comparison, Rules},
    mail,
    transcript::{BodyKind, Exchange, Mail, Step, Transcript},
    variables::Variables,
};
use crate::{Answer, Client, Fixture};

/// A step whose answer is not the recorded one.
#[derive(Clone, Debug)]
pub struct Difference {
    /// Counted from 0, as in the recordings' own script.
    pub step: usize,
    /// Method and path, before values are put in.
    pub request: String,
    /// What is different.
    pub text: String,
}

/// How a scenario went.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Steps that differ.
    pub differences: Vec<Difference>,
    /// How many steps were compared.
    pub compared: usize,
    /// How many were executed and not compared: what was recorded there is a defect.
    pub executed: usize,
    /// How many were left out, from the first mail on that nobody can read.
    pub skipped: usize,
}

/// Who asks.
#[derive(Clone, Debug)]
pub struct Clients {
    /// Devices and strangers.
    pub anonymous: Client,
    /// People, by their role in the recordings.
    pub roles: BTreeMap<String, Client>,
    /// Where the server writes mails, if it does.
    pub mails: Option<PathBuf>,
}

/// How long a GET that differs is repeated: servers may work in the background.
const PATIENCE: Duration = Duration::from_secs(15);
/// After so many differences a scenario is lost, and patience only costs time.
const PATIENT_UNTIL: usize = 2;
const PAUSE: Duration = Duration::from_millis(250);

/// Replays a scenario on a server that holds the fixture and nothing else. `known` are variables that it does not capture.
///
/// # Errors
///
/// The server does not answer at all, or the file makes no sense.
pub async fn replay(
    transcript: &Transcript,
    clients: &Clients,
    fixture: &Fixture,
    known: &[(String, String)],
    rules: Rules,
) -> anyhow::Result<Outcome> {
    let mut variables = Variables::new(fixture, transcript)?;
    for (name, value) in known {
        variables.learn(name, value);
    }
    let mut outcome = Outcome::default();
    let mut before = BTreeSet::new();
    for (number, step) in transcript.steps.iter().enumerate() {
        let exchange = match step {
            Step::Exchange(exchange) => exchange,
            Step::Mail { mail } => {
                let Some(folder) = &clients.mails else {
                    outcome.skipped = transcript.steps.len() - number;
                    break;
                };
                outcome.compared += 1;
                let text = delivered(mail, folder, &before, &mut variables).await?;
                let request = "a mail".to_owned();
                let difference = |text| Difference { step: number, request, text };
                outcome.differences.extend(text.map(difference));
                continue;
            }
        };
        if let Some(folder) = clients.mails.as_ref().filter(|_| exchange.request.method == "POST") {
            before = mail::there(folder)?.into_iter().map(|(_, path)| path).collect();
        }
        let text = patient(exchange, clients, &mut variables, rules, &outcome).await;
        match (&exchange.quirk, text) {
            (Some(_), _) => outcome.executed += 1,
            (None, text) => {
                outcome.compared += 1;
                let request = format!("{} {}", exchange.request.method, exchange.request.path);
                let difference = |text| Difference { step: number, request, text };
                outcome.differences.extend(text.map(difference));
            }
        }
    }
    Ok(outcome)
}

/// Mails are sent in the background.
async fn delivered(
    mail: &Mail,
    folder: &Path,
    before: &BTreeSet<PathBuf>,
    variables: &mut Variables,
) -> anyhow::Result<Option<String>> {
    let started = Instant::now();
    loop {
        match mail::read(mail, folder, before, variables)? {
            Some(_) if started.elapsed() < PATIENCE => sleep(PAUSE).await,
            other => return Ok(other),
        }
    }
}

/// A GET that differs is repeated, as long as the scenario is not lost.
async fn patient(
    step: &Exchange,
    clients: &Clients,
    variables: &mut Variables,
    rules: Rules,
    so_far: &Outcome,
) -> Option<String> {
    let started = Instant::now();
    let is_repeated = step.request.method == "GET"
        && step.quirk.is_none()
        && so_far.differences.len() < PATIENT_UNTIL;
    loop {
        let difference = attempt(step, clients, variables, rules)
            .await
            .unwrap_or_else(|error| Some(format!("{error:#}")));
        match difference {
            Some(_) if is_repeated && started.elapsed() < PATIENCE => sleep(PAUSE).await,
            other => return other,
        }
    }
}

async fn attempt(
    step: &Exchange,
    clients: &Clients,
    variables: &mut Variables,
    rules: Rules,
) -> anyhow::Result<Option<String>> {
    let answer = send(step, clients, variables).await?;
    capture(step, &answer, variables)?;
    if step.quirk.is_some() {
        return Ok(None);
    }
    let comparison = Comparison { rules, unordered: &step.response.unordered, variables };
    Ok(head_difference(step, &answer, comparison)
        .or_else(|| body_difference(step, &answer, comparison)))
}

async fn send(step: &Exchange, clients: &Clients, variables: &Variables) -> anyhow::Result<Answer> {
    let request = &step.request;
    let client = match &request.actor {
        None => &clients.anonymous,
        Some(role) => clients.roles.get(role).with_context(|| format!("nobody is {role}"))?,
    };
    let mut path = variables.fill(&request.path);
    if !request.query.is_empty() {
        path = format!("{path}?{}", encoded(&request.query, variables));
    }
    let method: Method = request.method.parse().context("not a method")?;
    let has_body = matches!(method, Method::POST | Method::PUT | Method::PATCH);
    let mut sent = client.request(method, &path);
    let mut content_type = None;
    let mut body = None;
    if let Some(form) = &request.form {
        content_type = Some("application/x-www-form-urlencoded");
        body = Some(encoded(form, variables));
    } else if let Some(json) = &request.json {
        content_type = Some("application/json");
        body = Some(variables.fill_json(json).to_string());
    } else if let Some(raw) = &request.raw_body {
        body = Some(variables.fill(raw));
    } else if has_body {
        body = Some(String::new());
    }
    let names_type = request.headers.keys().any(|name| name.eq_ignore_ascii_case("content-type"));
    if body.is_some() && !names_type {
        let form = "application/x-www-form-urlencoded";
        sent = sent.header("content-type", content_type.unwrap_or(form));
    }
    for (name, value) in &request.headers {
        sent = sent.header(name, variables.fill(value));
    }
    if let Some(body) = body {
        sent = sent.body(body);
    }
    client.send(sent).await
}

fn encoded(fields: &Map<String, Value>, variables: &Variables) -> String {
    let mut encoder = form_urlencoded::Serializer::new(String::new());
    for (name, value) in fields {
        encoder.append_pair(&variables.fill(name), &plain(&variables.fill_json(value)));
    }
    encoder.finish()
}

/// A value's text, without the quotes of JSON.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn capture(step: &Exchange, answer: &Answer, variables: &mut Variables) -> anyhow::Result<()> {
    for (name, place) in &step.capture {
        if place == "body" {
            variables.learn(name, &answer.text());
        } else if let Some(path) = place.strip_prefix("json:") {
            let json = answer.json().unwrap_or_default();
            match pick(&json, path)? {
                None | Some(Value::Null) => {}
                Some(Value::Number(number)) => variables.learn_number(name, &number.to_string()),
                Some(value) => variables.learn(name, &plain(value)),
            }
        } else {
            let pattern = Regex::new(place).with_context(|| format!("not a pattern: {place}"))?;
            let text = answer.text();
            let Some(found) = pattern.captures(&text).and_then(|found| found.get(1)) else {
                continue;
            };
            // Permissions are shown in sentences and sent as numbers.
            if name.starts_with("perm.") {
                variables.learn_number(name, found.as_str());
            } else {
                variables.learn(name, found.as_str());
            }
        }
    }
    Ok(())
}

/// A value by keys, indexes of lists and searches, such as `results.[name=Operator].id`.
fn pick<'a>(json: &'a Value, path: &str) -> anyhow::Result<Option<&'a Value>> {
    let parts = Regex::new(r"\[([a-z_]+)=([^\]]*)\]|[^.\[\]]+")?;
    let mut value = Some(json);
    for part in parts.captures_iter(path) {
        value = match (value, part.get(1), part.get(2)) {
            (Some(Value::Array(items)), Some(key), Some(wanted)) => items.iter().find(|item| {
                item.get(key.as_str()).is_some_and(|value| plain(value) == wanted.as_str())
            }),
            (Some(Value::Array(items)), ..) => {
                part[0].parse().ok().and_then(|index: usize| items.get(index))
            }
            (Some(value), ..) => value.get(&part[0]),
            (None, ..) => None,
        };
    }
    Ok(value)
}

fn head_difference(step: &Exchange, answer: &Answer, comparison: Comparison<'_>) -> Option<String> {
    let want = &step.response;
    if answer.status != want.status {
        let beginning: String = answer.text().chars().take(200).collect();
        return Some(format!("status {}, expected {}: {beginning}", answer.status, want.status));
    }
    if want.body_kind == BodyKind::Html {
        return None;
    }
    want.headers.iter().find_map(|(name, want)| {
        let got = answer.header(name).unwrap_or_default();
        let is_equal = if name == "allow" && step.request.path.starts_with("/api") {
            !comparison.rules.compares_allow || methods(want) == methods(got)
        } else {
            comparison.variables.matches(want, got)
        };
        (!is_equal).then(|| format!("header {name}: {got:?}, expected {want:?}"))
    })
}

/// Of an `Allow` header, without HEAD, which goes without saying.
fn methods(allow: &str) -> BTreeSet<&str> {
    allow.split(',').map(str::trim).filter(|method| *method != "HEAD").collect()
}

fn body_difference(step: &Exchange, answer: &Answer, comparison: Comparison<'_>) -> Option<String> {
    let want = &step.response;
    match want.body_kind {
        BodyKind::Html => None,
        BodyKind::Json => comparison.difference(&want.body, &answer.json().unwrap_or_default()),
        BodyKind::Text => {
            // A revocation list is of one run.
            let is_crl = want.body.as_str().is_some_and(|text| text.contains("X509 CRL"));
            let got = Value::String(answer.text());
            (!is_crl).then(|| comparison.difference(&want.body, &got)).flatten()
        }
        BodyKind::Archive => archive_difference(step, answer, comparison),
    }
}

fn archive_difference(
    step: &Exchange,
    answer: &Answer,
    comparison: Comparison<'_>,
) -> Option<String> {
    let want = &step.response;
    let got = match archive::entries(&answer.body) {
        Ok(got) => got,
        Err(error) => return Some(format!("not a tar.gz: {error:#}")),
    };
    let recorded: Value = want
        .tar
        .iter()
        .cloned()
        .map(|mut entry| {
            if let Some(members) = entry.as_object_mut() {
                members.remove("size");
            }
            entry
        })
        .collect();
    if let Some(text) = comparison.difference(&recorded, &got) {
        return Some(text);
    }
    let beginning = hex::encode(&answer.body[..answer.body.len().min(10)]);
    if let Some(header) = want.gzip_header_hex.as_ref().filter(|header| **header != beginning) {
        return Some(format!("the archive begins with {beginning}, expected {header}"));
    }
    let announced = want.md5_equals.as_deref()?.strip_prefix("${")?.strip_suffix('}')?;
    let md5 = hex::encode(Md5::digest(&answer.body));
    (comparison.variables.get(announced) != Some(&md5))
        .then(|| "the MD5 of the archive is not the checksum".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    #[tokio::test]
    async fn a_faithful_server_passes() {
        assert_eq!(
            differences(&[HEAD, "uuid: 00000000000040008000000000000001\n"], "applied").await,
            [""; 0]
        );
    }

    #[tokio::test]
    async fn another_status_header_or_body_is_a_difference() {
        let body = "uuid: 00000000000040008000000000000001\n";
        for head in ["HTTP/1.1 200 OK\r\ncontent-type: text/plain", "HTTP/1.1 201 Created"] {
            assert_eq!(differences(&[head, body], "applied").await.len(), 1, "{head}");
        }
        assert_eq!(differences(&[HEAD, "uuid: 1\n"], "applied").await.len(), 1, "no id is found");
        assert_eq!(differences(&[HEAD, body], "modified").await.len(), 1);
    }

    const HEAD: &str = "HTTP/1.1 201 Created\r\ncontent-type: text/plain";

    /// What is found when a server answers a registration with this head and body, a quirk with
    /// nonsense, and then shows this status at the address that it gave away.
    async fn differences(answer: &[&str; 2], status: &str) -> Vec<String> {
        let transcript = serde_json::from_value(json!({ "name": "x", "steps": [
            {
                "request": { "method": "POST", "path": "/register/", "form": { "name": "a b" } },
                "capture": { "dev.id": "uuid: ([0-9a-f]{32})" },
                "response": {
                    "status": 201, "headers": { "content-type": "text/plain" },
                    "body_kind": "text", "body": "uuid: ${dev.id}\n",
                },
            },
            {
                "quirk": "the reference is wrong here",
                "request": { "method": "GET", "path": "/quirk/" },
                "response": { "status": 200, "headers": {}, "body_kind": "text", "body": "right" },
            },
            {
                "request": { "method": "PATCH", "path": "/device/${dev.id.dashed}/", "as": "admin", "json": {} },
                "response": { "status": 200, "headers": {}, "body_kind": "json", "body": { "status": "applied" } },
            },
        ] }))
        .expect("a transcript");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let device = "PATCH /device/00000000-0000-4000-8000-000000000001/ HTTP/1.1";
        let answers = [
            ("POST /register/ HTTP/1.1", answer[0], answer[1].to_owned()),
            ("GET /quirk/ HTTP/1.1", "HTTP/1.1 500 Broken", "nonsense".to_owned()),
            (device, "HTTP/1.1 200 OK", json!({ "status": status, "more": 1 }).to_string()),
        ];
        let serving = async {
            for (line, head, body) in answers {
                let (mut connection, _) = listener.accept().await.expect("a connection");
                let mut request = vec![0; 4096];
                let length = connection.read(&mut request).await.expect("a request");
                let request = String::from_utf8_lossy(&request[..length]).into_owned();
                let head = if request.starts_with(line) { head } else { "HTTP/1.1 404 Not Found" };
                let length = body.len();
                let answer = format!(
                    "{head}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
                );
                connection.write_all(answer.as_bytes()).await.expect("sent");
            }
        };
        let anonymous = Client::new(&address);
        let roles = BTreeMap::from([("admin".to_owned(), anonymous.with_token("t"))]);
        let clients = Clients { roles, anonymous, mails: None };
        let fixture = Fixture::own().expect("a fixture");
        let replaying = replay(&transcript, &clients, &fixture, &[], Rules::AGENTS);
        let (found, ()) = tokio::join!(replaying, serving);
        let found = found.expect("replayed");
        assert_eq!((found.compared, found.executed, found.skipped), (2, 1, 0));
        found.differences.into_iter().map(|difference| difference.text).collect()
    }
}
