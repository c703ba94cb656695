//! How long a start takes, and how much memory there is afterwards.

use std::time::Duration;

use tempfile::TempDir;

use crate::{
    fleet, quantile, say,
    server::{Server, program},
    wire,
};

pub(crate) async fn measure(devices: usize) -> anyhow::Result<()> {
    let mut starts = Vec::new();
    for _ in 0..5 {
        let folder = TempDir::new()?;
        let server = Server::start(folder.path())?;
        starts.push(server.started.as_secs_f64() * 1000.0);
        server.stop();
    }
    starts.sort_by(f64::total_cmp);
    say(&format!("start on an empty folder: {:.0} ms (median of 5)", quantile(&starts, 500)));

    let folder = TempDir::new()?;
    let server = Server::start(folder.path())?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    say(&format!("memory, idle: {:.0} MiB", server.usage()?.memory));
    let (_, fleet) = fleet::seed(&server, devices).await?;
    server.stop();

    let mut starts = Vec::new();
    for _ in 0..5 {
        let server = Server::start(folder.path())?;
        starts.push(server.started.as_secs_f64() * 1000.0);
        server.stop();
    }
    starts.sort_by(f64::total_cmp);
    say(&format!("start with {devices} devices: {:.0} ms (median of 5)", quantile(&starts, 500)));

    let server = Server::start(folder.path())?;
    let poll = |number: usize| fleet[number].checksum(number);
    wire::load(&server.address, 32, fleet.len(), poll, |_, _| {}).await?;
    tokio::time::sleep(Duration::from_secs(10)).await;
    say(&format!(
        "memory, {devices} devices after as many polls: {:.0} MiB",
        server.usage()?.memory
    ));
    let program = program()?;
    let stripped = folder.path().join("stripped");
    let strip = std::process::Command::new("strip").arg("-o").arg(&stripped).arg(&program).status();
    if strip.is_ok_and(|status| status.success()) {
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let size = std::fs::metadata(&stripped)?.len() as f64 / 1_048_576.0;
        say(&format!("the program, stripped: {size:.1} MiB"));
    }
    server.stop();
    Ok(())
}
