//! What those who listen cost: a thousand who are told nothing, and fifty who are told everything.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};

use crate::{
    fleet::{self, Device},
    say,
    server::{Server, TOKEN},
    wire,
};

const IDLE: usize = 1000;
const BUSY: usize = 50;
/// Reports in a round; each changes a status, which is an event.
const REPORTS: usize = 10_000;
const CONNECTIONS: usize = 8;
/// What all streams together may take, in MiB.
const GOAL: f64 = 64.0;
/// Everything that is waited for comes within this.
const PATIENCE: Duration = Duration::from_mins(2);
/// What stands before every event.
const EVENT: &[u8] = b"data: {\"specversion\"";

/// What the streams have been told.
#[derive(Default)]
struct Told {
    begun: AtomicU64,
    events: AtomicU64,
    broken: AtomicU64,
}

pub(crate) async fn measure(devices: usize) -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let server = Server::start(folder.path())?;
    let (_, fleet) = fleet::seed(&server, devices.min(500)).await?;
    // The newest events are kept in memory whether anybody listens or not.
    report(&server, &fleet, ["applied", "modified"]).await?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let before = server.usage()?.memory;

    let told = Arc::new(Told::default());
    let mut streams = JoinSet::new();
    for number in 0..IDLE + BUSY {
        let query = if number < IDLE { "type=organization.removed" } else { "" };
        streams.spawn(listen(server.address.clone(), query, Arc::clone(&told)));
        if number % 50 == 49 {
            let wanted = u64::try_from(number + 1)?;
            until("everybody listens", || told.begun.load(Ordering::Relaxed) >= wanted).await?;
        }
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    say(&format!(
        "{IDLE} idle and {BUSY} waiting streams: {:.1} MiB above {before:.1}",
        server.usage()?.memory - before
    ));

    let begun = Instant::now();
    let mut most = 0.0_f64;
    let mut reports = Box::pin(report(&server, &fleet, ["applied", "modified"]));
    let reported = loop {
        tokio::select! {
            reported = &mut reports => break reported?,
            () = tokio::time::sleep(Duration::from_millis(200)) => {
                most = most.max(server.usage()?.memory);
            }
        }
    };
    drop(reports);
    // All of them are told to all of the busy ones.
    let wanted = u64::try_from(REPORTS * BUSY)?;
    until("everything is told", || told.events.load(Ordering::Relaxed) >= wanted).await?;
    let took = begun.elapsed().as_secs_f64();
    let most = most.max(server.usage()?.memory);
    let events = told.events.load(Ordering::Relaxed);
    let broken = told.broken.load(Ordering::Relaxed);
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let each = events as f64 / took;
    say(&format!(
        "while {REPORTS} events happened ({reported:.0}/s) and {BUSY} were told each of them ({each:.0}/s in all): {:.1} MiB above at most (goal {GOAL:.0}), {broken} streams ended",
        most - before
    ));
    ensure!(broken == 0, "streams ended before their time");
    streams.abort_all();
    server.stop();
    Ok(())
}

/// A round of reports; how many there were in a second.
async fn report(server: &Server, fleet: &[Device], words: [&str; 2]) -> anyhow::Result<f64> {
    let request = |number: usize| {
        let device = &fleet[number % fleet.len()];
        device.report(words[number / fleet.len() % 2])
    };
    let done = wire::load(&server.address, CONNECTIONS, REPORTS, request, |_, _| {}).await?;
    ensure!(done.refused.is_empty(), "refused {:?}", &done.refused[..1]);
    Ok(done.per_second())
}

/// Reads a stream to its end, and counts.
async fn listen(address: String, query: &'static str, told: Arc<Told>) {
    let ended = read(&address, query, &told).await;
    told.broken.fetch_add(1, Ordering::Relaxed);
    if let Err(error) = ended {
        say(&format!("  a stream broke: {error:#}"));
    }
}

async fn read(address: &str, query: &str, told: &Told) -> anyhow::Result<()> {
    let mut connection = TcpStream::connect(address).await.context("cannot connect")?;
    let request = format!(
        "GET /api/v1/events?{query} HTTP/1.1\r\nhost: bench\r\naccept: text/event-stream\r\nauthorization: Bearer {TOKEN}\r\n\r\n"
    );
    connection.write_all(request.as_bytes()).await?;
    let mut buffer = Vec::with_capacity(64 << 10);
    let mut begun = false;
    loop {
        if connection.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
        let found = buffer.windows(EVENT.len()).filter(|bytes| *bytes == EVENT).count();
        told.events.fetch_add(u64::try_from(found)?, Ordering::Relaxed);
        if !begun && buffer.windows(4).any(|bytes| bytes == b"\nid:") {
            begun = true;
            told.begun.fetch_add(1, Ordering::Relaxed);
        }
        // What may be the beginning of an event stays.
        let kept = buffer.len().saturating_sub(EVENT.len() - 1);
        buffer.drain(..kept);
    }
}

async fn until(what: &str, holds: impl Fn() -> bool) -> anyhow::Result<()> {
    let begun = Instant::now();
    while !holds() {
        ensure!(begun.elapsed() < PATIENCE, "it does not come to this: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}
