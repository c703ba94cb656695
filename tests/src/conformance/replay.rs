//! Sends the requests of a scenario and looks at the answers.

use std::time::Duration;

use anyhow::Context;
use md5::{Digest, Md5};
use regex::Regex;
use reqwest::Method;
use serde_json::{Map, Value};
use tokio::time::{Instant, sleep};

use super::{
    archive, compare,
    transcript::{BodyKind, Step, Transcript},
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

/// Who asks.
#[derive(Clone, Debug)]
pub struct Clients {
    /// Devices and strangers.
    pub anonymous: Client,
    /// The superuser.
    pub admin: Client,
}

/// How long a GET that differs is repeated: servers may work in the background.
const PATIENCE: Duration = Duration::from_secs(15);
/// After so many differences a scenario is lost, and patience only costs time.
const PATIENT_UNTIL: usize = 2;
const PAUSE: Duration = Duration::from_millis(250);

/// Replays a scenario on a server that holds the fixture and nothing else.
///
/// # Errors
///
/// The server does not answer at all, or the file makes no sense.
pub async fn replay(
    transcript: &Transcript,
    clients: &Clients,
    fixture: &Fixture,
) -> anyhow::Result<Vec<Difference>> {
    let mut variables = Variables::new(fixture, transcript)?;
    let mut differences = Vec::new();
    for (number, step) in transcript.steps.iter().enumerate() {
        let started = Instant::now();
        let is_repeated = step.request.method == "GET"
            && step.quirk.is_none()
            && differences.len() < PATIENT_UNTIL;
        let text = loop {
            let difference = attempt(step, clients, &mut variables)
                .await
                .unwrap_or_else(|error| Some(format!("{error:#}")));
            match difference {
                Some(_) if is_repeated && started.elapsed() < PATIENCE => sleep(PAUSE).await,
                other => break other,
            }
        };
        if let Some(text) = text {
            let request = format!("{} {}", step.request.method, step.request.path);
            differences.push(Difference { step: number, request, text });
        }
    }
    Ok(differences)
}

async fn attempt(
    step: &Step,
    clients: &Clients,
    variables: &mut Variables,
) -> anyhow::Result<Option<String>> {
    let answer = send(step, clients, variables).await?;
    capture(step, &answer, variables)?;
    if step.quirk.is_some() {
        return Ok(None);
    }
    Ok(head_difference(step, &answer, variables)
        .or_else(|| body_difference(step, &answer, variables)))
}

async fn send(step: &Step, clients: &Clients, variables: &Variables) -> anyhow::Result<Answer> {
    let request = &step.request;
    let client = if request.actor.is_some() { &clients.admin } else { &clients.anonymous };
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

fn capture(step: &Step, answer: &Answer, variables: &mut Variables) -> anyhow::Result<()> {
    for (name, place) in &step.capture {
        let value = if place == "body" {
            Some(answer.text())
        } else if let Some(path) = place.strip_prefix("json:") {
            let json = answer.json().unwrap_or_default();
            let found = path.split('.').try_fold(&json, |value, part| match value {
                Value::Array(items) => items.get(part.parse::<usize>().ok()?),
                value => value.get(part),
            });
            found.filter(|value| !value.is_null()).map(plain)
        } else {
            let pattern = Regex::new(place).with_context(|| format!("not a pattern: {place}"))?;
            let text = answer.text();
            pattern.captures(&text).and_then(|found| Some(found.get(1)?.as_str().to_owned()))
        };
        if let Some(value) = value {
            variables.learn(name, &value);
        }
    }
    Ok(())
}

fn head_difference(step: &Step, answer: &Answer, variables: &Variables) -> Option<String> {
    let want = &step.response;
    if answer.status != want.status {
        let beginning: String = answer.text().chars().take(200).collect();
        return Some(format!("status {}, expected {}: {beginning}", answer.status, want.status));
    }
    if want.body_kind == BodyKind::Html {
        return None;
    }
    want.headers.iter().find_map(|(name, want)| {
        if name == "allow" && step.request.path.starts_with("/api") {
            return None;
        }
        let got = answer.header(name).unwrap_or_default();
        (!variables.matches(want, got))
            .then(|| format!("header {name}: {got:?}, expected {want:?}"))
    })
}

fn body_difference(step: &Step, answer: &Answer, variables: &Variables) -> Option<String> {
    let want = &step.response;
    match want.body_kind {
        BodyKind::Html => None,
        BodyKind::Json => {
            compare::difference(&want.body, &answer.json().unwrap_or_default(), variables, "")
        }
        BodyKind::Text => {
            // A revocation list is of one run.
            let is_crl = want.body.as_str().is_some_and(|text| text.contains("X509 CRL"));
            let got = Value::String(answer.text());
            (!is_crl).then(|| compare::difference(&want.body, &got, variables, "")).flatten()
        }
        BodyKind::Archive => archive_difference(step, answer, variables),
    }
}

fn archive_difference(step: &Step, answer: &Answer, variables: &Variables) -> Option<String> {
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
    if let Some(text) = compare::difference(&recorded, &got, variables, "") {
        return Some(text);
    }
    let beginning = hex::encode(&answer.body[..answer.body.len().min(10)]);
    if let Some(header) = want.gzip_header_hex.as_ref().filter(|header| **header != beginning) {
        return Some(format!("the archive begins with {beginning}, expected {header}"));
    }
    let announced = want.md5_equals.as_deref()?.strip_prefix("${")?.strip_suffix('}')?;
    let md5 = hex::encode(Md5::digest(&answer.body));
    (variables.get(announced) != Some(&md5))
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
        let clients = Clients { admin: anonymous.with_token("t"), anonymous };
        let fixture = Fixture::own().expect("a fixture");
        let (found, ()) = tokio::join!(replay(&transcript, &clients, &fixture), serving);
        found.expect("replayed").into_iter().map(|difference| difference.text).collect()
    }
}
