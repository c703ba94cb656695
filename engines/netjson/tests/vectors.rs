//! Holds the engine against recorded renderings, see `tests/conformance/netjsonconfig/README.md`.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use serde_json::{Map, Value};
use wisptrail_netjson::{self as netjson, Backend, Error, Input, Rendering, ValidationError};

/// Why a vector does not match.
type Mismatch = Result<(), String>;

fn folder() -> PathBuf {
    let root = match std::env::var_os("WISPTRAIL_CONFORMANCE") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/conformance"),
    };
    root.join("netjsonconfig")
}

#[test]
fn recorded_vectors_match() {
    let folder = folder();
    if !folder.is_dir() {
        println!("netjsonconfig: absent");
        return;
    }
    let mut groups = BTreeMap::<String, (usize, usize)>::new();
    let mut left_out = BTreeMap::<String, usize>::new();
    let mut failures = String::new();
    for (group, vector) in vectors(&folder) {
        let name = |key: &str| vector[key].as_str().unwrap_or_default().to_owned();
        let outcome = match (name("op").as_str(), name("backend").as_str()) {
            ("render", "openwrt") => render(&vector),
            ("merge", _) => merge(&vector),
            ("evaluate_vars", _) => evaluate(&vector),
            (op, backend) => {
                *left_out.entry(format!("{op} {backend}")).or_default() += 1;
                continue;
            }
        };
        let (passed, all) = groups.entry(group).or_default();
        *all += 1;
        match outcome {
            Ok(()) => *passed += 1,
            Err(why) => write!(failures, "{}: {why}\n\n", name("id")).unwrap(),
        }
    }
    for (group, (passed, all)) in &groups {
        println!("{group}: {passed} of {all}");
    }
    let passed: usize = groups.values().map(|(passed, _)| passed).sum();
    let all: usize = groups.values().map(|(_, all)| all).sum();
    let left_out: Vec<_> = left_out.iter().map(|(what, n)| format!("{what} ({n})")).collect();
    println!("{failures}left out: {}", left_out.join(", "));
    println!("netjsonconfig: {passed} of {all} passed");
    assert!(all > 0, "no vectors in {}", folder.display());
    assert_eq!(passed, all, "vectors do not match, see above");
}

/// All vectors with the name of their group.
fn vectors(folder: &Path) -> Vec<(String, Value)> {
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut all = Vec::new();
    for path in paths {
        if !path.file_name().unwrap().to_string_lossy().starts_with("vectors-") {
            continue;
        }
        let mut file: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let group = file["group"].as_str().unwrap().to_owned();
        let Value::Array(vectors) = file["vectors"].take() else { panic!("{group} has no list") };
        all.extend(vectors.into_iter().map(|vector| (group.clone(), vector)));
    }
    all
}

/// A layer is an object or a text that holds one; the engine takes nothing else.
fn layer(value: Option<&Value>) -> Option<Map<String, Value>> {
    match value? {
        Value::Object(map) => Some(map.clone()),
        Value::String(text) => match serde_json::from_str(text).ok()? {
            Value::Object(map) => Some(map),
            _ => None,
        },
        _ => None,
    }
}

fn layers(value: Option<&Value>) -> Option<Vec<Map<String, Value>>> {
    match value {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(Value::Array(items)) => items.iter().map(|item| layer(Some(item))).collect(),
        Some(_) => None,
    }
}

fn render(vector: &Value) -> Mismatch {
    let config = layer(vector.get("config"));
    let templates = layers(vector.get("templates"));
    let (Some(config), Some(templates)) = (config, templates) else {
        return if vector.get("error").is_some() {
            Ok(())
        } else {
            Err("the input has a shape that the engine does not take".into())
        };
    };
    let context = layer(vector.get("context")).unwrap_or_default();
    let templates: Vec<_> = templates.iter().collect();
    let dsa = vector.get("dsa").and_then(Value::as_bool).unwrap_or(true);
    let input =
        Input { config: &config, templates: &templates, context: &context, hostname: None, dsa };
    let outcome = netjson::render(Backend::OpenWrt, &input);
    match (outcome, vector.get("error")) {
        (Ok(rendering), None) => same_rendering(&rendering, vector),
        (Err(error), Some(expected)) => same_error(&error, expected),
        (Ok(rendering), Some(expected)) => {
            Err(format!("expected the error {expected}, got\n{}", rendering.text()))
        }
        (Err(error), None) => Err(format!("unexpected error {error:?}")),
    }
}

fn same_rendering(rendering: &Rendering, vector: &Value) -> Mismatch {
    let deviation = vector.get("deviation_allowed").and_then(Value::as_str).unwrap_or_default();
    same("json", rendering.netjson(), &vector["json"])?;
    if deviation == "meaningless-output" {
        return Ok(());
    }
    let text = vector["render"].as_str().unwrap();
    if rendering.text() != text {
        return Err(format!("text\n{}\nexpected\n{text}", rendering.text()));
    }
    if matches!(deviation, "package-word-in-value" | "tar-size-in-characters") {
        return Ok(());
    }
    let members: Vec<_> = vector["files"].as_array().unwrap().iter().map(member).collect();
    let ours: Vec<_> = rendering
        .files()
        .iter()
        .map(|file| (file.path.clone(), format!("{:04o}", file.mode), file.contents.clone()))
        .collect();
    if ours != members {
        return Err(format!("files {ours:?}\nexpected {members:?}"));
    }
    let archive = rendering.archive();
    if archive.md5 != vector["archive_md5"].as_str().unwrap() {
        return Err("the archive has another checksum".into());
    }
    Ok(())
}

fn member(file: &Value) -> (String, String, Vec<u8>) {
    let text = |key: &str| file[key].as_str().unwrap().to_owned();
    let contents = match file.get("contents_base64").and_then(Value::as_str) {
        Some(encoded) => base64::engine::general_purpose::STANDARD.decode(encoded).unwrap(),
        None => text("contents").into_bytes(),
    };
    (text("path"), text("mode"), contents)
}

fn merge(vector: &Value) -> Mismatch {
    let template = layer(vector.get("template")).unwrap();
    let config = layer(vector.get("config")).unwrap();
    let identifiers: Vec<_> =
        vector["identifiers"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let outcome = netjson::merge(&template, &config, &identifiers);
    match (outcome, vector.get("error")) {
        (Ok(merged), None) => same("result", &Value::Object(merged), &vector["result"]),
        (Err(error), Some(expected)) => same_error(&Error::Invalid(error), expected),
        (outcome, _) => Err(format!("{outcome:?}")),
    }
}

fn evaluate(vector: &Value) -> Mismatch {
    let context = layer(vector.get("context")).unwrap();
    let outcome = netjson::evaluate_vars(&vector["data"], &context);
    match outcome {
        // Recorded with backslashes in values interpreted; ours goes in as it is.
        Ok(Value::String(text)) if vector["deviation_allowed"] == "backslash-in-variable" => {
            let value = context["a"].as_str().unwrap();
            if text.contains(value) { Ok(()) } else { Err(format!("{text} lacks {value}")) }
        }
        Ok(result) => same("result", &result, &vector["result"]),
        Err(error) => Err(error.to_string()),
    }
}

fn same(what: &str, ours: &Value, expected: &Value) -> Mismatch {
    if ours == expected { Ok(()) } else { Err(format!("{what} {ours}\nexpected {expected}")) }
}

fn same_error(error: &Error, expected: &Value) -> Mismatch {
    let Error::Invalid(ValidationError { path, message, .. }) = error else {
        return Err(format!("{error:?} is no validation error"));
    };
    let class = expected["class"].as_str().unwrap();
    if !class.ends_with("ValidationError") {
        return Ok(());
    }
    let steps: Vec<_> = expected["path"].as_array().unwrap().iter().map(step).collect();
    let expected_path = format!("/{}", steps.join("/"));
    let expected_message = expected["message"].as_str().unwrap();
    if *path == expected_path && message == expected_message {
        return Ok(());
    }
    Err(format!("{path}: {message}\nexpected {expected_path}: {expected_message}"))
}

fn step(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
