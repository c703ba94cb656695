use app::RelayStatus;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use store::{
    EventFilter, Mode, ProjectionState, ProjectionStates, PublicKey, Recorded, Store, StoreError,
};
use uuid::Uuid;

use crate::{archive::Order, people::Act};

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
    /// How the projections are doing.
    Projections,
    /// Tables filled again from the first event.
    Rebuild {
        /// Of this projection, or `claims`, or `all`.
        name: String,
    },
    /// Something about accounts, organizations or tokens.
    Accounts {
        /// What.
        act: Act,
    },
    /// The whole log as lines for a file; they are no [`Answer`]s.
    Export,
    /// A part of the log that proves itself.
    Evidence(Part),
    /// Old parts of the log in files.
    Archive(Order),
    /// The public half of the key that it is signed with.
    AuditKey,
    /// The chain at positions, at most 1000.
    ChainAt {
        /// Which.
        positions: Vec<i64>,
    },
}

/// A part of the log.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Part {
    /// Position or moment; none is the beginning.
    pub from: Option<String>,
    /// Position or moment; none is the end.
    pub to: Option<String>,
    /// Only its events are shown.
    pub organization: Option<Uuid>,
    /// Is it signed?
    pub sign: bool,
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
    /// A line for whoever asked.
    Text(String),
    /// Bytes of a file, in base64.
    Bytes(String),
    /// The public half of a key.
    Key(PublicKey),
    /// The chain at positions, 64 hexadecimal digits each, as far as there are events.
    Chain(Vec<(i64, String)>),
    /// How the projections are doing.
    Projections(States),
    /// Tables are filled up to a position, of so many.
    Progress(i64, i64),
    /// Everything up to this position is in the new tables.
    Rebuilt(i64),
    /// The request cannot be answered.
    Error(String),
    /// Nothing follows.
    End,
}

/// How the projections are doing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct States {
    /// Position of the last event.
    pub head: i64,
    /// When it was recorded.
    pub newest_at: Option<DateTime<Utc>>,
    /// One for each.
    pub projections: Vec<ProjectionShown>,
    /// One for each relay that ever began.
    #[serde(default)]
    pub relays: Vec<RelayShown>,
}

/// How a relay is doing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RelayShown {
    /// Such as `nats`.
    pub name: String,
    /// Everything up to here was acknowledged, or is not selected.
    pub position: i64,
    /// Events of the log behind that.
    pub lag: i64,
    /// How long the oldest of them has been waiting, in seconds.
    pub lag_seconds: i64,
    /// `working`, `unreachable`, `denied`, `foreign` or `refused`.
    pub state: String,
    /// Why it cannot write.
    pub error: Option<String>,
}

impl From<RelayStatus> for RelayShown {
    fn from(status: RelayStatus) -> Self {
        Self {
            name: status.name,
            position: status.position,
            lag: status.lag,
            lag_seconds: status.lag_seconds,
            state: status.state.as_str().to_owned(),
            error: status.error,
        }
    }
}

/// How a projection is doing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProjectionShown {
    /// Its name.
    pub name: String,
    /// `inline` or `following`.
    pub mode: String,
    /// How often its tables were filled from the beginning.
    pub generation: i64,
    /// Everything up to here is in the tables.
    pub position: i64,
    /// Events that it is behind the log.
    pub lag: i64,
    /// `running`, `paused` or `failed`.
    pub state: String,
    /// Why it failed, and at which event.
    pub error: Option<(String, i64)>,
    /// How far the tables are that are being filled beside the live ones.
    pub rebuilding: Option<i64>,
}

impl States {
    /// As a log knows them.
    pub async fn of(store: &Store, now: DateTime<Utc>) -> Result<Self, StoreError> {
        let states = store.projection_states().await?;
        let relays = app::relay_states(store, now).await?;
        let relays = relays.into_iter().map(RelayShown::from).collect();
        Ok(Self { relays, ..Self::from(states) })
    }
}

impl From<ProjectionStates> for States {
    fn from(states: ProjectionStates) -> Self {
        let shown = |state: ProjectionState| ProjectionShown {
            name: state.name.to_owned(),
            mode: match state.mode {
                Mode::Inline => "inline".to_owned(),
                Mode::Following => "following".to_owned(),
            },
            generation: state.generation,
            position: state.position,
            lag: state.lag,
            state: state.state.as_str().to_owned(),
            error: state.error,
            rebuilding: state.rebuilding,
        };
        Self {
            head: states.head,
            newest_at: states.newest_at,
            projections: states.projections.into_iter().map(shown).collect(),
            relays: Vec::new(),
        }
    }
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
    /// The chain up to the last event in it, 64 hexadecimal digits.
    #[serde(default)]
    pub hash: String,
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
