//! Lives of years in a minute: whatever happened in whatever order, and whenever the program died, the tables are what the log
//! says, on both databases, and so are the archives.
//!
//! `WISPTRAIL_SEED` repeats one life, `WISPTRAIL_WEEKS` only its beginning; `WISPTRAIL_LONG` makes lives longer, and more of
//! them.

mod calls;
mod driver;
mod ending;
mod fleet;
mod kinds;
mod old_log;
mod organization;
mod people;
mod plan;
mod rebuild;
mod story;
mod tables;

use std::{
    path::Path,
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use anyhow::Context as _;
use futures::future::try_join_all;
use wisptrail_tests::{Database, Home};

use crate::{
    driver::Life,
    ending::Remains,
    plan::{Plan, Scale},
};

const SHORT: Scale = Scale { weeks: 4, organizations: 3, steps: 10, kills: 1 };
const LONG: Scale = Scale { weeks: 24, organizations: 5, steps: 16, kills: 3 };
/// Of the life that is always lived.
const SEED: u64 = 11;

#[tokio::test(flavor = "multi_thread")]
async fn after_a_long_life_everything_is_what_the_log_says() -> anyhow::Result<()> {
    let long = std::env::var_os("WISPTRAIL_LONG").is_some();
    let number = |name| std::env::var_os(name).and_then(|text| text.to_str()?.parse::<u64>().ok());
    let seed = number("WISPTRAIL_SEED");
    let mut scale = if long { LONG } else { SHORT };
    if let Some(weeks) = number("WISPTRAIL_WEEKS") {
        scale.weeks = usize::try_from(weeks)?;
    }
    let by_chance = || uuid::Uuid::new_v4().as_u64_pair().0;
    let seeds = match (seed, long) {
        (Some(seed), _) => vec![seed],
        (None, false) => vec![SEED],
        (None, true) => vec![SEED, by_chance()],
    };
    for seed in seeds {
        lived(seed, scale, long).await.with_context(|| {
            format!("WISPTRAIL_SEED={seed} repeats it (with WISPTRAIL_LONG: {long})")
        })?;
    }
    Ok(())
}

/// The same life on all databases.
async fn lived(seed: u64, scale: Scale, long: bool) -> anyhow::Result<()> {
    let place = tempfile::TempDir::with_prefix("wisptrail-life-")?;
    let (file, old) =
        old_log::written(place.path()).await.context("the log that it begins with")?;
    let plan = Plan::of(seed, scale, &old);
    for name in ["removeDevice", "removeOrganization", "eraseUser", "startBulkOperation"] {
        let whole = scale.weeks >= SHORT.weeks;
        anyhow::ensure!(
            seed != SEED || !whole || plan.asks(name),
            "this life knows no {name}: take another"
        );
    }
    let databases: Vec<Database> =
        [Some(Database::Sqlite), Database::postgres()].into_iter().flatten().collect();
    let lives = databases.iter().map(|database| async {
        let lived = lived_on(database, &file, (seed, &plan), long).await;
        lived.with_context(|| format!("seed {seed} on {}", database.name()))
    });
    let remains = try_join_all(lives).await?;
    for (database, other) in databases.iter().zip(&remains).skip(1) {
        let one = ("SQLite", &remains[0].common);
        let found = kinds::apart(one, (database.name(), &other.common));
        anyhow::ensure!(found.is_empty(), "seed {seed}:\n{}", found.join("\n"));
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the figures are for people to see")]
async fn lived_on(
    database: &Database,
    old: &Path,
    (seed, plan): (u64, &Plan),
    long: bool,
) -> anyhow::Result<Remains> {
    let begun = Instant::now();
    let home = Home::new(database).await?;
    let old = old.to_str().context("a path")?;
    rebuild::run(&home, &["import", old]).await?.success()?;
    let life = Life::live(Arc::clone(&home), plan, long).await?;
    let lived = begun.elapsed().as_secs();
    let remains = ending::prove(&life).await?;
    let of = |count: &std::sync::atomic::AtomicUsize| count.load(Ordering::Relaxed);
    println!(
        "{}: seed {seed}, {} weeks, {} requests of {} planned, {} repeated, {} kills, {} rebuilds meanwhile and {} that died, {} events, {} archives, {lived} s, then {} s",
        database.name(),
        plan.weeks.len(),
        of(&life.tally.requests),
        plan.len(),
        of(&life.tally.repeated),
        of(&life.tally.kills),
        of(&life.tally.rebuilds),
        of(&life.tally.broken_rebuilds),
        remains.events,
        remains.archives,
        begun.elapsed().as_secs() - lived,
    );
    Ok(remains)
}
