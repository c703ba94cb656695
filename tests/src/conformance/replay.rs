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
use crate::{Answer, Fixture, Server};

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
    server: &Server,
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
            let difference = attempt(step, server, &mut variables)
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
    server: &Server,
    variables: &mut Variables,
) -> anyhow::Result<Option<String>> {
    let answer = send(step, server, variables).await?;
    capture(step, &answer, variables)?;
    if step.quirk.is_some() {
        return Ok(None);
    }
    Ok(head_difference(step, &answer, variables)
        .or_else(|| body_difference(step, &answer, variables)))
}

async fn send(step: &Step, server: &Server, variables: &Variables) -> anyhow::Result<Answer> {
    let request = &step.request;
    let client = if request.actor.is_some() { server.admin() } else { server.client() };
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
