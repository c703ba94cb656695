//! Connections with their settings (`event-store.md` §3.2).

use std::{path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags, config::DbConfig, functions::FunctionFlags};

use super::statement::trouble;
use crate::{Durability, StoreError};

/// From here on the WAL-reset fault is mended.
const OLDEST: i32 = 3_051_003;
/// Texts of prepared statements that a connection keeps.
const STATEMENTS: usize = 256;
/// How long a connection waits for others.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// The one connection of the file that writes and checkpoints.
pub(super) fn writer(file: &Path, durability: Durability) -> Result<Connection, StoreError> {
    let found = rusqlite::version_number();
    if found < OLDEST {
        return Err(StoreError::Unusable(format!(
            "SQLite {} can damage the file: 3.51.3 or newer is needed",
            rusqlite::version()
        )));
    }
    let connection = open(file)?;
    let synchronous = match durability {
        Durability::Full => "FULL",
        Durability::Normal => "NORMAL",
    };
    connection
        .execute_batch(&format!(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous}; PRAGMA secure_delete = ON; PRAGMA cache_size = -16000; PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 67108864;"
        ))
        .map_err(trouble("configure the writing connection"))?;
    Ok(connection)
}

/// A connection that cannot write.
pub(super) fn reader(file: &Path) -> Result<Connection, StoreError> {
    let connection = open(file)?;
    connection
        .execute_batch(
            "PRAGMA query_only = ON; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -4000;",
        )
        .map_err(trouble("configure a reading connection"))?;
    Ok(connection)
}

/// A connection that changes nothing in the file, and leaves the tidying up of its log to whoever writes it.
pub(super) fn still(file: &Path) -> Result<Connection, StoreError> {
    let open = || {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(file, flags)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        connection.execute_batch(
            "PRAGMA busy_timeout = 5000; PRAGMA cache_size = -4000; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;",
        )?;
        Ok(connection)
    };
    Ok(open().map_err(trouble("open the database file for reading"))?)
}

/// A connection to a file that nobody else uses and nobody misses after a power cut; without a name it is gone with the
/// connection.
pub(crate) fn apart(file: Option<&Path>) -> Result<Connection, StoreError> {
    let connection = open(file.unwrap_or(Path::new("")))?;
    // A killed process must leave a kept file whole.
    let journal = if file.is_some() { "WAL" } else { "OFF" };
    connection
        .execute_batch(&format!(
            "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = {journal}; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536; PRAGMA temp_store = FILE; PRAGMA wal_autocheckpoint = 20000;"
        ))
        .map_err(trouble("configure a connection"))?;
    Ok(connection)
}

fn open(file: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection =
        Connection::open_with_flags(file, flags).map_err(trouble("open the database file"))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.busy_timeout(PATIENCE).map_err(trouble("configure a connection"))?;
    connection
        .execute_batch(
            "PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0;",
        )
        .and_then(|()| fold_letters(&connection))
        .map_err(trouble("configure a connection"))?;
    Ok(connection)
}

/// SQLite's own `lower` knows the letters of ASCII only; patterns are folded by all rules of Unicode, as PostgreSQL's are.
fn fold_letters(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function("lower", 1, flags, |context| {
        Ok(context.get::<Option<String>>(0)?.map(|text| text.to_lowercase()))
    })
}
