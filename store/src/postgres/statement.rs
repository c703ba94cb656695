//! Statements and rows as PostgreSQL has them.

use chrono::{DateTime, Utc};
use sqlx::{
    Column, Executor, PgConnection, Postgres, Row as _, TypeInfo, ValueRef,
    postgres::{PgArguments, PgRow, PgValueRef},
    query::Query as SqlxQuery,
};
use uuid::Uuid;

use crate::{Arg, Failure, Op, Query, Row, Sql, StoreError, Value, error::Trouble};

/// For `map_err`: names what was being done, without values.
pub(crate) fn trouble(operation: &'static str) -> impl Fn(sqlx::Error) -> Trouble {
    move |error| {
        let (code, message, passing) = match &error {
            sqlx::Error::Database(error) => {
                let code = error.code().unwrap_or_default().into_owned();
                let passing = passes(&code);
                // Data exceptions quote the data.
                let message = if code.starts_with("22") { "wrong data" } else { error.message() };
                (code, message.to_owned(), passing)
            }
            sqlx::Error::Io(error) => ("io".to_owned(), error.kind().to_string(), true),
            sqlx::Error::Tls(_) => ("tls".to_owned(), "no secure connection".to_owned(), true),
            sqlx::Error::Protocol(_) => ("protocol".to_owned(), "a torn answer".to_owned(), true),
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
                ("pool".to_owned(), error.to_string(), true)
            }
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => {
                ("decode".to_owned(), "a column of an unexpected type".to_owned(), false)
            }
            _ => ("sqlx".to_owned(), "a statement that cannot be sent".to_owned(), false),
        };
        Trouble { operation, failure: Failure { code, message }, passing }
    }
}

/// Connections, full disks, locks and serialisation failures go away by themselves or by an operator.
fn passes(code: &str) -> bool {
    let class = &code.get(..2).unwrap_or_default();
    matches!(*class, "08" | "53" | "58")
        || matches!(
            code,
            "57P01"
                | "57P02"
                | "57P03"
                | "57P05"
                | "57014"
                | "55P03"
                | "25006"
                | "25P03"
                | "40001"
                | "40P01"
        )
}

/// Did the server hang up?
pub(super) fn hung_up(failure: &Failure) -> bool {
    let code = failure.code.as_str();
    matches!(code, "io" | "protocol" | "tls") || code.starts_with("57P") || code.starts_with("08")
}

/// All rows of a statement, reading or writing.
pub(crate) async fn fetch(
    connection: &mut PgConnection,
    query: &Query,
) -> Result<Vec<Row>, StoreError> {
    let rows =
        connection.fetch_all(bind(text(&query.sql), &query.args)).await.map_err(trouble("read"))?;
    rows.iter().map(row).collect()
}

/// Affected rows of a writing statement.
pub(crate) async fn execute(connection: &mut PgConnection, op: &Op) -> Result<u64, Trouble> {
    let done = connection.execute(bind(text(&op.sql), &op.args)).await;
    Ok(done.map_err(trouble("write"))?.rows_affected())
}

pub(super) fn text(sql: &Sql) -> &str {
    match sql {
        Sql::Both(text) | Sql::Each { postgres: text, .. } => text,
    }
}

fn bind<'q>(text: &'q str, args: &'q [Arg]) -> SqlxQuery<'q, Postgres, PgArguments> {
    args.iter().fold(sqlx::query(text), |query, arg| match arg {
        Arg::Int(value) => query.bind(value),
        Arg::Real(value) => query.bind(value),
        Arg::Text(value) => query.bind(value),
        Arg::Bytes(value) => query.bind(value),
        Arg::Bool(value) => query.bind(value),
        Arg::Uuid(value) => query.bind(value),
        Arg::Time(value) => query.bind(value.map(within)),
    })
}

/// A moment as PostgreSQL has them: from 4713 BC to 294276 AD. What is beyond compares with all others alike.
fn within(moment: DateTime<Utc>) -> DateTime<Utc> {
    const FIRST: i64 = -210_866_803_200;
    const LAST: i64 = 9_224_318_015_999;
    let seconds = moment.timestamp();
    let bound = seconds.clamp(FIRST, LAST);
    if bound == seconds { moment } else { DateTime::from_timestamp(bound, 0).unwrap_or(moment) }
}

/// A row as both databases give it.
pub(super) fn row(row: &PgRow) -> Result<Row, StoreError> {
    let values = row.columns().iter().map(|column| {
        let index = column.ordinal();
        value(row, index).map_err(|_| StoreError::column(index, "known type"))
    });
    values.collect::<Result<_, _>>().map(Row)
}

type Decoded = Result<Value, Box<dyn std::error::Error + Send + Sync>>;

fn value(row: &PgRow, index: usize) -> Decoded {
    let raw = row.try_get_raw(index)?;
    if raw.is_null() {
        return Ok(Value::Null);
    }
    let kind = raw.type_info().name().to_owned();
    Ok(match kind.as_str() {
        "INT2" => Value::Int(row.try_get::<i16, _>(index)?.into()),
        "INT4" => Value::Int(row.try_get::<i32, _>(index)?.into()),
        "INT8" => Value::Int(row.try_get(index)?),
        "FLOAT4" => Value::Real(row.try_get::<f32, _>(index)?.into()),
        "FLOAT8" => Value::Real(row.try_get(index)?),
        "NUMERIC" => numeric(raw.as_bytes()?)?,
        "BOOL" => Value::Bool(row.try_get(index)?),
        "UUID" => Value::Uuid(row.try_get::<Uuid, _>(index)?),
        "TIMESTAMPTZ" => Value::Time(row.try_get::<DateTime<Utc>, _>(index)?),
        "BYTEA" => Value::Bytes(row.try_get(index)?),
        "VOID" => Value::Null,
        // The text itself: the order of keys and the spelling of numbers count.
        "JSON" | "TEXT" | "VARCHAR" | "NAME" | "CHAR" => Value::Text(own_text(&raw)?),
        other => return Err(format!("{other} is not supported").into()),
    })
}

fn own_text(raw: &PgValueRef<'_>) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    Ok(raw.as_str()?.to_owned())
}

/// The binary form of `numeric` (groups of four decimal digits): what `sum` makes of whole numbers.
fn numeric(bytes: &[u8]) -> Decoded {
    let word = |index: usize| {
        let two = bytes.get(2 * index..2 * index + 2).ok_or("a torn number")?;
        Ok::<_, &str>(i16::from_be_bytes([two[0], two[1]]))
    };
    let (count, weight, sign) = (word(0)?, word(1)?, word(2)?.cast_unsigned());
    if !matches!(sign, 0x0000 | 0x4000) {
        return Err("not a number".into());
    }
    let negative = sign == 0x4000;
    let groups = (0..usize::try_from(count)?).map(|index| word(4 + index));
    let groups = groups.collect::<Result<Vec<_>, _>>()?;
    if count <= weight + 1 {
        let whole = (0..=usize::try_from(weight.max(0))?).try_fold(0i128, |sum, index| {
            let group = groups.get(index).copied().unwrap_or(0);
            sum.checked_mul(10_000)?.checked_add(group.into())
        });
        let whole = whole.map(|whole| if negative { -whole } else { whole });
        if let Some(whole) = whole.and_then(|whole| i64::try_from(whole).ok()) {
            return Ok(Value::Int(whole));
        }
    }
    let real = groups.iter().zip(0..).fold(0.0, |sum, (group, index)| {
        sum + f64::from(*group) * 10_000f64.powi(i32::from(weight) - index)
    });
    Ok(Value::Real(if negative { -real } else { real }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(weight: i16, sign: u16, groups: &[i16]) -> Vec<u8> {
        let count = i16::try_from(groups.len()).unwrap();
        let words = [count, weight, sign.cast_signed(), 0];
        words.iter().chain(groups).flat_map(|word| word.to_be_bytes()).collect()
    }

    #[test]
    fn numerics_become_whole_numbers_where_they_are() {
        let value = |weight, sign, groups: &[i16]| numeric(&bytes(weight, sign, groups)).unwrap();
        assert_eq!(value(0, 0, &[]), Value::Int(0));
        assert_eq!(value(1, 0, &[12]), Value::Int(120_000));
        assert_eq!(value(1, 0x4000, &[12, 34]), Value::Int(-120_034));
        assert_eq!(value(0, 0, &[1, 5000]), Value::Real(1.5));
        assert_eq!(value(-1, 0, &[2500]), Value::Real(0.25));
        assert!(numeric(&bytes(0, 0xC000, &[])).is_err());
        assert!(numeric(&[0, 1]).is_err());
    }
}
