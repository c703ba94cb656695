//! How relays are doing.

use chrono::{DateTime, Utc};
use store::{Query, Store, StoreError, args};

/// Can a relay write?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayState {
    /// It can, as far as it knows.
    Working,
    /// The other side does not answer.
    Unreachable,
    /// The other side does not take its credentials, or gives no permission.
    Denied,
    /// Somebody else writes where it has to.
    Foreign,
    /// The other side does not take what it is given.
    Refused,
}

impl RelayState {
    /// Every one there is.
    pub const ALL: [Self; 5] =
        [Self::Working, Self::Unreachable, Self::Denied, Self::Foreign, Self::Refused];

    /// As it stands in the table and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::Unreachable => "unreachable",
            Self::Denied => "denied",
            Self::Foreign => "foreign",
            Self::Refused => "refused",
        }
    }

    fn parse(text: &str) -> Self {
        let known = Self::ALL.into_iter().find(|state| state.as_str() == text);
        known.unwrap_or(Self::Refused)
    }
}

/// How a relay is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayStatus {
    /// Such as `nats`.
    pub name: String,
    /// Can it write?
    pub state: RelayState,
    /// Why it cannot; no secrets.
    pub error: Option<String>,
    /// Since when it is in that state.
    pub since: DateTime<Utc>,
    /// Everything up to here was acknowledged, or is not selected.
    pub position: i64,
    /// Events of the log behind that.
    pub lag: i64,
    /// How long the oldest of them has been waiting, in seconds.
    pub lag_seconds: i64,
}

/// How relays are doing that ever began, by name.
pub async fn relay_states(
    store: &Store,
    now: DateTime<Utc>,
) -> Result<Vec<RelayStatus>, StoreError> {
    let query =
        Query::new("SELECT name, position, state, error, since FROM relays ORDER BY name", args![]);
    let rows = store.fetch(query).await?;
    let head = store.head();
    let mut found = Vec::with_capacity(rows.len());
    for row in &rows {
        let position = row.int(1)?;
        let next = if position < head { store.events_at(&[position + 1]).await? } else { vec![] };
        let waiting = next.first().map_or(0, |event| (now - event.recorded_at).num_seconds());
        found.push(RelayStatus {
            name: row.text(0)?,
            state: RelayState::parse(&row.text(2)?),
            error: row.text_or_null(3)?,
            since: row.time(4)?,
            position,
            lag: (head - position).max(0),
            lag_seconds: waiting.max(0),
        });
    }
    Ok(found)
}
