//! Places in the chain, written down outside of the database.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::Recorded;

/// How many events lie between two anchors.
const DISTANCE: i64 = 10_000;
pub(crate) const FILE: &str = "anchors.jsonl";

/// A position with the hash that the chain has there: a line of `anchors.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// Position of an event.
    pub position: i64,
    /// The chain up to and including it, 64 hexadecimal digits.
    pub hash: String,
    /// When the event was recorded.
    pub time: DateTime<Utc>,
}

impl Anchor {
    /// The anchor at an event; none while it is not chained.
    pub fn at(event: &Recorded) -> Option<Self> {
        let hash = hex::encode(event.hash.as_ref()?);
        Some(Self { position: event.position, hash, time: event.recorded_at })
    }
}

/// Is it the turn of this event?
pub(crate) fn due(event: &Recorded) -> bool {
    event.position % DISTANCE == 0
}

/// The file of anchors.
#[derive(Clone, Debug)]
pub(crate) struct Anchors {
    file: PathBuf,
}

impl Anchors {
    pub(crate) fn in_folder(folder: &Path) -> Self {
        Self { file: folder.join(FILE) }
    }

    /// Writes down those of the committed events whose turn it is.
    pub(crate) fn note(&self, events: &[Arc<Recorded>]) {
        for event in events.iter().filter(|event| due(event)) {
            let Some(anchor) = Anchor::at(event) else { continue };
            if let Err(error) = self.write(&anchor) {
                tracing::warn!(
                    %error,
                    position = anchor.position,
                    "the anchor at {} could not be written to {FILE}",
                    anchor.position
                );
            }
        }
    }

    pub(crate) fn write(&self, anchor: &Anchor) -> io::Result<()> {
        let mut line = serde_json::to_string(anchor)?;
        line.push('\n');
        let mut file = OpenOptions::new().create(true).append(true).open(&self.file)?;
        file.write_all(line.as_bytes())?;
        file.sync_data()
    }

    /// All of them; a torn last line is no anchor.
    pub(crate) fn read(&self) -> io::Result<Vec<Anchor>> {
        match File::open(&self.file).and_then(io::read_to_string) {
            Ok(text) => {
                Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Makes the folder.
    pub(crate) fn prepare(&self) -> io::Result<()> {
        self.file.parent().map_or(Ok(()), fs::create_dir_all)
    }
}
