//! Names of archives: they say which part of the log it is.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

const BEGIN: &str = "wisptrail-";
const END: &str = ".tar";

/// A file that says in its name which part of the log it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveFile {
    /// Where it is.
    pub path: PathBuf,
    /// Position of its first event.
    pub first: i64,
    /// Position of its last.
    pub last: i64,
}

impl ArchiveFile {
    /// What the archive of a part of the log is called in a folder.
    pub fn of(folder: &Path, first: i64, last: i64) -> Self {
        Self { path: folder.join(format!("{BEGIN}{first:012}-{last:012}{END}")), first, last }
    }

    /// All that are in a folder, in the order of positions; none in one that is missing.
    pub fn all(folder: &Path) -> io::Result<Vec<Self>> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut found = Vec::new();
        for entry in entries {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            if let Some((first, last)) = name.and_then(|name| positions(name.strip_suffix(END)?)) {
                found.push(Self { path, first, last });
            }
        }
        found.sort_by_key(|file| (file.first, file.last));
        Ok(found)
    }

    /// Removes what is left in a folder of archives that were not completed.
    pub fn tidy(folder: &Path) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            let part = name.and_then(|name| name.strip_suffix(".part")?.strip_suffix(END));
            if part.and_then(positions).is_some() {
                fs::remove_file(&path)?;
            }
        }
        Ok(())
    }
}

fn positions(name: &str) -> Option<(i64, i64)> {
    let (first, last) = name.strip_prefix(BEGIN)?.split_once('-')?;
    let number = |text: &str| text.bytes().all(|it| it.is_ascii_digit()).then(|| text.parse().ok());
    let (first, last) = (number(first)??, number(last)??);
    (1..=last).contains(&first).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_made_so_is_found() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "wisptrail-000000000011-000000000020.tar",
            "wisptrail-000000000001-000000000010.tar",
            "wisptrail-000000000021-000000000030.tar.part",
            "wisptrail-000000000030-000000000021.tar",
            "wisptrail-+1-2.tar",
            "quarter.tar",
            "quarter.tar.part",
        ] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let found = ArchiveFile::all(folder.path()).unwrap();
        let expected = [(1, 10), (11, 20)].map(|(a, b)| ArchiveFile::of(folder.path(), a, b));
        assert_eq!(found, expected);
        ArchiveFile::tidy(folder.path()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 6);
        assert!(ArchiveFile::all(&folder.path().join("none")).unwrap().is_empty());
    }
}
