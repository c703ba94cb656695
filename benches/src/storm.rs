//! The power comes back: every device polls, downloads and reports within a minute.

use std::{sync::Mutex, time::Duration};

use futures::{StreamExt as _, stream};
use rand::RngExt as _;
use tempfile::TempDir;
use tokio::time::{Instant, sleep_until};

use crate::{fleet, quantile, say, server::Server, wire::Connection};

const WITHIN: Duration = Duration::from_mins(1);

pub(crate) async fn measure(devices: usize) -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let server = Server::start(folder.path())?;
    let (_, fleet) = fleet::seed(&server, devices).await?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let latencies: Mutex<Vec<f64>> = Mutex::default();
    let wrong: Mutex<Vec<String>> = Mutex::default();
    let begun = Instant::now();
    let moments: Vec<Duration> =
        fleet.iter().map(|_| WITHIN.mul_f64(rand::rng().random_range(0.0..1.0))).collect();
    let late: Mutex<Duration> = Mutex::default();
    stream::iter(fleet.iter().zip(&moments).enumerate())
        .for_each_concurrent(None, |(number, (device, moment))| {
            let (latencies, wrong, late, address) = (&latencies, &wrong, &late, &server.address);
            async move {
                sleep_until(begun + *moment).await;
                let requests =
                    [device.checksum(number), device.download(), device.report("applied")];
                for request in requests {
                    let sent = Instant::now();
                    // Agents make a connection for every request.
                    let answer =
                        async { Connection::open(address).await?.exchange(&request).await };
                    match answer.await {
                        Ok(answer) if answer.status == 200 => {}
                        Ok(answer) => push(wrong, format!("status {}", answer.status)),
                        Err(error) => push(wrong, format!("{error:#}")),
                    }
                    push(latencies, sent.elapsed().as_secs_f64() * 1000.0);
                }
                if let Ok(mut late) = late.lock() {
                    *late = (*late).max(begun.elapsed().saturating_sub(*moment));
                }
            }
        })
        .await;
    let took = begun.elapsed();
    let mut latencies = latencies.into_inner().unwrap_or_default();
    latencies.sort_by(f64::total_cmp);
    let wrong = wrong.into_inner().unwrap_or_default();
    say(&format!(
        "{devices} devices came back within {:.1} s: {} requests, {} refused or failed, p50 {:.1} ms, p99 {:.1} ms, longest {:.0} ms",
        took.as_secs_f64(),
        latencies.len(),
        wrong.len(),
        quantile(&latencies, 500),
        quantile(&latencies, 990),
        quantile(&latencies, 1000)
    ));
    for example in wrong.iter().take(5) {
        say(&format!("  {example}"));
    }
    server.stop();
    Ok(())
}

fn push<T>(list: &Mutex<Vec<T>>, value: T) {
    if let Ok(mut list) = list.lock() {
        list.push(value);
    }
}
