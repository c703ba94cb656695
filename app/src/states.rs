//! States of streams that were appended to lately: whoever decides next need not read the stream.
//!
//! A state that somebody else has changed since does no harm: its version does not fit any more, so the append is refused and
//! the state forgotten.

use cqrs_es::Aggregate;
use moka::sync::Cache;

use crate::log::Loaded;

/// Bytes of all states together.
const MOST_BYTES: u64 = 4 << 20;
/// Bytes of one state.
const LARGEST: usize = 64 << 10;

/// A stream's state after an event.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) sequence: i64,
    /// The snapshot that it was loaded from, 0 if none.
    pub(crate) snapshot: i64,
    /// JSON: a fraction of what the state takes when it is open.
    pub(crate) json: String,
}

impl State {
    pub(crate) fn of<A: Aggregate>(
        aggregate: &A,
        sequence: i64,
        snapshot: i64,
    ) -> Result<Self, serde_json::Error> {
        Ok(Self { sequence, snapshot, json: serde_json::to_string(aggregate)? })
    }
}

/// The states by kind and id of their streams.
pub(crate) struct States(Cache<(&'static str, String), State>);

impl Default for States {
    fn default() -> Self {
        let weight = |(_, id): &(&'static str, String), state: &State| {
            u32::try_from(id.len() + state.json.len() + 100).unwrap_or(u32::MAX)
        };
        Self(Cache::builder().max_capacity(MOST_BYTES).weigher(weight).build())
    }
}

impl States {
    /// What is remembered of a stream.
    pub(crate) fn recall<A: Aggregate>(&self, id: &str) -> Option<Loaded<A>> {
        let State { sequence, snapshot, json } = self.0.get(&(A::TYPE, id.to_owned()))?;
        let aggregate = serde_json::from_str(&json).ok()?;
        Some(Loaded { aggregate, version: sequence, snapshot })
    }

    /// Remembers what was appended; of two at once either may stay.
    pub(crate) fn remember(&self, kind: &'static str, id: String, state: State) {
        if state.json.len() <= LARGEST {
            self.0.insert((kind, id), state);
        } else {
            self.forget(kind, &id);
        }
    }

    /// What is remembered is not, or may not be, the newest any more.
    pub(crate) fn forget(&self, kind: &'static str, id: &str) {
        self.0.invalidate(&(kind, id.to_owned()));
    }
}
