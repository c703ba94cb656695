//! Files that are whole and on disk when they have their name.

use std::{
    fs::{File, OpenOptions},
    io::{self, ErrorKind, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use anyhow::{Context as _, bail};
use sha2::{Digest as _, Sha256};

use super::{manifest::Listed, progress::amount};

const CHUNK: usize = 1 << 20;
/// What is left free on the disk.
const SPARE: u64 = 8 << 20;

/// Says what could not be done with a file, and what to do about it.
pub(crate) fn cannot(verb: &str, path: &Path, error: io::Error) -> anyhow::Error {
    let remedy = remedy(error.kind());
    anyhow::Error::new(error).context(format!("cannot {verb} {}{remedy}", path.display()))
}

fn remedy(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            " (the disk is full: make room, or take another one)"
        }
        ErrorKind::PermissionDenied => " (run this as the server's user, or as root)",
        ErrorKind::ReadOnlyFilesystem => " (nothing can be written there: take another folder)",
        _ => "",
    }
}

/// The same for what a database said of its file.
pub(super) fn cannot_copy(path: &Path, error: store::StoreError) -> anyhow::Error {
    // The lowest byte of SQLite's result codes is the kind.
    let code = std::error::Error::source(&error)
        .and_then(|source| source.downcast_ref::<store::Failure>())
        .and_then(|failure| failure.code.parse::<u32>().ok())
        .map(|code| code & 0xff);
    let remedy = match code {
        Some(13) => remedy(ErrorKind::StorageFull),
        Some(3 | 8 | 14) => remedy(ErrorKind::PermissionDenied),
        Some(11 | 26) => {
            " (the file is damaged: look with `wisptrail verify`, and keep the backup before this one)"
        }
        _ => "",
    };
    anyhow::Error::new(error).context(format!("cannot copy {}{remedy}", path.display()))
}

/// A new file that only its owner may read.
pub(crate) fn make(path: &Path) -> anyhow::Result<File> {
    let made = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path);
    made.map_err(|error| cannot("make", path, error))
}

/// Writes a new file, durably.
pub(crate) fn keep(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut file = make(path)?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(|error| cannot("write", path, error))
}

/// Makes durable what was done with a file, or with the names in a folder.
pub(crate) fn sync(path: &Path) -> anyhow::Result<()> {
    let synced = File::open(path).and_then(|file| file.sync_all());
    synced.map_err(|error| cannot("write", path, error))
}

/// Refuses to begin what the disk has no room for.
pub(crate) fn want_room(folder: &Path, bytes: u64) -> anyhow::Result<()> {
    // Where the disk does not say, the copy will.
    let Ok(disk) = rustix::fs::statvfs(folder) else { return Ok(()) };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let needed = bytes.saturating_add(SPARE);
    if free < needed {
        bail!(
            "{} are needed and {} are free for {}: make room, or take another disk",
            amount(needed),
            amount(free),
            folder.display()
        );
    }
    Ok(())
}

impl Listed {
    /// Sums a file up. `progress` gets the bytes of each step.
    pub(super) fn sum(
        folder: &Path,
        name: &str,
        progress: impl FnMut(u64),
    ) -> anyhow::Result<Self> {
        let path = folder.join(name);
        let file = File::open(&path).map_err(|error| cannot("read", &path, error))?;
        pass(file, |_| Ok(()), progress)
            .map(|(size, sha256)| Self { name: name.to_owned(), size, sha256 })
            .map_err(|(_, error)| cannot("read", &path, error))
    }

    /// Is the file in this folder what it was?
    pub(crate) fn check(&self, folder: &Path, progress: impl FnMut(u64)) -> anyhow::Result<()> {
        let found = Self::sum(folder, &self.name, progress)?;
        self.compare(&found, &folder.join(&self.name))
    }

    fn compare(&self, found: &Self, path: &Path) -> anyhow::Result<()> {
        let shown = path.display();
        if found.size != self.size {
            bail!(
                "{shown} has {} bytes instead of {}: it was cut off or changed since the backup was made; take another copy of it, or another backup",
                found.size,
                self.size
            );
        }
        if found.sha256 != self.sha256 {
            bail!(
                "{shown} was changed since the backup was made (its SHA-256 is not the manifest's): take another copy of it, or another backup"
            );
        }
        Ok(())
    }
}

/// Copies a file of a backup durably, and makes sure that it is the one that the manifest lists.
pub(crate) fn copy(
    listed: &Listed,
    from: &Path,
    into: &Path,
    progress: impl FnMut(u64),
) -> anyhow::Result<()> {
    let (from, to) = (from.join(&listed.name), into.join(&listed.name));
    let file = File::open(&from).map_err(|error| cannot("read", &from, error))?;
    let mut copy = make(&to)?;
    let passed = pass(file, |bytes| copy.write_all(bytes), progress);
    let (size, sha256) = passed.map_err(|(reading, error)| {
        if reading { cannot("read", &from, error) } else { cannot("write", &to, error) }
    })?;
    copy.sync_all().map_err(|error| cannot("write", &to, error))?;
    listed
        .compare(&Listed { name: listed.name.clone(), size, sha256 }, &from)
        .context("the backup changes while it is read")
}

/// Size and sum of what went through; an error says whether it was in reading.
fn pass(
    mut file: File,
    mut write: impl FnMut(&[u8]) -> io::Result<()>,
    mut progress: impl FnMut(u64),
) -> Result<(u64, String), (bool, io::Error)> {
    let (mut chunk, mut sum, mut size) = (vec![0; CHUNK], Sha256::new(), 0);
    loop {
        let read = file.read(&mut chunk).map_err(|error| (true, error))?;
        let Some(bytes) = chunk.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        sum.update(bytes);
        write(bytes).map_err(|error| (false, error))?;
        size += read as u64;
        progress(read as u64);
    }
    Ok((size, hex::encode(sum.finalize())))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_copied_file_is_the_listed_one_and_its_owners() {
        let (from, to) =
            (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        std::fs::write(from.path().join("blobs.db"), vec![7; CHUNK + 5]).expect("a file");
        let listed = Listed::sum(from.path(), "blobs.db", |_| ()).expect("it can be read");
        assert_eq!(listed, Listed::of("blobs.db", &vec![7; CHUNK + 5]));
        let mut told = 0;
        copy(&listed, from.path(), to.path(), |bytes| told += bytes).expect("there is room");
        assert_eq!(told, listed.size);
        let made = std::fs::metadata(to.path().join("blobs.db")).expect("it is there");
        assert_eq!((made.len(), made.permissions().mode() & 0o777), (listed.size, 0o600));

        for (bytes, why) in [(vec![7; 5], "instead of"), (vec![8; CHUNK + 5], "SHA-256")] {
            std::fs::write(from.path().join("blobs.db"), bytes).expect("a file");
            let said = listed.check(from.path(), |_| ()).expect_err("changed").to_string();
            assert!(said.contains("blobs.db") && said.contains(why), "{said}");
        }
    }

    #[test]
    fn a_disk_that_is_too_small_is_told_before_anything_is_copied() {
        let folder = tempfile::tempdir().expect("a folder");
        want_room(folder.path(), 1).expect("there is some room");
        let said = want_room(folder.path(), u64::MAX - SPARE).expect_err("too much").to_string();
        assert!(said.contains("make room"), "{said}");
    }

    #[test]
    fn remedies_follow_the_kind_of_failure() {
        let path = Path::new("/backup/wisptrail.db");
        for (kind, remedy) in [
            (ErrorKind::StorageFull, "make room"),
            (ErrorKind::PermissionDenied, "server's user"),
            (ErrorKind::ReadOnlyFilesystem, "another folder"),
        ] {
            let said = cannot("write", path, kind.into()).to_string();
            assert!(said.contains(remedy) && said.contains("/backup/wisptrail.db"), "{said}");
        }
        for (code, remedy) in [("13", "make room"), ("270", "server's user"), ("11", "damaged")] {
            let failure = store::Failure { code: code.to_owned(), message: String::new() };
            let source = Box::new(failure);
            let error = store::StoreError::Database { operation: "copy", source };
            let said = cannot_copy(path, error).to_string();
            assert!(said.contains(remedy) && said.contains("/backup/wisptrail.db"), "{said}");
        }
    }
}
