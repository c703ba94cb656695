//! Read models: pure functions from events to statements.

use crate::{ClaimChange, Op, Recorded};

/// When a projection runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// In the transaction of the append. Its operations touch rows of the aggregates that the event names, and no tables but its own.
    Inline,
    /// Behind the log with a checkpoint.
    Following,
}

/// An event that a projection or the interpreter cannot make sense of.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Fault(pub String);

/// Keeps tables made for reading. Pure: no clock, no reading, the same operations for the same event.
pub trait Projection: Send + Sync {
    /// The plural it fills with a version, such as `devices.v1`. A changed meaning is a new name.
    fn name(&self) -> &'static str;

    /// Inline or following.
    fn mode(&self) -> Mode;

    /// The tables that it owns; made by migrations, emptied and filled again by a rebuild.
    fn tables(&self) -> &'static [&'static str];

    /// Does it look at events of this type?
    fn wants(&self, event_type: &str) -> bool;

    /// What the event does to the tables.
    fn apply(&self, event: &Recorded) -> Result<Vec<Op>, Fault>;

    /// Is there nothing in its tables that erasing a person must reach? Then a rebuild keeps on disk how far it is, and goes on
    /// from there after a kill; of people nothing is kept in files that nobody knows of.
    fn is_impersonal(&self) -> bool {
        false
    }
}

/// What the store has to know about the meaning of events.
pub trait Interpreter: Send + Sync {
    /// What the event does to claims, in order.
    fn claims(&self, event: &Recorded) -> Result<Vec<ClaimChange>, Fault>;

    /// May events of this type do something to claims? A rebuild leaves the others out.
    fn may_claim(&self, _event_type: &str) -> bool {
        true
    }

    /// Is there a path from this stored type and version to today's decoder?
    fn understands(&self, event_type: &str, event_version: &str) -> bool;
}
