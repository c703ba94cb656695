//! Writes the recorded vectors where the fuzzer begins: `cargo run --example seeds -- ../../../tests/conformance/netjsonconfig`.

use std::error::Error;
use std::fs;
use std::path::Path;

use serde_json::{Value, from_slice};

fn main() -> Result<(), Box<dyn Error>> {
    let vectors = std::env::args().nth(1).ok_or("where are the vectors?")?;
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for target in ["render", "parse"] {
        fs::create_dir_all(corpus.join(target))?;
    }
    for file in fs::read_dir(vectors)? {
        let path = file?.path();
        let group = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if !group.starts_with("vectors-") {
            continue;
        }
        let file: Value = from_slice(&fs::read(&path)?)?;
        for (number, vector) in file["vectors"].as_array().into_iter().flatten().enumerate() {
            let seed = |target: &str| corpus.join(target).join(format!("{group}-{number}"));
            match (vector["op"].as_str(), vector["native"].as_str(), vector["render"].as_str()) {
                (Some("render"), _, text) => {
                    let mut input = vector.clone();
                    input.as_object_mut().ok_or("no object")?.retain(|key, _| {
                        ["config", "templates", "context", "dsa"].contains(&key.as_str())
                    });
                    fs::write(seed("render"), input.to_string())?;
                    fs::write(seed("parse"), text.unwrap_or_default())?;
                }
                (Some("parse"), Some(native), _) => fs::write(seed("parse"), native)?,
                _ => {}
            }
        }
    }
    Ok(())
}
