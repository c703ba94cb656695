//! Generators and checks, typed as `cargo xtask …`.

mod check;
mod events;
mod generate;
mod layers;

use std::{
    env,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

const USAGE: &str = "\
cargo xtask check         fmt, clippy, layers, deny (where cargo-deny is installed), documentation
cargo xtask check-layers  the arrows between the crates
cargo xtask gen           writes the generated files
cargo xtask check-gen     fails where a generated file is not what gen would write
";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments[..] {
        ["check"] => check::run(),
        ["check-layers"] => layers::check(),
        ["gen"] => generate::write(&root()),
        ["check-gen"] => generate::check(&root()),
        _ => Err(anyhow::anyhow!("say which:\n{USAGE}")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nowhere else is left to say it.
            drop(writeln!(io::stderr(), "xtask: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// The workspace: one above this crate.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_owned()
}

/// Says what is going on.
fn say(text: &str) {
    // Who does not listen does not want to know.
    drop(writeln!(io::stdout(), "{text}"));
}
