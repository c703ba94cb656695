//! From layers to text, files and archive.

use std::io::Read as _;

use base64::Engine as _;
use flate2::read::GzDecoder;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use wisptrail_netjson::{self as netjson, Backend, Input, Rendering};

use super::{Match, Outcome, error, layer, same};

pub(super) fn render(backend: Backend, vector: &Value) -> Outcome {
    let config = layer(vector.get("config"));
    let templates = layers(vector.get("templates"));
    let (Some(config), Some(templates)) = (config, templates) else {
        return match vector.get("error") {
            Some(_) => Ok(Match::Refused),
            None => Err("the input has a shape that the engine does not take".into()),
        };
    };
    let context = layer(vector.get("context")).unwrap_or_default();
    let templates: Vec<_> = templates.iter().collect();
    let dsa = vector.get("dsa").and_then(Value::as_bool).unwrap_or(backend.default_dsa());
    let input =
        Input { config: &config, templates: &templates, context: &context, hostname: None, dsa };
    let outcome = netjson::render(backend, &input);
    match (outcome, vector.get("error")) {
        (Ok(rendering), None) => compare(&rendering, vector),
        (Err(refusal), Some(expected)) => error::same(&refusal, expected),
        (Ok(rendering), Some(expected)) => {
            Err(format!("expected the error {expected}, got\n{}", rendering.text()))
        }
        (Err(refusal), None) => Err(format!("unexpected error {refusal:?}")),
    }
}

fn layers(value: Option<&Value>) -> Option<Vec<Map<String, Value>>> {
    match value {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(Value::Array(items)) => items.iter().map(|item| layer(Some(item))).collect(),
        Some(_) => None,
    }
}

fn compare(rendering: &Rendering, vector: &Value) -> Outcome {
    let deviation = vector.get("deviation_allowed").and_then(Value::as_str).unwrap_or_default();
    let deviating = |what: &[&str], why: String| {
        if what.contains(&deviation) { Ok(Match::Deviates) } else { Err(why) }
    };
    if let Err(why) = same("json", rendering.netjson(), &vector["json"]) {
        return deviating(&["backslash-in-variable"], why);
    }
    let text = vector["render"].as_str().unwrap();
    if rendering.text() != text {
        let why = format!("text\n{}\nexpected\n{text}", rendering.text());
        return deviating(&["meaningless-output", "backslash-in-variable"], why);
    }
    if let Err(why) = compare_files(rendering, vector) {
        let allowed = ["package-word-in-value", "tar-size-in-characters", "backslash-in-variable"];
        return deviating(&allowed, why);
    }
    Ok(Match::Equal)
}

fn compare_files(rendering: &Rendering, vector: &Value) -> Result<(), String> {
    let members = vector["files"].as_array().unwrap();
    let places = |path: &str, mode: &str| format!("{path} {mode}");
    let ours: Vec<_> = rendering
        .files()
        .iter()
        .map(|file| places(&file.path, &format!("{:04o}", file.mode)))
        .collect();
    let expected: Vec<_> = members
        .iter()
        .map(|file| places(file["path"].as_str().unwrap(), file["mode"].as_str().unwrap()))
        .collect();
    if ours != expected {
        return Err(format!("files {ours:?}\nexpected {expected:?}"));
    }
    let mut scripts = false;
    for (ours, expected) in rendering.files().iter().zip(members) {
        let path = ours.path.rsplit('/').next().unwrap();
        // One engine's own script is recorded where the configuration has a file of the same path.
        if expected.get("contents_withheld").is_some()
            || (scripts_are_ours(vector) && ours.mode == 0o755 && is_script(path, expected))
        {
            scripts = true;
        } else if ours.contents != contents(expected) {
            let text = String::from_utf8_lossy(&ours.contents);
            return Err(format!("file {} {text}\nexpected {expected}", ours.path));
        }
    }
    if scripts {
        return Ok(());
    }
    let archive = rendering.archive();
    let mut tar = Vec::new();
    GzDecoder::new(&*archive.bytes).read_to_end(&mut tar).unwrap();
    if hex(&Sha256::digest(&tar)) != vector["tar_sha256"].as_str().unwrap() {
        return Err("the tar stream differs".into());
    }
    if archive.md5 != vector["archive_md5"].as_str().unwrap() {
        return Err("the archive has another checksum".into());
    }
    Ok(())
}

/// Only the older firmware gets scripts; their text is each engine's own.
fn scripts_are_ours(vector: &Value) -> bool {
    vector["backend"] == "openwisp"
}

fn is_script(name: &str, recorded: &Value) -> bool {
    let begins = |text: &str| text.starts_with("#!");
    matches!(name, "install.sh" | "uninstall.sh" | "tc_script.sh")
        && recorded["contents"].as_str().is_some_and(begins)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn contents(file: &Value) -> Vec<u8> {
    match file.get("contents_base64").and_then(Value::as_str) {
        Some(encoded) => base64::engine::general_purpose::STANDARD.decode(encoded).unwrap(),
        None => file["contents"].as_str().unwrap().as_bytes().to_owned(),
    }
}
