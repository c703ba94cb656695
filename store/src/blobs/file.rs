//! Blobs in a SQLite file: one thread writes, two connections read.

use std::{
    collections::HashSet,
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::Mutex;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, TransactionBehavior, params};
use tokio::sync::{Semaphore, mpsc, oneshot};
use uuid::Uuid;

use super::{BlobStats, Key, Sha256, Stored};
use crate::StoreError;

const READERS: u32 = 2;
/// Requests waiting for the writer.
const QUEUE: usize = 64;
/// Requests that share a commit.
const GROUP: usize = 64;

const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS blobs (
  organization_id TEXT    NOT NULL,
  sha256          BLOB    NOT NULL,
  size            INTEGER NOT NULL, -- bytes before packing
  body            BLOB    NOT NULL, -- nonce, sealed packing and bytes
  PRIMARY KEY (organization_id, sha256)
) STRICT";

type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

enum Request {
    Put(Vec<Stored>, Answer<bool>),
    Remove(Key, Answer<bool>),
}

pub(crate) struct BlobFile {
    path: PathBuf,
    readers: Arc<Readers>,
    writer: Mutex<Option<Writer>>,
}

struct Writer {
    requests: mpsc::Sender<Request>,
    /// Resolves when the thread has closed its connection.
    ended: oneshot::Receiver<()>,
}

struct Readers {
    free: Semaphore,
    connections: Mutex<Vec<Connection>>,
}

impl fmt::Debug for BlobFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl BlobFile {
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = writing(path).map_err(during("open the file of blobs"))?;
        let reading = (0..READERS).map(|_| reading(path)).collect::<Result<Vec<_>, _>>();
        let readers = Readers {
            free: Semaphore::new(READERS as usize),
            connections: Mutex::new(reading.map_err(during("open the file of blobs"))?),
        };
        let (requests, queue) = mpsc::channel(QUEUE);
        let (end, ended) = oneshot::channel();
        std::thread::Builder::new()
            .name("blobs".to_owned())
            .spawn(move || {
                write(connection, queue);
                // An error says that nobody waits.
                let _ = end.send(());
            })
            .map_err(|error| StoreError::Unavailable {
                operation: "start the writer of blobs",
                source: error.into(),
            })?;
        let writer = Mutex::new(Some(Writer { requests, ended }));
        Ok(Self { path: path.to_owned(), readers: Arc::new(readers), writer })
    }

    pub(super) async fn put(&self, batch: Vec<Stored>) -> Result<(), StoreError> {
        self.ask(|answer| Request::Put(batch, answer)).await.map(drop)
    }

    pub(super) async fn remove(&self, key: Key) -> Result<bool, StoreError> {
        self.ask(|answer| Request::Remove(key, answer)).await
    }

    pub(super) async fn get(
        &self,
        (organization, sha256): Key,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(move |connection| {
            connection
                .prepare_cached(
                    "SELECT body FROM blobs WHERE organization_id = ?1 AND sha256 = ?2",
                )?
                .query_row(params![organization.to_string(), sha256.as_bytes()], |row| row.get(0))
                .optional()
        })
        .await
    }

    /// Those of the hashes that an organization has.
    pub(super) async fn held(
        &self,
        organization: Uuid,
        hashes: &[Sha256],
    ) -> Result<HashSet<Sha256>, StoreError> {
        let (organization, hashes) = (organization.to_string(), hashes.to_vec());
        self.read(move |connection| {
            let sql = "SELECT 1 FROM blobs WHERE organization_id = ?1 AND sha256 = ?2";
            let mut statement = connection.prepare_cached(sql)?;
            let mut held = HashSet::new();
            for sha256 in hashes {
                if statement.exists(params![organization, sha256.as_bytes()])? {
                    held.insert(sha256);
                }
            }
            Ok(held)
        })
        .await
    }

    pub(super) async fn stats(&self) -> Result<BlobStats, StoreError> {
        self.read(|connection| {
            let sql = "SELECT count(*), COALESCE(sum(size), 0), COALESCE(sum(length(body)), 0) FROM blobs";
            connection.prepare_cached(sql)?.query_row([], |row| {
                let column = |n| row.get::<_, i64>(n).map(i64::unsigned_abs);
                Ok(BlobStats {
                    count: column(0)?,
                    plain_bytes: column(1)?,
                    stored_bytes: column(2)?,
                })
            })
        })
        .await
    }

    /// Readers go first: the last connection that closes is the one that writes.
    pub(super) async fn close(&self) {
        // Fails when another call closes at the same time, which then does the rest.
        let Ok(_all) = self.readers.free.acquire_many(READERS).await else { return };
        self.readers.free.close();
        self.readers.connections.lock().clear();
        let writer = self.writer.lock().take();
        if let Some(Writer { requests, ended }) = writer {
            drop(requests);
            // An error says that the thread has ended already.
            drop(ended.await);
        }
    }

    async fn ask<T>(&self, request: impl FnOnce(Answer<T>) -> Request) -> Result<T, StoreError> {
        let requests = self.writer.lock().as_ref().map(|writer| writer.requests.clone());
        let (answer, answered) = oneshot::channel();
        requests
            .ok_or_else(StoreError::closed)?
            .send(request(answer))
            .await
            .map_err(|_| StoreError::closed())?;
        answered.await.map_err(|_| StoreError::closed())?
    }

    async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = self.readers.free.acquire().await.map_err(|_| StoreError::closed())?;
        let readers = Arc::clone(&self.readers);
        let answer = tokio::task::spawn_blocking(move || {
            let connection = readers.connections.lock().pop()?;
            let answer = question(&connection);
            readers.connections.lock().push(connection);
            Some(answer)
        });
        let answer = answer.await.map_err(|_| StoreError::closed())?;
        drop(permit);
        answer.ok_or_else(StoreError::closed)?.map_err(during("read a blob"))
    }
}

fn writing(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.execute_batch(
        "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000; PRAGMA cache_size = -4000;",
    )?;
    connection.execute_batch(SCHEMA)?;
    Ok(connection)
}

pub(super) fn reading(path: &Path) -> rusqlite::Result<Connection> {
    // A reader of a write-ahead log needs the right to write beside it.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.execute_batch(
        "PRAGMA busy_timeout = 5000; PRAGMA query_only = ON; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -1000;",
    )?;
    Ok(connection)
}

/// One commit for whatever is waiting; answers follow the commit.
fn write(mut connection: Connection, mut queue: mpsc::Receiver<Request>) {
    while let Some(first) = queue.blocking_recv() {
        let mut group = vec![first];
        while group.len() < GROUP
            && let Ok(next) = queue.try_recv()
        {
            group.push(next);
        }
        match commit(&mut connection, &group) {
            Ok(done) => {
                for (request, changed) in group.into_iter().zip(done) {
                    request.answer(Ok(changed));
                }
            }
            // One request's failure is not another's: a full disk may have room for a smaller one.
            Err(_) => {
                for request in group {
                    let done = commit(&mut connection, std::slice::from_ref(&request));
                    request.answer(done.map(|done| done.contains(&true)));
                }
            }
        }
    }
}

/// For each request, whether it changed anything.
fn commit(connection: &mut Connection, group: &[Request]) -> rusqlite::Result<Vec<bool>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done = group.iter().map(|request| request.run(&transaction)).collect::<Result<_, _>>()?;
    transaction.commit()?;
    Ok(done)
}

impl Request {
    fn run(&self, connection: &Connection) -> rusqlite::Result<bool> {
        match self {
            Self::Put(batch, _) => {
                let mut insert = connection.prepare_cached(
                    "INSERT INTO blobs (organization_id, sha256, size, body) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
                )?;
                let mut changed = 0;
                for Stored { key: (organization, sha256), size, body } in batch {
                    changed += insert.execute(params![
                        organization.to_string(),
                        sha256.as_bytes(),
                        i64::try_from(*size).unwrap_or(i64::MAX),
                        body
                    ])?;
                }
                Ok(changed > 0)
            }
            Self::Remove((organization, sha256), _) => {
                let sql = "DELETE FROM blobs WHERE organization_id = ?1 AND sha256 = ?2";
                let mut delete = connection.prepare_cached(sql)?;
                Ok(delete.execute(params![organization.to_string(), sha256.as_bytes()])? > 0)
            }
        }
    }

    fn answer(self, done: rusqlite::Result<bool>) {
        let (Self::Put(_, answer) | Self::Remove(_, answer)) = self;
        // Whoever asked may be gone.
        drop(answer.send(done.map_err(during("write a blob"))));
    }
}

pub(super) fn during(operation: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |error| {
        use rusqlite::ErrorCode::{CannotOpen, DatabaseBusy, DiskFull, ReadOnly, SystemIoFailure};
        let passing = matches!(
            error.sqlite_error_code(),
            Some(CannotOpen | DatabaseBusy | DiskFull | ReadOnly | SystemIoFailure)
        );
        if passing {
            StoreError::Unavailable { operation, source: error.into() }
        } else {
            StoreError::Database { operation, source: error.into() }
        }
    }
}
