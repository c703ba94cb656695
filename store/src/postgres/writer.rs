//! The task that appends, on a connection of its own.

use std::{collections::HashSet, sync::Arc, time::Duration};

use parking_lot::Mutex;
use sqlx::{Connection, Executor, PgConnection, PgPool, postgres::PgConnectOptions};
use tokio::{sync::mpsc, task::JoinSet, time::timeout};

use super::{
    connection::connect,
    facts,
    foreign::{self, Adopted},
    statement::{execute, hung_up, trouble},
    write::{self, Rows, classify},
};
use crate::{
    AppendError, Appended, Failure, StoreError,
    error::Trouble,
    plan::{EventType, Head, Plan, Rules, Wanted, Writes, plan},
    request::Request,
    store::Core,
    writer::{Attempt, BatchError, Committed, MOST_QUEUED, MOST_TOGETHER, Queued, serve},
};

/// A server that says nothing for so long is given up.
const PATIENCE: Duration = Duration::from_secs(90);

/// The queue of the appending task.
pub(super) struct Writer {
    appends: Mutex<Option<mpsc::Sender<Queued>>>,
}

impl Writer {
    pub(super) async fn start(
        options: PgConnectOptions,
        pool: &PgPool,
        core: Arc<Core>,
        tasks: &mut JoinSet<()>,
    ) -> Result<Self, StoreError> {
        let mut connection = pool.acquire().await.map_err(trouble("connect to PostgreSQL"))?;
        core.live.ring_bell(facts::position(&mut connection).await?);
        let known_types = facts::types(&mut connection).await?;
        let (appends, queued) = mpsc::channel(MOST_QUEUED);
        tasks.spawn(Log { options, connection: None, core, known_types }.run(queued));
        Ok(Self { appends: Mutex::new(Some(appends)) })
    }

    pub(super) fn appends(&self) -> Option<mpsc::Sender<Queued>> {
        self.appends.lock().clone()
    }

    /// Lets the task finish what is queued.
    pub(super) fn close(&self) {
        drop(self.appends.lock().take());
    }
}

/// What the task owns.
struct Log {
    options: PgConnectOptions,
    /// None before the first append and after an error.
    connection: Option<PgConnection>,
    core: Arc<Core>,
    known_types: HashSet<EventType>,
}

impl Log {
    async fn run(mut self, mut appends: mpsc::Receiver<Queued>) {
        let core = Arc::clone(&self.core);
        let mut batch = Vec::new();
        while appends.recv_many(&mut batch, MOST_TOGETHER).await > 0 {
            serve(&mut self, std::mem::take(&mut batch), &core).await;
        }
        if let Some(connection) = self.connection {
            drop(connection.close().await);
        }
    }

    async fn try_batch(&mut self, requests: &[Request]) -> Result<Committed, BatchError> {
        let (mut connection, head) = self.begin().await.map_err(classify)?;
        let written = self.write(&mut connection, head, requests).await;
        let usable = match &written {
            Ok(Written::Committed(..)) => true,
            Err(BatchError::Unknown(_)) => false,
            // What was begun must end before the connection is used again.
            Ok(Written::Nothing(_)) | Err(_) => {
                connection.execute(sqlx::raw_sql("ROLLBACK")).await.is_ok()
            }
        };
        if usable {
            self.connection = Some(connection);
        }
        match written? {
            Written::Nothing(committed) => Ok(committed),
            Written::Committed(committed, types) => {
                self.known_types.extend(types);
                Ok(committed)
            }
        }
    }

    /// Begins a transaction that nobody can append beside. A connection that broke since the last append is
    /// replaced: nothing was sent yet that could have happened.
    async fn begin(&mut self) -> Result<(PgConnection, Head), Trouble> {
        if let Some(mut connection) = self.connection.take() {
            match facts::lock(&mut connection).await {
                Ok(head) => return Ok((connection, head)),
                Err(trouble) if !hung_up(&trouble.failure) => return Err(trouble),
                Err(_) => {}
            }
        }
        let mut connection = connect(&self.options).await?;
        let head = facts::lock(&mut connection).await?;
        Ok((connection, head))
    }

    async fn write(
        &self,
        connection: &mut PgConnection,
        mut head: Head,
        requests: &[Request],
    ) -> Result<Written, BatchError> {
        let mut chained = Adopted::default();
        if head.chained < head.position {
            chained = foreign::adopt(connection, &mut head, &self.core, &self.known_types).await?;
        }
        let adopted = head.clone();
        let wanted = Wanted::by(requests);
        let facts = facts::read(connection, head, &wanted).await.map_err(classify)?;
        let Plan { outcomes, writes } = plan(
            requests,
            facts,
            &Rules {
                projections: &self.core.projections,
                known_types: &self.known_types,
                now: self.core.clock.now(),
            },
        );
        // Lock, facts, events, head: with their two further statements.
        self.core.live.count_statements(6 + writes.inline.len() as u64);
        if writes.is_empty() {
            if chained.events.is_empty() {
                return Ok(Written::Nothing(Committed { outcomes, events: Vec::new() }));
            }
            write::commit(connection, &adopted).await?;
            return Ok(chained.with(outcomes, writes));
        }
        let rows = Rows {
            events: &writes.events,
            commands: &writes.commands,
            claims: &writes.claims,
            counts: &writes.counts,
            types: &writes.types,
        };
        write::write(connection, rows).await?;
        for inline in &writes.inline {
            execute(connection, &inline.op).await.map_err(|trouble| match classify(trouble) {
                BatchError::Trouble(trouble) if !trouble.passing => BatchError::Inline {
                    projection: inline.projection,
                    event_type: inline.event_type.clone(),
                    trouble,
                },
                error => error,
            })?;
        }
        write::commit(connection, &writes.head).await?;
        Ok(chained.with(outcomes, writes))
    }
}

impl Adopted {
    /// Together with what was appended behind it.
    fn with(self, outcomes: Vec<Result<Appended, AppendError>>, writes: Writes) -> Written {
        let events = self.events.into_iter().chain(writes.events).map(Arc::new).collect();
        let new = writes.types.into_iter().map(|(pair, _)| pair);
        let types = self.types.into_iter().chain(new).collect();
        Written::Committed(Committed { outcomes, events }, types)
    }
}

/// How a transaction ended that did not fail.
enum Written {
    /// Everything was rejected or known already; the transaction is still open.
    Nothing(Committed),
    /// With the types that are in the table since.
    Committed(Committed, Vec<EventType>),
}

impl Attempt for Log {
    async fn attempt(&mut self, requests: &[Request]) -> Result<Committed, BatchError> {
        match timeout(PATIENCE, self.try_batch(requests)).await {
            Ok(result) => result,
            // The connection went with the future.
            Err(_) => Err(BatchError::Unknown(Trouble {
                operation: "append",
                failure: Failure::new("timeout", "the server did not answer"),
                passing: true,
            })),
        }
    }
}
