//! What streams were up to a position, and what happened to them last.

use std::collections::HashMap;

use uuid::Uuid;

use crate::{
    Arg, Query, Recorded, Store, StoreError, args,
    filter::{COLUMNS, one_of, recorded},
};

/// The most events that one page of one stream has.
const MOST_EVENTS: usize = 1000;
/// The fewest, however many streams are read at once.
const FEWEST_EVENTS: usize = 50;

/// Where reading a stream goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamCursor {
    /// Kind of the stream, such as `device`.
    pub aggregate_type: &'static str,
    /// Which stream of that kind.
    pub aggregate_id: String,
    /// Only events after this one of the stream; 0 starts at its beginning.
    pub after_sequence: i64,
    /// Only events of these types; empty is all.
    pub event_types: &'static [&'static str],
}

/// The next events of a stream.
#[derive(Clone, Debug)]
pub struct StreamPage {
    /// In order.
    pub events: Vec<Recorded>,
    /// There may be more: go on after the last one.
    pub more: bool,
}

/// An event that others follow from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Where in the log.
    pub position: i64,
    /// Unique for ever.
    pub event_id: Uuid,
    /// The request that it came from.
    pub correlation_id: Option<Uuid>,
}

/// A part of a stream, looked at from its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamTail {
    /// Kind of the stream, such as `device`.
    pub aggregate_type: &'static str,
    /// Which stream of that kind.
    pub aggregate_id: String,
    /// Only events after this position.
    pub after: i64,
    /// Only events before this position.
    pub before: i64,
    /// Only events of these organizations; an empty list is no event at all.
    pub organizations: Option<Vec<Uuid>>,
    /// And those that belong to all, where not all are wanted anyway.
    pub shared: bool,
}

impl Store {
    /// The next events of some streams up to a position, one page for each, all read from one state.
    pub async fn stream_pages(
        &self,
        streams: &[StreamCursor],
        up_to: i64,
    ) -> Result<Vec<StreamPage>, StoreError> {
        let most = (MOST_EVENTS / streams.len().max(1)).max(FEWEST_EVENTS);
        let queries = streams.iter().map(|cursor| cursor.query(up_to, most)).collect();
        let pages = self.snapshot(queries).await?.results.into_iter().map(|rows| {
            let more = rows.len() == most;
            let events = rows.into_iter().map(recorded).collect::<Result<_, _>>()?;
            Ok(StreamPage { events, more })
        });
        pages.collect()
    }

    /// The last events of some streams together, the newest first, at most `limit` and never more than 1000.
    pub async fn newest_of(
        &self,
        streams: &[StreamTail],
        limit: usize,
    ) -> Result<Vec<Recorded>, StoreError> {
        let limit = limit.min(MOST_EVENTS);
        let queries = streams.iter().map(|tail| tail.query(limit)).collect();
        let rows = self.snapshot(queries).await?.results.into_iter().flatten();
        let mut events = rows.map(recorded).collect::<Result<Vec<_>, _>>()?;
        events.sort_by_key(|event| std::cmp::Reverse(event.position));
        events.truncate(limit);
        Ok(events)
    }
}

impl Store {
    /// The events at these positions, in the order of the log; at most 1000, and those that there are not are left out.
    pub async fn events_at(&self, positions: &[i64]) -> Result<Vec<Recorded>, StoreError> {
        if positions.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.fetch(at_positions(COLUMNS, positions)).await?;
        rows.into_iter().map(recorded).collect()
    }

    /// Which events are at these positions, without what they say; at most 1000.
    pub async fn identities_at(
        &self,
        positions: &[i64],
    ) -> Result<HashMap<i64, Identity>, StoreError> {
        if positions.is_empty() {
            return Ok(HashMap::new());
        }
        let rows =
            self.fetch(at_positions("position, event_id, correlation_id", positions)).await?;
        rows.iter()
            .map(|row| {
                let (position, event_id) = (row.int(0)?, row.uuid(1)?);
                Ok((
                    position,
                    Identity { position, event_id, correlation_id: row.uuid_or_null(2)? },
                ))
            })
            .collect()
    }
}

fn at_positions(columns: &str, positions: &[i64]) -> Query {
    let mut args = Vec::new();
    let these = positions.iter().take(MOST_EVENTS).copied().map(Arg::from);
    let these = one_of("position", these, &mut args);
    Query::new(format!("SELECT {columns} FROM events WHERE {these} ORDER BY position"), args)
}

impl StreamCursor {
    /// Ordered by the stream's own numbers: they have an index, and positions rise with them.
    fn query(&self, up_to: i64, limit: usize) -> Query {
        let mut args =
            args![self.aggregate_type, self.aggregate_id.as_str(), self.after_sequence, up_to];
        let types = if self.event_types.is_empty() {
            String::new()
        } else {
            let types = self.event_types.iter().map(|name| Arg::from(*name));
            format!(" AND {}", one_of("event_type", types, &mut args))
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM events WHERE aggregate_type = $1 AND aggregate_id = $2 AND sequence > $3 AND position <= $4{types} ORDER BY sequence LIMIT {limit}"
        );
        Query::new(sql, args)
    }
}

impl StreamTail {
    fn query(&self, limit: usize) -> Query {
        let mut args =
            args![self.aggregate_type, self.aggregate_id.as_str(), self.after, self.before];
        let theirs = self.organizations.as_ref().map_or_else(String::new, |organizations| {
            let ids = organizations.iter().copied().map(Arg::from);
            let theirs = one_of("organization_id", ids, &mut args);
            let shared = if self.shared { " OR organization_id IS NULL" } else { "" };
            format!(" AND ({theirs}{shared})")
        });
        let sql = format!(
            "SELECT {COLUMNS} FROM events WHERE aggregate_type = $1 AND aggregate_id = $2 AND position > $3 AND position < $4{theirs} ORDER BY sequence DESC LIMIT {limit}"
        );
        Query::new(sql, args)
    }
}
