//! Which events a reader wants.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{Arg, Query, Recorded, Retention, Row, StoreError, Value, event::Decoded};

/// Which events a reader wants; by default all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Only streams of this kind.
    pub aggregate_type: Option<String>,
    /// Only the streams with this id.
    pub aggregate_id: Option<String>,
    /// Only events of these types; empty is all.
    pub event_types: Vec<String>,
    /// Only events of these organizations; an empty list is no event at all.
    pub organizations: Option<Vec<Uuid>>,
    /// Only events of this actor.
    pub actor: Option<String>,
    /// Recorded at or after.
    pub since: Option<DateTime<Utc>>,
    /// Recorded at or before.
    pub until: Option<DateTime<Utc>>,
    /// Last position looked at.
    pub up_to: Option<i64>,
}

/// The columns of [`recorded`], in its order.
pub(crate) const COLUMNS: &str = "position, event_id, aggregate_type, aggregate_id, sequence, event_type, event_version, organization_id, actor, correlation_id, causation, recorded_at, retention, payload, metadata, payload_hash, hash";

impl EventFilter {
    /// The events after a position, in order. `since` and `until` are not in it: the store turns them into positions.
    pub(crate) fn query(&self, after: i64, limit: u32) -> Query {
        let mut conditions = vec!["position > $1".to_owned()];
        let mut args = vec![Arg::from(after)];
        let single = [
            ("position <=", self.up_to.map(Arg::from)),
            ("aggregate_type =", self.aggregate_type.as_ref().map(Arg::from)),
            ("aggregate_id =", self.aggregate_id.as_ref().map(Arg::from)),
            ("actor =", self.actor.as_ref().map(Arg::from)),
        ];
        for (condition, arg) in single {
            if let Some(arg) = arg {
                args.push(arg);
                conditions.push(format!("{condition} ${}", args.len()));
            }
        }
        if !self.event_types.is_empty() {
            let types = self.event_types.iter().map(Arg::from);
            conditions.push(one_of("event_type", types, &mut args));
        }
        if let Some(organizations) = &self.organizations {
            let ids = organizations.iter().copied().map(Arg::from);
            conditions.push(one_of("organization_id", ids, &mut args));
        }
        args.push(i64::from(limit).into());
        let text = format!(
            "SELECT {COLUMNS} FROM events WHERE {} ORDER BY position LIMIT ${}",
            conditions.join(" AND "),
            args.len()
        );
        Query::new(text, args)
    }
}

pub(crate) fn one_of(
    column: &str,
    values: impl Iterator<Item = Arg>,
    args: &mut Vec<Arg>,
) -> String {
    let first = args.len() + 1;
    args.extend(values);
    if args.len() < first {
        return "1 = 0".to_owned();
    }
    let places = (first..=args.len()).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ");
    format!("{column} IN ({places})")
}

/// The rest of a stream, in order.
pub(crate) fn stream_query(kind: &str, id: &str, after_sequence: i64, limit: u32) -> Query {
    Query::new(
        format!(
            "SELECT {COLUMNS} FROM events WHERE aggregate_type = $1 AND aggregate_id = $2 AND sequence > $3 ORDER BY sequence LIMIT $4"
        ),
        crate::args![kind, id, after_sequence, i64::from(limit)],
    )
}

/// An event from a row of [`COLUMNS`].
pub(crate) fn recorded(mut row: Row) -> Result<Recorded, StoreError> {
    let event_id = row.uuid(1)?;
    let organization_id = row.uuid_or_null(7)?;
    let correlation_id = row.uuid_or_null(9)?;
    let recorded_at = row.time(11)?;
    let retention = i16::try_from(row.int(12)?).map_err(|_| StoreError::column(12, "retention"))?;
    Ok(Recorded {
        position: row.int(0)?,
        event_id,
        aggregate_type: text(&mut row, 2)?,
        aggregate_id: text(&mut row, 3)?,
        sequence: row.int(4)?,
        event_type: text(&mut row, 5)?,
        event_version: text(&mut row, 6)?,
        organization_id,
        actor: text_or_null(&mut row, 8)?,
        correlation_id,
        causation: text_or_null(&mut row, 10)?,
        recorded_at,
        retention: Retention(retention),
        payload: text(&mut row, 13)?,
        metadata: text(&mut row, 14)?,
        payload_hash: bytes_or_null(&mut row, 15)?,
        hash: bytes_or_null(&mut row, 16)?,
        decoded: Decoded::default(),
    })
}

/// Takes the text out of the row: payloads are large.
fn text(row: &mut Row, column: usize) -> Result<String, StoreError> {
    text_or_null(row, column)?.ok_or_else(|| StoreError::column(column, "text"))
}

fn text_or_null(row: &mut Row, column: usize) -> Result<Option<String>, StoreError> {
    match row.0.get_mut(column).map(std::mem::take) {
        Some(Value::Text(text)) => Ok(Some(text)),
        Some(Value::Null) => Ok(None),
        _ => Err(StoreError::column(column, "text")),
    }
}

fn bytes_or_null(row: &mut Row, column: usize) -> Result<Option<Vec<u8>>, StoreError> {
    match row.0.get_mut(column).map(std::mem::take) {
        Some(Value::Bytes(bytes)) => Ok(Some(bytes)),
        Some(Value::Null) => Ok(None),
        _ => Err(StoreError::column(column, "bytes")),
    }
}
