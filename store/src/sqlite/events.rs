//! Events out of rows without a detour: replays read them by the million.

use chrono::DateTime;
use rusqlite::{Connection, Row, params_from_iter, types::ValueRef};
use uuid::Uuid;

use super::statement::{text, trouble};
use crate::{Query, Recorded, Retention, StoreError, event::Decoded};

/// All events of a statement that reads the columns of events (`filter::COLUMNS`), in their order.
pub(super) fn fetch(connection: &Connection, query: &Query) -> Result<Vec<Recorded>, StoreError> {
    let failed = || trouble("read");
    let mut statement = connection.prepare_cached(&text(&query.sql)).map_err(failed())?;
    let mut rows = statement.query(params_from_iter(&query.args)).map_err(failed())?;
    let mut events = Vec::new();
    while let Some(row) = rows.next().map_err(failed())? {
        events.push(recorded(row)?);
    }
    Ok(events)
}

fn recorded(row: &Row<'_>) -> Result<Recorded, StoreError> {
    let time = DateTime::from_timestamp_micros(int(row, 11)?);
    let retention = i16::try_from(int(row, 12)?).ok();
    Ok(Recorded {
        position: int(row, 0)?,
        event_id: present(uuid(row, 1)?, 1)?,
        aggregate_type: present(string(row, 2)?, 2)?,
        aggregate_id: present(string(row, 3)?, 3)?,
        sequence: int(row, 4)?,
        event_type: present(string(row, 5)?, 5)?,
        event_version: present(string(row, 6)?, 6)?,
        organization_id: uuid(row, 7)?,
        actor: string(row, 8)?,
        correlation_id: uuid(row, 9)?,
        causation: string(row, 10)?,
        recorded_at: time.ok_or_else(|| StoreError::column(11, "time"))?,
        retention: Retention(retention.ok_or_else(|| StoreError::column(12, "retention"))?),
        payload: present(string(row, 13)?, 13)?,
        metadata: present(string(row, 14)?, 14)?,
        payload_hash: bytes(row, 15)?,
        hash: bytes(row, 16)?,
        decoded: Decoded::default(),
    })
}

fn int(row: &Row<'_>, column: usize) -> Result<i64, StoreError> {
    match row.get_ref(column) {
        Ok(ValueRef::Integer(value)) => Ok(value),
        _ => Err(StoreError::column(column, "int")),
    }
}

fn uuid(row: &Row<'_>, column: usize) -> Result<Option<Uuid>, StoreError> {
    match row.get_ref(column) {
        Ok(ValueRef::Null) => Some(None),
        Ok(ValueRef::Text(text)) => Uuid::try_parse_ascii(text).ok().map(Some),
        _ => None,
    }
    .ok_or_else(|| StoreError::column(column, "uuid"))
}

fn string(row: &Row<'_>, column: usize) -> Result<Option<String>, StoreError> {
    match row.get_ref(column) {
        Ok(ValueRef::Null) => Ok(None),
        Ok(ValueRef::Text(text)) => Ok(Some(String::from_utf8_lossy(text).into_owned())),
        _ => Err(StoreError::column(column, "text")),
    }
}

fn bytes(row: &Row<'_>, column: usize) -> Result<Option<Vec<u8>>, StoreError> {
    match row.get_ref(column) {
        Ok(ValueRef::Null) => Ok(None),
        Ok(ValueRef::Blob(bytes)) => Ok(Some(bytes.to_vec())),
        _ => Err(StoreError::column(column, "bytes")),
    }
}

fn present<T>(value: Option<T>, column: usize) -> Result<T, StoreError> {
    value.ok_or_else(|| StoreError::column(column, "value"))
}
