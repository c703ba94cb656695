//! How a store is opened.

use std::{path::PathBuf, sync::Arc};

use secrecy::SecretString;

use crate::{Clock, Interpreter, Projection};

/// Which database speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Embedded, the default.
    Sqlite,
    /// For scale.
    Postgres,
}

/// Where the data is.
#[derive(Clone, Debug)]
pub enum Location {
    /// `wisptrail.db` inside a folder of one process; the folder is made when it is missing.
    Sqlite {
        /// The data folder.
        folder: PathBuf,
    },
    /// A database that any number of processes share.
    Postgres {
        /// `postgres://user:password@host:port/database`
        url: SecretString,
    },
}

/// What an acknowledged append survives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// A power cut.
    #[default]
    Full,
    /// A crash of the process; a power cut may lose the last commits but never half of one.
    Normal,
}

/// What a store needs to know at start.
#[derive(Clone)]
pub struct Options {
    /// Where the data is.
    pub location: Location,
    /// What an acknowledged append survives.
    pub durability: Durability,
    /// All projections; the inline ones run in appends.
    pub projections: Vec<Arc<dyn Projection>>,
    /// What events mean for claims, and which of them can be decoded.
    pub interpreter: Arc<dyn Interpreter>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Folder of `anchors.jsonl`; none is the data folder on SQLite and no anchors on PostgreSQL.
    pub anchors: Option<PathBuf>,
    /// Does PostgreSQL hold requests to what they reach, too (see [`crate::reach`])?
    pub row_level_security: bool,
}

impl Options {
    /// Durable, without projections.
    pub fn new(
        location: Location,
        interpreter: Arc<dyn Interpreter>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            location,
            durability: Durability::Full,
            projections: Vec::new(),
            interpreter,
            clock,
            anchors: None,
            row_level_security: false,
        }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("location", &self.location)
            .field("durability", &self.durability)
            .field("anchors", &self.anchors)
            .field("row_level_security", &self.row_level_security)
            .finish_non_exhaustive()
    }
}
