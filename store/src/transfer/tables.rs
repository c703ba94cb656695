//! Which tables travel. Every table of the database is in one of the two lists, or a projection's; the program's test says so.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::DateTime;
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::line::{RowLine, shown};
use crate::{Arg, Op, Query, Row, Sql, StoreError, Value};

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Int,
    Text,
    /// Text that PostgreSQL checks.
    Json,
    Bytes,
    Uuid,
    Time,
}

use Kind::{Bytes, Int, Json as Document, Text, Time, Uuid as Id};

/// A table that no event tells: its rows travel as they are.
#[derive(Debug)]
pub struct StateTable {
    /// Its name.
    pub name: &'static str,
    /// How many of the columns are its key; they come first.
    key: usize,
    columns: &'static [(&'static str, Kind)],
    /// Only these rows.
    only: &'static str,
}

/// Tables that follow from the events, are a cache, or travel in a way of their own; beside those of projections.
pub const DERIVED: &[&str] = &[
    // Lines of their own.
    "events",
    "keyring",
    "blobs",
    // From the events.
    "store_head",
    "event_types",
    "claims",
    "claim_counts",
    "expired",
    // A cache of long streams.
    "aggregate_snapshots",
    // Made by each database for itself.
    "schema_migrations",
];

/// Tables whose rows travel.
pub const STATE: &[StateTable] = &[
    // Without them nothing sealed can be read: first.
    StateTable {
        name: "subject_keys",
        key: 1,
        columns: &[
            ("subject_id", Id),
            ("kind", Text),
            ("wrapped_key", Bytes),
            ("created_at", Time),
            ("destroyed_at", Time),
        ],
        only: "",
    },
    // A repeated request has to be known on the other side too.
    StateTable {
        name: "command_log",
        key: 2,
        columns: &[
            ("actor", Text),
            ("key", Text),
            ("fingerprint", Bytes),
            ("first_position", Int),
            ("last_position", Int),
            ("response", Document),
            ("recorded_at", Time),
        ],
        only: "",
    },
    StateTable {
        name: "idempotent_requests",
        key: 1,
        columns: &[
            ("id", Text),
            ("actor", Text),
            ("request", Text),
            ("head", Int),
            ("correlation_id", Id),
            ("answer", Text),
            ("started_at", Time),
        ],
        only: "",
    },
    // Reactors only (see `Export`): what they have ordered is in `jobs`, and must not be ordered again nor left out.
    StateTable {
        name: "projection_checkpoints",
        key: 2,
        columns: &[
            ("name", Text),
            ("generation", Int),
            ("position", Int),
            ("state", Text),
            ("error", Text),
            ("error_position", Int),
            ("updated_at", Time),
        ],
        only: "state <> 'rebuilding'",
    },
    StateTable {
        name: "jobs",
        key: 1,
        columns: &[
            ("id", Id),
            ("kind", Text),
            ("key", Text),
            ("organization_id", Id),
            ("payload", Document),
            ("state", Text),
            ("done_count", Int),
            ("total_count", Int),
            ("cursor", Text),
            ("attempts", Int),
            ("run_after", Time),
            ("error", Text),
            ("created_at", Time),
            ("updated_at", Time),
        ],
        only: "",
    },
    StateTable {
        name: "renderings",
        key: 1,
        columns: &[("device_id", Id), ("position", Int), ("sha256", Text), ("renderer", Int)],
        only: "",
    },
    StateTable {
        name: "presence",
        key: 1,
        columns: &[
            ("device_id", Id),
            ("last_ip", Text),
            ("management_ip", Text),
            ("last_contact", Time),
            ("last_checksum", Time),
            ("last_download", Time),
            ("downloaded_md5", Text),
            ("last_report", Time),
            ("wrong_keys", Int),
            ("updated_at", Time),
        ],
        only: "",
    },
    // What left the log for archives must be known to be in them.
    StateTable { name: "archiving", key: 1, columns: &[("id", Int), ("position", Int)], only: "" },
    StateTable {
        name: "token_uses",
        key: 1,
        columns: &[("token_id", Id), ("used_at", Time)],
        only: "",
    },
    // What was delivered is not delivered again, and what waits is not forgotten.
    StateTable {
        name: "webhook_queues",
        key: 1,
        columns: &[("webhook_id", Id), ("position", Int)],
        only: "",
    },
    StateTable {
        name: "webhook_deliveries",
        key: 1,
        columns: &[
            ("id", Id),
            ("webhook_id", Id),
            ("organization_id", Id),
            ("kind", Text),
            ("state", Text),
            ("position", Int),
            ("event_type", Text),
            ("lane", Text),
            ("attempts", Int),
            ("next_at", Time),
            ("failing_since", Time),
            ("attempted_at", Time),
            ("status", Int),
            ("error", Text),
            ("created_at", Time),
        ],
        only: "",
    },
    // Nor is what was written elsewhere.
    StateTable {
        name: "relays",
        key: 1,
        columns: &[
            ("name", Text),
            ("target", Text),
            ("begins", Int),
            ("position", Int),
            ("mark", Int),
            ("state", Text),
            ("error", Text),
            ("since", Time),
        ],
        only: "",
    },
    StateTable {
        name: "refusals",
        key: 5,
        columns: &[
            ("kind", Text),
            ("reason", Text),
            ("organization_id", Id),
            ("subject", Text),
            ("address", Text),
            ("count", Int),
            ("first_at", Time),
            ("last_at", Time),
        ],
        only: "",
    },
];

impl StateTable {
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        STATE.iter().find(|table| table.name == name)
    }

    /// The columns.
    #[cfg(test)]
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.columns.iter().map(|(name, _)| *name)
    }

    /// The next rows after one, in the order of the key.
    pub(super) fn page(&self, after: Option<&Row>, limit: u32) -> Query {
        let columns = names(self.columns.iter());
        let (mut conditions, mut args) = (Vec::new(), Vec::new());
        if let Some(row) = after {
            let key = &self.columns[..self.key];
            args = key.iter().zip(&row.0).map(|((_, kind), value)| arg_of(*kind, value)).collect();
            let places = places(1, self.key);
            conditions.push(format!("({}) > ({places})", names(key.iter())));
        }
        if !self.only.is_empty() {
            conditions.push(self.only.to_owned());
        }
        let condition = if conditions.is_empty() {
            String::new()
        } else {
            format!(" WHERE {}", conditions.join(" AND "))
        };
        let order = names(self.columns[..self.key].iter());
        let text = format!(
            "SELECT {columns} FROM {}{condition} ORDER BY {order} LIMIT {limit}",
            self.name
        );
        Query::new(text, args)
    }

    pub(super) fn line(&self, row: &Row) -> Result<RowLine, StoreError> {
        let mut columns = Map::with_capacity(self.columns.len());
        for (index, (name, kind)) in self.columns.iter().enumerate() {
            let value = json_of(*kind, row, index)?;
            if !value.is_null() {
                columns.insert((*name).to_owned(), value);
            }
        }
        Ok(RowLine { table: self.name.to_owned(), columns })
    }

    /// The arguments of a row in the order of the columns; what is not said is NULL. None when it is no row of this table.
    pub(super) fn args(&self, mut line: RowLine) -> Option<Vec<Arg>> {
        let mut args = Vec::with_capacity(self.columns.len());
        for (name, kind) in self.columns {
            args.push(arg_from(*kind, line.columns.remove(*name))?);
        }
        // What is left was written by a program that has more columns.
        line.columns.is_empty().then_some(args)
    }

    /// Inserts so many rows.
    pub(super) fn insert(&self, rows: usize, args: Vec<Arg>) -> Op {
        let text = |json: &dyn Fn(String) -> String| {
            let row = |row: usize| {
                let column = |(index, (_, kind)): (usize, &(&str, Kind))| {
                    let place = format!("${}", row * self.columns.len() + index + 1);
                    if *kind == Document { json(place) } else { place }
                };
                let places: Vec<_> = self.columns.iter().enumerate().map(column).collect();
                format!("({})", places.join(", "))
            };
            let rows: Vec<_> = (0..rows).map(row).collect();
            let columns = names(self.columns.iter());
            format!("INSERT INTO {} ({columns}) VALUES {}", self.name, rows.join(", "))
        };
        let sql = Sql::Each {
            sqlite: text(&|place| place).into(),
            postgres: text(&|place| format!("CAST({place} AS json)")).into(),
        };
        Op { sql, args }
    }

    /// Rows that one statement takes.
    pub(super) fn most_rows(&self) -> usize {
        // A few statements only, of few arguments.
        300 / self.columns.len()
    }
}

fn names<'a>(columns: impl Iterator<Item = &'a (&'static str, Kind)>) -> String {
    columns.map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

fn places(first: usize, count: usize) -> String {
    (first..first + count).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ")
}

fn arg_of(kind: Kind, value: &Value) -> Arg {
    let row = Row(vec![value.clone()]);
    match kind {
        Int => row.int(0).ok().into(),
        Text | Document => row.text(0).ok().into(),
        Bytes => row.bytes(0).ok().into(),
        Id => row.uuid(0).ok().into(),
        Time => row.time(0).ok().into(),
    }
}

fn json_of(kind: Kind, row: &Row, index: usize) -> Result<Json, StoreError> {
    Ok(match kind {
        Int => row.int_or_null(index)?.into(),
        Text | Document => row.text_or_null(index)?.into(),
        Bytes => row.bytes_or_null(index)?.map(|bytes| STANDARD.encode(bytes)).into(),
        Id => row.uuid_or_null(index)?.map(|id| id.to_string()).into(),
        Time => row.time_or_null(index)?.map(shown).into(),
    })
}

fn arg_from(kind: Kind, value: Option<Json>) -> Option<Arg> {
    let value = value.filter(|value| !value.is_null());
    let value = value.as_ref();
    match kind {
        Int => arg(value, Json::as_i64),
        Text | Document => arg(value, |value| value.as_str().map(str::to_owned)),
        Bytes => arg(value, |value| STANDARD.decode(value.as_str()?).ok()),
        Id => arg(value, |value| Uuid::parse_str(value.as_str()?).ok()),
        Time => {
            arg(value, |value| Some(DateTime::parse_from_rfc3339(value.as_str()?).ok()?.to_utc()))
        }
    }
}

/// None for a value of another kind; no value at all is NULL.
fn arg<T>(value: Option<&Json>, read: impl Fn(&Json) -> Option<T>) -> Option<Arg>
where
    Arg: From<Option<T>>,
{
    let Some(value) = value else { return Some(Arg::from(None)) };
    read(value).map(|value| Arg::from(Some(value)))
}
