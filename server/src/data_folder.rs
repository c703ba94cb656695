//! The data folder: one process at a time, readable by its owner only.

use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Read as _, Seek as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use rand::Rng as _;
use secrecy::SecretSlice;
use store::MasterKey;

/// Bytes of a master key.
const KEY: usize = 32;

/// A folder that this process owns until the value is dropped.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    _lock: File,
}

impl DataFolder {
    /// Makes the folder where it is missing and takes its lock.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.with_context(|| format!("cannot make the data folder {shown}"))?;
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path.join("lock"))
            .with_context(|| format!("cannot write to the data folder {shown}"))?;
        if lock.try_lock().is_err() {
            let mut holder = String::new();
            // Only to be told; the lock itself decides.
            drop(lock.read_to_string(&mut holder));
            bail!(
                "the data folder {shown} is in use by another wisptrail (process {}): stop that one, or give another folder with --data",
                holder.trim()
            );
        }
        lock.set_len(0)
            .and_then(|()| lock.rewind())
            .and_then(|()| writeln!(lock, "{}", std::process::id()))
            .with_context(|| format!("cannot write to the data folder {shown}"))?;
        warn_of_network(path);
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The master key: the given file, or `master.key` of the folder, which is made at the first start.
    pub fn master_key(&self, given: Option<&Path>) -> anyhow::Result<MasterKey> {
        match given {
            Some(path) => read_key(path).map(MasterKey::Given),
            None => {
                let path = self.path.join("master.key");
                if path.exists() {
                    return read_key(&path).map(MasterKey::Given);
                }
                let mut bytes = vec![0; KEY];
                crate::world::generator()?.fill_bytes(&mut bytes);
                Ok(MasterKey::Generated(SecretSlice::from(bytes)))
            }
        }
    }

    /// Keeps a generated key, once the database has accepted it.
    pub fn keep_master_key(&self, key: &SecretSlice<u8>) -> anyhow::Result<()> {
        use secrecy::ExposeSecret as _;

        let path = self.path.join("master.key");
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("cannot write {}", path.display()))?;
        writeln!(file, "{}", hex::encode(key.expose_secret()))
            .and_then(|()| file.sync_all())
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

/// 32 bytes, or 64 hexadecimal digits.
fn read_key(path: &Path) -> anyhow::Result<SecretSlice<u8>> {
    let shown = path.display();
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            bail!("there is no master key at {shown}: give the file that was used before")
        }
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read the master key {shown}"));
        }
    };
    if bytes.len() == KEY {
        return Ok(SecretSlice::from(bytes));
    }
    let text = String::from_utf8(bytes).unwrap_or_default();
    let key = hex::decode(text.trim()).unwrap_or_default();
    if key.len() != KEY {
        bail!("the master key {shown} must be 32 bytes, or 64 hexadecimal digits");
    }
    Ok(SecretSlice::from(key))
}

/// SQLite's locks and durability are not to be trusted on network file systems.
fn warn_of_network(path: &Path) {
    const NFS: i64 = 0x6969;
    const SMB2: i64 = 0xFE53_4D42;
    const CIFS: i64 = 0xFF53_4D42;
    let Ok(found) = rustix::fs::statfs(path) else { return };
    let kind = i64::try_from(found.f_type).unwrap_or(0);
    if [NFS, SMB2, CIFS].contains(&kind) {
        tracing::warn!(
            "the data folder {} is on a network file system: the embedded database may be damaged there",
            path.display()
        );
    }
}
