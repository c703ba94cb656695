//! Mails that a server writes into a folder.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::Context;
use regex::Regex;

use super::{transcript::Mail, variables::Variables};

/// Looks for the newest mail to somebody that was not there before, and takes what it is to hold out of it. What is wrong, if
/// anything is.
pub(super) fn read(
    mail: &Mail,
    folder: &Path,
    before: &BTreeSet<PathBuf>,
    variables: &mut Variables,
) -> anyhow::Result<Option<String>> {
    let to = variables.fill(&mail.to);
    let recipient = Regex::new(&format!("(?mi)^To: .*{}", regex::escape(&to)))?;
    let mut mails = there(folder)?;
    mails.sort();
    for (_, path) in mails.into_iter().rev().filter(|(_, path)| !before.contains(path)) {
        let Ok(raw) = std::fs::read(&path) else { continue };
        let text = plain(&String::from_utf8_lossy(&raw));
        if !recipient.is_match(&text) {
            continue;
        }
        let mut found = Vec::new();
        for (name, pattern) in &mail.capture {
            let pattern =
                Regex::new(pattern).with_context(|| format!("not a pattern: {pattern}"))?;
            let value = pattern.captures(&text).and_then(|found| found.get(1));
            found.extend(value.map(|value| (name, value.as_str().to_owned())));
        }
        if found.len() == mail.capture.len() {
            for (name, value) in found {
                variables.learn(name, &value);
            }
            return Ok(None);
        }
    }
    Ok(Some(format!("no such mail to {to}")))
}

/// All mails with the time of their writing.
pub(super) fn there(folder: &Path) -> anyhow::Result<Vec<(SystemTime, PathBuf)>> {
    let mut mails = Vec::new();
    let Ok(entries) = folder.read_dir() else { return Ok(mails) };
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        // A mail that was being written has its name by now.
        let Ok(head) = entry.metadata() else { continue };
        if head.is_dir() {
            mails.extend(there(&path)?);
        } else {
            mails.push((head.modified()?, path));
        }
    }
    Ok(mails)
}

/// Without the soft line ends and the escaped equals signs of quoted-printable (RFC 2045 §6.7).
fn plain(text: &str) -> String {
    text.replace("\r\n", "\n").replace("=\n", "").replace("=3D", "=")
}
