//! Asks the program, as somebody.

use std::{collections::BTreeSet, time::Duration};

use anyhow::Context;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::UnixStream,
    time::timeout,
};
use wisptrail_tests::Server;

use crate::{
    people::{Person, Sees},
    schema::Schema,
    socket::{Heard, Offer, Socket},
    table::{Expected, Line, Operation, Table},
    targets::{Side, Targets},
};

/// Levels of what is selected below a field.
const DEPTH: usize = 3;

/// What somebody was answered.
#[derive(Clone, Debug)]
pub(crate) struct Answered {
    /// `ok`, `null`, or a status.
    pub(crate) code: String,
    pub(crate) text: String,
    pub(crate) request_id: String,
}

impl Answered {
    fn new(code: impl Into<String>, text: impl Into<String>) -> Self {
        Self { code: code.into(), text: text.into(), request_id: String::new() }
    }

    pub(crate) fn is(&self, expected: Expected) -> bool {
        match expected {
            Expected::Ok | Expected::Own => self.code == "ok",
            Expected::Null => self.code == "null",
            Expected::Status(status) => self.code == status.to_string(),
            Expected::NotAsked => false,
        }
    }

    /// What of it the person must not see, or should.
    pub(crate) fn leaks(&self, person: Person, expected: Expected) -> Option<String> {
        person.sees().into_iter().find_map(|(word, sees)| {
            let told = self.text.contains(word);
            match sees {
                Sees::Nothing if told => Some(format!("tells of {word}: {}", self.text)),
                Sees::All if expected == Expected::Own && !told => {
                    Some(format!("does not tell of {word}: {}", self.text))
                }
                _ => None,
            }
        })
    }
}

/// Knows how each operation is asked for.
pub(crate) struct Tries<'a> {
    server: &'a Server,
    schema: &'a Schema,
    /// Fields that are asked for by themselves.
    alone: BTreeSet<(String, String)>,
}

impl<'a> Tries<'a> {
    pub(crate) fn new(server: &'a Server, schema: &'a Schema, table: &Table) -> Self {
        let alone = table.lines.iter().filter_map(|line| match &line.operation {
            Operation::Field(object, field) => Some((object.clone(), field.clone())),
            _ => None,
        });
        // With a moment of the past it is an operation of its own, without it is told with the object.
        let alone = alone.filter(|(_, field)| field != "variables").collect();
        Self { server, schema, alone }
    }

    /// Asks for what a line says.
    pub(crate) async fn of(
        &self,
        line: &Line,
        person: Person,
        targets: &mut Targets,
        side: Side,
    ) -> anyhow::Result<Answered> {
        let own = |text: &str| text.contains("{self}");
        let oneself = match &line.operation {
            Operation::Http(_, path) if own(path) => true,
            _ => own(&line.input),
        };
        let id = if oneself { self.own_id(line, person, targets).await? } else { String::new() };
        let input = targets.fill(&line.input.replace("{self}", &id), person, side).await?;
        match &line.operation {
            Operation::Http(method, path) => {
                let path = path.replace("{self}", &id);
                let path = targets.fill(&path, person, side).await?.replace('"', "");
                self.http(line, person, targets, (method, &path, &input)).await
            }
            Operation::Root(kind, name) if kind == "subscription" => {
                self.subscription(line, person, targets, (name, &input)).await
            }
            Operation::Root(kind, name) => {
                let selection = self.schema.selection((kind, name), &self.alone, DEPTH);
                let query = format!("{kind} {{ {} {selection} }}", call(name, &input));
                self.graphql(line, person, targets, name, &query).await
            }
            Operation::Field(of, field) => {
                // Arguments of the field stand behind those of its object.
                let (object, arguments) = input.split_once(") ").unwrap_or((&input, ""));
                let object = format!("{})", object.trim_end_matches(')'));
                let name = object.split('(').next().unwrap_or_default().to_owned();
                let inside = self.schema.below((of, field), &self.alone, 1);
                let query = format!("query {{ {object} {{ {field}{arguments} {inside} }} }}");
                self.graphql(line, person, targets, &name, &query).await
            }
            Operation::Control(command) => self.control(command, &input).await,
        }
    }

    /// Whose account the person is; of those who have none, and who are told of none, what nobody has.
    async fn own_id(
        &self,
        line: &Line,
        person: Person,
        targets: &mut Targets,
    ) -> anyhow::Result<String> {
        let client = person.client(self.server, line, &targets.keys().await?);
        let answer = client.graphql("{ me { id } }", json!({})).await?;
        Ok(answer["data"]["me"]["id"].as_str().unwrap_or(&targets.unknown).to_owned())
    }

    async fn http(
        &self,
        line: &Line,
        person: Person,
        targets: &mut Targets,
        (method, path, input): (&str, &str, &str),
    ) -> anyhow::Result<Answered> {
        let client = person.client(self.server, line, &targets.keys().await?);
        let method: Method = method.parse()?;
        let form = path.starts_with("/controller/");
        let request = match (method == Method::GET, input) {
            (_, "") => client.request(method, path),
            (true, query) => client.request(method, &format!("{path}?{query}")),
            (false, body) => {
                let kind =
                    if form { "application/x-www-form-urlencoded" } else { "application/json" };
                client.request(method, path).header("content-type", kind).body(body.to_owned())
            }
        };
        let answer = client.send(request).await?;
        let code = match answer.status {
            200..300 => "ok".to_owned(),
            status => status.to_string(),
        };
        let request_id = answer.header("x-request-id").unwrap_or_default().to_owned();
        Ok(Answered { code, text: answer.text(), request_id })
    }

    async fn graphql(
        &self,
        line: &Line,
        person: Person,
        targets: &mut Targets,
        name: &str,
        query: &str,
    ) -> anyhow::Result<Answered> {
        let client = person.client(self.server, line, &targets.keys().await?);
        let answer = client.json(Method::POST, "/graphql", &json!({ "query": query })).await?;
        let body = answer.json().with_context(|| format!("not JSON: {}", answer.text()))?;
        let code = match body["errors"][0]["extensions"]["code"].as_str() {
            Some(code) => status_of(code).to_owned(),
            None if body["data"][name].is_null() => "null".to_owned(),
            None => "ok".to_owned(),
        };
        let request_id = answer.header("x-request-id").unwrap_or_default().to_owned();
        Ok(Answered { code, text: body.to_string(), request_id })
    }

    async fn subscription(
        &self,
        line: &Line,
        person: Person,
        targets: &mut Targets,
        (name, input): (&str, &str),
    ) -> anyhow::Result<Answered> {
        let connected = Socket::connect(self.server, Offer::default()).await?;
        let mut socket = connected.map_err(|status| anyhow::anyhow!("refused: {status}"))?;
        let payload = person
            .token(line, &targets.keys().await?)
            .map_or(json!({}), |token| json!({ "token": token }));
        socket.say(&json!({ "type": "connection_init", "payload": payload })).await?;
        match socket.hear().await? {
            // The codes are those of HTTP, and 4000 more.
            Heard::Closed(code, reason) => {
                return Ok(Answered::new(code.saturating_sub(4000).to_string(), reason));
            }
            Heard::Message(_) => {}
        }
        let selection = self.schema.selection(("subscription", name), &self.alone, DEPTH);
        let query = format!("subscription {{ {} {selection} }}", call(name, input));
        socket.subscribe("1", &query, json!({})).await?;
        let Heard::Message(message) = socket.hear().await? else {
            return Ok(Answered::new("closed", ""));
        };
        let errors = match message["type"].as_str() {
            Some("error") => &message["payload"],
            _ => &message["payload"]["errors"],
        };
        let code = errors[0]["extensions"]["code"].as_str();
        Ok(Answered::new(code.map_or("ok", status_of), message.to_string()))
    }

    /// A command over the socket that only its owner can open.
    async fn control(&self, command: &str, input: &str) -> anyhow::Result<Answered> {
        let path = self.server.home().data().join("control.sock");
        let mode =
            std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path)?.permissions());
        anyhow::ensure!(mode & 0o777 == 0o600, "others may open the socket: {mode:o}");
        let mut request: Value = serde_json::from_str(if input.is_empty() { "{}" } else { input })?;
        request["command"] = json!(command);
        let (reader, mut writer) = UnixStream::connect(path).await?.into_split();
        writer.write_all(format!("{request}\n").as_bytes()).await?;
        let mut lines = BufReader::new(reader).lines();
        let mut last = String::new();
        let read = async {
            while let Some(line) = lines.next_line().await? {
                last = line;
                if last == "\"end\"" || last.starts_with("{\"error\"") {
                    break;
                }
            }
            anyhow::Ok(())
        };
        timeout(Duration::from_mins(1), read).await.context("no end")??;
        Ok(Answered::new(if last == "\"end\"" { "ok" } else { "error" }, last))
    }
}

/// A field with its arguments.
fn call(name: &str, input: &str) -> String {
    if input.is_empty() { name.to_owned() } else { format!("{name}({input})") }
}

/// Codes of GraphQL as statuses.
fn status_of(code: &str) -> &str {
    match code {
        "UNAUTHENTICATED" => "401",
        "FORBIDDEN" => "403",
        "NOT_FOUND" => "404",
        "INVALID" | "TAKEN" => "400",
        "REFUSED" => "409",
        other => other,
    }
}
