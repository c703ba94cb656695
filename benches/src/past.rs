//! Pages of the past: how long a list takes as it was at moments of a long log.

use std::{path::Path, time::Instant};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::{fleet::rest, quantile, say, server::Server};

/// Rows of a page.
const ROWS: usize = 50;
/// Moments, evenly over the log.
const MOMENTS: i64 = 8;
const GOAL: f64 = 2000.0;

/// Pages of `devices(asOf:)` in a folder that `wisptrail bench generate` made.
pub(crate) async fn measure(data: &Path) -> anyhow::Result<()> {
    let server = Server::start(data)?;
    let head = head(&server).await?;
    let mut all = Vec::new();
    for moment in 1..=MOMENTS {
        let position = head * moment / MOMENTS;
        // The beginning of the list, what follows it, and its end.
        let (first, cursor, total) = page(&server, position, &format!("first: {ROWS}")).await?;
        let (next, ..) =
            page(&server, position, &format!("first: {ROWS}, after: {cursor}")).await?;
        let (last, ..) = page(&server, position, &format!("last: {ROWS}")).await?;
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

/// Milliseconds for a page, the cursor of its last row, and how many rows there are in all.
async fn page(server: &Server, position: i64, slice: &str) -> anyhow::Result<(f64, Value, u64)> {
    let begun = Instant::now();
    let answer = ask(server, position, slice).await?;
    let took = begun.elapsed().as_secs_f64() * 1000.0;
    let list = &answer["data"]["devices"];
    let total = list["totalCount"].as_u64();
    let total = total.with_context(|| format!("no list: {answer}"))?;
    ensure!(!list["nodes"].as_array().is_none_or(Vec::is_empty), "nothing on it: {answer}");
    Ok((took, list["pageInfo"]["endCursor"].clone(), total))
}

async fn ask(server: &Server, position: i64, slice: &str) -> anyhow::Result<Value> {
    let query = format!(
        "{{ devices({slice}, asOf: {{position: \"{position}\"}}) {{ totalCount pageInfo {{ endCursor }} nodes {{ id name macAddress notes model group {{ name }} }} }} }}"
    );
    rest(server, "POST", "/graphql", &json!({ "query": query })).await
}

/// The last position that the log has reached: what is beyond it is refused.
async fn head(server: &Server) -> anyhow::Result<i64> {
    let mut refused = 1 << 32;
    let mut reached = 0;
    while refused - reached > 1 {
        let middle = i64::midpoint(reached, refused);
        if ask(server, middle, "first: 1").await?["errors"].is_null() {
            reached = middle;
        } else {
            refused = middle;
        }
    }
    ensure!(reached > 0, "there are no events: wisptrail bench generate makes some");
    Ok(reached)
}
