//! What devices remember over a restart of the simulator: the part of UCI and of
//! `/etc/openwisp` that an agent keeps.

use std::{
    fmt, fs,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use anyhow::Context;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

/// What one device keeps.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Remembered {
    /// As the server wrote it: 32 digits without dashes, or with them.
    pub(super) uuid: String,
    pub(super) key: String,
    /// MD5 of the archive that was applied and reported last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) checksum: Option<String>,
}

impl fmt::Debug for Remembered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remembered")
            .field("uuid", &self.uuid)
            .field("checksum", &self.checksum)
            .finish_non_exhaustive()
    }
}

/// The memory of all devices, kept in a file where one is wanted.
pub(super) struct Ledger {
    path: Option<PathBuf>,
    seed: u64,
    devices: Mutex<Vec<Option<Remembered>>>,
    changed: AtomicBool,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    seed: u64,
    devices: Vec<Option<Remembered>>,
}

impl Ledger {
    /// Opens the file, or starts with devices fresh from the factory when there is none.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or belongs to the fleet of another seed.
    pub(super) fn open(path: Option<PathBuf>, seed: u64, devices: u32) -> anyhow::Result<Self> {
        let mut remembered = match &path {
            Some(path) => read(path, seed)?,
            None => Vec::new(),
        };
        let devices = usize::try_from(devices).context("more devices than memory")?;
        remembered.resize(devices.max(remembered.len()), None);
        Ok(Self { path, seed, devices: Mutex::new(remembered), changed: AtomicBool::new(false) })
    }

    pub(super) fn recall(&self, number: u32) -> Option<Remembered> {
        self.devices.lock().get(index(number))?.clone()
    }

    pub(super) fn remember(&self, number: u32, remembered: Option<Remembered>) {
        if let Some(place) = self.devices.lock().get_mut(index(number)) {
            *place = remembered;
            self.changed.store(true, Relaxed);
        }
    }

    /// Writes the file if anything changed since the last time. The file holds keys, so only its
    /// owner may read it.
    pub(super) fn save(&self) -> anyhow::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        if !self.changed.swap(false, Relaxed) {
            return Ok(());
        }
        let stored = Stored { seed: self.seed, devices: self.devices.lock().clone() };
        write(path, &stored)
            .with_context(|| format!("failed to write {}", path.display()))
            .inspect_err(|_| self.changed.store(true, Relaxed))
    }
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn read(path: &Path, seed: u64) -> anyhow::Result<Vec<Option<Remembered>>> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(error).with_context(|| format!("failed to read {}", path.display()));
        }
    };
    let stored: Stored = serde_json::from_slice(&text)
        .with_context(|| format!("{} is not the memory of a fleet", path.display()))?;
    anyhow::ensure!(
        stored.seed == seed,
        "{} belongs to the fleet of seed {}, not {seed}; name another file or that seed",
        path.display(),
        stored.seed
    );
    Ok(stored.devices)
}

/// Beside the old file first, so that a crash leaves one of the two.
fn write(path: &Path, stored: &Stored) -> anyhow::Result<()> {
    let beside = path.with_extension("next");
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(&serde_json::to_vec(stored)?)?;
    fs::rename(&beside, path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn device(key: &str) -> Remembered {
        Remembered { uuid: "31c4".to_owned(), key: key.to_owned(), checksum: None }
    }

    #[test]
    fn a_second_start_finds_what_the_first_one_saved() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("fleet.json");
        let first = Ledger::open(Some(path.clone()), 1, 3).expect("opened");
        first.remember(1, Some(device("secret-key")));
        first.save().expect("saved");
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        let second = Ledger::open(Some(path.clone()), 1, 2).expect("opened");
        assert_eq!(second.recall(0), None);
        assert_eq!(second.recall(1), Some(device("secret-key")));
        assert!(Ledger::open(Some(path), 2, 3).is_err(), "another seed is another fleet");
    }

    #[test]
    fn keys_are_not_in_debug_output() {
        assert!(!format!("{:?}", device("secret-key")).contains("secret-key"));
    }
}
