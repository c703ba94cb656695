//! Leaving nothing of what was erased in files.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags};

use super::{connection::PATIENCE, migrate::is_copy, statement::trouble};
use crate::{StoreError, error::Trouble};

/// How long readers may keep the log from being emptied; the writer waits meanwhile.
const BRIEFLY: Duration = Duration::from_millis(200);

/// Merges the write-ahead log into the file and empties it. No is the answer where a reader needs it.
pub(super) fn log(connection: &Connection) -> Result<bool, Trouble> {
    let failed = || trouble("empty the write-ahead log");
    connection.busy_timeout(BRIEFLY).map_err(failed())?;
    let busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
    connection.busy_timeout(PATIENCE).map_err(failed())?;
    let busy: i64 = busy.map_err(failed())?;
    Ok(busy == 0)
}

/// Destroys the keys that are destroyed in a database file in the copies beside it, too.
pub(super) fn copies(file: &Path) -> Result<(), StoreError> {
    for copy in beside(file)? {
        forget(file, &copy).map_err(trouble("take keys out of a copy of the database"))?;
    }
    Ok(())
}

fn beside(file: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let unreadable = |error: std::io::Error| {
        StoreError::Unusable(format!("the data folder cannot be read: {error}"))
    };
    let folder = file.parent().unwrap_or(Path::new(""));
    let mut copies = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if is_copy(file, &path) {
            copies.push(path);
        }
    }
    Ok(copies)
}

fn forget(file: &Path, copy: &Path) -> rusqlite::Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let copy = Connection::open_with_flags(copy, flags)?;
    copy.busy_timeout(PATIENCE)?;
    copy.execute_batch("PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY")?;
    let keys = "SELECT count(*) FROM main.sqlite_schema WHERE name = 'subject_keys'";
    if copy.query_row(keys, [], |row| row.get::<_, i64>(0))? == 0 {
        return Ok(());
    }
    copy.execute("ATTACH ?1 AS living", [file.to_string_lossy()])?;
    copy.execute(
        "UPDATE main.subject_keys SET wrapped_key = NULL, destroyed_at = (SELECT l.destroyed_at FROM living.subject_keys l WHERE l.subject_id = main.subject_keys.subject_id)
         WHERE wrapped_key IS NOT NULL AND subject_id IN (SELECT subject_id FROM living.subject_keys WHERE destroyed_at IS NOT NULL)",
        [],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Durability, sqlite::connection};

    fn keys(connection: &Connection) -> Vec<Option<Vec<u8>>> {
        let text = "SELECT wrapped_key FROM subject_keys ORDER BY subject_id";
        let mut statement = connection.prepare(text).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn destroyed_keys_are_in_no_copy() {
        let folder = tempfile::tempdir().unwrap();
        let (file, copy) = (folder.path().join("wisptrail.db"), "wisptrail.db.before-20");
        let copy = folder.path().join(copy);
        let writer = connection::writer(&file, Durability::Full).unwrap();
        let table = "CREATE TABLE subject_keys (subject_id TEXT PRIMARY KEY, wrapped_key BLOB, destroyed_at INTEGER);
             INSERT INTO subject_keys VALUES ('a', CAST('key of a that nobody may find' AS BLOB), NULL), ('b', x'0b', NULL)";
        writer.execute_batch(table).unwrap();
        writer.execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
        let destroy =
            "UPDATE subject_keys SET wrapped_key = NULL, destroyed_at = 7 WHERE subject_id = 'a'";
        writer.execute_batch(destroy).unwrap();
        // A copy of a database that had no keys yet.
        drop(connection::writer(&folder.path().join("wisptrail.db.before-2"), Durability::Full));

        copies(&file).unwrap();
        assert!(log(&writer).unwrap());
        assert_eq!(keys(&Connection::open(&copy).unwrap()), [None, Some(vec![0x0b])]);
        for entry in fs::read_dir(folder.path()).unwrap() {
            let path = entry.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            let found = bytes.windows(8).any(|window| window == b"key of a");
            assert!(!found, "{}", path.display());
        }
    }

    #[test]
    fn a_reader_is_in_the_way_until_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("wisptrail.db");
        let writer = connection::writer(&file, Durability::Full).unwrap();
        writer.execute_batch("CREATE TABLE things (name TEXT)").unwrap();
        let reader = connection::reader(&file).unwrap();
        reader.execute_batch("BEGIN; SELECT * FROM things").unwrap();
        writer.execute_batch("INSERT INTO things VALUES ('later')").unwrap();
        assert!(!log(&writer).unwrap());
        reader.execute_batch("ROLLBACK").unwrap();
        assert!(log(&writer).unwrap());
        assert_eq!(fs::metadata(folder.path().join("wisptrail.db-wal")).unwrap().len(), 0);
    }
}
