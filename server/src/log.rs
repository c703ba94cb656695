//! The log as commands read it: opened without a server, and page by page.

use anyhow::bail;
use store::{EventFilter, Location, Recorded, Store};
use tokio::sync::watch;

use crate::{data_folder::DataFolder, serve::open, settings::Settings};

/// Events of one page.
const PAGE: u64 = 500;

/// A log that is open without a server. The embedded database is locked meanwhile.
pub(crate) struct Alone {
    pub(crate) store: Store,
    pub(crate) location: Location,
    _lock: Option<DataFolder>,
}

impl Alone {
    /// Opens the log of the settings; makes nothing where there is none.
    pub(crate) async fn open(settings: &Settings) -> anyhow::Result<Self> {
        let location = open::location(settings)?;
        let lock = match &location {
            Location::Sqlite { folder } if !folder.join("wisptrail.db").exists() => {
                bail!("there is no data in {}: give the data folder with --data", folder.display());
            }
            Location::Sqlite { folder } => Some(DataFolder::open(folder)?),
            Location::Postgres { .. } => None,
        };
        Ok(Self { store: open::open_store(settings).await?, location, _lock: lock })
    }
}

/// Reads the log in the order of positions, and goes on with what happens when asked to.
pub(crate) struct Pages {
    store: Store,
    filter: EventFilter,
    after: i64,
    left: u64,
    follow: bool,
    head: watch::Receiver<i64>,
}

impl Pages {
    /// Events after a position, at most `limit`.
    pub(crate) fn new(
        store: &Store,
        filter: EventFilter,
        after: i64,
        limit: Option<u64>,
        follow: bool,
    ) -> Self {
        let left = limit.unwrap_or(u64::MAX);
        Self { head: store.watch(), store: store.clone(), filter, after, left, follow }
    }

    /// The next page, never an empty one; none at the end, which comes only with the limit when the log is followed.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Option<Vec<Recorded>>> {
        while self.left > 0 {
            let known = *self.head.borrow_and_update();
            let page = u32::try_from(self.left.min(PAGE))?;
            let events = self.store.events(&self.filter, self.after, page).await?;
            if let Some(last) = events.last() {
                self.after = last.position;
                self.left -= u64::try_from(events.len())?;
                return Ok(Some(events));
            }
            if !self.follow {
                break;
            }
            // Nothing of what is known passes the filter.
            self.after = self.after.max(known);
            self.head.changed().await?;
        }
        Ok(None)
    }
}
