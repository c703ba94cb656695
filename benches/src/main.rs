//! How fast it is: one command per figure, see `docs/performance.md`.
//!
//! `cargo run --release -p wisptrail-benches -- <what>`; programs that ask a server start `wisptrail` from the folder
//! of this program. The load comes from the same machine, as every figure says.
#![expect(
    clippy::disallowed_methods,
    reason = "it measures the clock's time, with chance, of a given server"
)]

mod commands;
mod cost;
mod fleet;
mod log;
mod past;
mod people;
mod polls;
mod server;
mod start;
mod storm;
mod streams;
mod template;
mod wire;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Parser, Subcommand};

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
    /// Devices, where there are some.
    #[arg(long, global = true, default_value_t = 10_000)]
    devices: usize,
    /// A data folder with a log (`wisptrail bench generate`), for what is measured in one.
    #[arg(long, global = true)]
    data: Option<PathBuf>,
}

#[derive(Clone, Copy, Subcommand)]
enum What {
    /// Checksum polls beside axum that serves constant bytes.
    Polls,
    /// CPU time per poll, download, report, and page of a list.
    Cost,
    /// Whole commands on PostgreSQL beside plain postgres-es (`WISPTRAIL_TEST_POSTGRES`).
    Commands,
    /// Appends on SQLite, single commands, replays.
    Log,
    /// A template change that reaches every device.
    Template,
    /// Starts: on an empty folder, and on one with devices; memory.
    Start,
    /// Every device comes back at once.
    Storm,
    /// Polls beside 200 log-ins at once.
    LogIns,
    /// Memory of a thousand idle streams of events and fifty busy ones.
    Streams,
    /// Pages of a manager's devices, few and many (`--devices 100000`).
    Lists,
    /// Pages of devices as they were, in a long log (`--data`).
    Past,
}

fn main() -> anyhow::Result<()> {
    let Arguments { what, devices, data } = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        if std::env::var_os(polls::CONSTANT).is_some() {
            return polls::serve_constant().await;
        }
        match what {
            What::Polls => polls::measure(devices).await,
            What::Cost => cost::measure(devices).await,
            What::Commands => commands::measure().await,
            What::Log => log::measure().await,
            What::Template => template::measure(devices).await,
            What::Start => start::measure(devices).await,
            What::Storm => storm::measure(devices).await,
            What::LogIns => people::log_ins(devices).await,
            What::Streams => streams::measure(devices).await,
            What::Lists => people::lists(devices).await,
            What::Past => {
                let data = data.context("--data: a folder that wisptrail bench generate made")?;
                past::measure(&data).await
            }
        }
    })
}

/// A line for people.
#[expect(clippy::print_stdout, reason = "what the program is for")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}

/// The smallest of some sorted values that so many per thousand are not above.
pub(crate) fn quantile(sorted: &[f64], per_mille: usize) -> f64 {
    let place = (sorted.len() * per_mille).div_ceil(1000).saturating_sub(1);
    sorted.get(place).copied().unwrap_or(f64::NAN)
}
