//! The thread that writes: appends first, then everything else.

use std::{collections::HashSet, sync::Arc, thread::JoinHandle};

use parking_lot::Mutex;
use rusqlite::{Connection, ErrorCode};
use tokio::sync::mpsc;

use super::{
    facts,
    readers::{Job, join, run, spawn, submit},
    statement::{execute, trouble},
};
use crate::{
    Failure, StoreError,
    error::Trouble,
    plan::{EventType, Plan, Rules, Wanted, Writes, plan},
    request::Request,
    store::Core,
    writer::{Attempt, BatchError, Committed, MOST_QUEUED, MOST_TOGETHER, Queued, serve},
};

const MOST_JOBS: usize = 1024;
/// So many batches of appends go before a waiting job, then it has its turn.
const MOST_PASSED_OVER: u32 = 8;

/// The writing thread and its two queues.
pub(super) struct Writer {
    appends: Mutex<Option<mpsc::Sender<Queued>>>,
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    thread: Mutex<Vec<JoinHandle<()>>>,
}

impl Writer {
    pub(super) fn start(connection: Connection, core: Arc<Core>) -> Result<Self, StoreError> {
        let head = facts::head(&connection)?;
        core.live.ring_bell(head.position);
        let known_types = facts::types(&connection)?;
        let (appends, queued) = mpsc::channel(MOST_QUEUED);
        let (jobs, waiting) = mpsc::channel(MOST_JOBS);
        // Only for its queues: the thread itself waits for the disk.
        let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|error| {
            StoreError::unavailable(
                "start a thread",
                Failure::new("runtime", error.kind().to_string()),
            )
        })?;
        let mut log = Log { connection, core, known_types };
        let thread = spawn("store-write", move || {
            runtime.block_on(log.run(queued, waiting));
            log.finish();
        })?;
        Ok(Self {
            appends: Mutex::new(Some(appends)),
            jobs: Mutex::new(Some(jobs)),
            thread: Mutex::new(vec![thread]),
        })
    }

    pub(super) fn appends(&self) -> Option<mpsc::Sender<Queued>> {
        self.appends.lock().clone()
    }

    /// Runs a closure on the writing connection, after the appends that are queued.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let queue = self.jobs.lock().clone();
        submit(queue, job).await
    }

    /// Lets the thread finish what is queued.
    pub(super) async fn close(&self) {
        drop(self.appends.lock().take());
        drop(self.jobs.lock().take());
        let thread = std::mem::take(&mut *self.thread.lock());
        join(thread).await;
    }
}

/// What the thread owns.
struct Log {
    connection: Connection,
    core: Arc<Core>,
    known_types: HashSet<EventType>,
}

impl Log {
    async fn run(&mut self, mut appends: mpsc::Receiver<Queued>, mut jobs: mpsc::Receiver<Job>) {
        let (mut appending, mut working, mut passed_over) = (true, true, 0);
        let core = Arc::clone(&self.core);
        while appending || working {
            let mut batch = Vec::new();
            tokio::select! {
                biased;
                count = appends.recv_many(&mut batch, MOST_TOGETHER), if appending && passed_over < MOST_PASSED_OVER => {
                    appending = count > 0;
                    serve(self, batch, &core).await;
                    passed_over = if jobs.is_empty() { 0 } else { passed_over + 1 };
                }
                job = jobs.recv(), if working => {
                    passed_over = 0;
                    match job {
                        Some(job) => run(job, &mut self.connection),
                        None => working = false,
                    }
                }
            }
        }
    }

    fn finish(self) {
        if let Err(error) = self.connection.execute_batch("PRAGMA optimize") {
            tracing::warn!(%error, "the database could not be optimized");
        }
    }

    fn try_batch(&mut self, requests: &[Request]) -> Result<Committed, BatchError> {
        let wanted = Wanted::by(requests);
        self.connection.execute_batch("BEGIN IMMEDIATE").map_err(trouble("begin an append"))?;
        let written = self.write(requests, &wanted);
        let Plan { outcomes, writes } = match written {
            Ok(plan) if plan.writes.is_empty() => {
                self.roll_back();
                plan
            }
            Ok(plan) => {
                if let Err(error) = self.connection.execute_batch("COMMIT") {
                    // A full disk is found out before anything is decided; another failure of the disk leaves it open.
                    let unknown = error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure);
                    let trouble = trouble("commit an append")(error);
                    self.roll_back();
                    return Err(if unknown {
                        BatchError::Unknown(trouble)
                    } else {
                        BatchError::Trouble(trouble)
                    });
                }
                plan
            }
            Err(error) => {
                self.roll_back();
                return Err(error);
            }
        };
        self.known_types.extend(writes.types.into_iter().map(|(pair, _)| pair));
        Ok(Committed { outcomes, events: writes.events.into_iter().map(Arc::new).collect() })
    }

    fn write(&self, requests: &[Request], wanted: &Wanted) -> Result<Plan, BatchError> {
        let facts = facts::read(&self.connection, wanted).map_err(Trouble::from)?;
        let plan = plan(
            requests,
            facts,
            &Rules {
                projections: &self.core.projections,
                known_types: &self.known_types,
                now: self.core.clock.now(),
            },
        );
        let Writes { events, commands, claims, counts, types, inline, .. } = &plan.writes;
        let log = [events.len(), commands.len(), claims.len(), counts.len(), types.len()];
        let statements = log.iter().sum::<usize>() + inline.len() + wanted.len() + 4;
        self.core.live.count_statements(statements as u64);
        if plan.writes.is_empty() {
            return Ok(plan);
        }
        facts::write(&self.connection, &plan.writes).map_err(trouble("write events"))?;
        for inline in &plan.writes.inline {
            execute(&self.connection, &inline.op).map_err(|trouble| match trouble {
                Trouble { passing: true, .. } => BatchError::Trouble(trouble),
                trouble => BatchError::Inline {
                    projection: inline.projection,
                    event_type: inline.event_type.clone(),
                    trouble,
                },
            })?;
        }
        Ok(plan)
    }

    fn roll_back(&self) {
        // SQLite itself rolls back after some errors.
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "an append could not be rolled back");
        }
    }
}

impl Attempt for Log {
    async fn attempt(&mut self, requests: &[Request]) -> Result<Committed, BatchError> {
        self.try_batch(requests)
    }
}
