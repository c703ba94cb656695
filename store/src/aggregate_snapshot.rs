//! States of long streams, kept so that a load need not start from 1 (`event-store.md` §8).

use crate::{Op, Query, Sql, Store, StoreError, args};

/// A stream's state as of a sequence. A cache: it may be gone at any time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AggregateSnapshot {
    /// The last event that is in it.
    pub last_sequence: i64,
    /// Number of the state's shape; the reader ignores another one than its own.
    pub format: i64,
    /// The state, JSON.
    pub payload: String,
}

impl Store {
    /// The newest snapshot of a stream.
    pub async fn load_snapshot(
        &self,
        aggregate_type: &str,
        aggregate_id: &str,
    ) -> Result<Option<AggregateSnapshot>, StoreError> {
        let query = Query::new(
            "SELECT last_sequence, format, payload FROM aggregate_snapshots WHERE aggregate_type = $1 AND aggregate_id = $2",
            args![aggregate_type, aggregate_id],
        );
        let rows = self.fetch(query).await?;
        let snapshot = rows.first().map(|row| {
            Ok(AggregateSnapshot {
                last_sequence: row.int(0)?,
                format: row.int(1)?,
                payload: row.text(2)?,
            })
        });
        snapshot.transpose()
    }

    /// Keeps a snapshot, unless a newer one of the same format is there.
    pub async fn save_snapshot(
        &self,
        aggregate_type: &str,
        aggregate_id: &str,
        snapshot: AggregateSnapshot,
    ) -> Result<(), StoreError> {
        let upsert = |payload: &str| {
            format!(
                "INSERT INTO aggregate_snapshots (aggregate_type, aggregate_id, last_sequence, format, payload) VALUES ($1, $2, $3, $4, {payload})
                 ON CONFLICT (aggregate_type, aggregate_id) DO UPDATE SET last_sequence = excluded.last_sequence, format = excluded.format, payload = excluded.payload
                 WHERE excluded.last_sequence > aggregate_snapshots.last_sequence OR excluded.format > aggregate_snapshots.format"
            )
        };
        let sql =
            Sql::Each { sqlite: upsert("$5").into(), postgres: upsert("CAST($5 AS json)").into() };
        let AggregateSnapshot { last_sequence, format, payload } = snapshot;
        let args = args![aggregate_type, aggregate_id, last_sequence, format, payload];
        self.execute(vec![Op::new(sql, args)]).await.map(drop)
    }
}
