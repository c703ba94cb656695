//! The list of sections that interfaces build up together.

use foldhash::fast::RandomState;
use indexmap::IndexMap;
use serde_json::Value;

use crate::ValidationError;
use crate::equality::{Booleans, equal};
use crate::merge::{self, Identifiers};
use crate::openwrt::section::word;

/// Sections of `network`.
///
/// Interface sections merge with an earlier section of the same name; others are only put at the
/// end, and replace an earlier one of the same name as soon as something is merged. That is
/// merging lists by `.name`, one element at a time, without going through the list each time.
#[derive(Debug, Default)]
pub(super) struct Network {
    named: IndexMap<String, Value, RandomState>,
    /// Put at the end since the last merge.
    loose: Vec<Value>,
}

impl Network {
    /// Puts `section` at the end.
    pub(super) fn push(&mut self, section: Value) {
        self.loose.push(section);
    }

    /// Merges `section` into the one of its name, or puts it at the end.
    pub(super) fn merge(&mut self, section: Value) -> Result<(), ValidationError> {
        for loose in self.loose.drain(..) {
            self.named.insert(word(loose.get(".name")), loose);
        }
        match (self.named.entry(word(section.get(".name"))), &section) {
            (indexmap::map::Entry::Vacant(entry), _) => {
                entry.insert(section);
            }
            (indexmap::map::Entry::Occupied(mut entry), Value::Object(over)) => {
                if equal(entry.get(), &section, Booleans::AreNumbers) {
                    return Ok(());
                }
                if let Value::Object(under) = entry.get_mut() {
                    merge::objects(under, over, Identifiers::NONE)?;
                }
            }
            // Sections are objects.
            (indexmap::map::Entry::Occupied(_), _) => {}
        }
        Ok(())
    }

    /// All sections in order.
    pub(super) fn into_sections(self) -> Vec<Value> {
        self.named.into_values().chain(self.loose).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Network;
    use crate::merge::{Identifiers, lists};

    /// The same as merging lists, which is how the behaviour is defined.
    #[test]
    fn merging_one_by_one_is_merging_lists() {
        let sections = [
            (false, json!({".name": "a", "x": 1, "l": [1]})),
            (true, json!({".name": "b", "x": [1, 1]})),
            (false, json!({".name": "a", "y": 2})),
            (false, json!({".name": "b", "z": 2})),
            (true, json!({".name": "b", "x": [1, 2]})),
            (true, json!({".name": "a", "y": null, "x": 3})),
            (false, json!({".name": "c"})),
            (false, json!({".name": "c", "again": true})),
        ];
        let mut network = Network::default();
        let mut list: Vec<Value> = Vec::new();
        for (merges, section) in sections {
            if merges {
                let by_name = Identifiers { keys: &[".name"], vlans: false };
                lists(&mut list, std::slice::from_ref(&section), by_name).unwrap();
                network.merge(section).unwrap();
            } else {
                list.push(section.clone());
                network.push(section);
            }
        }
        assert_eq!(network.into_sections(), list);
    }
}
