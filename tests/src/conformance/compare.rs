//! Compares JSON: what was recorded must be there, more may be.

use serde_json::Value;

use super::variables::Variables;

/// What an area's recordings hold values of one run in, or do not tell.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Members that need only be there, unless a placeholder says more.
    loose: &'static [&'static str],
    /// Is `Allow` compared below `/api`?
    pub(super) compares_allow: bool,
}

impl Rules {
    /// Of the agent protocol.
    pub const AGENTS: Self = Self {
        loose: &["serial_number", "id", "ca", "cert", "common_name"],
        compares_allow: false,
    };
    /// Of REST, which has a placeholder for everything.
    pub const REST: Self = Self { loose: &[], compares_allow: true };
}

/// How one answer is compared.
#[derive(Clone, Copy, Debug)]
pub(super) struct Comparison<'a> {
    pub(super) rules: Rules,
    /// Members whose items may come in any order.
    pub(super) unordered: &'a [String],
    pub(super) variables: &'a Variables,
}

impl Comparison<'_> {
    /// The first difference, with the place where it is.
    pub(super) fn difference(&self, want: &Value, got: &Value) -> Option<String> {
        self.at(want, got, "")
    }

    fn at(&self, want: &Value, got: &Value, at: &str) -> Option<String> {
        let whole = want.as_str().and_then(|text| self.variables.placeholder(text));
        match (want, got) {
            _ if whole == Some("any") => None,
            (Value::Object(want), Value::Object(got)) => want.iter().find_map(|(name, want)| {
                let name = self.variables.fill(name);
                let at = format!("{at}/{name}");
                let Some(got) = got.get(&name) else { return Some(format!("{at} is missing")) };
                let is_placeholder = want.as_str().is_some_and(|text| text.contains("${"));
                if self.rules.loose.contains(&name.as_str()) && !is_placeholder {
                    return None;
                }
                self.at(want, got, &at)
            }),
            (Value::Array(want), Value::Array(got)) => self.lists(want, got, at),
            (Value::String(want), Value::String(got)) if self.variables.matches(want, got) => None,
            (Value::String(want), Value::Number(got))
                if whole.is_some() && self.variables.matches(want, &got.to_string()) =>
            {
                None
            }
            (Value::Number(want), Value::Number(got)) if want.as_f64() == got.as_f64() => None,
            (want, got) if want == got => None,
            (want, got) => Some(format!("{at}: {got}, expected {want}")),
        }
    }

    fn lists(&self, want: &[Value], got: &[Value], at: &str) -> Option<String> {
        if want.len() != got.len() {
            return Some(format!("{at}: {} items, expected {}", got.len(), want.len()));
        }
        let member = at.rsplit('/').next().unwrap_or_default();
        if !self.unordered.iter().any(|unordered| unordered == member) {
            let mut pairs = want.iter().zip(got).enumerate();
            return pairs.find_map(|(i, (want, got))| self.at(want, got, &format!("{at}/{i}")));
        }
        let mut rest: Vec<&Value> = got.iter().collect();
        want.iter().find_map(|want| {
            match rest.iter().position(|got| self.at(want, got, at).is_none()) {
                Some(found) => {
                    rest.swap_remove(found);
                    None
                }
                None => Some(format!("{at}: nothing equals {want}")),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Fixture;

    fn compare(want: Value, got: Value) -> Option<String> {
        compare_by(Rules::AGENTS, &[], want, got)
    }

    fn compare_by(rules: Rules, unordered: &[String], want: Value, got: Value) -> Option<String> {
        let nothing =
            serde_json::from_value(json!({ "name": "x", "steps": [] })).expect("a transcript");
        let variables =
            Variables::new(&Fixture::own().expect("a fixture"), &nothing).expect("variables");
        Comparison { rules, unordered, variables: &variables }.difference(&want, &got)
    }

    #[test]
    fn more_members_are_fine_and_fewer_are_not() {
        assert_eq!(compare(json!({ "a": 1 }), json!({ "a": 1.0, "b": 2 })), None);
        assert_eq!(compare(json!({ "a": 1 }), json!({})), Some("/a is missing".to_owned()));
    }

    #[test]
    fn lists_are_as_long_and_in_order() {
        assert_eq!(compare(json!(["a", "b"]), json!(["a", "b"])), None);
        assert!(compare(json!(["a", "b"]), json!(["b", "a"])).is_some());
        assert!(compare(json!(["a"]), json!(["a", "b"])).is_some());
    }

    #[test]
    fn a_difference_says_where_it_is() {
        let text = compare(
            json!({ "config": { "status": "applied" } }),
            json!({ "config": { "status": null } }),
        );
        assert_eq!(text.as_deref(), Some("/config/status: null, expected \"applied\""));
    }

    #[test]
    fn values_of_one_run_need_only_be_there() {
        assert_eq!(compare(json!({ "id": 16 }), json!({ "id": 5 })), None);
        assert!(compare(json!({ "id": "${org.alpha}" }), json!({ "id": "x" })).is_some());
    }

    #[test]
    fn rest_is_compared_whole() {
        let strict = |want, got| compare_by(Rules::REST, &["names".to_owned()], want, got);
        assert!(strict(json!({ "id": 16 }), json!({ "id": 5 })).is_some());
        assert_eq!(strict(json!({ "id": "${any:int}" }), json!({ "id": 5 })), None);
        assert!(strict(json!({ "id": "${any:int}" }), json!({ "id": true })).is_some());
        assert_eq!(strict(json!({ "a": "${any}" }), json!({ "a": null })), None);
        assert_eq!(strict(json!({ "names": [1, 2, 2] }), json!({ "names": [2, 1, 2] })), None);
        assert!(strict(json!({ "names": [1, 1, 2] }), json!({ "names": [2, 1, 2] })).is_some());
        assert!(strict(json!({ "others": [1, 2] }), json!({ "others": [2, 1] })).is_some());
    }
}
