//! The `wisptrail` program.

use std::process::ExitCode;

use clap::Parser as _;
use wisptrail_server::cli::{self, Cli};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli::run(cli) {
        Ok(code) => code,
        Err(error) => {
            use std::io::Write as _;
            // Nowhere else is left to say it.
            drop(writeln!(std::io::stderr(), "wisptrail: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
