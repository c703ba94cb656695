//! The log in one file, through threads of its own: one that writes, some that read.

pub(crate) mod connection;
mod copy;
mod events;
mod facts;
mod migrate;
mod readers;
pub(crate) mod statement;
mod tidy;
mod transact;
mod writer;

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;

pub use self::copy::HeldFile;
use self::{readers::Readers, writer::Writer};
use crate::{
    AppendError, Appended, Durability, Op, Query, Recorded, Row, StoreError, TransactOutcome,
    Transaction,
    engine::Engine,
    error::Trouble,
    request::Request,
    store::{Carried, Core},
    writer::submit,
};

/// The file inside the data folder.
const FILE: &str = "wisptrail.db";

/// The embedded database.
pub(crate) struct Sqlite {
    file: PathBuf,
    readers: Readers,
    /// None looks only.
    writer: Option<Writer>,
    core: Arc<Core>,
}

impl Sqlite {
    /// Opens or makes the file, brings it up to date and starts the threads.
    pub(crate) async fn open(
        folder: PathBuf,
        durability: Durability,
        core: Arc<Core>,
    ) -> Result<Self, StoreError> {
        let opening = Arc::clone(&core);
        let open = move || {
            std::fs::create_dir_all(&folder).map_err(|error| {
                StoreError::Unusable(format!("the data folder cannot be made: {error}"))
            })?;
            let file = folder.join(FILE);
            let mut connection = connection::writer(&file, durability)?;
            migrate::migrate(
                &mut connection,
                &file,
                crate::migrations::MIGRATIONS,
                opening.clock.now(),
            )?;
            let writer = Writer::start(connection, Arc::clone(&opening))?;
            let readers = Readers::start(&file, connection::reader, readers::LONGEST)?;
            Ok(Self { file, writer: Some(writer), readers, core: opening })
        };
        tokio::task::spawn_blocking(open).await.map_err(|_| StoreError::closed())?
    }

    /// Opens the file as it is, to be read; `served` also to answer everything that tables are asked.
    pub(crate) async fn look(
        folder: PathBuf,
        served: bool,
        core: Arc<Core>,
    ) -> Result<Self, StoreError> {
        let open = move || {
            let file = folder.join(FILE);
            if !file.exists() {
                let text = format!("there is no database {}", file.display());
                return Err(StoreError::Unusable(text));
            }
            let connect = if served { connection::reader } else { connection::still };
            let readers = Readers::start(&file, connect, readers::LONGEST)?;
            Ok(Self { file, writer: None, readers, core })
        };
        tokio::task::spawn_blocking(open).await.map_err(|_| StoreError::closed())?
    }

    fn writer(&self) -> Result<&Writer, StoreError> {
        self.writer.as_ref().ok_or(StoreError::ReadOnly)
    }
}

#[async_trait]
impl Engine for Sqlite {
    async fn append(&self, request: Request) -> Result<Appended, AppendError> {
        submit(self.writer()?.appends(), request).await
    }

    async fn fetch(&self, query: Query) -> Result<Vec<Row>, StoreError> {
        let core = Arc::clone(&self.core);
        self.readers
            .run(move |connection| {
                core.live.count_statements(1);
                Ok(statement::fetch(connection, &query)?)
            })
            .await
    }

    async fn events(&self, query: Query) -> Result<Vec<Recorded>, StoreError> {
        let core = Arc::clone(&self.core);
        self.readers
            .run(move |connection| {
                core.live.count_statements(1);
                events::fetch(connection, &query)
            })
            .await
    }

    async fn read(&self, queries: Vec<Query>) -> Result<Vec<Vec<Row>>, StoreError> {
        let core = Arc::clone(&self.core);
        self.readers
            .run(move |connection| {
                core.live.count_statements(queries.len() as u64);
                let transaction = connection
                    .transaction()
                    .map_err(statement::trouble("begin a reading transaction"))?;
                let results: Result<_, Trouble> =
                    queries.iter().map(|query| statement::fetch(&transaction, query)).collect();
                Ok(results?)
            })
            .await
    }

    async fn returning(&self, op: Op) -> Result<Vec<Row>, StoreError> {
        let core = Arc::clone(&self.core);
        self.writer()?
            .run(move |connection| {
                core.live.count_statements(1);
                Ok(statement::fetch(connection, &Query::new(op.sql, op.args))?)
            })
            .await
    }

    async fn transact(&self, transaction: Transaction) -> Result<TransactOutcome, StoreError> {
        let core = Arc::clone(&self.core);
        self.writer()?
            .run(move |connection| transact::transact(connection, transaction, &core))
            .await
    }

    async fn carry(&self, carried: Arc<Carried>) -> Result<(), StoreError> {
        self.writer()?.run(move |connection| facts::carry(connection, &carried)).await
    }

    async fn tidy(&self) -> Result<bool, StoreError> {
        let file = self.file.clone();
        let copies = tokio::task::spawn_blocking(move || tidy::copies(&file));
        copies.await.map_err(|_| StoreError::closed())??;
        self.writer()?.run(|connection| Ok(tidy::log(connection)?)).await
    }

    async fn close(&self) {
        self.readers.close().await;
        if let Some(writer) = &self.writer {
            writer.close().await;
        }
    }
}
