use std::{path::PathBuf, time::Duration};

use app::{App, Failure};
use async_trait::async_trait;
use chrono::{SecondsFormat, TimeDelta};
use tokio::runtime::Handle;
use workers::{Reconciler, Report, Rhythm};

use super::{Archiver, Order, due::due, folder};
use crate::{settings::Settings, world};

/// Puts what has become old into archives, and takes away what waited for that.
pub struct MakeArchives {
    app: App,
    archiver: Archiver,
    into: PathBuf,
    after: Duration,
    /// Of what is kept for a while only, what is kept for the shortest while.
    shortest: Option<Duration>,
}

impl MakeArchives {
    /// None where the settings want none.
    pub(crate) fn new(app: App, archiver: Archiver, settings: &Settings) -> Option<Self> {
        let into = folder(settings)?;
        let kept = [settings.retention.facts.0, settings.retention.sessions.0];
        let shortest = kept.into_iter().filter(|kept| !kept.is_zero()).min();
        Some(Self { app, archiver, into, after: settings.archive.after.0, shortest })
    }

    async fn make(&self) -> anyhow::Result<u64> {
        let Some(before) = due(world::now(), self.after, self.shortest) else { return Ok(0) };
        let store = self.app.store();
        let end = store.position_at(before - TimeDelta::microseconds(1)).await?;
        if end <= store.archived().await? {
            return Ok(0);
        }
        let before = before.to_rfc3339_opts(SecondsFormat::Micros, true);
        let order = Order { before, into: self.into.clone(), again: false };
        let (runtime, archiver) = (Handle::current(), self.archiver.clone());
        // It is read and packed where nobody waits for anything else.
        let making = tokio::task::spawn_blocking(move || {
            runtime.block_on(archiver.make(&order, async |said| {
                tracing::info!("archive of the log {said}");
                true
            }))
        });
        let made = making.await??;
        self.app.expire().await?;
        Ok(made)
    }
}

#[async_trait]
impl Reconciler for MakeArchives {
    fn name(&self) -> &'static str {
        "make_archives"
    }

    fn rhythm(&self) -> Rhythm {
        Rhythm { every: Duration::from_mins(10), on_events: false }
    }

    async fn reconcile(&self) -> Result<Report, Failure> {
        let made = self.make().await.unwrap_or_else(|error| {
            // It says so again and again, until somebody looks.
            tracing::error!("no archive of the log is made in {}: {error:#}", self.into.display());
            0
        });
        Ok(Report { found: 0, closed: made })
    }
}
