//! `wisptrail projections`: how the tables for reading are doing, and filling them again from the events.

use std::{
    fmt::Write as _,
    io::{IsTerminal as _, Write as _},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use store::{Projection, Rebuild, Store};

use crate::{
    cli::{self, Place},
    control::{Answer, Connection, Request, States},
    log::Alone,
    settings::{self, Settings},
    world,
};

/// Name of what is no projection but is filled from the events all the same.
const CLAIMS: &str = "claims";
/// Stands for every projection, and the claims.
const ALL: &str = "all";

/// What to do with projections.
#[derive(Debug, Subcommand)]
pub enum ProjectionsCommand {
    /// Lists projections: how far they are, what they are doing.
    List(ListArgs),
    /// Fills a projection's tables again from the first event, beside the live ones, and then puts them in their place.
    Rebuild(RebuildArgs),
}

/// `wisptrail projections list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    #[command(flatten)]
    place: Place,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// `wisptrail projections rebuild`.
#[derive(Debug, Args)]
pub struct RebuildArgs {
    #[command(flatten)]
    place: Place,
    /// As `projections list` names it, or `claims`.
    #[arg(required_unless_present = "all")]
    name: Option<String>,
    /// All of them, and the claims, at once.
    #[arg(long, conflicts_with = "name")]
    all: bool,
}

/// Runs the command, beside a running server through its control socket, else by opening the log.
pub async fn run(command: ProjectionsCommand) -> anyhow::Result<ExitCode> {
    match command {
        ProjectionsCommand::List(args) => {
            let settings = settings::load(&args.place, None, false)?.settings;
            let states = states(&settings).await?;
            let text = if args.json { serde_json::to_string(&states)? } else { table(&states) };
            cli::print(&text)?;
        }
        ProjectionsCommand::Rebuild(args) => {
            let settings = settings::load(&args.place, None, false)?.settings;
            let name = args.name.as_deref().unwrap_or(ALL);
            let begun = tokio::time::Instant::now();
            let position = rebuilt(&settings, name).await?;
            let took = begun.elapsed().as_secs_f64();
            cli::print(&format!("{name}: rebuilt up to position {position} in {took:.1} s"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// How the projections are doing.
pub(crate) async fn states(settings: &Settings) -> anyhow::Result<States> {
    let asked = Connection::ask(&settings.data.folder, &Request::Projections).await?;
    if let Some(mut connection) = asked {
        return match connection.next().await? {
            Some(Answer::Projections(states)) => Ok(states),
            _ => bail!("the server's answer is not understood"),
        };
    }
    let log = Alone::open(settings).await?;
    let states = States::of(&log.store, world::now()).await;
    log.store.close().await;
    Ok(states?)
}

async fn rebuilt(settings: &Settings, name: &str) -> anyhow::Result<i64> {
    let request = Request::Rebuild { name: name.to_owned() };
    let mut shown = Shown::default();
    if let Some(mut connection) = Connection::ask(&settings.data.folder, &request).await? {
        loop {
            match connection.next().await? {
                Some(Answer::Progress(at, of)) => shown.progress(at, of),
                Some(Answer::Rebuilt(position)) => {
                    shown.end();
                    return Ok(position);
                }
                _ => bail!("the server's answer is not understood"),
            }
        }
    }
    let log = Alone::open(settings).await?;
    let outcome = async {
        let mut rebuilding = Box::pin(rebuild(&log.store, name));
        let mut tick = tokio::time::interval(Duration::from_millis(250));
        loop {
            tokio::select! {
                done = &mut rebuilding => break done,
                _ = tick.tick() => {
                    if let Some((at, of)) = progress(&log.store, name).await? {
                        shown.progress(at, of);
                    }
                }
            }
        }
    }
    .await;
    log.store.close().await;
    shown.end();
    outcome
}

/// Fills the tables again; the answer is the position that they are at.
pub(crate) async fn rebuild(store: &Store, name: &str) -> anyhow::Result<i64> {
    let rebuild = Rebuild::new(store.clone());
    if name == ALL {
        let all = rebuild.all().await?;
        return Ok(all.iter().map(|one| one.position).min().unwrap_or(0));
    }
    if name == CLAIMS {
        return Ok(rebuild.claims().await?.position);
    }
    let projection = find(store, name)?;
    Ok(rebuild.projection(&projection).await?.position)
}

/// How far the new tables are, of how many events.
pub(crate) async fn progress(store: &Store, name: &str) -> anyhow::Result<Option<(i64, i64)>> {
    let states = store.projection_states().await?;
    let named = states.projections.iter().filter(|state| name == ALL || state.name == name);
    let at = named.filter_map(|state| state.rebuilding).min();
    Ok(at.map(|at| (at, states.head)))
}

fn find(store: &Store, name: &str) -> anyhow::Result<Arc<dyn Projection>> {
    let projections = store.projections();
    let names: Vec<&str> = projections.iter().map(|it| it.name()).chain([CLAIMS]).collect();
    projections
        .iter()
        .find(|it| it.name() == name)
        .cloned()
        .with_context(|| format!("there is no projection {name}: there are {}", names.join(", ")))
}

fn table(states: &States) -> String {
    let mut text = format!("log: position {}\n", states.head);
    let _ = writeln!(
        text,
        "{:<22} {:<10} {:>10} {:>8} {:<10} generation",
        "projection", "mode", "position", "behind", "state"
    );
    for it in &states.projections {
        let _ = writeln!(
            text,
            "{:<22} {:<10} {:>10} {:>8} {:<10} {}",
            it.name, it.mode, it.position, it.lag, it.state, it.generation
        );
        if let Some((error, position)) = &it.error {
            let _ = writeln!(text, "  stopped at position {position}: {error}");
        }
        if let Some(position) = it.rebuilding {
            let _ = writeln!(text, "  new tables are being filled: position {position}");
        }
    }
    for it in &states.relays {
        let _ = writeln!(
            text,
            "{:<22} {:<10} {:>10} {:>8} {:<10}",
            it.name, "relay", it.position, it.lag, it.state
        );
        if let Some(error) = &it.error {
            let _ = writeln!(text, "  {error}");
        }
    }
    text
}

/// Progress as people and pipes want it: a bar that moves, or a line for every tenth.
#[derive(Default)]
struct Shown {
    told: Option<i64>,
    bar: bool,
}

impl Shown {
    const WIDTH: i64 = 40;

    fn progress(&mut self, at: i64, of: i64) {
        let mut out = std::io::stderr().lock();
        if out.is_terminal() {
            let done = (at * Self::WIDTH / of.max(1)).clamp(0, Self::WIDTH);
            let bar: String =
                (0..Self::WIDTH).map(|place| if place < done { '#' } else { '.' }).collect();
            self.bar = true;
            // Progress that nobody sees is no error.
            let _ = write!(out, "\r[{bar}] {at} of {of}").and_then(|()| out.flush());
            return;
        }
        let tenth = at * 10 / of.max(1);
        if self.told != Some(tenth) {
            self.told = Some(tenth);
            let _ = writeln!(out, "{at} of {of} events");
        }
    }

    fn end(&self) {
        if self.bar {
            let _ = writeln!(std::io::stderr());
        }
    }
}
