//! Are the tables what the events say? Live rows against a rebuild, beside a running server, without writing anything.

mod replay;
mod scratch;
mod table;

use std::sync::Arc;

use self::replay::verify;
pub(crate) use self::scratch::Scratch;
use crate::{Interpreter, Location, Projection, StoreError, rebuild::source::Source};

/// What the comparison of a projection found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectionReport {
    /// The projection's name, or `claims`.
    pub name: &'static str,
    /// The tables were compared as of this position.
    pub position: i64,
    /// Rows of the live tables.
    pub rows: i64,
    /// What deviates: at most 20 rows of each table.
    pub differences: Vec<Difference>,
    /// There are further ones.
    pub more: bool,
    /// Why the projection could not be compared, with the event that it cannot take.
    pub fault: Option<(i64, String)>,
}

impl ProjectionReport {
    /// Live and rebuilt tables are equal.
    pub fn is_sound(&self) -> bool {
        self.differences.is_empty() && self.fault.is_none()
    }
}

/// A row that deviates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Its table.
    pub table: &'static str,
    /// Its primary key: `id=…`; long values are cut off, because some are secret.
    pub row: String,
    /// How it deviates.
    pub deviation: Deviation,
}

/// How a live row deviates from what the events say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deviation {
    /// The row should be there.
    Missing,
    /// The row should not be there.
    Unexpected,
    /// These columns have other values.
    Differs(Vec<String>),
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { table, row, deviation } = self;
        match deviation {
            Deviation::Missing => write!(f, "{table}: {row} is missing"),
            Deviation::Unexpected => write!(f, "{table}: {row} should not be there"),
            Deviation::Differs(columns) => {
                write!(f, "{table}: {row} differs in {}", columns.join(", "))
            }
        }
    }
}

/// Rebuilds every projection that has tables, and the claims, into temporary tables and compares them with the live ones, all
/// as of one moment: inline ones at the end of the log, following ones at their checkpoint. `progress` gets the position
/// reached and the last one, after each batch.
///
/// Needs no open store: the data folder of a running server is opened for reading only, and on PostgreSQL everything happens
/// in one transaction that is rolled back. It holds on to that moment as long as it runs, which keeps the database from tidying
/// up. Errors: the database, or a folder without one.
pub async fn verify_projections(
    location: &Location,
    projections: &[Arc<dyn Projection>],
    interpreter: &Arc<dyn Interpreter>,
    progress: impl FnMut(i64, i64) + Send + 'static,
) -> Result<Vec<ProjectionReport>, StoreError> {
    let sources = projections
        .iter()
        .map(|projection| Source::Projection(Arc::clone(projection)))
        .filter(|source| !source.tables().is_empty())
        .chain([Source::Claims(Arc::clone(interpreter))])
        .collect::<Vec<_>>();
    match location {
        Location::Sqlite { folder } => {
            let file = folder.join("wisptrail.db");
            // Nothing in it waits for anything but the disk.
            let verification = tokio::task::spawn_blocking(move || {
                let scratch = Scratch::sqlite(&file)?;
                futures::executor::block_on(verify(scratch, &sources, progress))
            });
            verification.await.map_err(|error| StoreError::Database {
                operation: "compare projections",
                source: error.into(),
            })?
        }
        Location::Postgres { url } => {
            verify(Scratch::postgres(url).await?, &sources, progress).await
        }
    }
}
