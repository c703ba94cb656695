//! Recorded answers that are not given, and why.

use std::{collections::BTreeMap, path::Path};

use anyhow::Context;
use serde::Deserialize;

/// Differences that are wanted, by file and step.
#[derive(Debug, Default)]
pub struct Accepted(BTreeMap<(String, usize), Difference>);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Difference {
    file: String,
    step: usize,
    /// Method and path, so that a step that has moved is noticed.
    request: String,
    reason: String,
    #[serde(skip)]
    seen: bool,
}

impl Accepted {
    /// Those of this crate in `conformance/<name>`.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or one of them has no reason.
    pub fn read(name: &str) -> anyhow::Result<Self> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance").join(name);
        let text =
            std::fs::read(&path).with_context(|| format!("failed to read {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("{} is not a list", path.display()))
    }

    fn parse(text: &[u8]) -> anyhow::Result<Self> {
        let all: Vec<Difference> = serde_json::from_slice(text)?;
        let mut accepted = BTreeMap::new();
        for difference in all {
            anyhow::ensure!(!difference.reason.trim().is_empty(), "no reason: {difference:?}");
            accepted.insert((difference.file.clone(), difference.step), difference);
        }
        Ok(Self(accepted))
    }

    /// Whether this step may differ.
    pub(super) fn takes(&mut self, file: &str, step: usize, request: &str) -> bool {
        let known = self.0.get_mut(&(file.to_owned(), step));
        let Some(known) = known.filter(|known| known.request == request) else { return false };
        known.seen = true;
        true
    }

    /// Those of a file that was replayed and where nothing differs any more.
    pub(super) fn stale(&self, file: &str) -> Vec<String> {
        let stale = self.0.values().filter(|known| known.file == file && !known.seen);
        stale
            .map(|known| {
                format!(
                    "{file} step {} {} is accepted and does not differ",
                    known.step, known.request
                )
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_differ_any_more_is_stale() {
        let text =
            br#"[{ "file": "a.json", "step": 1, "request": "GET /a/", "reason": "because" }]"#;
        let mut accepted = Accepted::parse(text).expect("a list");
        assert!(!accepted.takes("a.json", 1, "GET /b/"));
        assert!(!accepted.takes("b.json", 1, "GET /a/"));
        assert_eq!(accepted.stale("a.json").len(), 1);
        assert_eq!(accepted.stale("b.json").len(), 0);
        assert!(accepted.takes("a.json", 1, "GET /a/"));
        assert_eq!(accepted.stale("a.json").len(), 0);
    }

    #[test]
    fn nothing_is_accepted_without_a_reason() {
        let text = br#"[{ "file": "a.json", "step": 1, "request": "GET /a/", "reason": " " }]"#;
        assert!(Accepted::parse(text).is_err());
    }
}
