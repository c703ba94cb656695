//! What agents' polls are answered from: memory that follows the log (architecture, decision 6).

mod memory;

use std::time::Duration;

use domain::{DeviceId, OrganizationId, configuration::ConfigurationStatus};
use parking_lot::RwLock;
use store::{Store, StoreError};
use tokio::sync::watch;

use self::memory::Memory;
use crate::{
    App, Failure,
    accounts::{Bearers, erased_among},
};

/// How long a use case waits for this node's memory; a node that is behind answers late, never wrong.
const PATIENCE: Duration = Duration::from_secs(2);

/// Every device as polls need it, and which organizations, groups and templates changed when.
pub(crate) struct Edge {
    memory: RwLock<Memory>,
    position: watch::Sender<i64>,
    /// Accounts by their tokens.
    bearers: Bearers,
}

/// A device as a poll needs it.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) organization: OrganizationId,
    /// Keyed hash of the key.
    pub(crate) key: String,
    pub(crate) name: String,
    /// Is the organization active?
    pub(crate) served: bool,
    /// None without a configuration.
    pub(crate) status: Option<ConfigurationStatus>,
    /// What the device downloads; none while it has to be computed, or when it never could.
    pub(crate) archive: Option<KnownArchive>,
    /// Did an input change since the archive was computed?
    pub(crate) stale: bool,
}

/// An archive by its hashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KnownArchive {
    pub(crate) md5: String,
    pub(crate) sha256: String,
}

impl Edge {
    /// Reads all devices, then follows from the head at that time: what is seen twice gives the same.
    pub(crate) async fn load(store: &Store) -> Result<Self, Failure> {
        let (memory, position) = Memory::load(store).await?;
        Ok(Self {
            memory: RwLock::new(memory),
            position: watch::channel(position).0,
            bearers: Bearers::default(),
        })
    }

    /// Follows the log until `stop` resolves. Then nobody polls any more, and nobody needs to wait for it.
    pub(crate) async fn follow(&self, app: &App, stop: impl Future<Output = ()>) {
        self.follow_until(app, stop).await;
        self.position.send_replace(i64::MAX);
    }

    async fn follow_until(&self, app: &App, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        let mut feed = app.store().feed(*self.position.borrow());
        loop {
            let batch = tokio::select! {
                () = &mut stop => return,
                batch = feed.next() => batch,
            };
            match batch {
                Ok(events) => {
                    self.apply(&events);
                    for person in erased_among(&events) {
                        app.accounts().heard_of_erasure(person).await;
                    }
                }
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the agents' edge cannot read the log and tries again"
                    );
                    tokio::select! {
                        () = &mut stop => return,
                        () = tokio::time::sleep(Duration::from_secs(1)) => {}
                    }
                }
            }
        }
    }

    fn apply(&self, events: &[std::sync::Arc<store::Recorded>]) {
        let Some(last) = events.last().map(|event| event.position) else { return };
        let mut memory = self.memory.write();
        for event in events {
            self.bearers.heard(event);
            match projections::decode(event) {
                Ok(decoded) => memory.fold(event, &decoded),
                // The projections refuse what nobody can decode; foreign events may still be there.
                Err(fault) => tracing::error!(
                    event.position = event.position,
                    "the agents' edge cannot read event {}: {fault}",
                    event.position
                ),
            }
        }
        drop(memory);
        self.position.send_replace(last);
    }

    /// Accounts by their tokens.
    pub(crate) fn bearers(&self) -> &Bearers {
        &self.bearers
    }

    /// Waits until memory has everything up to a position, two seconds at most.
    pub(crate) async fn reached(&self, position: i64) {
        let mut at = self.position.subscribe();
        let reached = tokio::time::timeout(PATIENCE, at.wait_for(|at| *at >= position)).await;
        if reached.is_err() {
            tracing::warn!(position, "the agents' edge is behind position {position}");
        }
    }

    /// A device, from memory; what memory does not know is looked up once before it is denied.
    pub(crate) async fn device(
        &self,
        store: &Store,
        id: DeviceId,
    ) -> Result<Option<Known>, StoreError> {
        if let Some(known) = self.memory.read().device(id) {
            return Ok(Some(known));
        }
        let Some(loaded) = memory::load_device(store, id).await? else { return Ok(None) };
        let mut memory = self.memory.write();
        memory.insert(id, loaded);
        Ok(memory.device(id))
    }

    /// Notes what a rendering was computed from and gave.
    pub(crate) fn rendered(&self, id: DeviceId, position: i64, archive: Option<KnownArchive>) {
        self.memory.write().rendered(id, position, archive);
    }

    /// Devices whose own inputs changed since they were rendered, or that never were; at most `limit`.
    pub(crate) fn stale(&self, limit: usize) -> Vec<DeviceId> {
        self.memory.read().stale(limit)
    }
}
