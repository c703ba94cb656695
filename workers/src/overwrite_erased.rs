use std::time::Duration;

use app::{App, Failure};
use async_trait::async_trait;

use crate::{Reconciler, Report, Rhythm};

/// Takes what was erased out of the database's files, where readers were in the way at that time.
pub struct OverwriteErased(App);

impl OverwriteErased {
    /// Over this system.
    pub fn new(app: App) -> Self {
        Self(app)
    }
}

#[async_trait]
impl Reconciler for OverwriteErased {
    fn name(&self) -> &'static str {
        "overwrite_erased"
    }

    fn rhythm(&self) -> Rhythm {
        Rhythm { every: Duration::from_mins(1), on_events: false }
    }

    async fn reconcile(&self) -> Result<Report, Failure> {
        let tidied = self.0.accounts().overwrite_erased().await?;
        Ok(Report { found: u64::from(!tidied), closed: 0 })
    }
}
