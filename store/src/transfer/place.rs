//! Where an import goes: an empty data folder, or an empty schema of PostgreSQL; and what an unfinished one left there.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{Connection as _, Executor as _, PgConnection};

use crate::{Location, StoreError, postgres::statement as postgres};

/// The file in the data folder that says that an import has begun and not ended.
const MARKER: &str = "import.unfinished";
/// The same as a table.
const TABLE: &str = "unfinished_import";
/// May be there before: the lock of this process, and what the operator has put there: a key, and who was erased.
const OWN: [&str; 3] = ["lock", "master.key", "erasures"];
/// One import at a time; "wispimpo" in ASCII.
const LOCK: i64 = 0x7769_7370_696d_706f;

/// An empty place that belongs to this import.
pub(super) struct Target {
    folder: PathBuf,
    /// Holds the lock.
    postgres: Option<PgConnection>,
}

/// Refuses a place where an import has begun and not ended.
pub(crate) fn refuse_unfinished(folder: &Path) -> Result<(), StoreError> {
    if folder.join(MARKER).exists() {
        Err(unfinished(&folder.display().to_string()))
    } else {
        Ok(())
    }
}

/// The same for a database.
pub(crate) const UNFINISHED: &str = "SELECT to_regclass('unfinished_import') IS NOT NULL";

pub(crate) fn unfinished(place: &str) -> StoreError {
    StoreError::Unusable(format!(
        "an import into {place} did not come to its end: repeat `wisptrail import` (it begins anew), or take another data folder and database"
    ))
}

impl Target {
    /// Refuses what is not empty, and forgets what an unfinished import left. From here on nobody serves it.
    pub(super) async fn claim(folder: &Path, location: &Location) -> Result<Self, StoreError> {
        let marker = folder.join(MARKER);
        let again = marker.exists();
        if !again {
            refuse_occupied(folder)?;
        }
        let mut postgres = None;
        if let Location::Postgres { url } = location {
            postgres = Some(claim_schema(url).await?);
        }
        let mut target = Self { folder: folder.to_owned(), postgres };
        File::create(&marker)
            .and_then(|file| file.sync_all())
            .and_then(|()| sync(folder))
            .map_err(unwritable)?;
        if again {
            target.empty_folder().map_err(unwritable)?;
        }
        if let Some(connection) = &mut target.postgres {
            empty_schema(connection).await?;
        }
        Ok(target)
    }

    /// Everything is there and durable: from here on it can be served.
    pub(super) async fn complete(mut self) -> Result<(), StoreError> {
        if let Some(connection) = &mut self.postgres {
            run(connection, &format!("DROP TABLE {TABLE}")).await?;
        }
        sync(&self.folder)
            .and_then(|()| fs::remove_file(self.folder.join(MARKER)))
            .and_then(|()| sync(&self.folder))
            .map_err(unwritable)
    }

    /// Leaves nothing behind.
    pub(super) async fn abandon(mut self) -> Result<(), StoreError> {
        if let Some(connection) = &mut self.postgres {
            empty_schema(connection).await?;
            run(connection, &format!("DROP TABLE {TABLE}")).await?;
        }
        self.empty_folder()
            .and_then(|()| fs::remove_file(self.folder.join(MARKER)))
            .map_err(unwritable)
    }

    fn empty_folder(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name();
            if OWN.iter().any(|own| name == *own) || name == MARKER {
                continue;
            }
            if entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path())?;
            } else {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

fn refuse_occupied(folder: &Path) -> Result<(), StoreError> {
    for entry in fs::read_dir(folder).map_err(unwritable)? {
        let name = entry.map_err(unwritable)?.file_name();
        if !OWN.iter().any(|own| name == *own) {
            return Err(StoreError::Unusable(format!(
                "the data folder {} is not empty, {} is in it: import into an empty one, given with --data",
                folder.display(),
                name.display()
            )));
        }
    }
    Ok(())
}

/// What is in the schema, but for what belongs to extensions.
const RELATIONS: &str =
    "SELECT c.relname::text FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace
    AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
    AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
    ORDER BY 1 LIMIT 100";

async fn claim_schema(url: &SecretString) -> Result<PgConnection, StoreError> {
    let mut connection = PgConnection::connect(url.expose_secret())
        .await
        .map_err(postgres::trouble("connect to the database"))?;
    let reading = || postgres::trouble("look into the database");
    let free: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
        .bind(LOCK)
        .fetch_one(&mut connection)
        .await
        .map_err(reading())?;
    if !free {
        return Err(StoreError::Unusable(
            "another import into this database is under way: wait for its end".to_owned(),
        ));
    }
    let relations: Vec<String> =
        sqlx::query_scalar(RELATIONS).fetch_all(&mut connection).await.map_err(reading())?;
    if !relations.iter().any(|name| name == TABLE) {
        if let Some(name) = relations.first() {
            return Err(StoreError::Unusable(format!(
                "the database is not empty, the relation {name} is in it: import into an empty one, made with `createdb`"
            )));
        }
        run(&mut connection, &format!("CREATE TABLE {TABLE} (begun timestamptz DEFAULT now())"))
            .await?;
    }
    Ok(connection)
}

/// The schema was empty when the import began.
async fn empty_schema(connection: &mut PgConnection) -> Result<(), StoreError> {
    run(
        connection,
        &format!(
            "SET client_min_messages = warning;
             DO $$ DECLARE it record; BEGIN
                 FOR it IN SELECT c.oid::regclass AS name FROM pg_class c
                     WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND c.relname <> '{TABLE}'
                     AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
                 LOOP EXECUTE 'DROP TABLE ' || it.name || ' CASCADE'; END LOOP;
                 DROP FUNCTION IF EXISTS events_position();
             END $$"
        ),
    )
    .await
}

async fn run(connection: &mut PgConnection, text: &str) -> Result<(), StoreError> {
    let done = connection.execute(sqlx::raw_sql(text)).await;
    done.map_err(postgres::trouble("prepare the database"))?;
    Ok(())
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn unwritable(error: io::Error) -> StoreError {
    StoreError::Unusable(format!("the data folder cannot be written: {error}"))
}
