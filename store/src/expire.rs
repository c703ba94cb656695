//! Contents that are kept for a while only (`event-store.md` §11): the events stay, with everything else.

use chrono::{DateTime, Utc};

use crate::{
    Op, Query, Retention, Store, StoreError, args, erase::without_payload, verify::SCAVENGED,
};

/// Events of a step.
const AT_ONCE: i64 = 1000;

impl Store {
    /// Takes the contents of the next events of a class away that were recorded before a moment, at most 1000, and says how many
    /// there were. `also` is done with it, given the class and the positions that they are after and up to. While tables are
    /// filled again nothing is done: these could hold what was just taken away.
    pub async fn expire(
        &self,
        class: Retention,
        before: DateTime<Utc>,
        also: impl FnOnce(Retention, i64, i64) -> Vec<Op>,
    ) -> Result<u64, StoreError> {
        if class.0 <= 0 {
            return Ok(0);
        }
        let filling = "SELECT 1 FROM projection_checkpoints WHERE state = 'rebuilding' LIMIT 1";
        if !self.fetch(Query::new(filling, args![])).await?.is_empty() {
            return Ok(0);
        }
        let done = "SELECT position FROM expired WHERE retention = $1";
        let done = self.fetch(Query::new(done, args![i64::from(class.0)])).await?;
        let after = done.first().map_or(Ok(0), |row| row.int(0))?;
        let next = Query::new(
            "SELECT position, recorded_at FROM events WHERE retention = $1 AND retention > 0 AND position > $2 ORDER BY position LIMIT $3",
            args![i64::from(class.0), after, AT_ONCE],
        );
        // Times never decrease along positions.
        let (mut last, mut events) = (after, 0);
        for row in &self.fetch(next).await? {
            if row.time(1)? >= before {
                break;
            }
            last = row.int(0)?;
            events += 1;
        }
        if events == 0 {
            return Ok(0);
        }
        let mut ops = also(class, after, last);
        ops.push(without_payload(
            SCAVENGED,
            "retention = $2 AND retention > 0 AND position > $3 AND position <= $4",
            args![i64::from(class.0), after, last],
        ));
        // Of two processes that do the same, none does harm.
        ops.push(Op::new(
            "INSERT INTO expired (retention, position) VALUES ($1, $2)
             ON CONFLICT (retention) DO UPDATE SET position = excluded.position WHERE expired.position < excluded.position",
            args![i64::from(class.0), last],
        ));
        self.execute(ops).await?;
        Ok(events)
    }
}
