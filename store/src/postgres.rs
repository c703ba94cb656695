//! The log on a server that any number of processes share.

mod connection;
mod facts;
mod foreign;
mod listen;
mod migrate;
mod open;
pub(crate) mod statement;
mod tidy;
mod together;
mod transact;
mod write;
mod writer;

use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use secrecy::SecretString;
use sqlx::{Connection as _, PgPool, postgres::PgConnectOptions};
use tokio::task::JoinSet;

use self::{
    open::Open,
    statement::{hung_up, trouble},
    writer::Writer,
};
use crate::{
    AppendError, Appended, Durability, Op, Query, Row, StoreError, TransactOutcome, Transaction,
    args,
    engine::Engine,
    reach,
    request::Request,
    store::{Carried, Core},
    writer::submit,
};

/// The shared database.
pub(crate) struct Postgres {
    pool: PgPool,
    /// None looks only.
    writer: Option<Writer>,
    /// The writer and the listener.
    tasks: Mutex<JoinSet<()>>,
    core: Arc<Core>,
}

impl Postgres {
    /// Connects, brings the tables up to date and starts the writer and the listener.
    pub(crate) async fn open(
        url: SecretString,
        durability: Durability,
        core: Arc<Core>,
    ) -> Result<Self, StoreError> {
        let options = connection::options(&url)?;
        migrate::migrate(&options, crate::migrations::MIGRATIONS, core.clock.now()).await?;
        if core.bounded {
            bound(&options).await?;
        }
        let pool = connection::pool(&options);
        let mut tasks = JoinSet::new();
        let writer = Writer::start(
            connection::for_writing(&options, durability),
            &pool,
            Arc::clone(&core),
            &mut tasks,
        )
        .await?;
        let listening = connection::for_listening(&options);
        tasks.spawn(listen::listen(listening, pool.clone(), Arc::clone(&core)));
        Ok(Self { pool, writer: Some(writer), tasks: Mutex::new(tasks), core })
    }

    /// Connects to the database as it is, to be read.
    pub(crate) async fn look(url: SecretString, core: Arc<Core>) -> Result<Self, StoreError> {
        let options = connection::for_reading(&connection::options(&url)?);
        // Whoever asks hears at once why it cannot be reached.
        drop(connection::connect(&options).await?.close().await);
        let pool = connection::pool(&options);
        Ok(Self { pool, writer: None, tasks: Mutex::default(), core })
    }
}

impl Postgres {
    async fn fetch_once(&self, query: &Query) -> Result<Vec<Row>, StoreError> {
        if self.reach(query).is_some() {
            let rows = self.read_once(std::slice::from_ref(query)).await?;
            return Ok(rows.into_iter().next().unwrap_or_default());
        }
        self.core.live.count_statements(1);
        let mut connection = self.pool.acquire().await.map_err(trouble("connect"))?;
        statement::fetch(&mut connection, query).await
    }

    async fn read_once(&self, queries: &[Query]) -> Result<Vec<Vec<Row>>, StoreError> {
        self.core.live.count_statements(queries.len() as u64 + 2);
        let begin = Open::begin(&self.pool, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
        let mut transaction = begin.await.map_err(trouble("begin a reading transaction"))?;
        let mut results = Vec::with_capacity(queries.len());
        let mut narrowed = false;
        for query in queries {
            let reach = self.reach(query);
            let turn = match &reach {
                Some(reach) => Some(Query::new(reach::NARROW, args![&**reach])),
                None if narrowed => Some(Query::new(reach::WIDEN, args![])),
                None => None,
            };
            if let Some(turn) = turn {
                statement::fetch(&mut transaction, &turn).await?;
            }
            narrowed = reach.is_some();
            results.push(statement::fetch(&mut transaction, query).await?);
        }
        transaction.commit().await.map_err(trouble("end a reading transaction"))?;
        Ok(results)
    }

    /// What the database has to hold a statement to; none is no bound.
    fn reach(&self, query: &Query) -> Option<Arc<str>> {
        if self.core.bounded { reach::of(query) } else { None }
    }
}

/// Gives the tables their policies.
async fn bound(options: &PgConnectOptions) -> Result<(), StoreError> {
    let mut connection = connection::connect(options).await?;
    let spread = statement::execute(&mut connection, &reach::spread()).await;
    spread.map_err(|trouble| match trouble.failure.code.as_str() {
        // Roles are made by administrators.
        "42501" => StoreError::Unusable(
            "row-level security needs a role that this user may not make: CREATE ROLE wisptrail_reader NOLOGIN; GRANT wisptrail_reader TO the user of database.url; and tables that are the user's own".to_owned(),
        ),
        _ => trouble.into(),
    })?;
    drop(connection.close().await);
    Ok(())
}

/// Reads again when the server hung up: every connection of the pool may have to find out for itself.
async fn again<T, F>(read: impl Fn() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let mut attempts = connection::MOST_CONNECTIONS;
    loop {
        match read().await {
            Err(StoreError::Unavailable { source, .. })
                if attempts > 0 && source.downcast_ref().is_some_and(hung_up) =>
            {
                attempts -= 1;
            }
            result => return result,
        }
    }
}

#[async_trait]
impl Engine for Postgres {
    async fn append(&self, request: Request) -> Result<Appended, AppendError> {
        let writer = self.writer.as_ref().ok_or(StoreError::ReadOnly)?;
        submit(writer.appends(), request).await
    }

    async fn fetch(&self, query: Query) -> Result<Vec<Row>, StoreError> {
        again(|| self.fetch_once(&query)).await
    }

    async fn read(&self, queries: Vec<Query>) -> Result<Vec<Vec<Row>>, StoreError> {
        again(|| self.read_once(&queries)).await
    }

    async fn returning(&self, op: Op) -> Result<Vec<Row>, StoreError> {
        self.fetch_once(&Query::new(op.sql, op.args).whole()).await
    }

    async fn transact(&self, transaction: Transaction) -> Result<TransactOutcome, StoreError> {
        transact::transact(&self.pool, transaction, &self.core).await
    }

    async fn carry(&self, carried: Arc<Carried>) -> Result<(), StoreError> {
        write::carry(&self.pool, &carried).await
    }

    async fn tidy(&self) -> Result<bool, StoreError> {
        tidy::tidy(&self.pool).await
    }

    async fn close(&self) {
        if let Some(writer) = &self.writer {
            writer.close();
        }
        let mut tasks = std::mem::take(&mut *self.tasks.lock());
        while let Some(ended) = tasks.join_next().await {
            if ended.is_err() {
                tracing::error!("a task of the store had panicked");
            }
        }
        self.pool.close().await;
    }
}
