//! Time as the store is given it.

use chrono::{DateTime, Utc};

/// Where the store gets the time from. It may step back: the log's own times never do.
pub trait Clock: Send + Sync {
    /// The present moment, UTC.
    fn now(&self) -> DateTime<Utc>;
}
