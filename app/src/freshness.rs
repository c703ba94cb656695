//! How new an answer is (architecture, decision 5): tables are written with the events, followers come after them.

use std::time::Duration;

use projections::FanOut;
use store::Projection as _;
use tokio::time::{Instant, timeout_at};

use crate::{App, Failure};

/// How long an answer waits for what it reads.
const PATIENCE: Duration = Duration::from_secs(2);

/// What an answer reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// Only tables that are written with the events.
    Tables,
    /// Also what follows for devices from changes of templates, groups and organizations.
    Fleet,
}

impl App {
    /// Waits until everything up to a position of the log is in what an answer reads, two seconds at most, on whichever node
    /// it is brought there. False: the answer will be older, because the log has not come so far here, a follower is
    /// late, failed, paused or being filled, or a table cannot take an event.
    pub async fn fresh(&self, reads: Reads, position: i64) -> Result<bool, Failure> {
        let deadline = Instant::now() + PATIENCE;
        let mut head = self.store().watch();
        match timeout_at(deadline, head.wait_for(|head| *head >= position)).await {
            Ok(Ok(_)) => {}
            Ok(Err(_)) => return Err(Failure::Unavailable),
            Err(_) => return Ok(false),
        }
        let following: &[&str] = match reads {
            Reads::Tables => &[],
            Reads::Fleet => &[FanOut.name()],
        };
        let left = deadline.saturating_duration_since(Instant::now());
        Ok(self.followers().fresh(following, position, left).await?)
    }
}
