//! Waits for what follows from a change.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Nothing that a story waits for takes longer.
const BOUND: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);

/// Asks again and again until the condition holds.
///
/// # Errors
///
/// It does not within half a minute, or cannot be asked for.
pub async fn patience(
    what: &str,
    mut condition: impl AsyncFnMut() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let started = Instant::now();
    while !condition().await? {
        anyhow::ensure!(started.elapsed() < BOUND, "it does not come to this: {what}");
        sleep(PAUSE).await;
    }
    Ok(())
}
