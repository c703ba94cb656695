//! The one writer of a process: takes what is queued as one transaction and answers everybody.

use std::{sync::Arc, time::Duration};

use tokio::sync::{mpsc, oneshot};

use crate::{
    AppendError, Appended, Failure, Recorded, StoreError, error::Trouble, request::Request,
    store::Core,
};

/// So many requests wait, further ones wait for a place.
pub(crate) const MOST_QUEUED: usize = 4096;
/// How long a request waits for a place in the queue.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
/// Requests in one transaction.
pub(crate) const MOST_TOGETHER: usize = 512;
/// Events in one transaction, unless one request has more.
const MOST_EVENTS: usize = 4096;
/// Deadlocks and serialisation failures that a batch survives.
const MOST_REPLAYS: u32 = 3;

/// A request and who waits for it.
pub(crate) struct Queued {
    pub(crate) request: Request,
    pub(crate) reply: oneshot::Sender<Result<Appended, AppendError>>,
}

/// One transaction that happened.
pub(crate) struct Committed {
    /// One per request.
    pub(crate) outcomes: Vec<Result<Appended, AppendError>>,
    pub(crate) events: Vec<Arc<Recorded>>,
}

/// Why a transaction was rolled back.
#[derive(Debug)]
pub(crate) enum BatchError {
    /// The operation of an inline projection: the fault of one request.
    Inline { projection: &'static str, event_type: String, trouble: Trouble },
    /// Somebody who does not take the head lock wrote one of the streams.
    Version(Trouble),
    /// The database wants it again.
    Again(Trouble),
    /// During the commit: it may have happened.
    Unknown(Trouble),
    /// Anything else.
    Trouble(Trouble),
}

impl From<Trouble> for BatchError {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

/// A database that can try a batch.
pub(crate) trait Attempt: Send {
    /// One transaction with all requests, or nothing.
    fn attempt(
        &mut self,
        requests: &[Request],
    ) -> impl Future<Output = Result<Committed, BatchError>> + Send;
}

/// Puts a request into the queue and waits for its answer.
pub(crate) async fn submit(
    queue: Option<mpsc::Sender<Queued>>,
    request: Request,
) -> Result<Appended, AppendError> {
    let queue = queue.ok_or_else(|| AppendError::Unavailable(StoreError::closed()))?;
    let (reply, answer) = oneshot::channel();
    queue.send_timeout(Queued { request, reply }, PATIENCE).await.map_err(|error| {
        AppendError::Unavailable(match error {
            mpsc::error::SendTimeoutError::Timeout(_) => full("append"),
            mpsc::error::SendTimeoutError::Closed(_) => StoreError::closed(),
        })
    })?;
    drop(queue);
    answer.await.unwrap_or_else(|_| Err(AppendError::Unknown(StoreError::closed())))
}

/// The queue has no place.
pub(crate) fn full(operation: &'static str) -> StoreError {
    StoreError::unavailable(operation, Failure::new("queue", "too many requests are waiting"))
}

/// Executes what was taken from the queue and answers it.
pub(crate) async fn serve(database: &mut impl Attempt, queued: Vec<Queued>, core: &Core) {
    let mut rest = queued.into_iter().peekable();
    while rest.peek().is_some() {
        let (mut requests, mut replies, mut events) = (Vec::new(), Vec::new(), 0);
        while let Some(next) = rest.next_if(|next| {
            requests.is_empty() || events + next.request.events.len() <= MOST_EVENTS
        }) {
            events += next.request.events.len();
            requests.push(next.request);
            replies.push(next.reply);
        }
        together(database, &requests, replies, core).await;
    }
}

async fn together(
    database: &mut impl Attempt,
    requests: &[Request],
    replies: Vec<oneshot::Sender<Result<Appended, AppendError>>>,
    core: &Core,
) {
    match attempt(database, requests).await {
        Ok(committed) => {
            publish(core, &committed.events);
            for (reply, outcome) in replies.into_iter().zip(committed.outcomes) {
                // Whoever asked may have gone.
                drop(reply.send(outcome));
            }
        }
        Err(BatchError::Inline { .. } | BatchError::Version(_)) if requests.len() > 1 => {
            for (request, reply) in requests.iter().zip(replies) {
                drop(reply.send(alone(database, request, core).await));
            }
        }
        Err(error @ (BatchError::Inline { .. } | BatchError::Version(_))) => {
            for (request, reply) in requests.iter().zip(replies) {
                let outcome = match &error {
                    BatchError::Version(_) => alone(database, request, core).await,
                    error => Err(refusal(error)),
                };
                drop(reply.send(outcome));
            }
        }
        Err(error) => {
            tracing::warn!(?error, "{} appends could not be written", requests.len());
            for reply in replies {
                drop(reply.send(Err(refusal(&error))));
            }
        }
    }
}

async fn alone(
    database: &mut impl Attempt,
    request: &Request,
    core: &Core,
) -> Result<Appended, AppendError> {
    let committed =
        attempt(database, std::slice::from_ref(request)).await.map_err(|error| match error {
            BatchError::Version(_) => conflict(request),
            error => refusal(&error),
        })?;
    publish(core, &committed.events);
    committed.outcomes.into_iter().next().unwrap_or_else(|| Err(StoreError::closed().into()))
}

async fn attempt(
    database: &mut impl Attempt,
    requests: &[Request],
) -> Result<Committed, BatchError> {
    let mut replays = 0;
    loop {
        match database.attempt(requests).await {
            Err(BatchError::Again(_)) if replays < MOST_REPLAYS => replays += 1,
            result => return result,
        }
    }
}

/// Followers hear of an event before its author does, so whoever appended finds it at the head.
fn publish(core: &Core, events: &[Arc<Recorded>]) {
    core.live.publish(events);
    if let Some(anchors) = &core.anchors {
        anchors.note(events);
    }
}

fn refusal(error: &BatchError) -> AppendError {
    match error {
        BatchError::Inline { projection, event_type, trouble } => AppendError::Refused {
            projection: (*projection).to_owned(),
            event_type: event_type.clone(),
            reason: trouble.failure.to_string(),
        },
        BatchError::Unknown(trouble) => AppendError::Unknown(trouble.clone().into()),
        BatchError::Again(trouble) => AppendError::Unavailable(trouble.clone().into()),
        BatchError::Version(trouble) | BatchError::Trouble(trouble) if !trouble.passing => {
            AppendError::Store(trouble.clone().into())
        }
        BatchError::Version(trouble) | BatchError::Trouble(trouble) => {
            AppendError::Unavailable(trouble.clone().into())
        }
    }
}

/// A stream moved although the versions were right a moment before, twice.
fn conflict(request: &Request) -> AppendError {
    let part = request.parts.iter().find_map(|part| match part.expected {
        crate::Expected::Exactly(expected) => Some((&part.stream, expected)),
        crate::Expected::Any => None,
    });
    match part {
        Some((stream, expected)) => AppendError::Conflict {
            aggregate_type: stream.aggregate_type.clone(),
            aggregate_id: stream.aggregate_id.clone(),
            expected,
            actual: expected + 1,
        },
        None => AppendError::Unavailable(full("append to a busy stream")),
    }
}
