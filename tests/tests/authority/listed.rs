//! What there is, held against the table.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use anyhow::Context;
use regex::Regex;

use crate::{
    schema::Schema,
    table::{Operation, Table, shape},
};

/// Everything that the program offers and the table does not know, and the other way round, by name.
pub(crate) fn missing(table: &Table, schema: &Schema) -> anyhow::Result<Vec<String>> {
    let known = table.operations();
    let mut there = routes()?;
    for kind in ["query", "mutation", "subscription"] {
        let fields = schema.root(kind).into_iter();
        there.extend(fields.map(|name| Operation::Root(kind.to_owned(), name)));
    }
    there.extend(commands()?.into_iter().map(Operation::Control));

    let mut missing = Vec::new();
    for operation in there.difference(&known) {
        missing.push(format!("a line for {operation:?}"));
    }
    for (name, fields) in schema.types.iter().filter(|(name, _)| !schema.is_root(name)) {
        for field in fields.keys() {
            let told = table.told.get(name).is_some_and(|told| told.contains(field));
            let alone = known.contains(&Operation::Field(name.clone(), field.clone()));
            if !told && !alone {
                missing.push(format!("the field {name}.{field}"));
            }
        }
    }
    for operation in known.difference(&there) {
        let Operation::Field(name, field) = operation else {
            missing.push(format!("it is there no more: {operation:?}"));
            continue;
        };
        if !schema.types.get(name).is_some_and(|fields| fields.contains_key(field)) {
            missing.push(format!("it is there no more: {name}.{field}"));
        }
    }
    let stood_for = table.use_cases();
    let use_cases = use_cases()?;
    for name in &use_cases {
        if !stood_for.contains(name.as_str()) && !table.internal.contains_key(name) {
            missing.push(format!("a line that stands for the use case {name}"));
        }
    }
    let named = stood_for.into_iter().chain(table.internal.keys().map(String::as_str));
    for name in named.filter(|name| !use_cases.contains(*name)) {
        missing.push(format!("it is there no more: the use case {name}"));
    }
    Ok(missing)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Methods and paths, from the list that is made of the table of routes. What `HEAD` gets is what `GET` gets.
fn routes() -> anyhow::Result<BTreeSet<Operation>> {
    let text = std::fs::read_to_string(root().join("docs/routes.md"))?;
    let row = Regex::new(r"(?m)^\| \w+ \| ([A-Z, ]+) \| `([^`]+)` \|$")?;
    let rows = row.captures_iter(&text).map(|row| (row[1].to_owned(), row[2].to_owned()));
    let mut there = BTreeSet::new();
    for (methods, path) in rows {
        for method in methods.split(", ").filter(|method| !matches!(*method, "HEAD" | "OPTIONS")) {
            there.insert(Operation::Http(method.to_owned(), shape(&path)));
        }
    }
    anyhow::ensure!(there.len() > 50, "only {} routes", there.len());
    Ok(there)
}

/// Commands of the control socket, as they are written there.
fn commands() -> anyhow::Result<BTreeSet<String>> {
    let text = std::fs::read_to_string(root().join("server/src/control/protocol.rs"))?;
    let (_, after) = text.split_once("pub enum Request {").context("the requests")?;
    let (inside, _) = after.split_once("\n}").context("their end")?;
    let variant = Regex::new(r"(?m)^    ([A-Z]\w*)(?:,|\(| \{)")?;
    let upper = Regex::new("([a-z])([A-Z])")?;
    let snake = |name: &str| upper.replace_all(name, "${1}_$2").to_lowercase();
    Ok(variant.captures_iter(inside).map(|found| snake(&found[1])).collect())
}

/// What the handles of the application offer: `Devices::create` and so on.
fn use_cases() -> anyhow::Result<BTreeSet<String>> {
    let block = Regex::new(r"^impl (\w+)<'_> \{")?;
    let offered = Regex::new(r"^    pub (?:async )?fn (\w+)")?;
    let mut found = BTreeSet::new();
    for path in sources(&root().join("app/src"))? {
        let text = std::fs::read_to_string(path)?;
        let mut handle = None;
        for line in text.lines() {
            if let Some(begin) = block.captures(line) {
                handle = Some(begin[1].to_owned());
            } else if line.starts_with('}') {
                handle = None;
            } else if let (Some(handle), Some(offer)) = (&handle, offered.captures(line)) {
                found.insert(format!("{handle}::{}", &offer[1]));
            }
        }
    }
    anyhow::ensure!(found.len() > 50, "only {} use cases", found.len());
    Ok(found)
}

fn sources(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(sources(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(found)
}
