//! States of long streams, kept so that a load need not start from 1 (`event-store.md` §8).

use crate::{Op, Query, Recorded, Sql, Store, StoreError, args};

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

/// What a stream's state is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folding {
    /// Sequence and JSON of the snapshot, if there is one of the format.
    pub snapshot: Option<(i64, String)>,
    /// The events after it, in order.
    pub events: Vec<Folded>,
}

/// An event as far as a state is made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folded {
    /// 1, 2, 3 … inside the stream.
    pub sequence: i64,
    /// Such as `device.registered`.
    pub event_type: String,
    /// A whole number as text.
    pub event_version: String,
    /// JSON, as stored.
    pub payload: String,
}

impl From<Recorded> for Folded {
    fn from(event: Recorded) -> Self {
        let Recorded { sequence, event_type, event_version, payload, .. } = event;
        Self { sequence, event_type, event_version, payload }
    }
}

/// Rows of one question.
const MOST_ROWS: usize = 1000;

impl Store {
    /// The newest snapshot of a format and the events after it, as one question.
    pub async fn folding(
        &self,
        aggregate_type: &str,
        aggregate_id: &str,
        format: i64,
    ) -> Result<Folding, StoreError> {
        let sql = format!(
            "SELECT 0, last_sequence, CAST(payload AS text), '', '' FROM aggregate_snapshots
             WHERE aggregate_type = $1 AND aggregate_id = $2 AND format = $3
             UNION ALL
             SELECT 1, sequence, CAST(payload AS text), event_type, event_version FROM events
             WHERE aggregate_type = $1 AND aggregate_id = $2 AND sequence > COALESCE(
                 (SELECT last_sequence FROM aggregate_snapshots WHERE aggregate_type = $1 AND aggregate_id = $2 AND format = $3), 0)
             ORDER BY 1, 2 LIMIT {MOST_ROWS}"
        );
        let rows = self.fetch(Query::new(sql, args![aggregate_type, aggregate_id, format])).await?;
        let full = rows.len() == MOST_ROWS;
        let mut folding = Folding::default();
        for row in rows {
            let (sequence, payload) = (row.int(1)?, row.text(2)?);
            if row.int(0)? == 0 {
                folding.snapshot = Some((sequence, payload));
            } else {
                let (event_type, event_version) = (row.text(3)?, row.text(4)?);
                folding.events.push(Folded { sequence, event_type, event_version, payload });
            }
        }
        if full && let Some(last) = folding.events.last() {
            let rest = self.stream(aggregate_type, aggregate_id, last.sequence).await?;
            folding.events.extend(rest.into_iter().map(Folded::from));
        }
        Ok(folding)
    }

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
