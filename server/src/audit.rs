//! `wisptrail audit`: parts of the log that prove themselves, for people who have nothing else of ours.

mod catalogue;
mod checkpoints;
mod compare;
mod export;
mod key;
mod verify;

use std::{path::Path, process::ExitCode};

use anyhow::{Context as _, anyhow};
use clap::Subcommand;
use store::PublicKey;

pub(crate) use catalogue::text as catalogue_text;
pub use checkpoints::WriteCheckpoints;
pub(crate) use compare::{Source, compare, look};
pub(crate) use export::pack;
pub(crate) use key::of_server as key_of_server;

/// What to do about evidence.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Writes a part of the log as one file that proves itself.
    Export(export::ExportArgs),
    /// Checks such a file; needs neither data folder nor database.
    Verify(verify::VerifyArgs),
    /// Prints the public half of the key that this installation signs with; makes the key at the first use.
    Key(key::KeyArgs),
}

/// Runs the command.
pub async fn run(command: AuditCommand) -> anyhow::Result<ExitCode> {
    match command {
        AuditCommand::Export(args) => export::run(args).await,
        AuditCommand::Verify(args) => Ok(verify::run(&args)),
        AuditCommand::Key(args) => key::run(args).await,
    }
}

/// A public key in a file, or the key itself.
pub(crate) fn public_key(given: &str) -> anyhow::Result<PublicKey> {
    let text = if Path::new(given).exists() {
        std::fs::read_to_string(given).with_context(|| format!("cannot read {given}"))?
    } else {
        given.to_owned()
    };
    PublicKey::parse(&text).ok_or_else(|| {
        anyhow!(
            "{given} is no public key: give the file or the line that `wisptrail audit key` printed"
        )
    })
}
