//! How far a projection has come: rows of `projection_checkpoints`.

use chrono::{DateTime, Utc};

use crate::{Expect, Op, Query, Row, Sql, Store, StoreError, Transaction, args};

/// Characters of an error that are kept.
const LONGEST_ERROR: usize = 2000;

/// What a projection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FollowerState {
    /// Following the log.
    Running,
    /// Being filled from the beginning; there is nothing to read yet.
    Rebuilding,
    /// Stopped by an operator.
    Paused,
    /// Stopped at an event that it cannot take.
    Failed,
}

impl FollowerState {
    /// As in the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Rebuilding => "rebuilding",
            Self::Paused => "paused",
            Self::Failed => "failed",
        }
    }

    fn from_text(text: &str) -> Option<Self> {
        [Self::Running, Self::Rebuilding, Self::Paused, Self::Failed]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// A row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Checkpoint {
    pub(crate) name: String,
    pub(crate) generation: i64,
    pub(crate) position: i64,
    pub(crate) state: FollowerState,
    pub(crate) error: Option<String>,
    pub(crate) error_position: Option<i64>,
    pub(crate) updated_at: DateTime<Utc>,
}

/// All rows.
pub(crate) const ALL: &str = "SELECT name, generation, position, state, error, error_position, updated_at FROM projection_checkpoints";

/// So many columns has a row of [`ALL`].
pub(crate) const COLUMNS: usize = 7;

impl Checkpoint {
    pub(crate) fn from_row(row: &Row) -> Result<Self, StoreError> {
        let state = row.text(3)?;
        Ok(Self {
            name: row.text(0)?,
            generation: row.int(1)?,
            position: row.int(2)?,
            state: FollowerState::from_text(&state)
                .ok_or_else(|| StoreError::column(3, "state of a projection"))?,
            error: row.text_or_null(4)?,
            error_position: row.int_or_null(5)?,
            updated_at: row.time(6)?,
        })
    }

    /// The row of the live tables; none when they were never filled.
    pub(crate) async fn live(store: &Store, name: &str) -> Result<Option<Self>, StoreError> {
        let all = Self::of(store, name).await?;
        Ok(all.into_iter().find(|checkpoint| checkpoint.state != FollowerState::Rebuilding))
    }

    /// All rows of a projection, the newest generation first.
    pub(crate) async fn of(store: &Store, name: &str) -> Result<Vec<Self>, StoreError> {
        let query =
            Query::new(format!("{ALL} WHERE name = $1 ORDER BY generation DESC"), args![name]);
        store.fetch(query).await?.iter().map(Self::from_row).collect()
    }

    /// A transaction that happens only if this row still stands where it was read, and nobody else moves it meanwhile.
    pub(crate) fn guarded(&self) -> Transaction {
        let text = "SELECT position FROM projection_checkpoints WHERE name = $1 AND generation = $2 AND state = $3";
        let sql = Sql::Each { sqlite: text.into(), postgres: format!("{text} FOR UPDATE").into() };
        let args = args![&self.name, self.generation, self.state.as_str()];
        Transaction::new().guard(Query::new(sql, args), Expect::Value(self.position.into()))
    }

    /// Moves it.
    pub(crate) fn moved(&self, position: i64, at: DateTime<Utc>) -> Op {
        Op::new(
            "UPDATE projection_checkpoints SET position = $3, updated_at = $4 WHERE name = $1 AND generation = $2",
            args![&self.name, self.generation, position, at],
        )
    }

    /// Stops it at an event, or lets it go on from where it is.
    pub(crate) fn in_state(
        &self,
        state: FollowerState,
        error: Option<(&str, i64)>,
        at: DateTime<Utc>,
    ) -> Op {
        let (text, position) = error.unzip();
        let text = text.map(shortened);
        Op::new(
            "UPDATE projection_checkpoints SET state = $3, error = $4, error_position = $5, updated_at = $6 WHERE name = $1 AND generation = $2",
            args![&self.name, self.generation, state.as_str(), text, position, at],
        )
    }
}

/// Makes the row of empty tables on a log that was never read, unless there is one.
pub(crate) fn first(name: &str, position: i64, at: DateTime<Utc>) -> Op {
    Op::new(
        "INSERT INTO projection_checkpoints (name, generation, position, state, updated_at) SELECT $1, 1, $2, 'running', $3
         WHERE NOT EXISTS (SELECT 1 FROM projection_checkpoints WHERE name = $1) ON CONFLICT (name, generation) DO NOTHING",
        args![name, position, at],
    )
}

fn shortened(text: &str) -> String {
    text.chars().filter(|c| *c != '\0').take(LONGEST_ERROR).collect()
}

/// The error and what caused it, in one line.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
