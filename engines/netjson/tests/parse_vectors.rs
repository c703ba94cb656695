//! Holds the parser against recorded parsings, see `tests/conformance/netjsonconfig/README.md`.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Map, Value};
use wisptrail_netjson::{Backend, Error, Input, Native, Parsed, parse, render};

/// Why a vector does not match.
type Mismatch = Result<(), String>;

#[test]
fn recorded_parsings_match() {
    let root = match std::env::var_os("WISPTRAIL_CONFORMANCE") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/conformance"),
    };
    let folder = root.join("netjsonconfig");
    if !folder.is_dir() {
        println!("netjsonconfig: absent");
        return;
    }
    let (mut groups, mut failures) = (BTreeMap::<String, [usize; 3]>::new(), Vec::new());
    for (group, vector) in vectors(&folder) {
        let Some(backend) = backend(&vector) else { continue };
        let [passed, all, deviating] = groups.entry(group).or_default();
        *all += 1;
        match check(backend, &vector) {
            Ok(()) => *passed += 1,
            // Better than what was recorded, which is only told apart by people.
            Err(_) if vector.get("deviation_allowed").is_some() => *deviating += 1,
            Err(why) => failures.push(format!("{}: {why}\n", vector["id"])),
        }
    }
    for (group, [passed, all, deviating]) in &groups {
        println!("{group}: {passed} of {all}, {deviating} deviate where they may");
    }
    assert!(!groups.is_empty(), "no vectors in {}", folder.display());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

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
        let parsings = vectors.into_iter().filter(|vector| vector["op"] == "parse");
        all.extend(parsings.map(|vector| (group.clone(), vector)));
    }
    all
}

fn backend(vector: &Value) -> Option<Backend> {
    match vector["backend"].as_str().unwrap() {
        "openwrt" => Some(Backend::OpenWrt),
        "openwisp" => Some(Backend::OpenWisp),
        _ => None,
    }
}

fn check(backend: Backend, vector: &Value) -> Mismatch {
    let dsa = vector.get("dsa").and_then(Value::as_bool).unwrap_or(backend == Backend::OpenWrt);
    let archive;
    let native = match (vector["native"].as_str(), &vector["native_files"]) {
        (Some(text), _) => Native::Text(text),
        (None, files) => {
            archive = pack(files);
            Native::Archive(&archive)
        }
    };
    match (parse(backend, native, dsa), vector.get("error")) {
        (Ok(parsed), None) => same(backend, dsa, &parsed, vector),
        (Err(error), Some(expected)) => same_error(&error, expected),
        (Ok(parsed), Some(expected)) => Err(format!("{:?}\nexpected {expected}", parsed.netjson())),
        (Err(error), None) => Err(format!("unexpected error {error}")),
    }
}

fn pack(files: &Value) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for file in files.as_array().unwrap() {
        let contents = file["contents"].as_str().unwrap().as_bytes();
        let mut header = tar::Header::new_gnu();
        header.set_size(contents.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, file["path"].as_str().unwrap(), contents).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

fn same(backend: Backend, dsa: bool, parsed: &Parsed, vector: &Value) -> Mismatch {
    let netjson = Value::Object(parsed.netjson().clone());
    if netjson != vector["netjson"] {
        return Err(format!("{netjson}\nexpected {}", vector["netjson"]));
    }
    let context = Map::new();
    let config = parsed.netjson();
    let input = Input { config, templates: &[], context: &context, hostname: None, dsa };
    match (render(backend, &input), vector["render"].as_str()) {
        (Ok(rendering), Some(text)) if rendering.text() == text => Ok(()),
        (Ok(rendering), text) => Err(format!("{}\nexpected {text:?}", rendering.text())),
        (Err(Error::NotRendered(_)), _) => Ok(()),
        (Err(error), _) => Err(format!("rendered again: {error}")),
    }
}

fn same_error(error: &Error, expected: &Value) -> Mismatch {
    if expected["class"] != "netjsonconfig.ValidationError" {
        return Ok(());
    }
    let steps = expected["path"].as_array().unwrap().iter();
    let steps: Vec<_> =
        steps.map(|step| step.as_str().map_or_else(|| step.to_string(), str::to_owned)).collect();
    let (path, message) =
        (format!("/{}", steps.join("/")), plain(expected["message"].as_str().unwrap()));
    match error {
        Error::Invalid(error) if error.path == path && error.message == message => Ok(()),
        other => Err(format!("{other:?}\nexpected {path}: {message}")),
    }
}

/// A message that begins with a value, ordered dictionaries written as others are.
fn plain(message: &str) -> String {
    let mut out = String::new();
    let rest = value(message, &mut out);
    out + rest
}

fn value<'a>(text: &'a str, out: &mut String) -> &'a str {
    let items = |mut rest: &'a str, end: &str, out: &mut String, pair: &str| {
        while !rest.starts_with(end) {
            if let Some(after) = rest.strip_prefix(", ") {
                out.push_str(", ");
                rest = after;
            }
            if pair == ", " {
                rest = value(rest.strip_prefix('(').unwrap(), out);
            } else {
                rest = value(rest, out);
            }
            if let Some(after) = rest.strip_prefix(pair).filter(|_| !pair.is_empty()) {
                out.push_str(": ");
                rest = value(after, out);
            }
            if pair == ", " {
                rest = rest.strip_prefix(')').unwrap();
            }
        }
        &rest[end.len()..]
    };
    if let Some(rest) = text.strip_prefix("OrderedDict([") {
        out.push('{');
        let rest = items(rest, "])", out, ", ");
        out.push('}');
        rest
    } else if let Some(rest) = text.strip_prefix('{') {
        out.push('{');
        let rest = items(rest, "}", out, ": ");
        out.push('}');
        rest
    } else if let Some(rest) = text.strip_prefix('[') {
        out.push('[');
        let rest = items(rest, "]", out, "");
        out.push(']');
        rest
    } else if let Some(quote @ ('\'' | '"')) = text.chars().next() {
        let end = 2 + text[1..].find(quote).unwrap();
        out.push_str(&text[..end]);
        &text[end..]
    } else {
        let end = text.find([',', ']', '}', ')', ' ']).unwrap_or(text.len());
        out.push_str(&text[..end]);
        &text[end..]
    }
}
