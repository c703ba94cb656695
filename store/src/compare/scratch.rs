//! A connection that sees the live tables at one moment, and has temporary ones of the same names in front of them.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, config::DbConfig};
use secrecy::{ExposeSecret, SecretString};
use sqlx::{Connection as _, PgConnection};

use crate::{
    Dialect, Location, Op, Query, Row, Store, StoreError, args, postgres::statement as postgres,
    sqlite::statement as sqlite,
};

/// Programs without our writer may append while their events are taken into the chain.
const ATTEMPTS: u32 = 10;

pub(crate) enum Scratch {
    Sqlite(Connection),
    Postgres(Box<PgConnection>),
}

impl Scratch {
    /// Of the database at a location.
    pub(crate) async fn open(location: &Location) -> Result<Self, StoreError> {
        match location {
            Location::Sqlite { folder } => Self::sqlite(&folder.join("wisptrail.db")),
            Location::Postgres { url } => Self::postgres(url).await,
        }
    }

    /// What other programs appended is taken into the chain; then that moment is held. With the position and the hash of the
    /// log's head in it.
    pub(crate) async fn chained(
        store: &Store,
        location: &Location,
    ) -> Result<(Self, i64, Vec<u8>), StoreError> {
        for _ in 0..ATTEMPTS {
            store.chain_foreign().await?;
            let mut scratch = Self::open(location).await?;
            let head = "SELECT position, chained, hash FROM store_head WHERE id = 1";
            let rows = scratch.fetch(Query::new(head, args![])).await?;
            let Some(head) = rows.first() else {
                return Err(StoreError::Unusable("the head of the log is missing".to_owned()));
            };
            let (position, chained, hash) = (head.int(0)?, head.int(1)?, head.bytes(2)?);
            if chained == position {
                return Ok((scratch, position, hash));
            }
            scratch.close().await?;
        }
        Err(StoreError::Unusable(
            "another program keeps on appending to the log: stop it and export again".to_owned(),
        ))
    }

    pub(crate) fn sqlite(file: &Path) -> Result<Self, StoreError> {
        if !file.exists() {
            return Err(StoreError::Unusable(format!("there is no database {}", file.display())));
        }
        let open = || {
            // Temporary tables can be written, the file cannot; the one writer of the file alone tidies its log up.
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(file, flags)?;
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
            connection.set_prepared_statement_cache_capacity(256);
            connection.execute_batch(
                "PRAGMA busy_timeout = 5000; PRAGMA temp_store = FILE; PRAGMA cache_size = -16000; PRAGMA mmap_size = 0; BEGIN",
            )?;
            Ok(connection)
        };
        let connection = open().map_err(sqlite::trouble("open the database for reading"))?;
        Ok(Self::Sqlite(connection))
    }

    pub(crate) async fn postgres(url: &SecretString) -> Result<Self, StoreError> {
        let mut connection = PgConnection::connect(url.expose_secret())
            .await
            .map_err(postgres::trouble("connect to the database"))?;
        let begin = Op::new("BEGIN ISOLATION LEVEL REPEATABLE READ", args![]);
        postgres::execute(&mut connection, &begin).await?;
        Ok(Self::Postgres(Box::new(connection)))
    }

    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    pub(crate) async fn fetch(&mut self, query: Query) -> Result<Vec<Row>, StoreError> {
        match self {
            Self::Sqlite(connection) => Ok(sqlite::fetch(connection, &query)?),
            Self::Postgres(connection) => postgres::fetch(connection, &query).await,
        }
    }

    pub(crate) async fn execute(&mut self, op: &Op) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(connection) => sqlite::execute(connection, op)?,
            Self::Postgres(connection) => postgres::execute(connection, op).await?,
        };
        Ok(())
    }

    /// A statement without arguments.
    pub(crate) async fn run(&mut self, text: impl Into<String>) -> Result<(), StoreError> {
        self.execute(&Op::new(text.into(), args![])).await
    }

    /// Forgets everything.
    pub(crate) async fn close(mut self) -> Result<(), StoreError> {
        self.run("ROLLBACK").await?;
        if let Self::Postgres(connection) = self {
            connection.close().await.map_err(postgres::trouble("leave the database"))?;
        }
        Ok(())
    }
}
