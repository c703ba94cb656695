//! Branches of `oneOf`, and which of them a value leaves open.

use serde_json::Value;

use super::Id;
use super::names::Names;

/// The texts to which a branch restricts properties.
pub(super) type Said<'a> = Vec<(&'a str, Vec<&'a str>)>;

/// Alternatives of which a value has to fit exactly one.
pub(super) struct Branches {
    ids: Vec<Id>,
    signs: Vec<Sign>,
}

/// A property that tells branches apart: each allows only some texts for it.
struct Sign {
    name: Box<str>,
    /// The branches that are left, by text.
    open: Names<u64>,
    /// Those that are left for any other value: they do not restrict the property.
    otherwise: u64,
}

impl Branches {
    /// `said` holds for every branch the texts to which it restricts properties.
    pub(super) fn new(ids: Vec<Id>, said: &[Said<'_>]) -> Self {
        // What cannot be counted in a word is not told apart.
        let said = if ids.len() > 64 { &[] } else { said };
        let mut names: Vec<&str> = said.iter().flatten().map(|(name, _)| *name).collect();
        names.sort_unstable();
        names.dedup();
        let signs = names.into_iter().map(|name| Sign::new(name, said)).collect();
        Self { ids, signs }
    }

    /// The branches that `value` may fit.
    pub(super) fn open(&self, value: &Value) -> impl Iterator<Item = Id> {
        let mut open = u64::MAX;
        if let Value::Object(map) = value {
            for sign in &self.signs {
                if open.count_ones() < 2 {
                    break;
                }
                if let Some(said) = map.get(&*sign.name) {
                    open &= sign.branches(said);
                }
            }
        }
        let all = open == u64::MAX;
        self.ids
            .iter()
            .enumerate()
            .filter(move |(position, _)| all || open & (1 << position) != 0)
            .map(|(_, id)| *id)
    }
}

impl Sign {
    fn new(name: &str, said: &[Said<'_>]) -> Self {
        let restricting = |branch: &Said<'_>| branch.iter().any(|(other, _)| *other == name);
        let allows = |branch: &Said<'_>, text: &str| {
            branch.iter().all(|(other, texts)| *other != name || texts.contains(&text))
        };
        let bits = |fits: &dyn Fn(&Said<'_>) -> bool| {
            said.iter()
                .enumerate()
                .filter(|(_, branch)| fits(branch))
                .fold(0, |bits, (position, _)| bits | (1 << position))
        };
        let texts = said.iter().flatten().filter(|(other, _)| *other == name);
        let open = texts.flat_map(|(_, texts)| texts).map(|text| {
            let left: u64 = bits(&|branch| allows(branch, text));
            ((*text).to_owned(), left)
        });
        Self {
            name: name.into(),
            open: Names::new(open),
            otherwise: bits(&|branch| !restricting(branch)),
        }
    }

    fn branches(&self, said: &Value) -> u64 {
        let text = said.as_str().and_then(|text| self.open.get(text));
        text.copied().unwrap_or(self.otherwise)
    }
}
