//! Compares JSON: what was recorded must be there, more may be.

use serde_json::Value;

use super::variables::Variables;

/// Values of one run: compared by presence, unless a placeholder says more.
const LOOSE: [&str; 5] = ["serial_number", "id", "ca", "cert", "common_name"];

/// The first difference, with the place where it is.
pub(super) fn difference(
    want: &Value,
    got: &Value,
    variables: &Variables,
    at: &str,
) -> Option<String> {
    match (want, got) {
        (Value::Object(want), Value::Object(got)) => want.iter().find_map(|(name, want)| {
            let at = format!("{at}/{name}");
            let Some(got) = got.get(name) else { return Some(format!("{at} is missing")) };
            let is_placeholder = want.as_str().is_some_and(|text| text.contains("${"));
            if LOOSE.contains(&name.as_str()) && !is_placeholder {
                return None;
            }
            difference(want, got, variables, &at)
        }),
        (Value::Array(want), Value::Array(got)) => {
            if want.len() != got.len() {
                return Some(format!("{at}: {} items, expected {}", got.len(), want.len()));
            }
            want.iter()
                .zip(got)
                .enumerate()
                .find_map(|(i, (want, got))| difference(want, got, variables, &format!("{at}/{i}")))
        }
        (Value::String(want), Value::String(got)) if variables.matches(want, got) => None,
        (Value::Number(want), Value::Number(got)) if want.as_f64() == got.as_f64() => None,
        (want, got) if want == got => None,
        (want, got) => Some(format!("{at}: {got}, expected {want}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Fixture;

    fn compare(want: Value, got: Value) -> Option<String> {
        let nothing =
            serde_json::from_value(json!({ "name": "x", "steps": [] })).expect("a transcript");
        let variables =
            Variables::new(&Fixture::own().expect("a fixture"), &nothing).expect("variables");
        difference(&want, &got, &variables, "")
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
}
