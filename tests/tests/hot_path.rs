//! What most requests are: a known device asks whether anything changed. No database is asked.

use std::time::Duration;

use anyhow::Context;
use futures::{StreamExt, TryStreamExt, stream};
use tokio::time::{Instant, sleep};
use wisptrail_tests::{
    Client, Database, Device, Server, Start, on_each_database, patience, register, secret_of,
};

on_each_database!(a_poll_of_a_known_device_touches_no_database);

const DEVICES: usize = 100;
const POLLS: usize = 10_000;

/// Presence (when a device was last heard, and from where) is kept in memory and written down every
/// few seconds, device by device, however often the devices were heard meanwhile.
const FLUSH_EVERY: Duration = Duration::from_secs(3);

/// What followers, workers and the counters themselves ask in a second without any request.
const BACKGROUND_PER_SECOND: u64 = 10;

async fn a_poll_of_a_known_device_touches_no_database(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let client = server.client();
    let secret = secret_of("alpha")?;
    let mut devices = Vec::new();
    for number in 0..DEVICES {
        let (name, mac) = (format!("poll-{number}"), format!("02:00:00:00:05:{number:02X}"));
        devices.push(register(&client, &secret, &name, &mac).await?);
    }
    // All devices come from one address, as behind one NAT, and keep their management addresses.
    poll(&client, &devices, DEVICES * 2).await?;
    let mut counted = statements(&client).await?;
    patience("the new addresses are written down", async || {
        sleep(Duration::from_secs(1)).await;
        let before = std::mem::replace(&mut counted, statements(&client).await?);
        Ok(counted - before <= BACKGROUND_PER_SECOND)
    })
    .await?;

    let before = (statements(&client).await?, asked(&client).await?);
    let begun = Instant::now();
    poll(&client, &devices, POLLS).await?;
    assert_eq!(asked(&client).await?, before.1, "polls asked the database");
    let spent = statements(&client).await? - before.0;

    // Nor does anybody on their behalf: beside the usual there is only presence, device by device.
    let seconds = begun.elapsed().as_secs() + 1;
    let flushes = seconds / FLUSH_EVERY.as_secs() + 1;
    let allowed = flushes * (DEVICES as u64 + 10) + seconds * BACKGROUND_PER_SECOND;
    assert!(
        spent <= allowed,
        "{POLLS} polls of {DEVICES} devices in {seconds} s made {spent} statements; \
         without them there are at most {allowed}"
    );

    // The counter counts: a new device cannot come from memory.
    register(&client, &secret, "one-more", "02:00:00:00:05:FF").await?;
    assert!(asked(&client).await? > before.1, "a registration asked for nothing");
    Ok(())
}

async fn poll(client: &Client, devices: &[Device], times: usize) -> anyhow::Result<()> {
    stream::iter(0..times)
        .map(|turn| {
            let number = turn % devices.len();
            let path = format!("{}&management_ip=10.5.0.{number}", devices[number].checksum_path());
            async move {
                let answer = client.get(&path).await?.expect(200)?;
                anyhow::ensure!(answer.body.len() == 32, "not a checksum");
                Ok(())
            }
        })
        .buffer_unordered(16)
        .try_collect()
        .await
}

/// Statements that the server has executed so far.
async fn statements(client: &Client) -> anyhow::Result<u64> {
    counter(client, "wisptrail_store_statements_total").await
}

/// Statements that requests have asked for so far.
async fn asked(client: &Client) -> anyhow::Result<u64> {
    counter(client, "wisptrail_store_asked_by_requests_total").await
}

async fn counter(client: &Client, name: &str) -> anyhow::Result<u64> {
    let metrics = client.get("/metrics").await?.expect(200)?.text();
    let mut lines = metrics.lines().filter_map(|line| line.strip_prefix(name));
    let value = lines.find_map(|line| line.strip_prefix(' ')).context("it is not counted")?;
    value.parse().context("a count")
}
