//! Checkpoints against the log.

use std::{
    collections::HashMap,
    fmt::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use store::{Checkpoints, PublicKey, Store};

use super::checkpoints;
use crate::{
    control::{Answer, Connection, Request},
    doctor::Report,
    settings::Settings,
};

/// Faults of a file that are told one by one.
const MOST: usize = 20;

/// Who is asked about the log.
pub(crate) enum Source<'a> {
    /// The server of this data folder.
    Server(&'a Path),
    /// The log itself.
    Log(&'a Store),
}

impl Source<'_> {
    async fn chain_at(&self, positions: Vec<i64>) -> anyhow::Result<HashMap<i64, String>> {
        match self {
            Self::Log(store) => Ok(store.chain_at(&positions).await?),
            Self::Server(folder) => {
                let asked = Connection::ask(folder, &Request::ChainAt { positions }).await?;
                let mut connection = asked.context("the server is gone")?;
                match connection.next().await? {
                    Some(Answer::Chain(chain)) => Ok(chain.into_iter().collect()),
                    _ => bail!("the server's answer is not understood"),
                }
            }
        }
    }
}

/// What came of it.
pub(crate) struct Compared {
    file: PathBuf,
    signed: usize,
    unsigned: usize,
    last: Option<i64>,
    /// What is wrong.
    pub(crate) faults: Vec<String>,
}

/// Compares a file of checkpoints with the log.
pub(crate) async fn compare(
    file: &Path,
    key: Option<&PublicKey>,
    source: &Source<'_>,
) -> anyhow::Result<Compared> {
    let read = Checkpoints::read(file);
    let mut found = read.with_context(|| format!("cannot read {}", file.display()))?;
    if let Some(key) = key {
        found.check_signatures(key);
    }
    let mut chain = HashMap::new();
    for positions in found.positions() {
        chain.extend(source.chain_at(positions).await?);
    }
    let first = found.compare(&chain);
    let all = first.iter().chain(&found.faults).take(MOST);
    Ok(Compared {
        file: file.to_owned(),
        signed: found.signed.len(),
        unsigned: found.unsigned.len(),
        last: found.anchors().last().map(|anchor| anchor.position),
        faults: all.map(ToString::to_string).collect(),
    })
}

impl Compared {
    /// Lines for people.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for fault in &self.faults {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "checkpoints: WRONG: {fault}");
        }
        let agree = match self.faults.is_empty() {
            true if self.is_empty() => ": nothing was compared",
            true => ", the log agrees with all of them",
            false => "",
        };
        let _ = writeln!(text, "checkpoints: {} in {}{agree}", self.counted(), self.file.display());
        text
    }

    /// Was there nothing to compare?
    pub(crate) fn is_empty(&self) -> bool {
        self.signed == 0 && self.unsigned == 0
    }

    fn counted(&self) -> String {
        let last = self.last.map_or_else(String::new, |last| format!(" up to position {last}"));
        format!("{} signed, {} not{last}", self.signed, self.unsigned)
    }
}

/// Could a line be added?
fn writable(file: &Path, folder: &Path) -> bool {
    use rustix::fs::{Access, access};

    let asked = if file.exists() { file } else { folder };
    access(asked, Access::WRITE_OK).is_ok()
}

/// What `doctor` says of the checkpoints of this installation. `key` is asked for only where something is signed.
pub(crate) async fn look(
    report: &mut Report,
    settings: &Settings,
    source: &Source<'_>,
    key: impl AsyncFnOnce() -> anyhow::Result<PublicKey>,
) {
    const REMEDY: &str = "somebody may have rewritten the log: keep a copy of the file and of the database, and compare with a backup and evidence from before";
    let file = checkpoints::file(settings);
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    if !settings.audit.checkpoint_interval.0.is_zero() && !writable(&file, folder) {
        let seen = format!("{} cannot be written: no checkpoint is", file.display());
        let remedy = "mount or make the folder, and let the server's user write there";
        return report.fail("checkpoints", &seen, remedy);
    }
    let outcome = async {
        let signed = !Checkpoints::read(&file)?.signed.is_empty();
        let key = if signed { Some(key().await?) } else { None };
        compare(&file, key.as_ref(), source).await
    }
    .await;
    match outcome {
        Ok(compared) => match compared.faults.first() {
            None if compared.last.is_none() => report.ok("checkpoints", "there are none yet"),
            None => {
                let seen = format!(
                    "{}, and the log has them; `wisptrail verify` recomputes what is between",
                    compared.counted()
                );
                report.ok("checkpoints", &seen);
            }
            Some(fault) => report.fail("checkpoints", fault, REMEDY),
        },
        Err(error) => {
            let seen = format!("cannot be compared: {error:#}");
            report.warn("checkpoints", &seen, "see what the message says");
        }
    }
}
