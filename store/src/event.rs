//! Events as the log keeps them.

use std::{
    any::Any,
    sync::{Arc, OnceLock},
};

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// How long the payload of an event is kept (`event-store.md` §11).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Retention(pub i16);

impl Retention {
    /// Kept for ever.
    pub const FOREVER: Self = Self(0);
    /// 365 days: notifications, login audit.
    pub const YEAR: Self = Self(1);
    /// As configured, 180 days by default: accounting sessions, connection attempts.
    pub const CONFIGURED: Self = Self(2);
}

/// An event with its envelope, as read back from the log (architecture, decision 14).
#[derive(Clone, Debug)]
pub struct Recorded {
    /// 1, 2, 3 … over the whole log, dense, in commit order.
    pub position: i64,
    /// Unique for ever.
    pub event_id: Uuid,
    /// Kind of the stream, such as `device`.
    pub aggregate_type: String,
    /// Which stream of that kind; a hyphenated lower-case UUID for our own aggregates.
    pub aggregate_id: String,
    /// 1, 2, 3 … inside the stream.
    pub sequence: i64,
    /// Such as `device.registered`.
    pub event_type: String,
    /// A whole number as text, `1` at first.
    pub event_version: String,
    /// Whose event it was at that time.
    pub organization_id: Option<Uuid>,
    /// `user:<id>` | `device:<id>` | `agent:<organization>` | `system:<worker>` | `local:<unix user>`; none for foreign events.
    pub actor: Option<String>,
    /// One per outside request.
    pub correlation_id: Option<Uuid>,
    /// `event:<uuid>` | `report:<telemetry position>` | `job:<id>`.
    pub causation: Option<String>,
    /// UTC, microseconds; never decreases along positions.
    pub recorded_at: DateTime<Utc>,
    /// How long the payload is kept.
    pub retention: Retention,
    /// The exact JSON text that was hashed.
    pub payload: String,
    /// A JSON object of strings: request and token ids, no personal data.
    pub metadata: String,
    /// SHA-256 of the payload; none for foreign events not yet taken into the chain.
    pub payload_hash: Option<Vec<u8>>,
    /// The chain up to and including this event; none as above.
    pub hash: Option<Vec<u8>>,
    /// What a reader made of the payload, once for all readers of this process.
    pub decoded: Decoded,
}

/// A place for the decoded payload, filled by the first reader that needs it.
#[derive(Clone, Default)]
pub struct Decoded(OnceLock<Arc<dyn Any + Send + Sync>>);

impl Decoded {
    /// The value that is there, or the one that `decode` makes. A second type in the same place decodes again.
    pub fn get_or_decode<T: Any + Send + Sync, E>(
        &self,
        decode: impl FnOnce() -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        if let Some(value) = self.0.get().and_then(|any| Arc::clone(any).downcast::<T>().ok()) {
            return Ok(value);
        }
        let value = Arc::new(decode()?);
        let any: Arc<dyn Any + Send + Sync> = Arc::<T>::clone(&value);
        // Losing the race is fine: both values are equal.
        drop(self.0.set(any));
        Ok(value)
    }
}

impl std::fmt::Debug for Decoded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Decoded")
    }
}

/// An event about to be appended; the store gives position, sequence, time and hashes.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// Minted by the caller, so that the store needs no randomness.
    pub event_id: Uuid,
    /// Such as `device.registered`.
    pub event_type: String,
    /// A whole number as text.
    pub event_version: String,
    /// Whose event it is.
    pub organization_id: Option<Uuid>,
    /// How long the payload is kept.
    pub retention: Retention,
    /// JSON.
    pub payload: String,
}
