//! Which tables follow from the events, and what of them two runs of one seed have in common.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::tables::Tables;

/// Rows that do not count: a counter that came back to nothing is as good as none.
pub(crate) const ONLY: &[(&str, &str)] = &[("claim_counts", " WHERE count <> 0")];

/// Columns that follow from how events were grouped into transactions, which a rebuild does not repeat.
const GROUPED: &[(&str, &str)] = &[("claims", "position")];

/// Columns that differ from run to run, and why. Everything else is compared.
const APART: &[(&str, &str)] = &[
    // When something happened.
    ("*", "created_at"),
    ("*", "modified_at"),
    ("users", "last_log_in_at"),
    ("users", "password_at"),
    ("log_ins", "at"),
    ("webhooks", "active_at"),
    ("webhooks", "previous_until"),
    ("webhooks", "since"),
    // Where in the log: what happens in the background comes between.
    ("*", "changed"),
    ("claims", "position"),
    ("configurations", "defaults_position"),
    ("configurations", "inputs_position"),
    ("user_memberships", "added"),
    ("webhooks", "begins"),
    // By chance, and chosen by the server alone.
    ("log_ins", "id"),
];

/// Tables of all projections, and the claims.
pub(crate) fn derived() -> Vec<&'static str> {
    let all = projections::all();
    let owned = all.iter().flat_map(|projection| projection.tables().iter().copied());
    owned.chain(["claims", "claim_counts"]).collect()
}

/// Where it is written down which tables do not follow from the log.
const PAGE: &str = include_str!("../../../docs/testing.md");

/// Tables that neither follow from the log nor are said not to.
pub(crate) fn unknown(all: &[String]) -> Vec<String> {
    let derived = derived();
    let known =
        |name: &&String| derived.contains(&name.as_str()) || PAGE.contains(&format!("`{name}`"));
    all.iter().filter(|name| !known(name)).cloned().collect()
}

/// Without what a rebuild cannot know.
pub(crate) fn as_rebuilt(mut tables: Tables) -> Tables {
    for (name, column) in GROUPED {
        if let Some(table) = tables.get_mut(*name)
            && let Some(at) = table.columns.iter().position(|it| it == column)
        {
            table.rows.values_mut().for_each(|row| row[at] = None);
        }
    }
    tables
}

/// What two runs have in common: rows without what differs, in an order of their own. `names` tells which ids were chosen by
/// the server, and what they stand for.
pub(crate) fn in_common(
    tables: &Tables,
    names: &BTreeMap<String, String>,
) -> BTreeMap<String, Vec<String>> {
    let mut common = BTreeMap::new();
    for (name, table) in tables {
        let apart =
            |column: &str| APART.iter().any(|(of, it)| (*of == "*" || of == name) && *it == column);
        let line = |row: &Vec<Option<String>>| {
            let value = |column: &str| {
                let at = table.columns.iter().position(|it| it == column)?;
                row[at].as_deref()
            };
            // What is known of a token for a purpose is a hash of a secret by chance.
            let of_chance = match name.as_str() {
                "user_tokens" if value("id").is_some() => "token",
                "claims" if value("kind") == Some("user.token") => "value",
                _ => "",
            };
            let told = table.columns.iter().zip(row).filter_map(|(column, value)| {
                if apart(column) || column == of_chance {
                    return None;
                }
                let value = value.as_ref().map_or_else(|| "NULL".to_owned(), |it| plain(it, names));
                Some(format!("{column}={value}"))
            });
            told.collect::<Vec<_>>().join(" ")
        };
        let mut lines: Vec<String> = table.rows.values().map(line).collect();
        lines.sort();
        common.insert(name.clone(), lines);
    }
    common
}

/// A sealed value is whose it is; an id that the server chose is what it stands for.
fn plain(value: &str, names: &BTreeMap<String, String>) -> String {
    if let Some(name) = names.get(value) {
        return name.clone();
    }
    match serde_json::from_str::<Value>(value) {
        Ok(sealed) if !sealed["$enc"]["s"].is_null() => {
            format!("sealed for {}", sealed["$enc"]["s"])
        }
        _ => value.to_owned(),
    }
}

/// What is in one list and not in the other.
pub(crate) fn apart(
    (one, here): (&str, &BTreeMap<String, Vec<String>>),
    (other, there): (&str, &BTreeMap<String, Vec<String>>),
) -> Vec<String> {
    let mut found = Vec::new();
    for (table, lines) in here {
        let empty = Vec::new();
        let against = there.get(table).unwrap_or(&empty);
        for (lines, against, side) in [(lines, against, one), (against, lines, other)] {
            let mut left = against.clone();
            for line in lines {
                match left.iter().position(|it| it == line) {
                    Some(at) => drop(left.swap_remove(at)),
                    None => found.push(format!("{table}: only on {side}: {line}")),
                }
            }
        }
    }
    found
}
