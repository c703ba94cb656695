//! Threads that read.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::statement::trouble;
use crate::{
    Failure, StoreError,
    writer::{PATIENCE, full},
};

const MOST_QUEUED: usize = 1024;
/// A question that takes longer is given up.
pub(super) const LONGEST: Duration = Duration::from_mins(1);
/// Steps of SQLite's machine between two looks at the clock.
const STEPS: i32 = 10_000;

pub(super) type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// The reading threads and their queue.
pub(super) struct Readers {
    queue: Mutex<Option<mpsc::Sender<Job>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Readers {
    pub(super) fn start(
        file: &Path,
        open: fn(&Path) -> Result<Connection, StoreError>,
        longest: Duration,
    ) -> Result<Self, StoreError> {
        let (queue, jobs) = mpsc::channel::<Job>(MOST_QUEUED);
        let jobs = Arc::new(Mutex::new(jobs));
        let count = thread::available_parallelism().map_or(2, usize::from).clamp(2, 8);
        let mut threads = Vec::with_capacity(count);
        for number in 0..count {
            let mut connection = open(file)?;
            let deadline = Arc::new(Mutex::new(Instant::now()));
            let due = Arc::clone(&deadline);
            connection
                .progress_handler(STEPS, Some(move || Instant::now() > *due.lock()))
                .map_err(trouble("configure a reading connection"))?;
            let jobs = Arc::clone(&jobs);
            let read = move || {
                loop {
                    // Whoever waits holds the lock; the others wait for it.
                    let job = jobs.lock().blocking_recv();
                    let Some(job) = job else { break };
                    *deadline.lock() = Instant::now() + longest;
                    run(job, &mut connection);
                }
            };
            threads.push(spawn(&format!("store-read-{number}"), read)?);
        }
        Ok(Self { queue: Mutex::new(Some(queue)), threads: Mutex::new(threads) })
    }

    /// Runs a closure on one of the connections.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let queue = self.queue.lock().clone();
        submit(queue, job).await
    }

    /// Lets the threads finish what is queued.
    pub(super) async fn close(&self) {
        drop(self.queue.lock().take());
        let threads = std::mem::take(&mut *self.threads.lock());
        join(threads).await;
    }
}

/// A closure that panics hurts only whoever asked: its transaction is rolled back, its answer never comes.
pub(super) fn run(job: Job, connection: &mut Connection) {
    if catch_unwind(AssertUnwindSafe(|| job(connection))).is_err() {
        tracing::error!("a question to the database panicked");
    }
}

/// Queues a closure for a thread that owns a connection and waits for what it returns.
pub(super) async fn submit<T: Send + 'static>(
    queue: Option<mpsc::Sender<Job>>,
    job: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let queue = queue.ok_or_else(StoreError::closed)?;
    let (reply, answer) = oneshot::channel();
    let job: Job = Box::new(move |connection| {
        // Whoever asked may have gone.
        drop(reply.send(job(connection)));
    });
    queue.send_timeout(job, PATIENCE).await.map_err(|error| match error {
        mpsc::error::SendTimeoutError::Timeout(_) => full("use the database"),
        mpsc::error::SendTimeoutError::Closed(_) => StoreError::closed(),
    })?;
    drop(queue);
    answer.await.unwrap_or_else(|_| Err(StoreError::closed()))
}

pub(super) fn spawn(
    name: &str,
    run: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, StoreError> {
    thread::Builder::new().name(name.to_owned()).spawn(run).map_err(|error| {
        StoreError::unavailable("start a thread", Failure::new("thread", error.kind().to_string()))
    })
}

pub(super) async fn join(threads: Vec<JoinHandle<()>>) {
    let joined = tokio::task::spawn_blocking(|| {
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the store had panicked");
            }
        }
    });
    drop(joined.await);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Durability, Query, args,
        sqlite::{connection, statement::fetch},
    };

    #[tokio::test]
    async fn a_question_without_end_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("wisptrail.db");
        drop(connection::writer(&file, Durability::Full).unwrap());
        let readers = Readers::start(&file, connection::reader, Duration::from_millis(20)).unwrap();
        let endless =
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
        let query = Query::new(endless, args![]);
        let error = readers.run(move |reader| Ok(fetch(reader, &query)?)).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
        let query = Query::new("SELECT 1", args![]);
        assert_eq!(readers.run(move |reader| Ok(fetch(reader, &query)?)).await.unwrap().len(), 1);
        readers.close().await;
    }
}
