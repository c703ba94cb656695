//! Every text of SQL that touches a table with an owner stands in a function that takes a scope, or names the owner itself, or
//! is listed here with a reason.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use regex::Regex;

/// Files or functions (`file::function`) that read whatever the owner, and why they may.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("app/src/edge/memory.rs", "agents prove themselves with the device's own key"),
    ("app/src/presence/table.rs", "what agents were heard of, kept by device"),
    (
        "app/src/refusals.rs",
        "reads take the organizations that the policy named; pruning takes all",
    ),
    ("projections/src/configuration/inputs.rs", "rendering reads what a device is made of"),
    (
        "projections/src/configuration.rs::templates_of",
        "of a configuration that the policy let through",
    ),
    (
        "projections/src/configuration.rs::templates_of_devices",
        "of configurations that the policy let through",
    ),
    ("app/src/configurations/render.rs::changed", "rendering asks whether its inputs moved"),
    ("projections/src/device.rs::sorting", "inside of a statement on devices, which has its scope"),
    ("projections/src/device.rs::FAILING", "inside of a statement on devices, which has its scope"),
    ("projections/src/configuration.rs::changed", "writes what events say"),
    ("projections/src/group.rs::others_list", "a rule: which other groups name a template"),
    ("projections/src/device.rs::by_key", "agents prove themselves with the key"),
    (
        "projections/src/device.rs::by_id_query",
        "beside other tables, of a device that the policy let through",
    ),
    ("projections/src/webhook.rs::idle", "of workers: which webhooks have something to do"),
    ("projections/src/webhook.rs::DUE", "inside of statements on the deliveries of one webhook"),
    (
        "projections/src/webhook/deliveries.rs",
        "deliveries of a webhook that the policy let through",
    ),
    ("app/src/webhooks/deliveries.rs", "deliveries of a webhook that the policy let through"),
    ("app/src/webhooks/queue.rs", "of workers: what is delivered to a webhook"),
    ("projections/src/accounts/fold.rs", "writes what events say"),
    (
        "projections/src/accounts/user.rs::COLUMNS",
        "an account is one: the policy looks at its memberships",
    ),
    ("projections/src/accounts/user.rs::conditions", "names the organizations in reach"),
];

/// Tables that rows of organizations are in, by the migrations.
fn owned() -> anyhow::Result<BTreeSet<String>> {
    let table = Regex::new(r"(?s)CREATE TABLE (\w+) \((.*?)\n\)")?;
    let mut owned = BTreeSet::new();
    for path in files(&root().join("migrations/postgres"), "sql")? {
        let text = std::fs::read_to_string(path)?;
        for found in table.captures_iter(&text) {
            if found[2].contains("organization_id ") {
                owned.insert(found[1].to_owned());
            }
        }
    }
    // The log and what is beside it have doors of their own: filters by organization, keys with the organization in them.
    for apart in ["events", "jobs", "blobs", "data_keys", "claims"] {
        owned.remove(apart);
    }
    Ok(owned)
}

#[test]
fn every_text_of_sql_has_its_scope() -> anyhow::Result<()> {
    let owned = owned()?;
    assert!(owned.len() >= 5 && owned.contains("devices"), "{owned:?}");
    let tables = owned.iter().map(String::as_str).collect::<Vec<_>>().join("|");
    let touched = Regex::new(&format!(
        r#"\b(?:FROM|JOIN|UPDATE|INTO)\s+({tables})\b|(?:COLUMNS|WIDTH), "({tables})(?: \w)?""#
    ))?;
    // The statement itself says whose rows it means.
    let named = Regex::new(r"organization_id\s*(?:=|IN)")?;
    let begins =
        Regex::new(r"^(?:    )?(?:pub(?:\([a-z]+\))? )?(?:async )?(?:fn|const|static) (\w+)")?;
    let (mut wrong, mut used, mut texts) = (Vec::new(), BTreeSet::new(), 0);
    for folder in ["projections/src", "app/src", "api/src", "workers/src", "server/src"] {
        for path in files(&root().join(folder), "rs")? {
            let place = path.strip_prefix(root())?.display().to_string();
            let text = std::fs::read_to_string(&path)?;
            let text = text.split("\n#[cfg(test)]").next().unwrap_or_default();
            for (name, body) in pieces(text, &begins) {
                let code: String = body
                    .lines()
                    .filter(|line| !line.trim_start().starts_with("//"))
                    .collect::<Vec<_>>()
                    .join("\n");
                if !touched.is_match(&code) {
                    continue;
                }
                texts += 1;
                let whole = format!("{place}::{name}");
                let excepted = EXCEPTIONS
                    .iter()
                    .find(|(exception, _)| *exception == place || *exception == whole);
                if let Some((exception, _)) = excepted {
                    used.insert(*exception);
                } else if name != "fold"
                    && !code.contains("ReadScope")
                    && !code.contains("(scope")
                    && !named.is_match(&code)
                {
                    wrong.push(whole);
                }
            }
        }
    }
    assert!(wrong.is_empty(), "neither scope nor reason:\n{}", wrong.join("\n"));
    let unused: Vec<&str> = EXCEPTIONS
        .iter()
        .map(|(exception, _)| *exception)
        .filter(|exception| !used.contains(exception))
        .collect();
    assert!(unused.is_empty(), "exceptions that nothing needs: {unused:?}");
    assert!(texts >= 20, "only {texts} functions with SQL");
    Ok(())
}

/// Functions and constants with their names.
fn pieces<'a>(text: &'a str, begins: &Regex) -> Vec<(String, &'a str)> {
    let mut starts = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if let Some(found) = begins.captures(line) {
            starts.push((at, found[1].to_owned()));
        }
        at += line.len();
    }
    let ends = starts.iter().skip(1).map(|(at, _)| *at).chain([text.len()]).collect::<Vec<_>>();
    starts.into_iter().zip(ends).map(|((at, name), end)| (name, &text[at..end])).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}

fn files(folder: &Path, ending: &str) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path, ending)?);
        } else if path.extension().is_some_and(|extension| extension == ending) {
            found.push(path);
        }
    }
    Ok(found)
}
