//! The task that appends, on a connection of its own.

use std::{collections::HashSet, sync::Arc, time::Duration};

use parking_lot::Mutex;
use sqlx::{Connection, Executor, PgConnection, PgPool, postgres::PgConnectOptions};
use tokio::{sync::mpsc, task::JoinSet, time::timeout};

use super::{
    connection::connect,
    facts,
    foreign::{self, Adopted},
    statement::{hung_up, trouble},
    together::{Names, Stuck},
    write::{self, Rows, classify},
};
use crate::{
    AppendError, Appended, Failure, Op, StoreError,
    error::Trouble,
    plan::{EventType, Facts, Head, Plan, Rules, Wanted, Writes, plan},
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
    connection: Option<(PgConnection, Names)>,
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
        if let Some((connection, _)) = self.connection {
            drop(connection.close().await);
        }
    }

    async fn try_batch(&mut self, requests: &[Request]) -> Result<Committed, BatchError> {
        let wanted = Wanted::by(requests);
        let begun = self.begin(&wanted).await.map_err(classify)?;
        let Begun { mut connection, mut names, head, facts } = begun;
        let known = Known { head, facts, wanted };
        let written = self.write(&mut connection, &mut names, known, requests).await;
        let usable = match &written {
            Ok(Written::Committed(..)) => true,
            Err(BatchError::Unknown(_)) => false,
            // Which names there are is open.
            Err(_) if names.torn() => false,
            // What was begun must end before the connection is used again.
            Ok(Written::Nothing(_)) | Err(_) => {
                connection.execute(sqlx::raw_sql("ROLLBACK")).await.is_ok()
            }
        };
        if usable {
            self.connection = Some((connection, names));
        }
        match written? {
            Written::Nothing(committed) => Ok(committed),
            Written::Committed(committed, types) => {
                self.known_types.extend(types);
                Ok(committed)
            }
        }
    }

    /// Begins a transaction that nobody can append beside, and reads what is wanted. A connection that broke since the last
    /// append is replaced: nothing was sent yet that could have happened.
    async fn begin(&mut self, wanted: &Wanted) -> Result<Begun, Trouble> {
        if let Some((mut connection, mut names)) = self.connection.take() {
            match facts::lock(&mut connection, &mut names, wanted).await {
                Ok((head, facts)) => return Ok(Begun { connection, names, head, facts }),
                Err(trouble) if !hung_up(&trouble.failure) => return Err(trouble),
                Err(_) => {}
            }
        }
        let (mut connection, mut names) = (connect(&self.options).await?, Names::default());
        let (head, facts) = facts::lock(&mut connection, &mut names, wanted).await?;
        Ok(Begun { connection, names, head, facts })
    }

    async fn write(
        &self,
        connection: &mut PgConnection,
        names: &mut Names,
        Known { mut head, mut facts, wanted }: Known,
        requests: &[Request],
    ) -> Result<Written, BatchError> {
        let mut chained = Adopted::default();
        if head.chained < head.position {
            chained = foreign::adopt(connection, &mut head, &self.core, &self.known_types).await?;
            facts = facts::read(connection, head.clone(), &wanted).await.map_err(classify)?;
        }
        let adopted = head;
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
            let end = write::committing(&adopted);
            let ended = names.execute_and_end(connection, &[], end).await;
            ended.map_err(|stuck| write::uncommitted(stuck.trouble))?;
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
        let ops: Vec<&Op> = writes.inline.iter().map(|inline| &inline.op).collect();
        let ended = names.execute_and_end(connection, &ops, write::committing(&writes.head)).await;
        ended.map_err(|Stuck { at, trouble }| {
            match (write::uncommitted(trouble), writes.inline.get(at)) {
                (BatchError::Trouble(trouble), Some(inline)) if !trouble.passing => {
                    BatchError::Inline {
                        projection: inline.projection,
                        event_type: inline.event_type.clone(),
                        trouble,
                    }
                }
                (error, _) => error,
            }
        })?;
        Ok(chained.with(outcomes, writes))
    }
}

/// A transaction that nobody can append beside.
struct Begun {
    connection: PgConnection,
    names: Names,
    head: Head,
    facts: Facts,
}

/// What a plan rests on, and what was asked for it.
struct Known {
    head: Head,
    facts: Facts,
    wanted: Wanted,
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
