//! A folder that gets its name when it is whole.

use std::{
    ffi::OsString,
    fs::{self, DirBuilder},
    io::ErrorKind,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::{cannot, postgres::quoted, sync};

/// `DIR.part`; removed when it is dropped before it was published.
#[derive(Debug)]
pub(crate) struct Part {
    path: Option<PathBuf>,
}

impl Part {
    /// Makes the folder beside its later name, for its owner only.
    pub(super) fn make(to: &Path) -> anyhow::Result<Self> {
        if to.file_name().is_some() && to.symlink_metadata().is_ok() {
            bail!("{} is there already: give a folder that is not, or remove it", to.display());
        }
        Self::beside(to)
    }

    /// The same where an empty folder may have the name.
    pub(crate) fn over_empty(to: &Path) -> anyhow::Result<Self> {
        if to.symlink_metadata().is_ok() {
            let entries = fs::read_dir(to).map_err(|error| cannot("read", to, error))?;
            if entries.count() > 0 {
                bail!("{} is not empty: give a folder that is not there yet", to.display());
            }
        }
        Self::beside(to)
    }

    fn beside(to: &Path) -> anyhow::Result<Self> {
        let shown = to.display();
        let mut name = OsString::from(to.file_name().context("the name of a folder is needed")?);
        name.push(".part");
        let path = to.with_file_name(name);
        match DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => Ok(Self { path: Some(path) }),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => bail!(
                "{} was left by a command that was interrupted, or is being made by one that runs: if none runs, remove it (rm -r {}) and start again",
                path.display(),
                quoted(&path.to_string_lossy())
            ),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                bail!("the folder above {shown} is missing: make it first (mkdir -p)")
            }
            Err(error) => Err(cannot("make", &path, error)),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.path.as_deref().unwrap_or(Path::new(""))
    }

    /// Gives the folder the name of an empty one, if there is one.
    pub(crate) fn publish_over_empty(self, to: &Path) -> anyhow::Result<()> {
        // One that is not empty any more stays, and is in the way.
        if let Err(error) = fs::remove_dir(to)
            && error.kind() != ErrorKind::NotFound
        {
            return Err(cannot("replace", to, error));
        }
        self.publish(to)
    }

    /// Gives the folder its name, durably.
    pub(crate) fn publish(mut self, to: &Path) -> anyhow::Result<()> {
        let path = self.path();
        sync(path)?;
        let renamed = match renameat_with(CWD, path, CWD, to, RenameFlags::NOREPLACE) {
            // Not every file system knows how not to replace; an empty folder is all that could be.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => fs::rename(path, to),
            renamed => renamed.map_err(Into::into),
        };
        renamed.map_err(|error| cannot("make", to, error))?;
        self.path = None;
        let above = to.parent().filter(|above| !above.as_os_str().is_empty());
        sync(above.unwrap_or(Path::new(".")))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if let Some(path) = self.path.take()
            && let Err(error) = fs::remove_dir_all(&path)
        {
            crate::cli::note(&format!("{} is left behind: {error}", path.display()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_folder_has_its_name_when_it_is_whole() {
        let place = tempfile::tempdir().expect("a folder");
        let to = place.path().join("backup").join("");
        let part = Part::make(&to).expect("nothing is there");
        let other = Part::make(&to).expect_err("one is being made").to_string();
        assert!(other.contains("backup.part") && other.contains("rm -r"), "{other}");
        let mode = fs::metadata(part.path()).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        fs::write(part.path().join("file"), "whole").expect("a file");
        assert!(!to.exists());
        part.publish(&to).expect("nothing is there");
        assert!(to.join("file").exists());
        let again = Part::make(&to).expect_err("it is there").to_string();
        assert!(again.contains("is there already"), "{again}");
    }

    #[test]
    fn what_fails_leaves_nothing_and_replaces_nothing() {
        let place = tempfile::tempdir().expect("a folder");
        let to = place.path().join("backup");
        drop(Part::make(&to).expect("nothing is there"));
        let part = Part::make(&to).expect("the first left nothing");
        fs::create_dir(&to).expect("somebody else makes it");
        part.publish(&to).expect_err("it is somebody else's");
        assert_eq!(fs::read_dir(place.path()).expect("a folder").count(), 1);
        let deep = Part::make(&place.path().join("a").join("b")).expect_err("nothing above it");
        assert!(deep.to_string().contains("mkdir"), "{deep}");
        Part::make(Path::new("/")).expect_err("no name");
    }
}
