use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use store::{EventFilter, Recorded};
use uuid::Uuid;

/// What is asked of a running server.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Request {
    /// Events of the log, oldest first.
    Events {
        /// Which.
        filter: Filter,
        /// Only after this position.
        after: i64,
        /// At most so many; none is all.
        limit: Option<u64>,
        /// Go on with what happens.
        follow: bool,
    },
    /// Position of the last event.
    Head,
    /// The chain, and the tables against the events.
    Verify,
}

/// Which events are wanted; absent members filter nothing.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// Kind of the stream.
    pub aggregate_type: Option<String>,
    /// The stream.
    pub aggregate_id: Option<String>,
    /// Stored types.
    pub types: Vec<String>,
    /// Whose.
    pub organization: Option<Uuid>,
    /// By whom.
    pub actor: Option<String>,
    /// Recorded at or after.
    pub since: Option<DateTime<Utc>>,
    /// Recorded at or before.
    pub until: Option<DateTime<Utc>>,
    /// Last position.
    pub up_to: Option<i64>,
}

impl From<Filter> for EventFilter {
    fn from(filter: Filter) -> Self {
        Self {
            aggregate_type: filter.aggregate_type,
            aggregate_id: filter.aggregate_id,
            event_types: filter.types,
            organizations: filter.organization.map(|organization| vec![organization]),
            actor: filter.actor,
            since: filter.since,
            until: filter.until,
            up_to: filter.up_to,
        }
    }
}

/// One line of an answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// An event.
    Event(serde_json::Value),
    /// Position of the last event.
    Head(i64),
    /// What the verification found.
    Verified(Verified),
    /// The request cannot be answered.
    Error(String),
    /// Nothing follows.
    End,
}

/// What the verification found.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Verified {
    /// Events of the chain.
    pub events: i64,
    /// Of these, how many other programs wrote.
    pub foreign: i64,
    /// Events that no append has taken into the chain yet.
    pub unchained: i64,
    /// Position of the last event.
    pub head: i64,
    /// The first position that does not fit, and why.
    pub bad: Option<(i64, String)>,
    /// By projection: name, position, rows, differences.
    pub projections: Vec<(String, i64, i64, Vec<String>)>,
}

impl Verified {
    /// Is everything as it should be?
    pub fn is_sound(&self) -> bool {
        self.bad.is_none() && self.projections.iter().all(|(_, _, _, wrong)| wrong.is_empty())
    }
}

/// An event as it is shown: the envelope, with payload and metadata as JSON. Sealed values stay sealed.
pub fn shown(event: &Recorded) -> serde_json::Value {
    let json = |text: &str| {
        serde_json::from_str(text).unwrap_or_else(|_| serde_json::Value::String(text.to_owned()))
    };
    let time = event.recorded_at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    serde_json::json!({
        "position": event.position,
        "event_id": event.event_id,
        "aggregate_type": event.aggregate_type,
        "aggregate_id": event.aggregate_id,
        "sequence": event.sequence,
        "event_type": event.event_type,
        "event_version": event.event_version,
        "organization_id": event.organization_id,
        "actor": event.actor,
        "correlation_id": event.correlation_id,
        "causation": event.causation,
        "recorded_at": time,
        "payload": json(&event.payload),
        "metadata": json(&event.metadata),
        "hash": event.hash.as_deref().map(hex::encode),
    })
}
