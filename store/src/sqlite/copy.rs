//! Copies of files that others go on writing.

use std::path::Path;

use rusqlite::{
    Connection, OpenFlags,
    backup::{Backup, StepResult},
};

use super::{
    connection::still,
    statement::{rows, trouble},
};
use crate::{Failure, StoreError};

/// Pages between two calls of `progress`.
const PAGES: i32 = 1024;

/// One state of a SQLite file of any name, held until it is dropped. Whoever writes the file goes on meanwhile, beside it.
#[derive(Debug)]
pub struct HeldFile {
    connection: Connection,
    bytes: u64,
}

impl HeldFile {
    /// Holds the state of this moment. Errors: the file is missing, is no database, or lies
    /// where an import has not come to its end.
    pub fn of(file: &Path) -> Result<Self, StoreError> {
        // A copy would not show that it is half of an import.
        crate::transfer::refuse_unfinished(file.parent().unwrap_or(Path::new("")))?;
        let connection = still(file)?;
        let hold = || {
            connection.execute_batch("BEGIN")?;
            // A transaction begins to see with its first question.
            let text = "SELECT (SELECT count(*) FROM sqlite_schema), page_count * page_size FROM pragma_page_count, pragma_page_size";
            let bytes: i64 = connection.query_row(text, [], |row| row.get(1))?;
            Ok(bytes.unsigned_abs())
        };
        let bytes = hold().map_err(trouble("hold a state of the database file"))?;
        Ok(Self { connection, bytes })
    }

    /// What the copy will take.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Copies the held state into an empty file, which then is a whole database without files beside it, and looks at every
    /// page of the copy. `progress` gets the bytes copied so far. The caller makes the file durable.
    pub fn copy_to(&self, file: &Path, mut progress: impl FnMut(u64)) -> Result<(), StoreError> {
        let mut copy = || {
            let mut copy = Connection::open_with_flags(
                file,
                OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
            )?;
            // Nobody will ever want a half of it.
            copy.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")?;
            let backup = Backup::new(&self.connection, &mut copy)?;
            loop {
                let step = backup.step(PAGES)?;
                let left = backup.progress();
                let all = u64::from(left.pagecount.unsigned_abs()).max(1);
                let done = all - u64::from(left.remaining.unsigned_abs()).min(all);
                progress(self.bytes / all * done);
                match step {
                    StepResult::More => {}
                    StepResult::Done => break,
                    // The state is held and the copy is ours alone: who is in the way stays there.
                    _ => return Ok(false),
                }
            }
            drop(backup);
            drop(copy);
            Self::finish(file).map(|()| true)
        };
        let operation = "copy the database file";
        if !copy().map_err(trouble(operation))? {
            let failure = Failure::new("busy", "another program uses the copy");
            return Err(StoreError::unavailable(operation, failure));
        }
        Self::check(file)
    }

    /// The copied header promises a write-ahead log; a file alone needs none.
    fn finish(file: &Path) -> rusqlite::Result<()> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let copy = Connection::open_with_flags(file, flags)?;
        copy.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))
    }

    /// Is every page of a database file what it should be? Nobody may be writing it. Errors: a page that is not.
    pub fn check(file: &Path) -> Result<(), StoreError> {
        let operation = "check the copy of the database";
        let found = rows(&still(file)?, "PRAGMA quick_check(1)", []).map_err(trouble(operation))?;
        let said = found.first().map(|row| row.text(0)).transpose()?.unwrap_or_default();
        if said == "ok" {
            return Ok(());
        }
        Err(StoreError::database(operation, Failure::new("quick_check", said)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Durability, sqlite::connection};

    fn count(file: &Path) -> i64 {
        let connection = still(file).unwrap();
        connection.query_row("SELECT count(*) FROM things", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn a_copy_is_of_one_moment_though_others_write() {
        let folder = tempfile::tempdir().unwrap();
        let (file, to) = (folder.path().join("wisptrail.db"), folder.path().join("copy.db"));
        let writer = connection::writer(&file, Durability::Full).unwrap();
        let many = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 20000) INSERT INTO things SELECT hex(randomblob(200)) FROM n";
        writer.execute_batch("CREATE TABLE things (name TEXT)").unwrap();
        writer.execute_batch(many).unwrap();

        let held = HeldFile::of(&file).unwrap();
        assert!(held.bytes() > 4 << 20, "{}", held.bytes());
        std::fs::write(&to, "").unwrap();
        let mut told = Vec::new();
        // Between any two pages somebody writes.
        let progress = |done| {
            writer.execute_batch("INSERT INTO things VALUES ('later')").unwrap();
            told.push(done);
        };
        held.copy_to(&to, progress).unwrap();
        assert!(told.len() > 1 && told.is_sorted(), "{told:?}");
        assert_eq!(count(&to), 20_000);
        assert!(count(&file) > 20_000);
        let names = std::fs::read_dir(folder.path()).unwrap().map(|it| it.unwrap().file_name());
        let beside = names.filter(|name| name.to_str().unwrap().starts_with("copy.db-")).count();
        assert_eq!(beside, 0, "the copy is one file");
    }

    #[test]
    fn what_is_no_database_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("wisptrail.db");
        HeldFile::of(&file).unwrap_err();
        std::fs::write(&file, "x".repeat(5000)).unwrap();
        HeldFile::of(&file).unwrap_err();
        HeldFile::check(&file).unwrap_err();
    }
}
