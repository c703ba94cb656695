//! The data folder: one process at a time, readable by its owner only.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{ErrorKind, Read as _, Seek as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use rand::Rng as _;
use secrecy::SecretSlice;
use store::MasterKey;
use uuid::Uuid;

/// Bytes of a master key.
const KEY: usize = 32;

/// Where the files of a restore wait for their names; with it, a folder is neither empty nor whole.
pub(crate) const RESTORING: &str = "restore.part";

/// A folder that this process owns until the value is dropped.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    /// Stays the same from process to process: whoever has the lock knows that what is held under this name was held by
    /// a process that is gone.
    name: String,
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
        // The process that has it, which is only to be told (the lock itself decides), and the folder's name.
        let mut told = String::new();
        match lock.try_lock() {
            Ok(()) => drop(lock.read_to_string(&mut told)),
            Err(TryLockError::WouldBlock) => {
                drop(lock.read_to_string(&mut told));
                bail!(
                    "the data folder {shown} is in use by another wisptrail (process {}): stop that one, or give another folder with --data",
                    told.lines().next().unwrap_or_default()
                );
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock the data folder {shown}"));
            }
        }
        let name = told.lines().nth(1).and_then(|name| Uuid::try_parse(name).ok());
        let name = name.unwrap_or_else(crate::world::new_id).to_string();
        lock.set_len(0)
            .and_then(|()| lock.rewind())
            .and_then(|()| write!(lock, "{}\n{name}\n", std::process::id()))
            .with_context(|| format!("cannot write to the data folder {shown}"))?;
        if path.join(RESTORING).exists() {
            return Err(interrupted(path));
        }
        warn_of_network(path);
        Ok(Self { path: path.to_owned(), name, _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it is called among the processes of an installation; the same as long as the folder is.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The master key: the given file, or `master.key` of the folder, which is made at the first start.
    pub fn master_key(&self, given: Option<&Path>) -> anyhow::Result<MasterKey> {
        if let Some(path) = given {
            return read_master_key(path).map(MasterKey::Given);
        }
        let path = self.path.join("master.key");
        if path.exists() {
            return read_master_key(&path).map(MasterKey::Given);
        }
        let mut bytes = vec![0; KEY];
        crate::world::generator()?.fill_bytes(&mut bytes);
        Ok(MasterKey::Generated(SecretSlice::from(bytes)))
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

/// A half of a backup must not be taken for an installation, nor for the place of a new one.
pub(crate) fn interrupted(folder: &Path) -> anyhow::Error {
    let shown = folder.display();
    anyhow::anyhow!(
        "a restore into the data folder {shown} was interrupted ({RESTORING} is in it): empty the folder, and run `wisptrail restore` again"
    )
}

/// Reads a master key: 32 bytes, or 64 hexadecimal digits.
pub(crate) fn read_master_key(path: &Path) -> anyhow::Result<SecretSlice<u8>> {
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
    if [NFS, SMB2, CIFS].contains(&found.f_type) {
        tracing::warn!(
            "the data folder {} is on a network file system: the embedded database may be damaged there",
            path.display()
        );
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use secrecy::ExposeSecret as _;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("it is there").permissions().mode() & 0o777
    }

    #[test]
    fn a_folder_belongs_to_one_at_a_time() {
        let place = tempfile::tempdir().expect("a folder");
        let path = place.path().join("deep").join("data");
        let first = DataFolder::open(&path).expect("nobody has it");
        assert_eq!(mode(&path), 0o700);
        let said = DataFolder::open(&path).expect_err("it is in use").to_string();
        assert!(said.contains(&path.display().to_string()), "{said}");
        assert!(said.contains(&format!("(process {})", std::process::id())), "{said}");
        let name = first.name().to_owned();
        drop(first);
        let next = DataFolder::open(&path).expect("it is free again");
        assert_eq!(next.name(), name, "it is the same folder");
        let other = DataFolder::open(&place.path().join("other")).expect("nobody has it");
        assert_ne!(other.name(), name);
    }

    #[test]
    fn a_made_key_is_found_again_and_never_overwritten() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = DataFolder::open(place.path()).expect("nobody has it");
        let MasterKey::Generated(made) = folder.master_key(None).expect("a key") else {
            panic!("nothing was given");
        };
        folder.keep_master_key(&made).expect("kept");
        assert_eq!(mode(&place.path().join("master.key")), 0o600);
        let MasterKey::Given(found) = folder.master_key(None).expect("a key") else {
            panic!("there is one");
        };
        assert_eq!(made.expose_secret(), found.expose_secret());
        folder.keep_master_key(&made).expect_err("there is one already");
    }

    #[test]
    fn a_given_key_is_bytes_or_digits_and_nothing_else() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = DataFolder::open(place.path()).expect("nobody has it");
        let path = place.path().join("given");
        let missing = folder.master_key(Some(&path)).expect_err("there is none").to_string();
        assert!(missing.contains(&path.display().to_string()), "{missing}");
        fs::write(&path, format!("{}\n", "ab".repeat(KEY))).expect("a file");
        assert!(folder.master_key(Some(&path)).is_ok());
        fs::write(&path, [7; KEY]).expect("a file");
        assert!(folder.master_key(Some(&path)).is_ok());
        fs::write(&path, "ab".repeat(KEY - 1)).expect("a file");
        let said = folder.master_key(Some(&path)).expect_err("too short").to_string();
        assert!(!said.contains("abab"), "{said}");
    }
}
