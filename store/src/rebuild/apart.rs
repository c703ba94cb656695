//! Events become rows in a SQLite file of this process alone, whichever database the tables are in: statements wait neither for
//! disks nor for other programs there, and of a row that changes a hundred times only the last state is carried over.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::{RebuildError, schema::Table, source::Source};
use crate::{
    Dialect, Op, Row, StoreError, Value,
    migrations::MIGRATIONS,
    sqlite::{
        connection::apart as open,
        statement::{execute, rows, trouble, value},
    },
};

/// Rows that are carried over at a time.
const ROWS: usize = 2000;

/// The statements that an event became.
pub(super) struct Folded {
    pub(super) position: i64,
    pub(super) ops: Vec<Op>,
}

/// Tables of a source, filled up to a position.
pub(super) struct Apart {
    connection: Connection,
    /// None is a file without a name that is gone with this process.
    file: Option<PathBuf>,
    tables: Vec<Columns>,
    position: i64,
}

/// A table and its columns in their order.
#[derive(Clone, Debug)]
pub(super) struct Columns {
    pub(super) table: String,
    pub(super) columns: Vec<String>,
}

/// What a kept file was made of: it is of use for the same tables only.
struct Made {
    name: &'static str,
    statements: String,
}

impl Apart {
    /// Empty tables, or those of an interrupted rebuild when `file` has them. `live` are the tables that are rebuilt.
    /// None: their statements are of PostgreSQL, and no migration makes them on SQLite.
    pub(super) fn open(
        source: &Source,
        live: &[Table],
        dialect: Dialect,
        file: Option<&Path>,
    ) -> Result<Option<Self>, StoreError> {
        let statements = match dialect {
            Dialect::Sqlite => live.iter().flat_map(Table::statements).collect(),
            Dialect::Postgres => match migrated(source.tables())? {
                Some(statements) => statements,
                None => return Ok(None),
            },
        };
        // Another version may make other rows of the same events.
        let version = concat!("-- ", env!("CARGO_PKG_VERSION"), "\n");
        let statements = format!("{version}{}", statements.join(";\n"));
        let made = Made { name: source.name(), statements };
        if let Some(file) = file {
            match Self::resumed(&made, source, file) {
                Ok(Some(resumed)) => return Ok(Some(resumed)),
                // Of other tables, damaged, or somebody else's at this moment.
                Ok(None) | Err(_) => remove(file),
            }
            match Self::made(&made, source, Some(file)) {
                Ok(apart) => return Ok(Some(apart)),
                Err(error) => {
                    let name = source.name();
                    tracing::warn!(projection = name, %error, "what is rebuilt of {name} is not kept");
                }
            }
        }
        Self::made(&made, source, None).map(Some)
    }

    fn resumed(made: &Made, source: &Source, file: &Path) -> Result<Option<Self>, StoreError> {
        if !file.exists() {
            return Ok(None);
        }
        let connection = open(Some(file))?;
        let text = "SELECT position FROM apart WHERE name = ?1 AND statements = ?2";
        let found = rows(&connection, text, [made.name, made.statements.as_str()])
            .map_err(trouble("read what was rebuilt"))?;
        let Some(position) = found.first().map(|row| row.int(0)).transpose()? else {
            return Ok(None);
        };
        let tables = columns(&connection, source.tables())?;
        begin(&connection)?;
        Ok(Some(Self { connection, file: Some(file.to_owned()), tables, position }))
    }

    fn made(made: &Made, source: &Source, file: Option<&Path>) -> Result<Self, StoreError> {
        let connection = open(file)?;
        let operation = "make tables beside";
        begin(&connection)?;
        connection.execute_batch(&made.statements).map_err(trouble(operation))?;
        let own = "CREATE TABLE apart (name TEXT NOT NULL, statements TEXT NOT NULL, position INTEGER NOT NULL, hash BLOB)";
        connection.execute_batch(own).map_err(trouble(operation))?;
        let row = "INSERT INTO apart (name, statements, position) VALUES (?1, ?2, 0)";
        connection
            .execute(row, [made.name, made.statements.as_str()])
            .map_err(trouble(operation))?;
        let tables = columns(&connection, source.tables())?;
        Ok(Self { connection, file: file.map(Path::to_owned), tables, position: 0 })
    }

    /// Everything up to here is in the tables.
    pub(super) fn position(&self) -> i64 {
        self.position
    }

    /// The hash of the last event that was kept; none when nothing was.
    pub(super) fn hash(&self) -> Result<Option<Vec<u8>>, StoreError> {
        let found = rows(&self.connection, "SELECT hash FROM apart", [])
            .map_err(trouble("read what was rebuilt"))?;
        found.first().map_or(Ok(None), |row| row.bytes_or_null(0))
    }

    /// Applies what events became, and is at `to` then.
    pub(super) fn apply(
        &mut self,
        source: &Source,
        folded: &[Folded],
        to: i64,
    ) -> Result<(), RebuildError> {
        for Folded { position, ops } in folded {
            for op in ops {
                execute(&self.connection, op).map_err(|trouble| {
                    let error = StoreError::from(trouble);
                    match error {
                        StoreError::Unavailable { .. } => error.into(),
                        _ => RebuildError::Event {
                            name: source.name(),
                            position: *position,
                            reason: crate::followers::checkpoint::chain(&error),
                        },
                    }
                })?;
            }
        }
        self.position = to;
        Ok(())
    }

    /// Whether an interrupted rebuild goes on from here.
    pub(super) fn is_kept(&self) -> bool {
        self.file.is_some()
    }

    /// What was applied survives the end of this process. `hash` is that of the event at the position.
    pub(super) fn keep(&self, hash: Option<&[u8]>) -> Result<(), StoreError> {
        let operation = "keep what was rebuilt";
        self.connection
            .execute("UPDATE apart SET position = ?1, hash = ?2", (self.position, hash))
            .map_err(trouble(operation))?;
        self.connection.execute_batch("COMMIT").map_err(trouble(operation))?;
        begin(&self.connection)
    }

    /// The tables in their order.
    pub(super) fn tables(&self) -> &[Columns] {
        &self.tables
    }

    /// Hands over the rows of a table, some at a time, until nobody takes them.
    pub(super) fn rows(
        &self,
        of: &Columns,
        mut take: impl FnMut(Vec<Row>) -> bool,
    ) -> Result<(), StoreError> {
        let operation = || trouble("read rebuilt rows");
        let text = format!("SELECT {} FROM {}", of.columns.join(", "), of.table);
        let mut statement = self.connection.prepare(&text).map_err(operation())?;
        let mut found = statement.query([]).map_err(operation())?;
        let mut page = Vec::with_capacity(ROWS);
        while let Some(row) = found.next().map_err(operation())? {
            let values = (0..of.columns.len()).map(|column| row.get_ref(column).map(value));
            let values = values.collect::<Result<Vec<Value>, _>>().map_err(operation())?;
            page.push(Row(values));
            if page.len() == ROWS && !take(std::mem::replace(&mut page, Vec::with_capacity(ROWS))) {
                return Ok(());
            }
        }
        if !page.is_empty() {
            take(page);
        }
        Ok(())
    }

    /// Forgets everything.
    pub(super) fn close(self) {
        let Self { connection, file, .. } = self;
        drop(connection);
        if let Some(file) = file {
            remove(&file);
        }
    }
}

fn begin(connection: &Connection) -> Result<(), StoreError> {
    Ok(connection.execute_batch("BEGIN").map_err(trouble("begin a transaction"))?)
}

/// A kept file, and what SQLite has beside it.
fn remove(file: &Path) {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let mut name = file.as_os_str().to_owned();
        name.push(suffix);
        if let Err(error) = std::fs::remove_file(&name)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "{} cannot be removed", Path::new(&name).display());
        }
    }
}

/// How SQLite makes these tables; none where a migration for it does not make all of them.
fn migrated(tables: &[&str]) -> Result<Option<Vec<String>>, StoreError> {
    let operation = "make tables beside";
    let connection = Connection::open_in_memory().map_err(trouble(operation))?;
    for migration in MIGRATIONS {
        connection.execute_batch(migration.sqlite).map_err(trouble(operation))?;
    }
    let mut statements = Vec::new();
    for table in tables {
        let text = "SELECT sql FROM sqlite_master WHERE tbl_name = ?1 AND sql IS NOT NULL ORDER BY type DESC, name";
        let found = rows(&connection, text, [table]).map_err(trouble(operation))?;
        if found.is_empty() {
            return Ok(None);
        }
        for row in found {
            statements.push(row.text(0)?);
        }
    }
    Ok(Some(statements))
}

fn columns(connection: &Connection, tables: &[&str]) -> Result<Vec<Columns>, StoreError> {
    tables
        .iter()
        .map(|table| {
            let text = "SELECT name FROM pragma_table_info(?1) ORDER BY cid";
            let found = rows(connection, text, [table]).map_err(trouble("read columns"))?;
            let columns = found.iter().map(|row| row.text(0)).collect::<Result<Vec<_>, _>>()?;
            Ok(Columns { table: (*table).to_owned(), columns })
        })
        .collect()
}
