//! How all projections are doing, inline and following ones.

use chrono::{DateTime, Utc};

use crate::{
    FollowerState, Mode, Query, Store, StoreError, args,
    followers::checkpoint::{ALL, Checkpoint},
};

/// How a projection is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectionState {
    /// Its name.
    pub name: &'static str,
    /// Inside appends, or behind them.
    pub mode: Mode,
    /// How often its tables were filled from the beginning.
    pub generation: i64,
    /// Everything up to here is in the tables.
    pub position: i64,
    /// Events that it is behind the log.
    pub lag: i64,
    /// What it is doing.
    pub state: FollowerState,
    /// Why it failed, and at which event.
    pub error: Option<(String, i64)>,
    /// How far the tables are that are being filled beside the live ones.
    pub rebuilding: Option<i64>,
}

/// How all projections are doing, and how far the log is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectionStates {
    /// Position of the last event.
    pub head: i64,
    /// When it was recorded.
    pub newest_at: Option<DateTime<Utc>>,
    /// One for each.
    pub projections: Vec<ProjectionState>,
}

impl Store {
    /// How all projections are doing, whichever process runs them.
    pub async fn projection_states(&self) -> Result<ProjectionStates, StoreError> {
        let newest =
            Query::new("SELECT recorded_at FROM events ORDER BY position DESC LIMIT 1", args![]);
        let snapshot = self.snapshot(vec![Query::new(ALL, args![]), newest]).await?;
        let head = snapshot.head;
        let mut results = snapshot.results.into_iter();
        let rows: Vec<Checkpoint> = results
            .next()
            .unwrap_or_default()
            .iter()
            .map(Checkpoint::from_row)
            .collect::<Result<_, _>>()?;
        let newest = results.next().unwrap_or_default();
        let newest_at = newest.first().map(|row| row.time(0)).transpose()?;
        let state = |projection: &std::sync::Arc<dyn crate::Projection>| {
            let (name, mode) = (projection.name(), projection.mode());
            let of = |rebuilding: bool| {
                let is = move |row: &&Checkpoint| {
                    row.name == name && (row.state == FollowerState::Rebuilding) == rebuilding
                };
                rows.iter().filter(is).max_by_key(|row| row.generation)
            };
            let live = of(false);
            let state = live.map_or(FollowerState::Running, |row| row.state);
            let position = match (mode, state) {
                // Its rows move in the transactions of appends, its checkpoint only when something is wrong.
                (Mode::Inline, FollowerState::Running) => head,
                _ => live.map_or(0, |row| row.position),
            };
            ProjectionState {
                name,
                mode,
                generation: live.map_or(1, |row| row.generation),
                position,
                lag: (head - position).max(0),
                state,
                error: live.and_then(|row| row.error.clone().zip(row.error_position)),
                rebuilding: of(true).map(|row| row.position),
            }
        };
        Ok(ProjectionStates {
            head,
            newest_at,
            projections: self.projections().iter().map(state).collect(),
        })
    }
}
