//! Every stream of a kind as it stood at a position, without what its events say.

use uuid::Uuid;

use crate::{Query, Row, Store, StoreError, args};

/// A stream that had begun at a position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Which stream of its kind.
    pub aggregate_id: String,
    /// Position of its first event.
    pub first: i64,
    /// Type of its last event up to the position.
    pub event_type: String,
    /// The organization that this event belongs to.
    pub organization_id: Option<Uuid>,
    /// The organization that its newest event belongs to, whenever that was.
    pub newest_organization_id: Option<Uuid>,
}

/// Streams are found one after the other in their index, and so are their ends: nothing is read but what is answered. Positions
/// rise along a stream; the sign keeps databases from walking the whole log backwards instead.
const STANDING: &str = "WITH RECURSIVE ids (id) AS (
        SELECT min(aggregate_id) FROM events WHERE aggregate_type = $1
        UNION ALL
        SELECT (SELECT min(aggregate_id) FROM events WHERE aggregate_type = $1 AND aggregate_id > ids.id)
        FROM ids WHERE ids.id IS NOT NULL
    ), ends (id, first, latest, newest) AS (
        SELECT ids.id,
            (SELECT position FROM events WHERE aggregate_type = $1 AND aggregate_id = ids.id ORDER BY sequence LIMIT 1),
            (SELECT position FROM events WHERE aggregate_type = $1 AND aggregate_id = ids.id AND +position <= $2 ORDER BY sequence DESC LIMIT 1),
            (SELECT position FROM events WHERE aggregate_type = $1 AND aggregate_id = ids.id ORDER BY sequence DESC LIMIT 1)
        FROM ids WHERE ids.id IS NOT NULL LIMIT $3
    )
    SELECT ends.id, ends.first, then_last.event_type, then_last.organization_id, now_last.organization_id
    FROM ends
    JOIN events AS then_last ON then_last.position = ends.latest
    JOIN events AS now_last ON now_last.position = ends.newest
    ORDER BY ends.first, ends.id";

impl Store {
    /// The streams of a kind that had begun at a position, in the order of their first events. None where the log has more than
    /// `most` streams of the kind, whenever they began.
    pub async fn standing(
        &self,
        aggregate_type: &'static str,
        position: i64,
        most: u32,
    ) -> Result<Option<Vec<Standing>>, StoreError> {
        // Not yet begun ones are found, too, and then left out: they count here.
        let count = Query::new(
            "WITH RECURSIVE ids (id, number) AS (
                SELECT min(aggregate_id), 1 FROM events WHERE aggregate_type = $1
                UNION ALL
                SELECT (SELECT min(aggregate_id) FROM events WHERE aggregate_type = $1 AND aggregate_id > ids.id), ids.number + 1
                FROM ids WHERE ids.id IS NOT NULL AND ids.number <= $2
             ) SELECT count(id) FROM ids",
            args![aggregate_type, i64::from(most)],
        );
        let standing = Query::new(STANDING, args![aggregate_type, position, i64::from(most)]);
        let count = self.fetch(count).await?;
        let count = count.first().map(|row| row.int(0)).transpose()?.unwrap_or(0);
        if count > i64::from(most) {
            return Ok(None);
        }
        let rows = self.fetch(standing).await?;
        rows.iter().map(Standing::of).collect::<Result<_, _>>().map(Some)
    }
}

impl Standing {
    fn of(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            aggregate_id: row.text(0)?,
            first: row.int(1)?,
            event_type: row.text(2)?,
            organization_id: row.uuid_or_null(3)?,
            newest_organization_id: row.uuid_or_null(4)?,
        })
    }
}
