//! Puts the examples of stored events (`tests/golden`) into the program: the catalogue shows them.

#![expect(
    clippy::disallowed_methods,
    reason = "cargo tells build scripts in variables where they are"
)]

use std::{env, error::Error, fmt::Write as _, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    let golden = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("tests/golden");
    let mut examples = Vec::new();
    for aggregate in fs::read_dir(&golden)? {
        let aggregate = aggregate?.path();
        for example in fs::read_dir(&aggregate)? {
            examples.push(example?.path());
        }
        // New files change their folder.
        write_line(&format!("cargo::rerun-if-changed={}", aggregate.display()));
    }
    write_line(&format!("cargo::rerun-if-changed={}", golden.display()));
    examples.sort();
    let mut list = String::from("&[\n");
    for path in examples {
        let name = path.file_stem().and_then(|name| name.to_str()).ok_or("a name")?;
        let (event, version) = name.rsplit_once(".v").ok_or("`<event>.v<version>.json`")?;
        let aggregate = path.parent().and_then(Path::file_name).and_then(|name| name.to_str());
        let event_type = format!("{}.{event}", aggregate.ok_or("a folder")?);
        let path = path.to_str().ok_or("a path")?;
        writeln!(list, "({event_type:?}, {version:?}, include_str!({path:?})),")?;
    }
    list.push(']');
    fs::write(Path::new(&env::var("OUT_DIR")?).join("examples.rs"), list)?;
    Ok(())
}

fn write_line(line: &str) {
    println!("{line}");
}
