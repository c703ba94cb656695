//! What most requests are: a known device asks whether anything changed. No database is asked.

use anyhow::Context;
use futures::{StreamExt, TryStreamExt, stream};
use wisptrail_tests::{
    Client, Database, Device, Server, Start, on_each_database, register, secret_of,
};

on_each_database!(a_poll_of_a_known_device_touches_no_database);

const DEVICES: usize = 100;
const POLLS: usize = 10_000;

/// Followers, leases and flushes go on meanwhile; they are few, whatever the number of polls.
const BACKGROUND: u64 = 50;

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

    let before = statements(&client).await?;
    poll(&client, &devices, POLLS).await?;
    let spent = statements(&client).await? - before;
    assert!(spent < BACKGROUND, "{POLLS} polls of {DEVICES} devices made {spent} statements");
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

/// Statements that any database has executed for the server so far.
async fn statements(client: &Client) -> anyhow::Result<u64> {
    let metrics = client.get("/metrics").await?.expect(200)?.text();
    let counts: Vec<u64> = metrics
        .lines()
        .filter(|line| line.starts_with("wisptrail_store_statements_total"))
        .map(|line| line.rsplit(' ').next().unwrap_or_default().parse().context("a count"))
        .collect::<anyhow::Result<_>>()?;
    anyhow::ensure!(!counts.is_empty(), "statements are not counted:\n{metrics}");
    Ok(counts.iter().sum())
}
