//! Any JSON is rendered or refused, and equal input gives equal bytes.
//!
//! The input is one JSON object: `config`, `templates`, `context`, `dsa`, as in the recorded vectors; an
//! object without `config` is the configuration itself.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};
use wisptrail_netjson::{Backend, Input, render, validate};

fuzz_target!(|bytes: &[u8]| {
    let Ok(Value::Object(stated)) = serde_json::from_slice(bytes) else { return };
    let object = |key: &str| stated.get(key).and_then(Value::as_object);
    let (nothing, config) = (Map::new(), object("config").unwrap_or(&stated));
    let templates: Vec<&Map<String, Value>> = stated
        .get("templates")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .collect();
    let dsa = stated.get("dsa").and_then(Value::as_bool).unwrap_or(true);
    let context = object("context").unwrap_or(&nothing);
    let input = Input { config, templates: &templates, context, hostname: None, dsa };
    for backend in Backend::ALL {
        let _ = validate(backend, config);
        let Ok(first) = render(backend, &input) else { continue };
        let second = render(backend, &input).expect("what was rendered once");
        assert_eq!(first.archive(), second.archive());
        assert_eq!(first.text(), second.text());
        let _ = first.findings();
    }
});
