//! Requests as they are sent, and what their answers mean.

use anyhow::Context as _;
use reqwest::Method;
use serde_json::{Value, json};
use wisptrail_tests::{Answer, Client, note_secret};

use crate::{
    driver::{Door, Life},
    plan::Call,
};

/// What became of a request.
pub(crate) enum Outcome {
    Done,
    /// It can be repeated.
    Later(String),
    /// There is no such thing: what a repetition may hear when the first one removed it.
    Gone(String),
}

impl Life {
    /// Sends it once.
    pub(crate) async fn ask_once(&self, door: &Door, call: &Call) -> anyhow::Result<Outcome> {
        match call {
            Call::Mutation { name, input } => {
                let variables = json!({ "input": self.named(input)? });
                outcome(&door.admin.graphql(&mutation(name), variables).await?)
            }
            Call::Rest { method, path, body, key } => {
                let path = self.named(&json!(path))?;
                let path = path.as_str().unwrap_or_default();
                let mut request = door.admin.request(method.clone(), path).json(body);
                if let Some(key) = key {
                    request = request.header("idempotency-key", key);
                }
                let answer = door.admin.send(request).await?;
                Ok(match answer.status {
                    200..300 => Outcome::Done,
                    404 if *method == Method::DELETE => Outcome::Gone(answer.text()),
                    // Whether the process that died has done it, it says when that one would have answered.
                    409 if answer.text().contains("is being carried out") => {
                        Outcome::Later(answer.text())
                    }
                    409 if answer.text().contains("its answer was lost") => Outcome::Done,
                    429 | 500.. => Outcome::Later(answer.text()),
                    _ => return Err(refused(&answer)),
                })
            }
            Call::Register { secret, name, mac_address } => {
                note_secret(secret);
                let key = self.keys.get(mac_address).context("a key")?;
                let form = [
                    ("backend", "netjsonconfig.OpenWrt"),
                    ("secret", secret),
                    ("key", key),
                    ("name", name),
                    ("mac_address", mac_address),
                ];
                let answer = door.agent.post_form("/controller/register/", &form).await?;
                match answer.status {
                    201 => {}
                    429 | 500.. => return Ok(Outcome::Later(answer.text())),
                    _ => return Err(refused(&answer)),
                }
                let said = answer.text();
                let id = said.lines().find_map(|line| line.strip_prefix("uuid: "));
                let id = uuid::Uuid::parse_str(id.context("an id")?)?.to_string();
                self.ids.lock().insert(mac_address.clone(), id);
                Ok(Outcome::Done)
            }
            Call::Visit { mac_address, report } => {
                self.visit(&door.agent, mac_address, report).await
            }
            Call::LogIn { username, password, succeeds } => {
                note_secret(password);
                let form = [("username", username.as_str()), ("password", password)];
                let answer = door.agent.post_form("/api/v1/users/token/", &form).await?;
                if let Some(said) = answer.json() {
                    said["token"].as_str().into_iter().for_each(note_secret);
                }
                let expected = if *succeeds { 200 } else { 400 };
                if answer.status == expected { Ok(Outcome::Done) } else { Err(refused(&answer)) }
            }
        }
    }

    /// What agents do; one that is not served goes away.
    pub(crate) async fn visit(
        &self,
        client: &Client,
        mac: &str,
        report: &str,
    ) -> anyhow::Result<Outcome> {
        let (id, key) = self.agent(mac)?;
        let path = |what: &str| format!("/controller/{what}/{id}/?key={key}");
        for what in ["checksum", "download-config"] {
            let answer = client.get(&path(what)).await?;
            match answer.status {
                200 => {}
                404 => return Ok(Outcome::Done),
                429 | 500.. => return Ok(Outcome::Later(answer.text())),
                _ => return Err(refused(&answer)),
            }
        }
        let form = [("key", key.as_str()), ("status", report)];
        let answer = client.post_form(&format!("/controller/report-status/{id}/"), &form).await?;
        Ok(match answer.status {
            200 | 404 => Outcome::Done,
            429 | 500.. => Outcome::Later(answer.text()),
            _ => return Err(refused(&answer)),
        })
    }

    /// Id (32 digits) and key of a device.
    pub(crate) fn agent(&self, mac: &str) -> anyhow::Result<(String, String)> {
        let ids = self.ids.lock();
        let id = ids.get(mac).with_context(|| format!("{mac} is unknown"))?;
        let key = self.keys.get(mac).with_context(|| format!("{mac} has no key"))?;
        Ok((id.replace('-', ""), key.clone()))
    }

    /// With ids instead of addresses.
    fn named(&self, value: &Value) -> anyhow::Result<Value> {
        Ok(match value {
            Value::String(text) if text.contains('@') => {
                let mut named = text.clone();
                for (mac, id) in self.ids.lock().iter() {
                    named = named.replace(&format!("@{mac}"), id);
                }
                json!(named)
            }
            Value::Array(all) => {
                Value::Array(all.iter().map(|it| self.named(it)).collect::<Result<_, _>>()?)
            }
            Value::Object(all) => {
                let named = all.iter().map(|(name, it)| Ok((name.clone(), self.named(it)?)));
                Value::Object(named.collect::<anyhow::Result<_>>()?)
            }
            other => other.clone(),
        })
    }
}

/// The text of a mutation that takes an input.
fn mutation(name: &str) -> String {
    let input = match name {
        "activateDevice" | "deactivateDevice" => "DeviceId".to_owned(),
        "pauseWebhook" | "resumeWebhook" | "removeWebhook" => "WebhookId".to_owned(),
        "leaveOrganization" => "Place".to_owned(),
        "removeUser" => "UserId".to_owned(),
        "revokeToken" => "TokenId".to_owned(),
        "removePermissionGroup" => "PermissionGroupId".to_owned(),
        _ => name[..1].to_uppercase() + &name[1..],
    };
    let told = if name == "startBulkOperation" { "job { id }" } else { "position" };
    format!("mutation ($input: {input}Input!) {{ {name}(input: $input) {{ {told} }} }}")
}

/// What was planned is allowed.
#[derive(Debug)]
pub(crate) struct Refused(String);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "it is refused: {}", self.0)
    }
}

impl std::error::Error for Refused {}

fn refused(answer: &Answer) -> anyhow::Error {
    anyhow::Error::new(Refused(format!("{} {}", answer.status, answer.text())))
}

fn outcome(answer: &Value) -> anyhow::Result<Outcome> {
    let error = &answer["errors"][0];
    Ok(match error["extensions"]["code"].as_str() {
        None if error.is_null() => Outcome::Done,
        Some("BUSY" | "UNAVAILABLE" | "RATE_LIMITED") => Outcome::Later(error.to_string()),
        Some("NOT_FOUND") => Outcome::Gone(error.to_string()),
        _ => return Err(anyhow::Error::new(Refused(error.to_string()))),
    })
}
