//! What a folder says of itself that shows a log as it was.

use std::{fs, io, path::Path};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::StoreError;

/// The file in the folder.
const FILE: &str = "replayed.json";

/// A data folder that shows the log as of a position, and is never written again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replayed {
    /// Position of the last event.
    pub position: i64,
    /// When that was recorded; none where there is no event.
    pub recorded_at: Option<DateTime<Utc>>,
    /// When the folder was made.
    pub made_at: DateTime<Utc>,
    /// Version of the program that made it, which also made its tables.
    pub program: String,
    /// Are the keys in it that open sealed values?
    pub keys: bool,
    /// Events whose contents were kept for a while only, and are nowhere any more.
    #[serde(default)]
    pub gone: i64,
}

impl Replayed {
    /// What a folder shows; none where it is not one of these.
    pub fn of(folder: &Path) -> Result<Option<Self>, StoreError> {
        let path = folder.join(FILE);
        let unreadable = |why: &dyn std::fmt::Display| {
            StoreError::Unusable(format!(
                "{} cannot be read ({why}): run `wisptrail replay` again, into another folder",
                path.display()
            ))
        };
        match fs::read(&path) {
            Ok(bytes) => match serde_json::from_slice(&bytes) {
                Ok(replayed) => Ok(Some(replayed)),
                Err(error) => Err(unreadable(&error)),
            },
            Err(error)
                if [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory]
                    .contains(&error.kind()) =>
            {
                Ok(None)
            }
            Err(error) => Err(unreadable(&error)),
        }
    }

    /// Marks a folder, whose files are complete.
    pub fn mark(&self, folder: &Path) -> Result<(), StoreError> {
        let write = || -> io::Result<()> {
            let mut text = serde_json::to_vec_pretty(self)?;
            text.push(b'\n');
            let path = folder.join(FILE);
            fs::write(&path, text)?;
            fs::File::open(&path)?.sync_all()
        };
        write().map_err(|error| {
            StoreError::Unusable(format!("{} cannot be written: {error}", folder.display()))
        })
    }
}

/// Refuses a folder that shows what was: whatever is written there would never have happened.
pub(crate) fn refuse_replayed(folder: &Path) -> Result<(), StoreError> {
    match Replayed::of(folder)? {
        None => Ok(()),
        Some(replayed) => Err(StoreError::Unusable(format!(
            "the data folder {} shows the log as of position {} and is never written: look at it with `wisptrail serve --read-only`",
            folder.display(),
            replayed.position
        ))),
    }
}
