//! Which database a program runs on, and a fresh one for each.

use std::io::Write;

use anyhow::Context;
use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};

use crate::environment;

/// A kind of database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Database {
    /// Files in the data folder.
    Sqlite,
    /// A database of its own on the server at this address.
    Postgres(String),
    /// The same, and the database holds requests to what they reach (row-level security).
    Bounded(String),
}

impl Database {
    /// PostgreSQL, when `WISPTRAIL_TEST_POSTGRES` holds an address. `WISPTRAIL_TEST_ROW_LEVEL_SECURITY` makes it
    /// [`Database::Bounded`] in every story.
    pub fn postgres() -> Option<Self> {
        if environment::text("WISPTRAIL_TEST_ROW_LEVEL_SECURITY").is_some() {
            return Self::bounded();
        }
        environment::text("WISPTRAIL_TEST_POSTGRES").map(Self::Postgres)
    }

    /// PostgreSQL with row-level security.
    pub fn bounded() -> Option<Self> {
        environment::text("WISPTRAIL_TEST_POSTGRES").map(Self::Bounded)
    }

    /// The field's name for it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres(_) => "PostgreSQL",
            Self::Bounded(_) => "PostgreSQL with row-level security",
        }
    }

    pub(crate) async fn create(&self) -> anyhow::Result<Option<Fresh>> {
        match self {
            Self::Sqlite => Ok(None),
            Self::Postgres(server) | Self::Bounded(server) => {
                let mut fresh = Fresh::create(server).await?;
                fresh.bounded = matches!(self, Self::Bounded(_));
                Ok(Some(fresh))
            }
        }
    }
}

/// A new PostgreSQL database; removed when it goes out of scope.
#[derive(Debug)]
pub(crate) struct Fresh {
    server: String,
    name: String,
    /// Does the program ask the database to hold requests to what they reach?
    pub(crate) bounded: bool,
}

impl Fresh {
    async fn create(server: &str) -> anyhow::Result<Self> {
        let name = format!("wisptrail_test_{}", uuid::Uuid::new_v4().simple());
        execute(server, &format!("CREATE DATABASE {name}")).await?;
        Ok(Self { server: server.to_owned(), name, bounded: false })
    }

    /// The address of this database: the server's, with another last part.
    pub(crate) fn address(&self) -> anyhow::Result<String> {
        let mut address: reqwest::Url =
            self.server.parse().context("WISPTRAIL_TEST_POSTGRES is not an address")?;
        address.set_path(&self.name);
        Ok(address.into())
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        // A thread of its own, since a runtime cannot wait inside of another.
        let removed = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime
                .block_on(execute(&server, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")))
        });
        if let Ok(Err(error)) = removed.join() {
            // Nobody else hears of it, and a story's end is no place to fail.
            let text = format!("database {} is left behind: {error:#}\n", self.name);
            let _ = std::io::stderr().write_all(text.as_bytes());
        }
    }
}

async fn execute(server: &str, sql: &str) -> anyhow::Result<()> {
    let options: PgConnectOptions =
        server.parse().context("WISPTRAIL_TEST_POSTGRES is not an address")?;
    let mut connection =
        PgConnection::connect_with(&options).await.context("PostgreSQL does not answer")?;
    sqlx::raw_sql(sql).execute(&mut connection).await.with_context(|| format!("failed: {sql}"))?;
    connection.close().await?;
    Ok(())
}
