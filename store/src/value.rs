//! Arguments and rows, the same for both databases.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::StoreError;

/// One statement's argument. A missing value keeps its type, because PostgreSQL wants to know it.
#[derive(Clone, Debug, PartialEq)]
pub enum Arg {
    /// `BIGINT` / `INTEGER`.
    Int(Option<i64>),
    /// `DOUBLE PRECISION` / `REAL`.
    Real(Option<f64>),
    /// `TEXT`; also every document.
    Text(Option<String>),
    /// `BYTEA` / `BLOB`.
    Bytes(Option<Vec<u8>>),
    /// `BOOLEAN` / `INTEGER` 0 or 1.
    Bool(Option<bool>),
    /// `UUID` / 36 characters of lower-case `TEXT`.
    Uuid(Option<Uuid>),
    /// `TIMESTAMPTZ` / `INTEGER` microseconds since 1970, UTC.
    Time(Option<DateTime<Utc>>),
}

macro_rules! arg_from {
    ($($from:ty => $variant:ident),+ $(,)?) => {$(
        impl From<$from> for Arg {
            fn from(value: $from) -> Self {
                Self::$variant(Some(value.into()))
            }
        }

        impl From<Option<$from>> for Arg {
            fn from(value: Option<$from>) -> Self {
                Self::$variant(value.map(Into::into))
            }
        }
    )+};
}

arg_from! {
    i64 => Int, i32 => Int, u32 => Int, f64 => Real, String => Text, &str => Text, &String => Text,
    Vec<u8> => Bytes, &[u8] => Bytes, bool => Bool, Uuid => Uuid, DateTime<Utc> => Time,
}

/// `args![a, b]` is `vec![Arg::from(a), Arg::from(b)]`.
#[macro_export]
macro_rules! args {
    ($($value:expr),* $(,)?) => { ::std::vec![$($crate::Arg::from($value)),*] };
}

/// One column of a row as the database gave it.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// SQL NULL.
    #[default]
    Null,
    /// Any integer type; booleans and times of SQLite.
    Int(i64),
    /// Any floating type.
    Real(f64),
    /// Any text type; UUIDs of SQLite; JSON.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// PostgreSQL only.
    Bool(bool),
    /// PostgreSQL only.
    Uuid(Uuid),
    /// PostgreSQL only.
    Time(DateTime<Utc>),
}

/// A row, its columns in the order of the statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Row(pub Vec<Value>);

macro_rules! getters {
    ($($(#[$doc:meta])* $name:ident, $optional:ident -> $type:ty { $($pattern:pat => $value:expr),+ $(,)? })+) => {$(
        $(#[$doc])*
        pub fn $name(&self, column: usize) -> Result<$type, StoreError> {
            self.$optional(column)?.ok_or_else(|| StoreError::column(column, stringify!($name)))
        }

        /// The same where NULL is allowed.
        pub fn $optional(&self, column: usize) -> Result<Option<$type>, StoreError> {
            match self.0.get(column) {
                Some(Value::Null) => Ok(None),
                $(Some($pattern) => $value.map(Some).ok_or_else(|| StoreError::column(column, stringify!($name))),)+
                _ => Err(StoreError::column(column, stringify!($name))),
            }
        }
    )+};
}

impl Row {
    getters! {
        /// A whole number.
        int, int_or_null -> i64 { Value::Int(value) => Some(*value) }
        /// A floating number.
        real, real_or_null -> f64 { Value::Real(value) => Some(*value) }
        /// Text.
        text, text_or_null -> String { Value::Text(value) => Some(value.clone()) }
        /// Bytes.
        bytes, bytes_or_null -> Vec<u8> { Value::Bytes(value) => Some(value.clone()) }
        /// A truth value.
        bool, bool_or_null -> bool {
            Value::Bool(value) => Some(*value),
            Value::Int(value) => Some(*value != 0),
        }
        /// A UUID.
        uuid, uuid_or_null -> Uuid {
            Value::Uuid(value) => Some(*value),
            Value::Text(value) => Uuid::parse_str(value).ok(),
        }
        /// A moment, UTC.
        time, time_or_null -> DateTime<Utc> {
            Value::Time(value) => Some(*value),
            Value::Int(value) => DateTime::from_timestamp_micros(*value),
        }
    }
}
