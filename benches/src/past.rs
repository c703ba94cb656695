//! Pages of the past: how long a list takes as it was at moments of a long log.

use std::{path::Path, process::Command, time::Instant};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    quantile, say,
    server::{Server, program},
    wire::{Connection, with_body},
};

/// Rows of a page.
const ROWS: usize = 50;
/// Moments, evenly over the log.
const MOMENTS: i64 = 8;
const GOAL: f64 = 2000.0;

/// Pages of `devices(asOf:)` in a folder that `wisptrail bench generate` made.
pub(crate) async fn measure(data: &Path) -> anyhow::Result<()> {
    let viewer = viewer(data)?;
    let server = Server::start(data)?;
    let log = Log { server: &server, viewer: &viewer };
    let head = log.head().await?;
    let mut all = Vec::new();
    for moment in 1..=MOMENTS {
        let position = head * moment / MOMENTS;
        // The beginning of the list, what follows it, and its end.
        let (first, cursor, total) = log.page(position, &format!("first: {ROWS}")).await?;
        let (next, ..) = log.page(position, &format!("first: {ROWS}, after: {cursor}")).await?;
        let (last, ..) = log.page(position, &format!("last: {ROWS}")).await?;
        say(&format!(
            "as of {position}: {total} devices; the first {ROWS} in {first:.0} ms, the next in {next:.0} ms, the last in {last:.0} ms"
        ));
        all.extend([first, next, last]);
    }
    all.sort_by(f64::total_cmp);
    say(&format!(
        "a page of {ROWS} devices of the past in a log of {head} events: median {:.0} ms, longest {:.0} ms (goal {GOAL:.0}); resident memory {:.0} MiB",
        quantile(&all, 500),
        quantile(&all, 1000),
        server.usage()?.memory
    ));
    server.stop();
    Ok(())
}

/// The token of an account that may see everything: the log has accounts of its own, so that none is made at the start.
fn viewer(data: &Path) -> anyhow::Result<String> {
    let run = |arguments: &[&str]| {
        let output = Command::new(program()?).args(arguments).arg("--data").arg(data).output()?;
        anyhow::Ok((output.status.success(), String::from_utf8(output.stdout)?))
    };
    // It may be there from the run before.
    run(&["users", "create", "measuring", "--superuser"])?;
    let name = Uuid::new_v4().to_string();
    let (made, told) = run(&["tokens", "create", "measuring", &name, "--read-only"])?;
    ensure!(made, "no token is made in {}", data.display());
    let token = told.split_whitespace().last();
    Ok(token.context("a token")?.to_owned())
}

/// A long log, served.
struct Log<'a> {
    server: &'a Server,
    viewer: &'a str,
}

impl Log<'_> {
    /// Milliseconds for a page, the cursor of its last row, and how many rows there are in all.
    async fn page(&self, position: i64, slice: &str) -> anyhow::Result<(f64, Value, u64)> {
        let begun = Instant::now();
        let answer = self.ask(position, slice).await?;
        let took = begun.elapsed().as_secs_f64() * 1000.0;
        let list = &answer["data"]["devices"];
        let total = list["totalCount"].as_u64();
        let total = total.with_context(|| format!("no list: {answer}"))?;
        ensure!(!list["nodes"].as_array().is_none_or(Vec::is_empty), "nothing on it: {answer}");
        Ok((took, list["pageInfo"]["endCursor"].clone(), total))
    }

    async fn ask(&self, position: i64, slice: &str) -> anyhow::Result<Value> {
        let query = format!(
            "{{ devices({slice}, asOf: {{position: \"{position}\"}}) {{ totalCount pageInfo {{ endCursor }} nodes {{ id name macAddress notes model group {{ name }} }} }} }}"
        );
        let body = json!({ "query": query }).to_string();
        let request = with_body("POST", "/graphql", "application/json", Some(self.viewer), &body);
        let answer = Connection::open(&self.server.address).await?.exchange(&request).await?;
        let text = String::from_utf8_lossy(&answer.body);
        ensure!(answer.status == 200, "{} {text}", answer.status);
        Ok(serde_json::from_str(&text)?)
    }

    /// The last position that the log has reached: what is beyond it is refused.
    async fn head(&self) -> anyhow::Result<i64> {
        let (mut reached, mut refused) = (0, 1 << 32);
        while refused - reached > 1 {
            let middle = i64::midpoint(reached, refused);
            if self.ask(middle, "first: 1").await?["errors"].is_null() {
                reached = middle;
            } else {
                refused = middle;
            }
        }
        ensure!(reached > 0, "there are no events: wisptrail bench generate makes some");
        Ok(reached)
    }
}
