//! People beside agents: log-ins while devices poll, and lists of managers.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use serde_json::json;
use tempfile::TempDir;

use crate::{
    fleet::{self, Device, rest},
    quantile, say,
    server::Server,
    wire::{self, with_body},
};

/// People who log in at once.
const PEOPLE: usize = 200;
/// How often each does.
const TIMES: usize = 3;
/// Devices that poll at a time.
const POLLERS: usize = 8;
const POLLS: usize = 20_000;
const PASSWORD: &str = "only-For-measuring-1";

/// Polls without log-ins, then with 200 of them at once, in one run.
pub(crate) async fn log_ins(devices: usize) -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let server = Server::start(folder.path())?;
    let (_, fleet) = fleet::seed(&server, devices.min(2000)).await?;
    for number in 0..PEOPLE {
        let person = json!({
            "username": format!("person-{number}"), "password": PASSWORD,
            "email": format!("person-{number}@example.org"), "email_verified": true,
        });
        rest(&server, "POST", "/api/v1/users/user/", &person).await?;
    }
    let warm = |number: usize| fleet[number % fleet.len()].checksum(number % fleet.len());
    wire::load(&server.address, POLLERS, fleet.len() * 2, warm, |_, _| {}).await?;
    tokio::time::sleep(Duration::from_secs(8)).await;

    let alone = wire::load(&server.address, POLLERS, POLLS, warm, |_, _| {}).await?;
    let log_in = |number: usize| {
        let body =
            json!({ "username": format!("person-{}", number % PEOPLE), "password": PASSWORD });
        let path = "/api/v1/users/token/";
        with_body("POST", path, "application/json", None, &body.to_string())
    };
    let (over, before) = (AtomicBool::new(false), server.usage()?);
    let people = async {
        let done = wire::load(&server.address, PEOPLE, PEOPLE * TIMES, log_in, |_, _| {}).await;
        over.store(true, Ordering::Relaxed);
        done
    };
    let (people, beside) = tokio::join!(people, polls(&server, &fleet, &over));
    let (people, beside, after) = (people?, beside?, server.usage()?);
    ensure!(alone.refused.is_empty(), "polls were refused: {:?}", alone.refused);
    let (quiet, busy) = (quantile(&alone.latencies, 990), quantile(&beside, 990));
    say(&format!(
        "p99 of polls: {quiet:.2} ms alone, {busy:.2} ms beside {PEOPLE} log-ins at once: {:.1} times (goal 3)",
        busy / quiet
    ));
    say(&format!(
        "{} log-ins: {:.0}/s, p99 {:.0} ms, {} sent away; resident memory {:.0} MiB before, {:.0} MiB after",
        people.latencies.len(),
        people.per_second(),
        quantile(&people.latencies, 990),
        people.refused.len(),
        before.memory,
        after.memory
    ));
    server.stop();
    Ok(())
}

/// Latencies of polls until it is over, sorted, in milliseconds.
async fn polls(server: &Server, fleet: &[Device], over: &AtomicBool) -> anyhow::Result<Vec<f64>> {
    let poll = |number: usize| fleet[number % fleet.len()].checksum(number % fleet.len());
    let mut latencies = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let some = wire::load(&server.address, POLLERS, 400, poll, |_, _| {}).await?;
        ensure!(some.refused.is_empty(), "polls were refused: {:?}", some.refused);
        latencies.extend(some.latencies);
    }
    latencies.sort_by(f64::total_cmp);
    Ok(latencies)
}

/// Devices of the smaller list.
const FEW: usize = 2_000;
const PAGES: usize = 2_000;
const ORGANIZATIONS: usize = 3;

/// Pages of 10 devices as a manager with three organizations: of few devices, and of many.
pub(crate) async fn lists(devices: usize) -> anyhow::Result<()> {
    let few = page(FEW).await?;
    let many = page(devices).await?;
    say(&format!(
        "a page of 10 as a manager of {ORGANIZATIONS} organizations: {few:.3} ms of CPU of {FEW} devices, {many:.3} ms of {devices}: {:.1} times (goal 2)",
        many / few
    ));
    Ok(())
}

/// Waits until what so many registrations left to be done is done: it would be counted as work for pages.
async fn at_rest(server: &Server) -> anyhow::Result<()> {
    for _ in 0..120 {
        let before = server.usage()?.cpu;
        tokio::time::sleep(Duration::from_secs(3)).await;
        if server.usage()?.cpu.saturating_sub(before) < Duration::from_millis(90) {
            return Ok(());
        }
    }
    say("(the server does something else all the time)");
    Ok(())
}

/// Milliseconds of CPU for a page.
async fn page(devices: usize) -> anyhow::Result<f64> {
    let folder = TempDir::new()?;
    let server = Server::start(folder.path())?;
    let mut memberships = Vec::new();
    for number in 0..ORGANIZATIONS {
        let organization = fleet::seed_in(&server, number, devices / ORGANIZATIONS).await?;
        memberships.push(json!({ "organization": organization, "is_admin": true }));
    }
    // One comes with its account, the others one by one.
    let manager = json!({
        "username": "manager", "password": PASSWORD, "email": "manager@example.org",
        "email_verified": true, "groups": [1], "organization_users": memberships[0],
    });
    let made = rest(&server, "POST", "/api/v1/users/user/", &manager).await?;
    let path = format!("/api/v1/users/user/{}/", made["id"].as_str().context("an id")?);
    for membership in &memberships[1..] {
        rest(&server, "PATCH", &path, &json!({ "organization_users": membership })).await?;
    }
    let body = json!({ "username": "manager", "password": PASSWORD });
    let made = rest(&server, "POST", "/api/v1/users/token/", &body).await?;
    let token = made["token"].as_str().context("a token")?.to_owned();
    let list = wire::get("/api/v1/controller/device/?page_size=10", Some(&token));
    wire::load(&server.address, 4, PAGES / 10, |_| list.clone(), |_, _| {}).await?;
    at_rest(&server).await?;
    let before = server.usage()?;
    let done = wire::load(&server.address, 4, PAGES, |_| list.clone(), |_, _| {}).await?;
    let spent = server.usage()?.cpu.saturating_sub(before.cpu);
    ensure!(done.refused.is_empty(), "pages were refused: {:?}", done.refused);
    server.stop();
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let each = spent.as_secs_f64() * 1000.0 / PAGES as f64;
    Ok(each)
}
