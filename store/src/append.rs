//! One atomic request to the log.

use uuid::Uuid;

use crate::{Limit, NewEvent, StoreError, TakenClaim};

/// Which version a stream must have for an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Exactly this last sequence; 0 is "no such stream".
    Exactly(i64),
    /// Whatever it is.
    Any,
}

/// New events of one stream.
#[derive(Clone, Debug)]
pub struct Part {
    /// Kind of the stream.
    pub aggregate_type: String,
    /// Which stream.
    pub aggregate_id: String,
    /// Its version before.
    pub expected: Expected,
    /// In order; may be empty, which only checks the version.
    pub events: Vec<NewEvent>,
}

/// Who asked and why; the same for all events of an append.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// See [`crate::Recorded::actor`].
    pub actor: String,
    /// One per outside request.
    pub correlation_id: Option<Uuid>,
    /// What made it necessary.
    pub causation: Option<String>,
    /// A JSON object of strings.
    pub metadata: String,
}

/// Makes a repeated request one effect; lives 7 days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// Keys of one actor are apart from those of another.
    pub actor: String,
    /// At most 200 characters.
    pub key: String,
    /// Hash of what was asked; another one under the same key is refused.
    pub fingerprint: Vec<u8>,
    /// JSON to be answered to repetitions.
    pub response: Option<String>,
}

/// One atomic append to one or more streams: at most 1000 events and 8 MiB of payload.
#[derive(Clone, Debug)]
pub struct Append {
    /// Who and why.
    pub context: Context,
    /// Each stream at most once.
    pub parts: Vec<Part>,
    /// Checked after the claims of all events are taken.
    pub limits: Vec<Limit>,
    /// If a repetition is to be recognised.
    pub idempotency: Option<IdempotencyKey>,
}

/// What an append did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Position of its first event; `last + 1` when it had none.
    pub first: i64,
    /// Position of its last event; the head when it had none.
    pub last: i64,
    /// The key was known: nothing was written, this is what the first request did.
    pub duplicate: bool,
    /// The stored response of the first request.
    pub response: Option<String>,
}

/// Why nothing was appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// A stream has another version; reload and decide again.
    #[error("stream {aggregate_type} {aggregate_id} is at version {actual}, not {expected}")]
    Conflict {
        /// Kind of the stream.
        aggregate_type: String,
        /// Which stream.
        aggregate_id: String,
        /// What the request was based on.
        expected: i64,
        /// What it is.
        actual: i64,
    },
    /// Values that other streams hold: all of them.
    #[error("{} of the values are taken", .0.len())]
    Taken(Vec<TakenClaim>),
    /// A limit would be passed.
    #[error("the limit of {} {} is reached", .0.max, .0.kind)]
    Limited(Limit),
    /// The idempotency key was used for another request.
    #[error("the idempotency key was used for a different request")]
    KeyReused,
    /// An inline projection cannot take the event: its own command is refused, others go on.
    #[error("projection {projection} refused {event_type}: {reason}")]
    Refused {
        /// Which projection.
        projection: String,
        /// Which event.
        event_type: String,
        /// Why, for the log.
        reason: String,
    },
    /// Too many events, too many bytes, a stream twice, U+0000 in a text.
    #[error("the append is malformed: {0}")]
    Malformed(String),
    /// The queue is full or the database cannot write at present; nothing was written. Asking again is safe.
    #[error("the log cannot be written at present")]
    Unavailable(#[source] StoreError),
    /// The connection broke during the commit: it may have happened or not.
    #[error("it is not known whether the append happened")]
    Unknown(#[source] StoreError),
    /// Anything else.
    #[error(transparent)]
    Store(#[from] StoreError),
}
