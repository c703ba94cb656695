//! What people type.

use std::{io::Write as _, net::SocketAddr, path::PathBuf, process::ExitCode};

use anyhow::{Context as _, bail};
use clap::{Args, CommandFactory as _, Parser, Subcommand};
use secrecy::SecretString;

use crate::{
    archive, audit, backup, bench, config, doctor, events, export, fleet, import, people,
    read_models, replay, restore, serve, settings, verify,
};

/// Manages fleets of `OpenWrt` routers and the Wi-Fi services on them; every change is an event.
#[derive(Debug, Parser)]
#[command(name = "wisptrail", version, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the server.
    Serve(ServeArgs),
    /// Prints the settings in force and where each comes from.
    Settings(SettingsArgs),
    /// Reads the log of events.
    #[command(subcommand)]
    Events(events::EventsCommand),
    /// The tables for reading: how they are doing, filling them again.
    #[command(subcommand)]
    Projections(read_models::ProjectionsCommand),
    /// First aid with accounts: open, find, let in and keep out, export.
    #[command(subcommand)]
    Users(people::UsersCommand),
    /// First aid with organizations.
    #[command(subcommand)]
    Orgs(people::OrgsCommand),
    /// First aid with tokens.
    #[command(subcommand)]
    Tokens(people::TokensCommand),
    /// Backs up everything into a new folder, also while the server runs.
    Backup(backup::BackupArgs),
    /// Restores a backup into an empty data folder.
    Restore(restore::RestoreArgs),
    /// Writes the whole log with keys and archives to a file, for another machine or database.
    Export(export::ExportArgs),
    /// Reads what `export` wrote into an empty data folder or database.
    Import(import::ImportArgs),
    /// Evidence for auditors: parts of the log that prove themselves.
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Puts old parts of the log into files that prove themselves, and that `replay` can read.
    Archive(archive::ArchiveArgs),
    /// Builds the installation as it was at a moment, into a folder of its own, to be looked at.
    Replay(replay::ReplayArgs),
    /// Renders, checks, reads and compares configurations of devices, without a server.
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Logs to measure with.
    #[command(subcommand)]
    Bench(bench::BenchCommand),
    /// Looks at everything that may go wrong, and says what to do about it.
    Doctor(Place),
    /// Prints a script that completes commands, for a shell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Checks the chain of events, and the tables against what the events say.
    Verify(verify::VerifyArgs),
    /// Simulates devices that speak the agents' protocol.
    Fleet(fleet::Args),
    /// Prints the version.
    Version,
}

/// Where settings and data are.
#[derive(Clone, Debug, Default, Args)]
pub struct Place {
    /// The file of settings; `wisptrail.toml` in the working directory is read when there is one.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The data folder (`data.folder`).
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Address of a PostgreSQL database (`database.url`).
    #[arg(long, value_name = "URL")]
    pub database_url: Option<SecretString>,
}

/// `wisptrail serve`.
#[derive(Clone, Debug, Default, Args)]
pub struct ServeArgs {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Where to listen (`http.listen`); port 0 is any free one.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
    /// Seeds an organization and runs 25 simulated devices; data goes to `./wisptrail-demo`.
    #[arg(long)]
    pub(crate) demo: bool,
    /// Loads a starting state into an empty installation.
    #[arg(long, value_name = "FILE")]
    pub(crate) fixture: Option<PathBuf>,
    /// Shows what `wisptrail replay` made: everything can be read, nothing can be changed, and nobody is written to.
    #[arg(long, conflicts_with_all = ["demo", "fixture"])]
    pub(crate) read_only: bool,
}

/// `wisptrail settings`.
#[derive(Clone, Debug, Args)]
struct SettingsArgs {
    #[command(flatten)]
    place: Place,
    /// Prints the file of settings with all defaults and what they mean.
    #[arg(long)]
    defaults: bool,
}

/// Runs what was asked for.
pub fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let runtime = || {
        tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .context("cannot start the runtime")
    };
    // The server chooses by its settings.
    if !matches!(cli.command, Command::Serve(_)) {
        crate::choose_cryptography();
    }
    match cli.command {
        Command::Serve(args) => runtime()?.block_on(serve::run(args)),
        Command::Settings(args) => {
            let text = if args.defaults {
                settings::defaults_text()
            } else {
                settings::effective_text(&settings::load(&args.place, None, false)?)
            };
            print(&text)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Events(command) => runtime()?.block_on(events::run(command)),
        Command::Verify(args) => runtime()?.block_on(verify::run(args)),
        Command::Audit(command) => runtime()?.block_on(audit::run(command)),
        Command::Fleet(args) => {
            serve::logging::start("warn", false);
            let (json, until_settled) = (args.json, args.until_settled);
            let summary = runtime()?.block_on(fleet::run(args))?;
            let text = if json { serde_json::to_string(&summary)? } else { summary.to_string() };
            print(&text)?;
            match summary.failure(until_settled) {
                Some(failure) => bail!("{failure}"),
                None => Ok(ExitCode::SUCCESS),
            }
        }
        Command::Projections(command) => runtime()?.block_on(read_models::run(command)),
        Command::Users(command) => runtime()?.block_on(people::users(command)),
        Command::Orgs(command) => runtime()?.block_on(people::orgs(command)),
        Command::Tokens(command) => runtime()?.block_on(people::tokens(command)),
        Command::Backup(args) => runtime()?.block_on(backup::run(args)),
        Command::Restore(args) => runtime()?.block_on(restore::run(args)),
        Command::Export(args) => runtime()?.block_on(export::run(args)),
        Command::Import(args) => runtime()?.block_on(import::run(args)),
        Command::Archive(args) => runtime()?.block_on(archive::run(args)),
        Command::Replay(args) => runtime()?.block_on(replay::run(args)),
        Command::Config(command) => Ok(config::run(command)),
        Command::Bench(command) => runtime()?.block_on(bench::run(command)),
        Command::Doctor(place) => runtime()?.block_on(doctor::run(place)),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "wisptrail", &mut script);
            print(&String::from_utf8(script).context("the script is not text")?)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Version => {
            print(concat!("wisptrail ", env!("CARGO_PKG_VERSION")))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Says something beside the output; where nobody listens, nobody misses it.
pub(crate) fn note(text: &str) {
    drop(writeln!(std::io::stderr(), "wisptrail: {text}"));
}

/// Writes to standard output; a reader that went away is no error.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    print_while_read(text).map(|_| ())
}

/// Writes to standard output; false when its reader went away.
pub(crate) fn print_while_read(text: &str) -> anyhow::Result<bool> {
    let mut out = std::io::stdout().lock();
    let end = if text.ends_with('\n') { "" } else { "\n" };
    match write!(out, "{text}{end}").and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error).context("cannot write to standard output"),
    }
}
