use std::time::Duration;

use app::{App, Failure};
use async_trait::async_trait;

use crate::{Reconciler, Report, Rhythm};

/// Writes presence, refusals and the last uses of tokens, which live in memory, to their tables.
pub struct FlushPresence(App);

impl FlushPresence {
    /// Over this system.
    pub fn new(app: App) -> Self {
        Self(app)
    }
}

#[async_trait]
impl Reconciler for FlushPresence {
    fn name(&self) -> &'static str {
        "flush_presence"
    }

    fn rhythm(&self) -> Rhythm {
        Rhythm { every: Duration::from_secs(3), on_events: false }
    }

    async fn reconcile(&self) -> Result<Report, Failure> {
        let written =
            self.0.devices().flush_presence().await? + self.0.accounts().flush_token_uses().await?;
        let closed = u64::try_from(written).unwrap_or(u64::MAX);
        // Nothing is left: the next round is due at its own time.
        Ok(Report { found: 0, closed })
    }
}
