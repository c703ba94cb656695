//! Merging and variables on their own.

use serde_json::Value;
use wisptrail_netjson::{self as netjson, Error};

use super::{Match, Outcome, error, layer, same};

pub(super) fn merge(vector: &Value) -> Outcome {
    let template = layer(vector.get("template")).unwrap();
    let config = layer(vector.get("config")).unwrap();
    let identifiers: Vec<_> =
        vector["identifiers"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let outcome = netjson::merge(&template, &config, &identifiers);
    match (outcome, vector.get("error")) {
        (Ok(merged), None) => {
            same("result", &Value::Object(merged), &vector["result"]).map(|()| Match::Equal)
        }
        (Err(refusal), Some(expected)) => error::same(&Error::Invalid(refusal), expected),
        (outcome, _) => Err(format!("{outcome:?}")),
    }
}

pub(super) fn evaluate(vector: &Value) -> Outcome {
    let context = layer(vector.get("context")).unwrap();
    match netjson::evaluate_vars(&vector["data"], &context) {
        // Recorded with backslashes in values interpreted; ours goes in as it is.
        Ok(Value::String(text)) if vector["deviation_allowed"] == "backslash-in-variable" => {
            let value = context["a"].as_str().unwrap();
            let fits = text.contains(value);
            if fits { Ok(Match::Deviates) } else { Err(format!("{text} lacks {value}")) }
        }
        Ok(result) => same("result", &result, &vector["result"]).map(|()| Match::Equal),
        Err(refusal) => match vector.get("error") {
            Some(expected) => error::same(&refusal, expected),
            None => Err(refusal.to_string()),
        },
    }
}
