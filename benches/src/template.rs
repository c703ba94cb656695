//! A template change until every device is told another checksum.

use std::{
    collections::HashMap,
    sync::Mutex,
    time::{Duration, Instant},
};

use serde_json::json;
use tempfile::TempDir;

use crate::{fleet, say, server::Server, wire};

pub(crate) async fn measure(devices: usize) -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let server = Server::start(folder.path())?;
    let (template, fleet) = fleet::seed(&server, devices).await?;
    let poll = |number: usize| fleet[number].checksum(number);
    let sweep = async || {
        let seen: Mutex<HashMap<usize, Vec<u8>>> = Mutex::default();
        let load = wire::load(&server.address, 32, fleet.len(), poll, |number, answer| {
            if let Ok(mut seen) = seen.lock() {
                seen.insert(number, answer.body.clone());
            }
        })
        .await?;
        anyhow::ensure!(load.refused.is_empty(), "polls were refused: {:?}", &load.refused[..1]);
        Ok(seen.into_inner().unwrap_or_default())
    };
    let before = sweep().await?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let path = format!("/api/v1/controller/template/{template}/");
    for word in ["second", "third"] {
        let begun = Instant::now();
        let change = json!({ "default_values": { "word": word } });
        fleet::rest(&server, "PATCH", &path, &change).await?;
        let answered = begun.elapsed();
        // Every device asks at once; who is not rendered yet is rendered on the spot.
        let after = sweep().await?;
        let took = begun.elapsed();
        let changed = before.iter().filter(|(number, md5)| after.get(number) != Some(md5)).count();
        anyhow::ensure!(changed == fleet.len(), "{changed} of {} changed", fleet.len());
        say(&format!(
            "{} devices, answered after {:.0} ms, all have the new checksum after {:.2} s",
            fleet.len(),
            answered.as_secs_f64() * 1000.0,
            took.as_secs_f64()
        ));
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    server.stop();
    Ok(())
}
