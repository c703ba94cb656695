//! Where in a configuration a piece of text comes from.

use std::collections::HashSet;

use serde_json::Value;

use super::token::{Piece, Token};

/// Texts looked at for one finding.
const SEARCHED: usize = 1000;

/// Texts of a configuration that are not plain, with their places.
pub(super) struct Places {
    values: Vec<(String, String)>,
    keys: Vec<(String, String)>,
    /// Places that were found: equal texts stand at different ones.
    used: HashSet<String>,
}

impl Places {
    pub(super) fn of(netjson: &Value) -> Self {
        let mut places = Self { values: Vec::new(), keys: Vec::new(), used: HashSet::new() };
        places.collect(netjson, &mut String::new());
        places
    }

    fn collect(&mut self, value: &Value, pointer: &mut String) {
        let length = pointer.len();
        match value {
            Value::String(text) if !is_plain(text) => {
                self.values.push((text.clone(), pointer.clone()));
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    step(pointer, &index.to_string());
                    self.collect(item, pointer);
                    pointer.truncate(length);
                }
            }
            Value::Object(map) => {
                for (key, item) in map {
                    // Contents of files are no UCI.
                    if length == 0 && key == "files" {
                        continue;
                    }
                    step(pointer, key);
                    if !is_plain(key) {
                        self.keys.push((key.clone(), pointer.clone()));
                    }
                    self.collect(item, pointer);
                    pointer.truncate(length);
                }
            }
            _ => {}
        }
    }

    /// The place of the text that became `token`, or that is the reason why it is not plain.
    pub(super) fn find(&mut self, token: &Token<'_>) -> Option<String> {
        let is_key = matches!(token.piece, Piece::OptionName(_) | Piece::PackageName(_));
        let text = token.text();
        let all = if is_key { &self.keys } else { &self.values };
        let equal = || all.iter().filter(|(known, _)| known == text).map(|(_, place)| place);
        let unused = || equal().filter(|place| !self.used.contains(*place));
        let option = token.option_name().unwrap_or_default();
        let place = unused().find(|place| is_about(place, &option)).or_else(|| unused().next());
        if let Some(place) = place.or_else(|| equal().next_back()).cloned() {
            self.used.insert(place.clone());
            return Some(place);
        }
        let is_value = matches!(token.piece, Piece::Value { .. });
        let inside = |known: &str| {
            let name = known.replace(['.', '-'], "_");
            let suspicious = if is_value { known.contains(['\'', '\0']) } else { !is_plain(&name) };
            suspicious
                && (text.contains(known.trim())
                    || text.contains(&name)
                    || text.contains(&known.to_uppercase())
                    || text.contains(&known.to_lowercase()))
        };
        // Names of generated sections are made of values, items of lists may be keys.
        let both = self.values.iter().chain(&self.keys).take(SEARCHED);
        both.filter(|(known, _)| inside(known))
            .max_by_key(|(known, _)| known.len())
            .map(|(_, pointer)| pointer.clone())
    }
}

/// Whether no piece of text is more than it is because of `text`.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Whether the member at `place`, or the list that it is in, is called `option`.
fn is_about(place: &str, option: &str) -> bool {
    let mut steps = place.rsplit('/');
    steps.find(|step| step.parse::<usize>().is_err()) == Some(option)
}

/// Appends a step to a JSON pointer.
fn step(pointer: &mut String, key: &str) {
    pointer.push('/');
    pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
}
