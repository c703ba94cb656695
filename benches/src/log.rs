//! The log on SQLite: appends that wait for the disk, single commands, replays.

use std::{
    io::Write as _,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use chrono::{DateTime, Utc};
use futures::future::try_join_all;
use store::{
    Append, ClaimChange, Clock, EventFilter, Expected, Fault, Interpreter, Location, Mode,
    NewEvent, Op, Options, Part, Projection, Recorded, Retention, Store, args,
};
use tempfile::TempDir;
use uuid::Uuid;

use crate::{quantile, say};

const FOR: Duration = Duration::from_secs(5);
const REPLAYED: usize = 200_000;

pub(crate) async fn measure() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    say(&format!("the disk alone: {:.0} syncs/s", syncs(&folder)?));
    for writers in [1, 8, 64] {
        let folder = TempDir::new()?;
        let store = open(&folder, vec![]).await?;
        let latencies = appends(&store, writers).await?;
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let rate = latencies.len() as f64 / FOR.as_secs_f64();
        say(&format!(
            "{writers:2} writers that wait, synchronous=FULL: {rate:.0} appends/s, p50 {:.2} ms, p99 {:.2} ms",
            quantile(&latencies, 500),
            quantile(&latencies, 990)
        ));
        store.close().await;
    }
    replays().await
}

/// How often a small write can be made durable, as a log does it.
fn syncs(folder: &TempDir) -> anyhow::Result<f64> {
    let mut file = std::fs::File::create(folder.path().join("sync"))?;
    let (begun, mut count) = (Instant::now(), 0.0);
    while begun.elapsed() < Duration::from_secs(3) {
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        count += 1.0;
    }
    Ok(count / begun.elapsed().as_secs_f64())
}

/// Milliseconds of every append, sorted.
async fn appends(store: &Store, writers: usize) -> anyhow::Result<Vec<f64>> {
    let begun = Instant::now();
    let lanes = try_join_all((0..writers).map(|_| {
        let store = store.clone();
        let lane = tokio::spawn(async move {
            let (stream, mut version, mut latencies) = (Uuid::new_v4().to_string(), 0, Vec::new());
            while begun.elapsed() < FOR {
                let sent = Instant::now();
                store.append(append(&stream, version, 1)).await?;
                latencies.push(sent.elapsed().as_secs_f64() * 1000.0);
                version += 1;
            }
            anyhow::Ok(latencies)
        });
        async move { lane.await? }
    }))
    .await?;
    let mut latencies = lanes.concat();
    latencies.sort_by(f64::total_cmp);
    Ok(latencies)
}

async fn replays() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let store = open(&folder, vec![Arc::new(Counted)]).await?;
    let table = "CREATE TABLE counted (id TEXT NOT NULL PRIMARY KEY, events BIGINT NOT NULL)";
    store.execute(vec![Op::new(table, args![])]).await?;
    for number in 0..REPLAYED / 1000 {
        // A thousand streams of two hundred events, as devices write them.
        let part = |stream: usize| Part {
            aggregate_type: "device".to_owned(),
            aggregate_id: format!("device-{stream}"),
            expected: Expected::Any,
            events: vec![event(if stream.is_multiple_of(10) {
                "device.renamed"
            } else {
                "device.reported"
            })],
        };
        let context = store::Context { actor: "system:bench".to_owned(), ..Default::default() };
        let parts = (0..1000).map(part).collect();
        let all = Append { context, parts, limits: vec![], idempotency: None };
        store.append(all).await.with_context(|| format!("thousand {number}"))?;
    }

    // A fold that wants one type of ten asks for that one.
    let wanted =
        EventFilter { event_types: vec!["device.renamed".to_owned()], ..EventFilter::default() };
    for (what, filter, goal) in [
        ("a fold in memory of one event in ten", wanted, REPLAYED / 10),
        ("a fold in memory of every event", EventFilter::default(), REPLAYED),
    ] {
        let (begun, used) = (Instant::now(), cpu()?);
        let events = fold(&store, &filter).await?;
        anyhow::ensure!(events == goal, "{events} events");
        say(&format!(
            "replay into {what}: {:.0} events/s, {:.0} per second of CPU",
            rate(begun.elapsed()),
            rate(cpu()?.saturating_sub(used))
        ));
    }

    let (begun, used) = (Instant::now(), cpu()?);
    let counted: Arc<dyn Projection> = Arc::new(Counted);
    store::Rebuild::new(store.clone()).projection(&counted).await?;
    say(&format!(
        "replay into one upsert per event: {:.0} events/s, {:.0} per second of CPU",
        rate(begun.elapsed()),
        rate(cpu()?.saturating_sub(used))
    ));
    store.close().await;
    Ok(())
}

/// Reads the log as a fold does and decodes what it gets; how many events that were.
async fn fold(store: &Store, filter: &EventFilter) -> anyhow::Result<usize> {
    let (mut after, mut folded) = (0, 0);
    loop {
        let page = store.events(filter, after, 1000).await?;
        let Some(last) = page.last() else { return Ok(folded) };
        after = last.position;
        for event in &page {
            let payload: serde_json::Value = serde_json::from_str(&event.payload)?;
            folded += usize::from(payload.is_object());
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn rate(took: Duration) -> f64 {
    REPLAYED as f64 / took.as_secs_f64()
}

/// What this process has used so far, on all cores.
fn cpu() -> anyhow::Result<Duration> {
    crate::server::cpu_of(std::process::id())
}

async fn open(folder: &TempDir, projections: Vec<Arc<dyn Projection>>) -> anyhow::Result<Store> {
    let location = Location::Sqlite { folder: folder.path().to_owned() };
    let mut options = Options::new(location, Arc::new(Plain), Arc::new(Now));
    options.projections = projections;
    Ok(Store::open(options).await?)
}

fn event(name: &str) -> NewEvent {
    NewEvent {
        event_id: Uuid::new_v4(),
        event_type: name.to_owned(),
        event_version: "1".to_owned(),
        organization_id: Some(Uuid::from_u128(1)),
        retention: Retention::FOREVER,
        payload: format!("{{\"reported\":{{\"text\":\"{}\"}}}}", "x".repeat(270)),
    }
}

fn append(stream: &str, version: i64, events: usize) -> Append {
    let part = Part {
        aggregate_type: "device".to_owned(),
        aggregate_id: stream.to_owned(),
        expected: Expected::Exactly(version),
        events: (0..events).map(|_| event("device.reported")).collect(),
    };
    let context = store::Context { actor: "system:bench".to_owned(), ..Default::default() };
    Append { context, parts: vec![part], limits: vec![], idempotency: None }
}

struct Now;

impl Clock for Now {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

struct Plain;

impl Interpreter for Plain {
    fn claims(&self, _event: &Recorded) -> Result<Vec<ClaimChange>, Fault> {
        Ok(Vec::new())
    }

    fn understands(&self, _event_type: &str, _event_version: &str) -> bool {
        true
    }
}

/// One upsert per event.
struct Counted;

impl Projection for Counted {
    fn name(&self) -> &'static str {
        "counted.v1"
    }

    fn mode(&self) -> Mode {
        Mode::Following
    }

    fn tables(&self) -> &'static [&'static str] {
        &["counted"]
    }

    fn wants(&self, _event_type: &str) -> bool {
        true
    }

    fn apply(&self, event: &Recorded) -> Result<Vec<Op>, Fault> {
        Ok(vec![Op::new(
            "INSERT INTO counted (id, events) VALUES ($1, 1) ON CONFLICT (id) DO UPDATE SET events = counted.events + 1",
            args![&event.aggregate_id],
        )])
    }
}
