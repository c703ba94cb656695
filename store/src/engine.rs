//! What a database has to do for the store.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    AppendError, Appended, Dialect, Durability, Location, Op, Query, Recorded, Row, StoreError,
    TransactOutcome, Transaction, filter,
    postgres::Postgres,
    request::Request,
    sqlite::Sqlite,
    store::{Carried, Core},
};

/// One of the two databases.
#[async_trait]
pub(crate) trait Engine: Send + Sync {
    /// Queues a checked request for the one writer and waits for the answer.
    async fn append(&self, request: Request) -> Result<Appended, AppendError>;

    /// Runs one reading statement.
    async fn fetch(&self, query: Query) -> Result<Vec<Row>, StoreError>;

    /// Runs a statement that reads the columns of events.
    async fn events(&self, query: Query) -> Result<Vec<Recorded>, StoreError> {
        self.fetch(query).await?.into_iter().map(filter::recorded).collect()
    }

    /// Runs reading statements that all see the same state.
    async fn read(&self, queries: Vec<Query>) -> Result<Vec<Vec<Row>>, StoreError>;

    /// Runs one writing statement that returns rows.
    async fn returning(&self, op: Op) -> Result<Vec<Row>, StoreError>;

    /// Runs steps as one.
    async fn transact(&self, transaction: Transaction) -> Result<TransactOutcome, StoreError>;

    /// Writes events that come from elsewhere with their places in the chain.
    async fn carry(&self, carried: Arc<Carried>) -> Result<(), StoreError>;

    /// See [`Store::tidy`](crate::Store::tidy).
    async fn tidy(&self) -> Result<bool, StoreError>;

    /// Finishes what is queued and lets go of the database.
    async fn close(&self);
}

/// Opens what the location names as it is, to be read; `served` also to answer everything that tables are asked.
pub(crate) async fn look(
    location: Location,
    served: bool,
    core: Arc<Core>,
) -> Result<(Box<dyn Engine>, Dialect), StoreError> {
    Ok(match location {
        Location::Sqlite { folder } => {
            (Box::new(Sqlite::look(folder, served, core).await?), Dialect::Sqlite)
        }
        Location::Postgres { url } => {
            (Box::new(Postgres::look(url, core).await?), Dialect::Postgres)
        }
    })
}

/// Opens the database that the location names.
pub(crate) async fn start(
    location: Location,
    durability: Durability,
    core: Arc<Core>,
) -> Result<(Box<dyn Engine>, Dialect), StoreError> {
    match location {
        Location::Sqlite { folder } => {
            let engine = Sqlite::open(folder, durability, core).await?;
            Ok((Box::new(engine), Dialect::Sqlite))
        }
        Location::Postgres { url } => {
            let engine = Postgres::open(url, durability, core).await?;
            Ok((Box::new(engine), Dialect::Postgres))
        }
    }
}
