//! Bringing the file up to date.

use std::{
    ffi::OsString,
    fs::{self, File},
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use rusqlite::{Connection, TransactionBehavior, params};

use super::statement::{rows, trouble};
use crate::{
    Dialect, StoreError,
    migrations::{Applied, Migration, pending},
};

/// Applies what is missing, all or nothing; a file with data in it is copied before.
pub(super) fn migrate(
    connection: &mut Connection,
    file: &Path,
    known: &[Migration],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let applied = applied(connection)?;
    let Some(first) = pending(known, &applied, Dialect::Sqlite)?.first().copied() else {
        return Ok(());
    };
    if !applied.is_empty() {
        copy(connection, &copy_name(file, first.number))?;
    }
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Exclusive)
        .map_err(trouble("begin a migration"))?;
    transaction
        .execute_batch(
            "CREATE TABLE IF NOT EXISTS schema_migrations (
                number     INTEGER NOT NULL PRIMARY KEY,
                name       TEXT    NOT NULL,
                checksum   BLOB    NOT NULL,
                applied_at INTEGER NOT NULL
             ) STRICT",
        )
        .map_err(trouble("make the table of migrations"))?;
    for migration in pending(known, &self::applied(&transaction)?, Dialect::Sqlite)? {
        let Migration { number, name, .. } = migration;
        tracing::info!(migration = name, "migration {name} is applied");
        transaction
            .execute_batch(migration.text(Dialect::Sqlite))
            .map_err(trouble("apply a migration"))?;
        let checksum = migration.checksum(Dialect::Sqlite);
        let text = "INSERT INTO schema_migrations (number, name, checksum, applied_at) VALUES (?1, ?2, ?3, ?4)";
        transaction
            .execute(text, params![number, name, checksum, now.timestamp_micros()])
            .map_err(trouble("note a migration"))?;
    }
    transaction.commit().map_err(trouble("commit a migration"))?;
    Ok(())
}

/// The steps that the file has behind it.
fn applied(connection: &Connection) -> Result<Vec<Applied>, StoreError> {
    let tables = "SELECT name = 'schema_migrations' FROM sqlite_master WHERE type = 'table' ORDER BY 1 DESC LIMIT 1";
    let tables = rows(connection, tables, []).map_err(trouble("look for tables"))?;
    match tables.first().map(|row| row.bool(0)).transpose()? {
        None => Ok(Vec::new()),
        Some(false) => Err(StoreError::Unusable(
            "the database file is not one of wisptrail: choose another data folder".to_owned(),
        )),
        Some(true) => {
            let text = "SELECT number, checksum FROM schema_migrations ORDER BY number";
            let found = rows(connection, text, []).map_err(trouble("read the migrations"))?;
            found
                .iter()
                .map(|row| Ok(Applied { number: row.int(0)?, checksum: row.bytes(1)? }))
                .collect()
        }
    }
}

/// `wisptrail.db.before-<number>`
fn copy_name(file: &Path, number: i64) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(format!(".before-{number}"));
    PathBuf::from(name)
}

/// Is this a copy that was made before an upgrade of the file?
pub(super) fn is_copy(file: &Path, path: &Path) -> bool {
    let mut name = OsString::from(file.file_name().unwrap_or_default());
    name.push(".before-");
    let number = path.file_name().unwrap_or_default().as_encoded_bytes();
    let number = number.strip_prefix(name.as_encoded_bytes());
    number.is_some_and(|number| !number.is_empty() && number.iter().all(u8::is_ascii_digit))
}

/// A compact copy of one state of the file, complete before it has its name.
fn copy(connection: &Connection, to: &Path) -> Result<(), StoreError> {
    let mut part = OsString::from(to);
    part.push(".part");
    let unusable = |error: std::io::Error| {
        StoreError::Unusable(format!("the copy before the upgrade cannot be written: {error}"))
    };
    match fs::remove_file(&part) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(unusable(error)),
        _ => {}
    }
    let path = part.to_str().ok_or_else(|| {
        StoreError::Unusable("the name of the data folder is not UTF-8".to_owned())
    })?;
    connection
        .execute("VACUUM INTO ?1", [path])
        .map_err(trouble("copy the database before the upgrade"))?;
    File::open(&part).and_then(|file| file.sync_all()).map_err(unusable)?;
    fs::rename(&part, to).map_err(unusable)?;
    tracing::info!(copy = %to.display(), "the database was copied to {}", to.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Durability, sqlite::connection};

    const OLD: Migration = Migration {
        number: 1,
        name: "0001_old",
        sqlite: "CREATE TABLE things (name TEXT); INSERT INTO things VALUES ('kept')",
        postgres: "",
    };
    const NEW: Migration = Migration {
        number: 20,
        name: "0020_new",
        sqlite: "ALTER TABLE things ADD COLUMN size INTEGER NOT NULL DEFAULT 7",
        postgres: "",
    };
    const BROKEN: Migration = Migration {
        number: 30,
        name: "0030_broken",
        sqlite: "DROP TABLE things; CREATE TABLE half (done TEXT); SELECT nothing FROM nowhere",
        postgres: "",
    };

    fn names(connection: &Connection) -> rusqlite::Result<Vec<String>> {
        let mut statement = connection.prepare("SELECT name || size FROM things")?;
        statement.query_map([], |row| row.get(0))?.collect()
    }

    #[test]
    fn an_old_file_is_copied_and_upgraded() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("wisptrail.db");
        let now = DateTime::UNIX_EPOCH;
        let mut connection = connection::writer(&file, Durability::Full).unwrap();
        migrate(&mut connection, &file, &[OLD], now).unwrap();
        migrate(&mut connection, &file, &[OLD], now).unwrap();
        assert!(!copy_name(&file, 1).exists(), "there was nothing to copy");

        migrate(&mut connection, &file, &[OLD, NEW], now).unwrap();
        assert_eq!(names(&connection).unwrap(), ["kept7"]);
        let copy = folder.path().join("wisptrail.db.before-20");
        let mut copy = Connection::open(copy).unwrap();
        assert!(names(&copy).is_err(), "the copy has the old columns");
        // The copy is a whole database: the old program starts with it, and it can be upgraded again.
        migrate(&mut copy, &file, &[OLD], now).unwrap();
        let error = migrate(&mut connection, &file, &[OLD], now).unwrap_err();
        assert!(matches!(error, StoreError::Newer { found: 20, known: 1 }), "{error}");
    }

    #[test]
    fn a_failing_migration_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("wisptrail.db");
        let now = DateTime::UNIX_EPOCH;
        let mut connection = connection::writer(&file, Durability::Full).unwrap();
        migrate(&mut connection, &file, &[OLD], now).unwrap();
        for _ in 0..2 {
            migrate(&mut connection, &file, &[OLD, NEW, BROKEN], now).unwrap_err();
            assert_eq!(applied(&connection).unwrap().len(), 1);
        }
        migrate(&mut connection, &file, &[OLD, NEW], now).unwrap();
        assert_eq!(names(&connection).unwrap(), ["kept7"]);
    }
}
