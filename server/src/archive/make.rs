//! Making archives: one process at a time, one file after the other, each with its name only when it is whole.

use std::{
    fs::{self, File},
    io::{BufReader, Write as _},
    os::unix::fs::DirBuilderExt as _,
    path::Path,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, anyhow, bail};
use chrono::TimeDelta;
use store::{
    Against, Anchor, ArchiveFile, ArchivingTurn, Bound, Evidence, EvidenceRequest, Keyring,
    Location, Store, Wrapping, check_evidence,
};
use tokio::sync::Mutex;

use super::Order;
use crate::{audit, export::to_file, log::Alone, world};

/// Events of a file.
const MOST: i64 = 200_000;
/// Who does not report for so long is taken for dead.
const HOLD: Duration = Duration::from_mins(1);

/// One at a time in this process; among processes the database decides.
static ONE: Mutex<()> = Mutex::const_new(());

/// Makes archives of a log.
#[derive(Clone)]
pub(crate) struct Archiver {
    store: Store,
    location: Location,
    keyring: Arc<Keyring>,
    /// Whose turns are ours, whoever had them before; none where processes cannot be told.
    process: Option<String>,
}

impl Archiver {
    /// Of the server of a data folder, by the name of the folder.
    pub(crate) fn of_server(
        (store, location, keyring): (Store, Location, Arc<Keyring>),
        process: &str,
    ) -> Self {
        Self { store, location, keyring, process: Some(format!("{process}/")) }
    }

    /// Of a log that is open without a server.
    pub(crate) fn alone(log: &Alone, keyring: Keyring) -> Self {
        // Whoever has the lock of an embedded database is alone with it.
        let process = matches!(log.location, Location::Sqlite { .. }).then(String::new);
        let (store, location) = (log.store.clone(), log.location.clone());
        Self { store, location, keyring: Arc::new(keyring), process }
    }

    /// Makes what is missing and says how many files there are more. `tell` gets a line for each; when nobody listens any more,
    /// it ends after the file that it is at.
    pub(crate) async fn make(
        &self,
        order: &Order,
        mut tell: impl AsyncFnMut(String) -> bool,
    ) -> anyhow::Result<u64> {
        let _one = ONE.lock().await;
        let process = self.process.as_deref();
        let owner = format!("{}{}", process.unwrap_or_default(), world::new_id());
        let now = (world::now(), HOLD);
        let turn = ArchivingTurn::take(&self.store, &owner, process, now).await?;
        let turn = turn.context("another process makes archives of this log: try again later")?;
        let made = self.make_all(&turn, order, &mut tell).await;
        turn.end().await?;
        made
    }

    async fn make_all(
        &self,
        turn: &ArchivingTurn,
        order: &Order,
        tell: &mut impl AsyncFnMut(String) -> bool,
    ) -> anyhow::Result<u64> {
        let end = self.end(&order.before).await?;
        let mut after = if order.again { 0 } else { self.store.archived().await? };
        if after >= end {
            tell(format!("everything up to position {after} is in archives already")).await;
            return Ok(0);
        }
        let shown = order.into.display();
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&order.into);
        made.with_context(|| format!("cannot make {shown}"))?;
        ArchiveFile::tidy(&order.into).with_context(|| format!("cannot write to {shown}"))?;
        let there = ArchiveFile::all(&order.into);
        let there = there.with_context(|| format!("cannot read {shown}"))?;
        let mut count = 0;
        while after < end {
            let found = there.iter().find(|file| file.first == after + 1);
            let (file, said) = if let Some(file) = found {
                self.check(file).await?;
                (file.clone(), "is there already".to_owned())
            } else {
                let file = ArchiveFile::of(&order.into, after + 1, end.min(after + MOST));
                let said = self.pack(turn, &file).await?;
                (file, said)
            };
            if !order.again && !turn.archived(after, file.last).await? {
                bail!("another process goes on with archives of this log");
            }
            after = file.last;
            count += 1;
            if !tell(format!("{}: {said}", file.path.display())).await {
                break;
            }
        }
        Ok(count)
    }

    /// The last position that is wanted.
    async fn end(&self, before: &str) -> anyhow::Result<i64> {
        let before: Bound = before.parse().map_err(|error| anyhow!("{before} is {error}"))?;
        let end = match before {
            Bound::Position(position) => position - 1,
            Bound::Time(time) => self.store.position_at(time - TimeDelta::microseconds(1)).await?,
        };
        Ok(end.min(self.store.tip().await?.head))
    }

    /// Is a file that is there what would be made? A kill may have come before anybody noted it, and a database may have been
    /// restored that knows nothing of it.
    async fn check(&self, file: &ArchiveFile) -> anyhow::Result<()> {
        let places = self.store.chain_at(&[file.first - 1, file.last]).await?;
        let path = file.path.clone();
        let checkpoints: Vec<Anchor> = places
            .into_iter()
            .map(|(position, hash)| Anchor { position, hash, time: world::now() })
            .collect();
        let of_log = checkpoints.iter().any(|it| it.position == file.last);
        let against = Against { key: None, checkpoints };
        let verdict = tokio::task::spawn_blocking(move || {
            check_evidence(BufReader::with_capacity(256 << 10, File::open(&path)?), &against)
        });
        let shown = file.path.display();
        let verdict = verdict.await?.with_context(|| format!("cannot read {shown}"))?;
        let whole = verdict.manifest.as_ref().is_some_and(|manifest| {
            (manifest.first, manifest.last, manifest.organization) == (file.first, file.last, None)
        });
        if !(of_log && whole && verdict.is_sound()) {
            bail!(
                "{shown} is damaged, or an archive of another log or of another past of this one: move it elsewhere; `wisptrail audit verify` tells more"
            );
        }
        Ok(())
    }

    async fn pack(&self, turn: &ArchivingTurn, file: &ArchiveFile) -> anyhow::Result<String> {
        let request = EvidenceRequest {
            from: Some(Bound::Position(file.first)),
            to: Some(Bound::Position(file.last)),
            organization: None,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            catalogue: audit::catalogue_text()?,
            key: Some(self.keyring.signing_key().await?),
            wrapping: Some(Wrapping {
                keyring: Arc::clone(&self.keyring),
                whose: projections::whose,
            }),
        };
        to_file(&file.path, async |mut to| {
            let mut evidence = Evidence::begin(&self.store, &self.location, request).await?;
            let written = write(&mut evidence, turn, &mut to, &file.path).await;
            let manifest = evidence.manifest().clone();
            evidence.close().await?;
            written?;
            let said = format!(
                "{} events, the contents of {} sealed for people; chain hash {}",
                manifest.events,
                manifest.sealed,
                hex::encode(&manifest.hash)
            );
            Ok((said, to))
        })
        .await
    }
}

async fn write(
    evidence: &mut Evidence,
    turn: &ArchivingTurn,
    to: &mut File,
    path: &Path,
) -> anyhow::Result<()> {
    while let Some(bytes) = evidence.next().await? {
        to.write_all(&bytes).with_context(|| format!("cannot write {}.part", path.display()))?;
        if !turn.keep(world::now() + HOLD).await? {
            bail!("another process goes on with archives of this log");
        }
    }
    Ok(())
}
