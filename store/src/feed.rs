//! The log as a stream of events.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

use crate::{EventFilter, Recorded, Store, StoreError};

const MOST_EVENTS: u32 = 500;
/// A missed wake-up costs at most this.
const PATIENCE: Duration = Duration::from_secs(1);

/// Every event after a position, once, in order, for ever.
#[derive(Debug)]
pub struct Feed {
    store: Store,
    after: i64,
    head: watch::Receiver<i64>,
    closed: watch::Receiver<bool>,
}

impl Feed {
    pub(crate) fn new(
        store: Store,
        after: i64,
        head: watch::Receiver<i64>,
        closed: watch::Receiver<bool>,
    ) -> Self {
        Self { store, after, head, closed }
    }

    /// Position of the last event that was handed out.
    pub fn position(&self) -> i64 {
        self.after
    }

    /// The next 1 to 500 events; waits until there are some. After an error it may be asked again and loses nothing.
    /// Dropping the future loses nothing either. Errors: also when the store was closed.
    pub async fn next(&mut self) -> Result<Vec<Arc<Recorded>>, StoreError> {
        loop {
            if *self.head.borrow_and_update() > self.after {
                let events = self.read().await?;
                if let Some(last) = events.last() {
                    self.after = last.position;
                    return Ok(events);
                }
            }
            tokio::select! {
                _ = self.closed.wait_for(|closed| *closed) => return Err(StoreError::closed()),
                // The sender lives as long as the store that this feed holds.
                _ = self.head.changed() => {}
                () = tokio::time::sleep(PATIENCE) => {}
            }
        }
    }

    async fn read(&self) -> Result<Vec<Arc<Recorded>>, StoreError> {
        if let Some(events) = self.store.live().after(self.after, MOST_EVENTS as usize) {
            return Ok(events);
        }
        let events = self.store.events(&EventFilter::default(), self.after, MOST_EVENTS).await?;
        Ok(events.into_iter().map(Arc::new).collect())
    }
}
