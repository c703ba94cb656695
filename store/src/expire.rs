//! Contents that are kept for a while only (`event-store.md` §11): the events stay, with everything else.

use chrono::{DateTime, Utc};

use crate::{
    Op, Query, Retention, Row, Store, StoreError, args, erase::without_payload, verify::SCAVENGED,
};

/// Events of a step.
const AT_ONCE: usize = 1000;

/// Position and moment of an event.
type At = (i64, DateTime<Utc>);

impl Store {
    /// Takes the contents of the next events of a class away, up to a position and at most 1000 of them, and says how many there
    /// were. `also` is done with it: it removes the rows that were made of what was recorded at that moment or before, also those
    /// that a table which was filled meanwhile brought back. While tables are being filled nothing is done.
    pub async fn expire(
        &self,
        class: Retention,
        up_to: i64,
        also: impl Fn(DateTime<Utc>) -> Vec<Op>,
    ) -> Result<u64, StoreError> {
        let filling = "SELECT 1 FROM projection_checkpoints WHERE state = 'rebuilding' LIMIT 1";
        if class.0 <= 0 || !self.fetch(Query::new(filling, args![])).await?.is_empty() {
            return Ok(0);
        }
        let class = i64::from(class.0);
        let done = Query::new(
            "SELECT expired.position, events.recorded_at FROM expired JOIN events ON events.position = expired.position
             WHERE expired.retention = $1",
            args![class],
        );
        let done = self.fetch(done).await?;
        let after = done.first().map_or(Ok(0), |row| row.int(0))?;
        let next = Query::new(
            "SELECT position, recorded_at FROM events WHERE retention = $1 AND retention > 0 AND position > $2 ORDER BY position LIMIT $3",
            args![class, after, i64::try_from(AT_ONCE + 1).unwrap_or(i64::MAX)],
        );
        let next = self.fetch(next).await?;
        let (events, last) = step(&next, up_to)?;
        let Some((last, until)) = last else {
            if let Some(row) = done.first() {
                self.execute(also(row.time(1)?)).await?;
            }
            return Ok(0);
        };
        let mut ops = also(until);
        ops.push(without_payload(
            SCAVENGED,
            "retention = $2 AND retention > 0 AND position > $3 AND position <= $4",
            args![class, after, last],
        ));
        // Of two processes that do the same, none does harm.
        ops.push(Op::new(
            "INSERT INTO expired (retention, position) VALUES ($1, $2)
             ON CONFLICT (retention) DO UPDATE SET position = excluded.position WHERE expired.position < excluded.position",
            args![class, last],
        ));
        self.execute(ops).await?;
        Ok(events)
    }
}

/// How many of these events go now, and position and moment of the last of them. Rows go by their moments: events of one moment
/// go together.
fn step(next: &[Row], up_to: i64) -> Result<(u64, Option<At>), StoreError> {
    let events: Vec<At> = next
        .iter()
        .map(|row| Ok((row.int(0)?, row.time(1)?)))
        .collect::<Result<_, StoreError>>()?;
    let reached = events.iter().take_while(|(position, _)| *position <= up_to).count();
    let most = reached.min(AT_ONCE);
    let left = events.get(most).map(|(_, at)| *at);
    let whole = events.iter().take(most).filter(|(_, at)| Some(*at) != left).count();
    // So many of one moment go piece by piece.
    let count = if whole == 0 && most == AT_ONCE { most } else { whole };
    Ok((count as u64, count.checked_sub(1).and_then(|last| events.get(last).copied())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Value;

    fn rows(moments: impl IntoIterator<Item = i64>) -> Vec<Row> {
        let row = |(position, moment): (i64, i64)| {
            let moment = DateTime::from_timestamp(moment, 0).unwrap();
            Row(vec![Value::Int(position), Value::Time(moment)])
        };
        (1..).zip(moments).map(row).collect()
    }

    fn taken(moments: impl IntoIterator<Item = i64>, up_to: i64) -> (u64, Option<i64>) {
        let (events, last) = step(&rows(moments), up_to).unwrap();
        (events, last.map(|(position, _)| position))
    }

    #[test]
    fn events_of_one_moment_go_together() {
        assert_eq!(taken([], 9), (0, None));
        assert_eq!(taken([1, 2, 3], 0), (0, None));
        assert_eq!(taken([1, 2, 3], 2), (2, Some(2)));
        assert_eq!(taken([1, 2, 2], 2), (1, Some(1)));
        assert_eq!(taken([2, 2, 2], 2), (0, None));
        assert_eq!(taken([1, 2, 2], 3), (3, Some(3)));
        assert_eq!(taken(1..=1001, 2000), (1000, Some(1000)));
        assert_eq!(taken((1..=999).chain([1000, 1000]), 2000), (999, Some(999)));
        assert_eq!(taken([7; 1001], 2000), (1000, Some(1000)), "it must not stand still");
    }
}
