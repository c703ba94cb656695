//! The head of the chain, signed and written down outside of the database.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use app::Failure;
use async_trait::async_trait;
use store::{Checkpoint, Checkpoints, Keyring, Store};
use tokio::sync::Mutex;
use workers::{Reconciler, Report, Rhythm};

use crate::{settings::Settings, world};

/// Where they are.
pub(super) fn file(settings: &Settings) -> PathBuf {
    let given = &settings.audit.checkpoints;
    if given.as_os_str().is_empty() {
        settings.data.folder.join("anchors.jsonl")
    } else {
        given.clone()
    }
}

/// Adds a checkpoint where something has happened since the last one, as long as the log still agrees with that one.
pub struct WriteCheckpoints {
    store: Store,
    keyring: Arc<Keyring>,
    file: PathBuf,
    every: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Is the last one known?
    read: bool,
    last: Option<Checkpoint>,
}

impl WriteCheckpoints {
    /// None where the settings want none.
    pub fn new(store: Store, keyring: Arc<Keyring>, settings: &Settings) -> Option<Self> {
        let every = settings.audit.checkpoint_interval.0;
        let state = Mutex::default();
        (!every.is_zero()).then(|| Self { store, keyring, file: file(settings), every, state })
    }

    /// Adds one where there is something new, and says whether there was.
    pub async fn add(&self) -> bool {
        self.write().await.unwrap_or_else(|error| {
            // It says so again and again, until somebody looks.
            tracing::error!("no checkpoint is written to {}: {error:#}", self.file.display());
            false
        })
    }

    async fn write(&self) -> anyhow::Result<bool> {
        let mut state = self.state.lock().await;
        if !state.read {
            *state = State { read: true, last: read_last(&self.file).await? };
        }
        if let Some(last) = &state.last {
            let chain = self.store.chain_at(&[last.position]).await?;
            anyhow::ensure!(
                chain.get(&last.position) == Some(&last.hash),
                "the log differs from the checkpoint at position {}: its past was rewritten, or it is another log; see `wisptrail verify --checkpoints {}`",
                last.position,
                self.file.display()
            );
        }
        let Some(tip) = self.store.tip().await?.chain else { return Ok(false) };
        if state.last.as_ref().is_some_and(|last| tip.position <= last.position) {
            return Ok(false);
        }
        if state.last.is_some() && !self.file.exists() {
            tracing::error!("{} is gone: it is begun anew", self.file.display());
        }
        // What was changed and does not fit together is not signed.
        let last = state.last.as_ref().map(Checkpoint::anchor);
        if let Some(bad) = self.store.follow_chain(last.as_ref(), &tip).await? {
            anyhow::bail!(
                "the chain is broken at position {}: {}; see `wisptrail verify`",
                bad.position,
                bad.reason
            );
        }
        let key = self.keyring.signing_key().await?;
        let checkpoint = Checkpoint::sign(&tip, world::now(), &key);
        let (line, file) = (checkpoint.clone(), self.file.clone());
        tokio::task::spawn_blocking(move || line.append(&file)).await??;
        state.last = Some(checkpoint);
        Ok(true)
    }
}

async fn read_last(file: &Path) -> anyhow::Result<Option<Checkpoint>> {
    let file = file.to_owned();
    let read = tokio::task::spawn_blocking(move || Checkpoints::read(&file)).await??;
    Ok(read.signed.into_iter().max_by_key(|checkpoint| checkpoint.position))
}

#[async_trait]
impl Reconciler for WriteCheckpoints {
    fn name(&self) -> &'static str {
        "write_checkpoints"
    }

    fn rhythm(&self) -> Rhythm {
        Rhythm { every: self.every, on_events: false }
    }

    async fn reconcile(&self) -> Result<Report, Failure> {
        Ok(Report { found: 0, closed: u64::from(self.add().await) })
    }
}
