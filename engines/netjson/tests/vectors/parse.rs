//! From native text or an archive back to a configuration.

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Map, Value};
use wisptrail_netjson::{self as netjson, Backend, Input, Native, Parsed, render};

use super::{Match, Outcome, error};

pub(super) fn parse(backend: Backend, vector: &Value) -> Outcome {
    match check(backend, vector) {
        // Better than what was recorded, which is only told apart by people.
        Err(_) if vector.get("deviation_allowed").is_some() => Ok(Match::Deviates),
        outcome => outcome,
    }
}

fn check(backend: Backend, vector: &Value) -> Outcome {
    let dsa = vector.get("dsa").and_then(Value::as_bool).unwrap_or(backend.default_dsa());
    let archive;
    let native = match (vector["native"].as_str(), &vector["native_files"]) {
        (Some(text), _) => Native::Text(text),
        (None, files) => {
            archive = pack(files);
            Native::Archive(&archive)
        }
    };
    match (netjson::parse(backend, native, dsa), vector.get("error")) {
        (Ok(parsed), None) => same(backend, dsa, &parsed, vector),
        (Err(error), Some(expected)) => error::same(&error, expected),
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

fn same(backend: Backend, dsa: bool, parsed: &Parsed, vector: &Value) -> Outcome {
    let netjson = Value::Object(parsed.netjson().clone());
    if netjson != vector["netjson"] {
        return Err(format!("{netjson}\nexpected {}", vector["netjson"]));
    }
    let context = Map::new();
    let config = parsed.netjson();
    let input = Input { config, templates: &[], context: &context, hostname: None, dsa };
    match (render(backend, &input), vector["render"].as_str()) {
        (Ok(rendering), Some(text)) if rendering.text() == text => Ok(Match::Equal),
        (Ok(rendering), text) => Err(format!("{}\nexpected {text:?}", rendering.text())),
        (Err(error), _) => Err(format!("rendered again: {error}")),
    }
}
