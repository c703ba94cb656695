//! Things that operations are tried on: of the organization of most people, of another one, and of nobody.

use std::collections::BTreeMap;

use anyhow::Context;
use regex::{Captures, Regex};
use serde_json::{Value, json};
use uuid::Uuid;
use wisptrail_tests::{Client, Server, note_secret, patience};

use crate::people::{ALPHA, BETA, Keys, PASSWORD, Person, SHARED, secret};

/// Whose thing fills a hole. All others are filled from the first organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Of the organization of most people.
    Own,
    /// This hole with a thing of another organization.
    Foreign(&'static str),
    /// This hole with what nobody has.
    Unknown(&'static str),
}

/// What there is, by hole.
type Things = BTreeMap<&'static str, String>;

/// Things, made when they are needed.
pub(crate) struct Targets {
    admin: Client,
    holes: Regex,
    count: u32,
    own: Things,
    foreign: Things,
    /// Tokens of narrower scope: for the other organization, and for reading.
    narrow: [String; 2],
    /// An id that nothing has.
    pub(crate) unknown: String,
}

impl Targets {
    pub(crate) async fn new(server: &Server) -> anyhow::Result<Self> {
        let mut targets = Self {
            admin: server.admin(),
            holes: Regex::new(r"\{([a-z_]+)\}")?,
            count: 0,
            own: Things::new(),
            foreign: Things::new(),
            narrow: Default::default(),
            unknown: Uuid::from_u128(0x0190_ffff_ffff_7fff_8fff_ffff_ffff_ffff).to_string(),
        };
        // Lists are looked at with things of everybody in them.
        for hole in ["device", "idle", "group", "template", "user", "heir", "job", "webhook"] {
            targets.thing(hole, false).await?;
            targets.thing(hole, true).await?;
        }
        let elsewhere = json!({ "name": "elsewhere", "organizationIds": [BETA] });
        let reader = json!({ "name": "reader", "readOnly": true });
        targets.narrow = [
            targets.token("both", elsewhere).await?,
            targets.token("alpha-manager", reader).await?,
        ];
        Ok(targets)
    }

    /// The next ones are new.
    pub(crate) fn forget(&mut self) {
        self.own.clear();
    }

    /// A text with its holes filled.
    pub(crate) async fn fill(
        &mut self,
        text: &str,
        person: Person,
        side: Side,
    ) -> anyhow::Result<String> {
        let holes: Vec<String> =
            self.holes.captures_iter(text).map(|one| one[1].to_owned()).collect();
        let mut values = BTreeMap::new();
        for hole in holes {
            let value = self.value(&hole, person, side).await?;
            values.insert(hole, value);
        }
        let put = |one: &Captures<'_>| values.get(&one[1]).cloned().unwrap_or_default();
        Ok(self.holes.replace_all(text, put).into_owned())
    }

    async fn value(&mut self, hole: &str, person: Person, side: Side) -> anyhow::Result<String> {
        Ok(match hole {
            "n" => {
                self.count += 1;
                format!("{}", self.count)
            }
            "mac" => {
                self.count += 1;
                mac(self.count)
            }
            "name" => "nothing.js".to_owned(),
            "event_type" => "device.renamed".to_owned(),
            "password" => PASSWORD.to_owned(),
            "shared" => SHARED.to_owned(),
            "head" => self.head().await?,
            "secret" => match person {
                Person::Device => secret("alpha"),
                Person::Foreign => secret("beta"),
                Person::Bad => secret("nobody"),
                _ => String::new(),
            },
            "key" => match person {
                Person::Device => self.thing("device_key", false).await?,
                Person::Foreign => self.thing("device_key", true).await?,
                Person::Bad => "0".repeat(32),
                _ => String::new(),
            },
            hole => {
                let main = match hole {
                    "number" => "user",
                    "device_name" => "device",
                    hole => hole,
                };
                match side {
                    Side::Unknown(of) if of == hole => self.unknown.clone(),
                    // What goes with it is the same as for what belongs to others.
                    Side::Foreign(of) | Side::Unknown(of) if of == main => {
                        self.thing(hole, true).await?
                    }
                    _ => self.thing(hole, false).await?,
                }
            }
        })
    }

    /// The key of the device that others try to pass for, and tokens of narrower scope.
    pub(crate) async fn keys(&mut self) -> anyhow::Result<Keys> {
        let [elsewhere, reader] = self.narrow.clone();
        Ok(Keys { device: self.thing("device_key", false).await?, elsewhere, reader })
    }

    /// A token for a purpose, of somebody.
    async fn token(&self, username: &str, mut input: Value) -> anyhow::Result<String> {
        let find = "query ($name: String!) { users(first: 1, search: $name) { nodes { id } } }";
        let found = self.admin.graphql_data(find, json!({ "name": username })).await?;
        input["userId"] = found["users"]["nodes"][0]["id"].clone();
        let mutation =
            "mutation ($input: CreateTokenInput!) { createToken(input: $input) { secret } }";
        let data = self.admin.graphql_data(mutation, json!({ "input": input })).await?;
        let secret = text(&data["createToken"]["secret"])?;
        note_secret(&secret);
        Ok(secret)
    }

    /// The last position of the log.
    pub(crate) async fn head(&self) -> anyhow::Result<String> {
        let data = self.admin.graphql_data("{ devices(first: 1) { position } }", json!({})).await?;
        Ok(data["devices"]["position"].to_string())
    }

    async fn thing(&mut self, hole: &str, foreign: bool) -> anyhow::Result<String> {
        let held = if foreign { &self.foreign } else { &self.own };
        if let Some(value) = held.get(hole) {
            return Ok(value.clone());
        }
        let made = self.make(hole, foreign).await.with_context(|| format!("to make {hole}"))?;
        let held = if foreign { &mut self.foreign } else { &mut self.own };
        held.extend(made);
        held.get(hole).cloned().with_context(|| format!("nothing fills {{{hole}}}"))
    }

    async fn make(&mut self, hole: &str, foreign: bool) -> anyhow::Result<Things> {
        self.count += 1;
        let number = self.count;
        let (slug, organization) = if foreign { ("beta", BETA) } else { ("alpha", ALPHA) };
        let name = |kind: &str| format!("{slug}-{kind}-{number}");
        let config = json!({ "interfaces": [{ "name": "lo", "type": "loopback" }] });
        Ok(match hole {
            "organization" => Things::from([("organization", organization.to_owned())]),
            "device" | "device_key" | "device_name" | "idle" => {
                let device_name = name("device");
                let input = json!({
                    "organizationId": organization, "name": device_name, "macAddress": mac(number),
                    "configuration": { "backend": "netjsonconfig.OpenWrt" },
                });
                let device = self.create("Device", "device", "id key", input).await?;
                let (id, key) = (text(&device["id"])?, text(&device["key"])?);
                note_secret(&key);
                if hole == "idle" {
                    let stop =
                        "mutation ($id: ID!) { deactivateDevice(input: { id: $id }) { position } }";
                    self.admin.graphql_data(stop, json!({ "id": id })).await?;
                    return Ok(Things::from([("idle", id)]));
                }
                Things::from([("device", id), ("device_key", key), ("device_name", device_name)])
            }
            "group" => {
                let input = json!({ "organizationId": organization, "name": name("group") });
                let group = self.create("DeviceGroup", "deviceGroup", "id", input).await?;
                Things::from([("group", text(&group["id"])?)])
            }
            "template" => {
                let input = json!({ "organizationId": organization, "name": name("template"), "config": config });
                let template = self.create("Template", "template", "id", input).await?;
                Things::from([("template", text(&template["id"])?)])
            }
            "user" | "number" | "heir" => {
                let username = name("user");
                let input = json!({
                    "username": username,
                    "email": format!("{username}@example.org"),
                    "emailVerified": true,
                    "memberships": [{ "organizationId": organization, "manager": hole == "heir" }],
                });
                let id = text(&self.create("User", "user", "id", input).await?["id"])?;
                if hole == "heir" {
                    return Ok(Things::from([("heir", id)]));
                }
                let listed = "query ($id: ID!) { emailAddresses(userId: $id) { number } }";
                let data = self.admin.graphql_data(listed, json!({ "id": id })).await?;
                let number = data["emailAddresses"][0]["number"].to_string();
                Things::from([("user", id), ("number", number)])
            }
            "usertoken" => {
                let user = Box::pin(self.thing("user", foreign)).await?;
                let input = json!({ "userId": user, "name": name("token") });
                let token = self.create("Token", "token", "id", input).await?;
                Things::from([("usertoken", text(&token["id"])?)])
            }
            "permgroup" | "permgroup_id" => {
                let input = json!({ "name": format!("group-{number}"), "permissions": [] });
                let group =
                    self.create("PermissionGroup", "permissionGroup", "id number", input).await?;
                let (id, number) = (text(&group["id"])?, group["number"].to_string());
                Things::from([("permgroup_id", id), ("permgroup", number)])
            }
            "webhook" => {
                let input = json!({
                    "organizationId": organization, "name": name("webhook"), "url": "https://hooks.invalid/",
                    "selection": { "types": ["device_group.created"] },
                });
                let webhook = self.create("Webhook", "webhook", "id", input).await?;
                Things::from([("webhook", text(&webhook["id"])?)])
            }
            "delivery" => {
                let webhook = Box::pin(self.thing("webhook", foreign)).await?;
                let test =
                    "mutation ($id: ID!) { testWebhook(input: { id: $id }) { delivery { id } } }";
                let data = self.admin.graphql_data(test, json!({ "id": webhook })).await?;
                Things::from([("delivery", text(&data["testWebhook"]["delivery"]["id"])?)])
            }
            "job" => {
                let device = Box::pin(self.thing("device", foreign)).await?;
                let input = json!({
                    "clientMutationId": name("job"),
                    "selection": { "ids": [device] },
                    "operation": { "mergeVariables": { "job": number.to_string() } },
                });
                let start = "mutation ($input: StartBulkOperationInput!) { startBulkOperation(input: $input) { job { id } } }";
                let data = self.admin.graphql_data(start, json!({ "input": input })).await?;
                let id = text(&data["startBulkOperation"]["job"]["id"])?;
                let ask = "query ($id: ID!) { bulkOperation(id: $id) { state } }";
                patience("the operation is done", async || {
                    let data = self.admin.graphql_data(ask, json!({ "id": id })).await?;
                    Ok(data["bulkOperation"]["state"] == "DONE")
                })
                .await?;
                Things::from([("job", id)])
            }
            _ => anyhow::bail!("nothing is known of it"),
        })
    }

    async fn create(
        &self,
        kind: &str,
        field: &str,
        selection: &str,
        input: Value,
    ) -> anyhow::Result<Value> {
        let mutation = format!(
            "mutation ($input: Create{kind}Input!) {{ create{kind}(input: $input) {{ {field} {{ {selection} }} }} }}"
        );
        let mut data = self.admin.graphql_data(&mutation, json!({ "input": input })).await?;
        Ok(data[format!("create{kind}")][field].take())
    }
}

fn mac(number: u32) -> String {
    format!("02:00:00:{:02X}:{:02X}:{:02X}", number >> 16 & 255, number >> 8 & 255, number & 255)
}

fn text(value: &Value) -> anyhow::Result<String> {
    value.as_str().map(str::to_owned).with_context(|| format!("no text: {value}"))
}
