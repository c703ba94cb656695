use std::time::Duration;

use app::{App, Failure};
use async_trait::async_trait;

use crate::{Reconciler, Report, Rhythm};

/// Devices of one round.
const BATCH: usize = 100;

/// Renders configurations whose own inputs changed and that nobody has asked for since.
/// What shared inputs change is the business of jobs.
pub struct RenderConfigurations(App);

impl RenderConfigurations {
    /// Over this system.
    pub fn new(app: App) -> Self {
        Self(app)
    }
}

#[async_trait]
impl Reconciler for RenderConfigurations {
    fn name(&self) -> &'static str {
        "render_configurations"
    }

    fn rhythm(&self) -> Rhythm {
        Rhythm { every: Duration::from_secs(10), on_events: false }
    }

    async fn reconcile(&self) -> Result<Report, Failure> {
        let looked_at = self.0.configurations().render_stale(BATCH).await?;
        let looked_at = u64::try_from(looked_at).unwrap_or(u64::MAX);
        Ok(Report { found: looked_at, closed: looked_at })
    }
}
