//! Contents that have left the log, out of archives.

use std::path::{Path, PathBuf};

use super::ArchiveFile;
use crate::{
    Envelope, StoreError, chain,
    evidence::{Pieces, wrapped},
};

/// Archives of a log, for whoever reads it in order.
pub struct Archives {
    files: Vec<Lying>,
    troubles: Vec<String>,
}

struct Lying {
    path: PathBuf,
    pieces: Pieces,
    /// Nothing more is read of it.
    broken: bool,
}

/// What an archive has in the place of contents.
pub(crate) enum InArchive {
    /// These, proven by their hash.
    Clear(String),
    /// Something sealed for whom they are about.
    Sealed(Envelope),
}

impl Archives {
    /// Those that are in folders. What cannot be read is among the [troubles](Self::troubles). Refused: a folder without any.
    pub fn in_folders(folders: &[PathBuf]) -> Result<Self, StoreError> {
        let mut archives = Self { files: Vec::new(), troubles: Vec::new() };
        for folder in folders {
            let cannot = |why: &dyn std::fmt::Display| {
                StoreError::Unusable(format!("{}: {why}", folder.display()))
            };
            let found = ArchiveFile::all(folder).map_err(|error| cannot(&error))?;
            if found.is_empty() {
                return Err(cannot(&"there are no archives of a log (wisptrail-….tar)"));
            }
            for file in found {
                archives.add(&file.path);
            }
        }
        archives.files.sort_by_key(|file| file.pieces.manifest().first);
        Ok(archives)
    }

    fn add(&mut self, path: &Path) {
        let trouble = match Pieces::open(path) {
            Ok(Some(pieces)) => {
                self.files.push(Lying { path: path.to_owned(), pieces, broken: false });
                return;
            }
            Ok(None) => "is damaged, or of a newer wisptrail; `wisptrail audit verify` tells more"
                .to_owned(),
            Err(error) => error.to_string(),
        };
        self.troubles.push(format!("{}: {trouble}", path.display()));
    }

    /// What could not be read.
    pub fn troubles(&self) -> &[String] {
        &self.troubles
    }

    /// What stands for the contents with this hash, of the event at this position. None where no archive has them.
    pub(crate) fn contents(&mut self, position: i64, hash: &[u8]) -> Option<InArchive> {
        for file in &mut self.files {
            let manifest = file.pieces.manifest();
            let covers = (manifest.first..=manifest.last).contains(&position);
            if file.broken || !covers {
                continue;
            }
            match file.pieces.fleeting(position) {
                Ok(Some(event)) if event.payload_hash.as_deref() == Some(hash) => {
                    if chain::payload_hash(&event.payload) == hash {
                        return Some(InArchive::Clear(event.payload.clone()));
                    }
                    if let Some(envelope) = wrapped(&event.payload) {
                        return Some(InArchive::Sealed(envelope));
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    file.broken = true;
                    let path = file.path.display();
                    self.troubles.push(format!("{path}: near position {position}: {error}"));
                }
            }
        }
        None
    }
}
