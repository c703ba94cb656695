//! Statements and rows as SQLite has them.

use std::borrow::Cow;

use rusqlite::{
    Connection, ErrorCode, Params, ToSql, params_from_iter,
    types::{ToSqlOutput, ValueRef},
};

use crate::{Arg, Failure, Op, Query, Row, Sql, Value, error::Trouble};

/// For `map_err`: names what was being done. The texts of SQLite name tables and constraints, never values.
pub(crate) fn trouble(operation: &'static str) -> impl FnOnce(rusqlite::Error) -> Trouble {
    move |error| {
        let (code, passing) = match error.sqlite_error() {
            Some(error) => (error.extended_code.to_string(), passes(error.code)),
            None => ("rusqlite".to_owned(), false),
        };
        Trouble { operation, failure: Failure::new(code, error.to_string()), passing }
    }
}

/// Full disks and locks go away by themselves or by an operator.
fn passes(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::ReadOnly
            | ErrorCode::CannotOpen
            | ErrorCode::OutOfMemory
            | ErrorCode::OperationInterrupted
    )
}

/// All rows of a statement, reading or writing.
pub(crate) fn fetch(connection: &Connection, query: &Query) -> Result<Vec<Row>, Trouble> {
    rows(connection, &text(&query.sql), params_from_iter(&query.args)).map_err(trouble("read"))
}

/// Affected rows of a writing statement.
pub(crate) fn execute(connection: &Connection, op: &Op) -> Result<u64, Trouble> {
    let run = || {
        let mut statement = connection.prepare_cached(&text(&op.sql))?;
        statement.execute(params_from_iter(&op.args))
    };
    run().map(|count| count as u64).map_err(trouble("write"))
}

/// Rows of a text that has its placeholders as SQLite wants them.
pub(crate) fn rows(
    connection: &Connection,
    text: &str,
    params: impl Params,
) -> rusqlite::Result<Vec<Row>> {
    let mut statement = connection.prepare_cached(text)?;
    let columns = statement.column_count();
    let mut found = statement.query(params)?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        let mut values = Vec::with_capacity(columns);
        for column in 0..columns {
            values.push(value(row.get_ref(column)?));
        }
        rows.push(Row(values));
    }
    Ok(rows)
}

pub(crate) fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(value) => Value::Int(value),
        ValueRef::Real(value) => Value::Real(value),
        ValueRef::Text(value) => Value::Text(String::from_utf8_lossy(value).into_owned()),
        ValueRef::Blob(value) => Value::Bytes(value.to_vec()),
    }
}

impl ToSql for Arg {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Int(Some(value)) => ToSqlOutput::from(*value),
            Self::Real(Some(value)) => ToSqlOutput::from(*value),
            Self::Text(Some(value)) => ToSqlOutput::from(value.as_str()),
            Self::Bytes(Some(value)) => ToSqlOutput::from(value.as_slice()),
            Self::Bool(Some(value)) => ToSqlOutput::from(*value),
            Self::Uuid(Some(value)) => ToSqlOutput::from(value.to_string()),
            Self::Time(Some(value)) => ToSqlOutput::from(value.timestamp_micros()),
            _ => ToSqlOutput::from(rusqlite::types::Null),
        })
    }
}

pub(super) fn text(sql: &Sql) -> Cow<'_, str> {
    match sql {
        Sql::Both(text) | Sql::Each { sqlite: text, .. } => numbered(text),
    }
}

/// `$1` becomes `?1`: SQLite would number `$` names by their first appearance. Quoted texts and comments stay as they are.
fn numbered(text: &str) -> Cow<'_, str> {
    if !text.contains('$') {
        return Cow::Borrowed(text);
    }
    let mut rewritten = String::with_capacity(text.len());
    // The character that ends what is left alone.
    let mut until = None;
    let mut rest = text.chars().peekable();
    while let Some(next) = rest.next() {
        let placeholder =
            until.is_none() && next == '$' && rest.peek().is_some_and(char::is_ascii_digit);
        match until {
            None if matches!(next, '\'' | '"') => until = Some(next),
            None if next == '-' && rest.peek() == Some(&'-') => until = Some('\n'),
            Some(end) if end == next => until = None,
            _ => {}
        }
        rewritten.push(if placeholder { '?' } else { next });
    }
    Cow::Owned(rewritten)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_numbered_outside_of_quotes() {
        assert_eq!(
            numbered("SELECT $2, '$1 it''s', \"$3\", $10, '$' WHERE x = $1"),
            "SELECT ?2, '$1 it''s', \"$3\", ?10, '$' WHERE x = ?1"
        );
        assert_eq!(numbered("SELECT $1 -- it's $2\n - $2"), "SELECT ?1 -- it's $2\n - ?2");
        assert!(matches!(numbered("SELECT 1"), Cow::Borrowed(_)));
    }
}
