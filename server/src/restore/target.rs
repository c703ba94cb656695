//! The data folder that a backup is put into.

use std::{
    ffi::OsString,
    fs::{self, DirBuilder},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
};

use anyhow::bail;

use crate::{
    backup::{LOG, cannot, sync},
    cli,
    data_folder::{DataFolder, RESTORING, interrupted},
    erasures,
};

/// What may be in a folder without data: our lock, what file systems put at their top, and who was erased.
const NOTHING: &[&str] = &["lock", "lost+found", erasures::FILE];

/// A locked folder whose files get their names together. What was made in it is removed when it is dropped before.
pub(super) struct Target {
    folder: DataFolder,
    /// Was it there before?
    found: bool,
    /// None when everything has its name.
    undo: Option<Vec<PathBuf>>,
}

impl Target {
    /// Refuses a folder with anything in it.
    pub(super) fn check(folder: &Path) -> anyhow::Result<()> {
        match folder.try_exists() {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(error) => return Err(cannot("read", folder, error)),
        }
        let mut names = names(folder)?;
        names.retain(|name| NOTHING.iter().all(|nothing| name != nothing));
        if names.iter().any(|name| name == RESTORING) {
            return Err(interrupted(folder));
        }
        // What says most about whose data it is.
        match names.iter().find(|name| *name == LOG).or(names.first()) {
            None => Ok(()),
            Some(name) => bail!(
                "the data folder {} is not empty ({} is in it): give an empty or new one with --data; nothing was written",
                folder.display(),
                name.display()
            ),
        }
    }

    /// Makes the folder where it is missing, locks it, and makes the place where files wait for their names.
    pub(super) fn take(path: &Path) -> anyhow::Result<Self> {
        let found = path.exists();
        let folder = DataFolder::open(path)?;
        // Somebody may have been faster.
        Self::check(path)?;
        let part = path.join(RESTORING);
        let made = DirBuilder::new().mode(0o700).create(&part);
        made.map_err(|error| cannot("make", &part, error))?;
        Ok(Self { folder, found, undo: Some(Vec::new()) })
    }

    /// The folder, locked.
    pub(super) fn folder(&self) -> &DataFolder {
        &self.folder
    }

    /// Where files are put first.
    pub(super) fn part(&self) -> PathBuf {
        self.folder.path().join(RESTORING)
    }

    /// Gives every file its name, the log last: a folder with a log is one with data.
    pub(super) fn publish(&mut self) -> anyhow::Result<()> {
        let (part, folder) = (self.part(), self.folder.path().to_owned());
        sync(&part)?;
        let mut names = names(&part)?;
        names.sort_by_key(|name| name == LOG);
        for name in names {
            let to = folder.join(&name);
            fs::rename(part.join(&name), &to).map_err(|error| cannot("make", &to, error))?;
            self.undo.get_or_insert_default().push(to);
        }
        sync(&folder)?;
        fs::remove_dir(&part).map_err(|error| cannot("remove", &part, error))?;
        // It holds a key now, whoever made it.
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))
            .map_err(|error| cannot("protect", &folder, error))?;
        self.undo = None;
        sync(&folder)
    }

    /// Root may restore for the server's user: the owner of a folder that was there owns what is in it.
    pub(super) fn give_to_owner(&self) -> anyhow::Result<()> {
        let folder = self.folder.path();
        let root = rustix::process::geteuid().is_root();
        if !root {
            return Ok(());
        }
        let owner = fs::metadata(folder).map_err(|error| cannot("read", folder, error))?;
        if !self.found {
            cli::note(&format!(
                "{} belongs to root: where the server runs as another user, give it to that user (chown -R)",
                folder.display()
            ));
        }
        for name in names(folder)? {
            let path = folder.join(name);
            if path.is_file() {
                chown(&path, Some(owner.uid()), Some(owner.gid()))
                    .map_err(|error| cannot("give away", &path, error))?;
            }
        }
        Ok(())
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let Some(moved) = self.undo.take() else { return };
        let folder = self.folder.path();
        let mut undone = moved.iter().try_for_each(fs::remove_file);
        undone = undone.and_then(|()| fs::remove_dir_all(folder.join(RESTORING)));
        if !self.found {
            undone = undone.and_then(|()| fs::remove_file(folder.join("lock")));
            undone = undone.and_then(|()| fs::remove_dir(folder));
        }
        if let Err(error) = undone {
            cli::note(&format!(
                "something of the restore is left in {}: {error}",
                folder.display()
            ));
        }
    }
}

fn names(folder: &Path) -> anyhow::Result<Vec<OsString>> {
    let entries = fs::read_dir(folder).map_err(|error| cannot("read", folder, error))?;
    entries
        .map(|entry| Ok(entry.map_err(|error| cannot("read", folder, error))?.file_name()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_get_their_names_together() {
        let place = tempfile::tempdir().expect("a folder");
        let data = place.path().join("data");
        let mut target = Target::take(&data).expect("nothing is there");
        for name in [LOG, "blobs.db"] {
            fs::write(target.part().join(name), name).expect("a file");
            assert!(!data.join(name).exists());
        }
        Target::check(&data).expect_err("one is being restored");
        target.publish().expect("nothing is in the way");
        drop(target);
        assert_eq!(fs::read(data.join(LOG)).expect("it is there"), LOG.as_bytes());
        assert!(!data.join(RESTORING).exists());
        let said = Target::check(&data).expect_err("there is data").to_string();
        assert!(said.contains("not empty") && said.contains(".db"), "{said}");
    }

    #[test]
    fn what_fails_leaves_a_folder_as_it_was() {
        let place = tempfile::tempdir().expect("a folder");
        let (new, old) = (place.path().join("new"), place.path().join("old"));
        fs::create_dir(&old).expect("a folder");
        fs::create_dir(old.join("lost+found")).expect("a folder");
        for data in [&new, &old] {
            let mut target = Target::take(data).expect("nothing is there");
            fs::write(target.part().join("blobs.db"), "").expect("a file");
            // The log cannot be moved over a folder of its name.
            fs::write(target.part().join(LOG), "").expect("a file");
            fs::create_dir(data.join(LOG)).expect("a folder");
            target.publish().expect_err("something is in the way");
            fs::remove_dir(data.join(LOG)).expect("it is empty");
        }
        assert!(!new.exists());
        Target::check(&old).expect("nothing of ours is left");
        assert!(!old.join("blobs.db").exists());
    }

    #[test]
    fn an_interrupted_restore_is_told_to_whoever_opens_the_folder() {
        let place = tempfile::tempdir().expect("a folder");
        fs::create_dir(place.path().join(RESTORING)).expect("a folder");
        for said in [
            Target::check(place.path()).expect_err("it was interrupted").to_string(),
            DataFolder::open(place.path()).expect_err("it was interrupted").to_string(),
        ] {
            assert!(said.contains("interrupted") && said.contains("empty"), "{said}");
        }
    }
}
