//! Checksum polls beside axum that serves constant bytes, in the same run, from the same generator.

use axum::{Router, routing::get};
use tempfile::TempDir;

use crate::{fleet, quantile, say, server::Server, wire};

const CONNECTIONS: usize = 64;
const REQUESTS: usize = 200_000;
const ROUNDS: usize = 3;

pub(crate) async fn measure(devices: usize) -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let server = Server::start(folder.path())?;
    let (_, fleet) = fleet::seed(&server, devices).await?;
    // A process of its own, as the server is one.
    let constant = Constant::start()?;
    let poll = |number: usize| fleet[number % fleet.len()].checksum(number % fleet.len());
    // Addresses are recorded once; that is no poll any more.
    wire::load(&server.address, CONNECTIONS, fleet.len() * 2, poll, |_, _| {}).await?;
    tokio::time::sleep(std::time::Duration::from_secs(10)).await;
    let mut ratios = Vec::new();
    for round in 1..=ROUNDS {
        let plain = wire::load(&constant.address, CONNECTIONS, REQUESTS, poll, |_, _| {}).await?;
        let polls = wire::load(&server.address, CONNECTIONS, REQUESTS, poll, |_, _| {}).await?;
        anyhow::ensure!(polls.refused.is_empty(), "polls were refused: {:?}", polls.refused);
        let ratio = polls.per_second() / plain.per_second();
        say(&format!(
            "round {round}: polls {:.0}/s (p50 {:.2} ms, p99 {:.2} ms), axum {:.0}/s: {:.0} %",
            polls.per_second(),
            quantile(&polls.latencies, 500),
            quantile(&polls.latencies, 990),
            plain.per_second(),
            ratio * 100.0
        ));
        ratios.push(ratio);
    }
    ratios.sort_by(f64::total_cmp);
    say(&format!(
        "polls of {devices} devices: {:.0} % of axum (median)",
        ratios[ROUNDS / 2] * 100.0
    ));
    server.stop();
    Ok(())
}

/// axum alone, as this program started with the name of the part.
struct Constant {
    child: std::process::Child,
    address: String,
}

/// Set for the child that is axum alone.
pub(crate) const CONSTANT: &str = "WISPTRAIL_BENCH_CONSTANT";

impl Constant {
    fn start() -> anyhow::Result<Self> {
        use std::io::BufRead as _;

        let mut child = std::process::Command::new(std::env::current_exe()?)
            .arg("polls")
            .env(CONSTANT, "1")
            .stdout(std::process::Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().ok_or_else(|| anyhow::anyhow!("its output"))?;
        let mut line = String::new();
        std::io::BufReader::new(output).read_line(&mut line)?;
        Ok(Self { child, address: line.trim().to_owned() })
    }
}

impl Drop for Constant {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves 32 bytes, as a checksum has.
pub(crate) async fn serve_constant() -> anyhow::Result<()> {
    let router = Router::new()
        .route("/controller/checksum/{id}/", get(async || "0123456789abcdef0123456789abcdef"));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    say(&listener.local_addr()?.to_string());
    axum::serve(listener, router).await?;
    Ok(())
}
