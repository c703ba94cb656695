//! What the program says about its REST interface, held against what was recorded of the former one.
//!
//! Recorded are Swagger 2 documents, ours is `OpenAPI` 3.1. Paths are the same where they differ in the names of their
//! parameters only, which are compared by their place. A body that was recorded for everything, read-only fields included, is
//! compared twice: what may be sent with what we read, and what is answered with what we show. All filters were
//! recorded as texts, whatever they are. Texts about fields (titles, patterns, lengths) are not compared.

use std::collections::BTreeSet;

use anyhow::Context as _;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use wisptrail_tests::{Database, Server, Start, conformance::Area};

/// What was recorded and is not there yet.
const LATER: [(&str, &str); 3] = [
    ("/controller/vpn/", "VPN servers"),
    ("/controller/cert/", "certificates"),
    ("/radius-group/", "RADIUS"),
];
const BASE: &str = "/api/v1";
const DOCUMENT: &str = "/api/v1/docs/openapi.json";
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// Differences that are wanted, and why.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Accepted {
    /// As they are told; a star stands for anything.
    differences: Vec<String>,
    reason: String,
}

async fn served(settings: &[(&str, &str)]) -> anyhow::Result<Server> {
    let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let start = Start { settings: settings.collect(), ..Start::with_fixture()? };
    Server::start(&Database::Sqlite, start).await
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_was_recorded_is_described() -> anyhow::Result<()> {
    let area = Area::find("openapi")?;
    if area.is_absent() {
        return Ok(());
    }
    let server = served(&[]).await?;
    let ours =
        Document(server.client().get(DOCUMENT).await?.expect(200)?.json().context("no JSON")?);
    let mut comparison = Comparison::default();
    for file in &area.files {
        let recorded: Value = serde_json::from_slice(&std::fs::read(file)?)?;
        comparison.file(&Document(recorded), &ours)?;
    }
    comparison.rest_of(&ours)?;
    comparison.told(&area)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_committed_document_is_the_one_that_is_served() -> anyhow::Result<()> {
    let server = served(&[]).await?;
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    let committed: Value = serde_json::from_slice(&std::fs::read(path)?)?;
    for address in [DOCUMENT, "/api/v1/docs/?format=openapi"] {
        let answer = server.client().get(address).await?.expect(200)?;
        assert_eq!(answer.header("content-type"), Some("application/json"), "{address}");
        assert_eq!(answer.json().context("no JSON")?, committed, "{address}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_can_be_switched_off_and_named() -> anyhow::Result<()> {
    let server = served(&[("WISPTRAIL_REST__DOCS", "false")]).await?;
    for address in [DOCUMENT, "/api/v1/docs/", "/api/v1/docs/?format=openapi"] {
        let request = server.client().request(Method::GET, address).header("accept", "text/html");
        server.client().send(request).await?.expect(404)?;
    }
    let server = served(&[
        ("WISPTRAIL_REST__DOCS_TITLE", "Harbour"),
        ("WISPTRAIL_CONTROLLER__HARDWARE_ID_ENABLED", "true"),
    ])
    .await?;
    let document = server.client().get(DOCUMENT).await?.expect(200)?.json().context("no JSON")?;
    assert_eq!(document["info"]["title"], "Harbour");
    let device = &document["components"]["schemas"]["DeviceRequest"]["properties"];
    assert!(device["hardware_id"].is_object(), "{device}");
    Ok(())
}

/// The page names its files, all of them are here, and its policy lets it load nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn the_page_loads_nothing_from_elsewhere() -> anyhow::Result<()> {
    let server = served(&[]).await?;
    let client = server.client();
    let page = client.request(Method::GET, "/api/v1/docs/").header("accept", "text/html,*/*;q=0.8");
    let page = client.send(page).await?.expect(200)?;
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let policy = page.header("content-security-policy").context("no policy")?;
    for part in
        ["default-src 'self'", "script-src 'self'", "style-src 'self'", "connect-src 'self'"]
    {
        assert!(policy.split("; ").any(|one| one == part), "{policy}");
    }
    let text = page.text();
    let address = regex::Regex::new(r#"(?:src|href|content)="([^"]*[/:][^"]*)""#)?;
    let named: Vec<&str> =
        address.captures_iter(&text).filter_map(|found| Some(found.get(1)?.as_str())).collect();
    assert_eq!(
        named.iter().filter(|name| name.starts_with("/api/v1/docs/assets/")).count(),
        3,
        "{text}"
    );
    for name in named {
        if name == "data:," {
            continue;
        }
        assert!(name.starts_with("/api/v1/docs/"), "{name}");
        client.get(name).await?.expect(200)?;
    }
    client.get("/api/v1/docs/assets/none.js").await?.expect(404)?;
    Ok(())
}

/// Whoever reads what is required of a new object and sends it is understood.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_required_is_what_is_missed() -> anyhow::Result<()> {
    let server = served(&[]).await?;
    let ours =
        Document(server.client().get(DOCUMENT).await?.expect(200)?.json().context("no JSON")?);
    let mut asked = 0;
    for path in [
        "/users/token/",
        "/users/user/",
        "/users/group/",
        "/users/organization/",
        "/controller/device/",
        "/controller/template/",
        "/controller/group/",
    ] {
        let path = format!("{BASE}{path}");
        let operation = &ours.0["paths"][&path]["post"];
        let schema =
            ours.resolved(&operation["requestBody"]["content"]["application/json"]["schema"]);
        let required: BTreeSet<String> = texts(&schema["required"]);
        assert!(!required.is_empty(), "{path}");
        let answer = server.admin().json(Method::POST, &path, &json!({})).await?.expect(400)?;
        let missed = answer.json().context("no JSON")?;
        let missed = missed.as_object().context("no object")?.iter();
        let missed: BTreeSet<String> = missed
            .filter(|(_, sentences)| **sentences == json!(["This field is required."]))
            .map(|(name, _)| name.clone())
            .collect();
        assert_eq!(missed, required, "{path}");
        asked += 1;
    }
    assert_eq!(asked, 7);
    Ok(())
}

/// A description with what it refers to.
struct Document(Value);

impl Document {
    /// The value itself, where this is a reference to it.
    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str().and_then(|place| place.strip_prefix('#')) {
            Some(place) => self.0.pointer(place).unwrap_or(&Value::Null),
            None => value,
        }
    }

    /// A schema, out of the choice between it and null.
    fn schema<'a>(&'a self, value: &'a Value) -> &'a Value {
        let choices = ["oneOf", "anyOf"].iter().find_map(|name| value[name].as_array());
        let choice = choices.into_iter().flatten().find(|choice| choice["type"] != "null");
        self.resolved(choice.unwrap_or(value))
    }

    fn is_nullable(&self, value: &Value) -> bool {
        let choices = ["oneOf", "anyOf"].iter().find_map(|name| value[name].as_array());
        let null = |choice: &Value| choice["type"] == "null";
        choices.is_some_and(|choices| choices.iter().any(null))
            || texts(&self.resolved(value)["type"]).contains("null")
    }

    /// Paths with their methods.
    fn operations(&self) -> anyhow::Result<Vec<(String, &'static str, &Value)>> {
        let paths = self.0["paths"].as_object().context("no paths")?;
        let operations = paths.iter().flat_map(|(path, item)| {
            let described =
                move |method: &&'static str| Some((path.clone(), *method, item.get(*method)?));
            METHODS.iter().filter_map(described)
        });
        Ok(operations.collect())
    }
}

/// `a` or `["a", "b"]` as a set.
fn texts(value: &Value) -> BTreeSet<String> {
    let one = value.as_str().into_iter();
    let several = value.as_array().into_iter().flatten().filter_map(Value::as_str);
    one.chain(several).map(str::to_owned).collect()
}

/// The parameters of a path, in its order.
fn in_path<'a>(parameters: &'a [Value], path: &str) -> Vec<&'a Value> {
    let names = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let of_path = |name| parameters.iter().find(|one| one["in"] == "path" && one["name"] == name);
    names.map(|name| of_path(name).unwrap_or(&Value::Null)).collect()
}

/// Does a difference fit into a pattern? A star stands for anything.
fn fits(pattern: &str, difference: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == difference };
    let Some(mut left) = difference.strip_prefix(first) else { return false };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        match (parts.peek(), left.find(part)) {
            (None, _) => return left.ends_with(part),
            (Some(_), Some(at)) => left = &left[at + part.len()..],
            (Some(_), None) => return false,
        }
    }
    true
}

#[test]
fn stars_stand_for_anything() {
    for (pattern, expected) in [
        ("GET /a/: x", true),
        ("GET /a/", false),
        ("* /a/: x", true),
        ("GET *: x", true),
        ("* /*: x", true),
        ("*", true),
        ("* /b/: x", false),
        ("GET*y", false),
    ] {
        assert_eq!(fits(pattern, "GET /a/: x"), expected, "{pattern}");
    }
}

/// A path without the names of its parameters.
fn shape(path: &str) -> String {
    let part = |part| if str::starts_with(part, "{") { "{}" } else { part };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// Which way a schema goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Sent,
    Answered,
}

#[derive(Default)]
struct Comparison {
    /// Recorded operations, and those of them that are there.
    recorded: usize,
    present: usize,
    left_out: usize,
    /// Ours that were recorded.
    known: BTreeSet<String>,
    differences: BTreeSet<String>,
}

impl Comparison {
    fn file(&mut self, recorded: &Document, ours: &Document) -> anyhow::Result<()> {
        for (path, method, operation) in recorded.operations()? {
            let name = format!("{} {}", method.to_uppercase(), shape(&path));
            let wanted = shape(&format!("{BASE}{path}"));
            let found = ours
                .operations()?
                .into_iter()
                .find(|(path, other, _)| shape(path) == wanted && *other == method);
            if found.is_none() && LATER.iter().any(|(later, _)| path.contains(later)) {
                self.left_out += 1;
                continue;
            }
            self.recorded += 1;
            let Some((our_path, _, found)) = found else {
                self.differences.insert(format!("{name}: missing"));
                continue;
            };
            self.present += 1;
            self.known.insert(name.clone());
            let theirs = (&*path, &recorded.0["paths"][&path], operation);
            self.operation(&name, (recorded, theirs), (ours, (&our_path, found)));
        }
        Ok(())
    }

    fn differs(&mut self, name: &str, what: String) {
        self.differences.insert(format!("{name}: {what}"));
    }

    fn operation(
        &mut self,
        name: &str,
        (recorded, (path, item, operation)): (&Document, (&str, &Value, &Value)),
        (ours, (our_path, found)): (&Document, (&str, &Value)),
    ) {
        if operation["operationId"] != found["operationId"] {
            self.differs(
                name,
                format!(
                    "operation id {} instead of {}",
                    found["operationId"], operation["operationId"]
                ),
            );
        }
        let all = |of: &Value| of["parameters"].as_array().cloned().unwrap_or_default();
        let parameters: Vec<Value> = all(item).into_iter().chain(all(operation)).collect();
        let our_parameters = all(found);
        for parameter in &parameters {
            let known = parameter["name"].as_str().unwrap_or_default();
            match parameter["in"].as_str() {
                Some("query") => {
                    let same = our_parameters
                        .iter()
                        .find(|one| one["in"] == "query" && one["name"] == known);
                    let Some(same) = same else {
                        self.differs(name, format!("parameter {known} missing"));
                        continue;
                    };
                    let kinds = texts(&same["schema"]["type"]);
                    if parameter["type"] != "string" && !texts(&parameter["type"]).is_subset(&kinds)
                    {
                        self.differs(
                            name,
                            format!(
                                "parameter {known} is {kinds:?} instead of {}",
                                parameter["type"]
                            ),
                        );
                    }
                    if same["required"] == true && parameter["required"] != true {
                        self.differs(name, format!("parameter {known} is required"));
                    }
                }
                Some("body") => {
                    let schema = &found["requestBody"]["content"]["application/json"]["schema"];
                    self.fields(
                        &format!("{name}: sent"),
                        (recorded, &parameter["schema"]),
                        (ours, schema),
                        Way::Sent,
                    );
                }
                _ => {}
            }
        }
        let places = in_path(&parameters, path).into_iter().zip(in_path(&our_parameters, our_path));
        for (place, (theirs, ours)) in places.enumerate() {
            let (wanted, found) = (texts(&theirs["type"]), texts(&ours["schema"]["type"]));
            if wanted != found {
                let place = place + 1;
                self.differs(
                    name,
                    format!("parameter {place} of the path is {found:?} instead of {wanted:?}"),
                );
            }
        }
        let queries = our_parameters.iter().filter(|one| one["in"] != "path");
        for one in queries {
            let known = one["name"].as_str().unwrap_or_default();
            if !parameters.iter().any(|recorded| recorded["name"] == known) {
                self.differs(name, format!("parameter {known} added"));
            }
        }
        self.answers(name, (recorded, operation), (ours, found));
    }

    fn answers(
        &mut self,
        name: &str,
        (recorded, operation): (&Document, &Value),
        (ours, found): (&Document, &Value),
    ) {
        let success = |of: &Value| -> Option<(String, Value)> {
            let responses = of["responses"].as_object()?;
            let (status, response) =
                responses.iter().find(|(status, _)| status.starts_with('2'))?;
            Some((status.clone(), response.clone()))
        };
        let (Some((status, theirs)), Some((our_status, answer))) =
            (success(operation), success(found))
        else {
            self.differs(name, "no answer".to_owned());
            return;
        };
        if status != our_status {
            self.differs(name, format!("answers {our_status} instead of {status}"));
        }
        if theirs["schema"].is_null() {
            return;
        }
        match answer["content"]["application/json"]["schema"] {
            Value::Null => self.differs(name, "answers no JSON".to_owned()),
            ref schema => {
                self.fields(
                    &format!("{name}: answered"),
                    (recorded, &theirs["schema"]),
                    (ours, schema),
                    Way::Answered,
                );
            }
        }
    }

    /// Fields of a recorded object and of ours, in either direction.
    fn fields(
        &mut self,
        at: &str,
        theirs: (&Document, &Value),
        ours: (&Document, &Value),
        way: Way,
    ) {
        let (their_document, their_schema) = (theirs.0, theirs.0.resolved(theirs.1));
        let (our_document, our_schema) = (ours.0, ours.0.schema(ours.1));
        let properties =
            |schema: &Value| schema["properties"].as_object().cloned().unwrap_or_default();
        let (wanted, found) = (properties(their_schema), properties(our_schema));
        let their_required = texts(&their_schema["required"]);
        for (name, property) in &wanted {
            if way == Way::Sent && property["readOnly"] == true {
                continue;
            }
            let Some(same) = found.get(name) else {
                self.differences.insert(format!("{at} {name} missing"));
                continue;
            };
            self.field(
                &format!("{at} {name}"),
                (their_document, property),
                (our_document, same),
                way,
            );
        }
        if way == Way::Sent {
            for name in texts(&our_schema["required"]).difference(&their_required) {
                self.differences.insert(format!("{at} {name} required"));
            }
        }
        // What is recorded as an object of nothing in particular tells nothing.
        if !wanted.is_empty() {
            for name in found.keys().filter(|name| !wanted.contains_key(*name)) {
                self.differences.insert(format!("{at} {name} added"));
            }
        }
    }

    fn field(
        &mut self,
        at: &str,
        theirs: (&Document, &Value),
        ours: (&Document, &Value),
        way: Way,
    ) {
        let (their_schema, our_schema) = (theirs.0.resolved(theirs.1), ours.0.schema(ours.1));
        let mut kinds = texts(&our_schema["type"]);
        kinds.remove("null");
        let their_kinds = texts(&their_schema["type"]);
        if kinds != their_kinds {
            self.differences.insert(format!("{at} is {kinds:?} instead of {their_kinds:?}"));
            return;
        }
        let (theirs_null, ours_null) =
            (their_schema["x-nullable"] == true, ours.0.is_nullable(ours.1));
        match way {
            Way::Sent if theirs_null && !ours_null => {
                self.differences.insert(format!("{at} takes no null"));
            }
            Way::Answered if ours_null && !theirs_null => {
                self.differences.insert(format!("{at} may be null"));
            }
            Way::Sent | Way::Answered => {}
        }
        if !their_schema["format"].is_null() && their_schema["format"] != our_schema["format"] {
            let (found, wanted) = (&our_schema["format"], &their_schema["format"]);
            self.differences.insert(format!("{at} has the format {found} instead of {wanted}"));
        }
        let (wanted, found) = (texts(&their_schema["enum"]), texts(&our_schema["enum"]));
        if !wanted.is_empty() && !found.is_empty() && wanted != found {
            self.differences.insert(format!("{at} is one of {found:?} instead of {wanted:?}"));
        }
        match their_schema["type"].as_str() {
            Some("array") => {
                let items = (&their_schema["items"], &our_schema["items"]);
                self.field(&format!("{at} []"), (theirs.0, items.0), (ours.0, items.1), way);
            }
            Some("object") => self.fields(&format!("{at}."), theirs, ours, way),
            _ => {}
        }
    }

    /// Ours that were not recorded.
    fn rest_of(&mut self, ours: &Document) -> anyhow::Result<()> {
        for (path, method, _) in ours.operations()? {
            let path = path.strip_prefix(BASE).context("another base")?;
            let name = format!("{} {}", method.to_uppercase(), shape(path));
            if !self.known.contains(&name) {
                self.differences.insert(format!("{name}: added"));
            }
        }
        Ok(())
    }

    #[expect(clippy::print_stdout, reason = "figures that are asked for")]
    fn print(&self, area: &Area) {
        println!(
            "{}: {} of {} operations present, {} differences accepted, {} operations later",
            area.name,
            self.present,
            self.recorded,
            self.differences.len(),
            self.left_out
        );
    }

    /// All differences are accepted, and all that are accepted are there.
    fn told(self, area: &Area) -> anyhow::Result<()> {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("conformance/openapi-accepted.json");
        let accepted: Vec<Accepted> = serde_json::from_slice(&std::fs::read(path)?)?;
        let mut wrong: Vec<String> = Vec::new();
        let mut used = BTreeSet::new();
        for difference in &self.differences {
            let patterns = accepted.iter().flat_map(|one| &one.differences);
            let taking: Vec<&String> =
                patterns.filter(|pattern| fits(pattern, difference)).collect();
            if taking.is_empty() {
                wrong.push(difference.clone());
            }
            used.extend(taking);
        }
        for one in &accepted {
            anyhow::ensure!(!one.reason.trim().is_empty(), "no reason: {one:?}");
            let stale = one.differences.iter().filter(|pattern| !used.contains(pattern));
            wrong
                .extend(stale.map(|pattern| format!("is accepted and does not differ: {pattern}")));
        }
        self.print(area);
        anyhow::ensure!(wrong.is_empty(), "not in openapi-accepted.json:\n{}", wrong.join("\n"));
        anyhow::ensure!(self.recorded > 40, "only {} operations were recorded", self.recorded);
        Ok(())
    }
}
