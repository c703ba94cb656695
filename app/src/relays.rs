//! Relays: the log, written on into systems where integrations listen already (EventStoreDB, NATS).
//!
//! What is written is what the streams tell, with the same masks. How far a relay has come stands in a table, which says whose
//! turn it is, too: of several processes one writes.

mod state;

use std::{fmt, time::Duration};

use bytes::Bytes;
use domain::classified::Class;
use store::{EventFilter, Op, args};
use uuid::Uuid;

pub use state::{RelayState, RelayStatus, relay_states};

use crate::{App, EventsSelection, Failure, LiveEvent};

/// Positions that one question looks at.
const WINDOW: i64 = 50_000;
/// Characters of an error that are kept.
const LONGEST_ERROR: usize = 300;

/// What relays ask; see [`App::relays`].
pub struct Relays<'a>(pub(crate) &'a App);

/// Which events are written; by default all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RelaySelection(EventFilter);

impl RelaySelection {
    /// As streams select.
    pub fn new(selection: EventsSelection) -> Result<Self, Failure> {
        selection.filter().map(Self)
    }
}

/// An event as it is written elsewhere.
#[derive(Clone)]
pub struct RelayedEvent {
    /// What is confidential is masked.
    pub event: LiveEvent,
    /// As a `CloudEvent` 1.0 in JSON: what [streams](LiveEvent::cloud_event) tell.
    pub body: Bytes,
}

impl RelayedEvent {
    /// What streams tell of this event.
    pub fn new(event: LiveEvent) -> Self {
        let body = Bytes::from(event.cloud_event().to_string());
        Self { event, body }
    }
}

impl fmt::Debug for RelayedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { event, .. } = self;
        f.debug_struct("RelayedEvent")
            .field("position", &event.position)
            .field("event_type", &event.event_type)
            .finish_non_exhaustive()
    }
}

/// What a relay writes next.
#[derive(Clone, Debug)]
pub struct RelayPage {
    /// In the order of the log; may be none, where others happened.
    pub events: Vec<RelayedEvent>,
    /// Everything up to here is in the page, or is not selected.
    pub position: i64,
    /// Was that all there is?
    pub caught_up: bool,
}

/// The right to write for a relay, for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayTurn {
    name: String,
    owner: String,
    /// Events after this position are written.
    pub begins: i64,
    /// Everything up to here was acknowledged, or is not selected.
    pub position: i64,
    /// What the other side calls the last thing that it acknowledged, if it numbers everything together.
    pub mark: Option<i64>,
}

impl Relays<'_> {
    /// Takes the right to write, if nobody else has it, or holds it longer. A relay that never wrote begins with the first event
    /// (`history`) or with the next one; so does one whose target changed.
    pub async fn take(
        &self,
        (name, target): (&str, &str),
        owner: &str,
        hold: Duration,
        history: bool,
    ) -> Result<Option<RelayTurn>, Failure> {
        let now = self.0.world().now();
        let begins = if history { 0 } else { self.0.store().head() };
        let op = Op::new(
            "INSERT INTO relays (name, target, begins, position, state, since, lease_owner, lease_until) VALUES ($1, $2, $3, $3, 'working', $4, $5, $6)
             ON CONFLICT (name) DO UPDATE SET lease_owner = $5, lease_until = $6, target = $2,
                 position = CASE WHEN relays.target = $2 THEN relays.position ELSE relays.begins END,
                 mark = CASE WHEN relays.target = $2 THEN relays.mark ELSE NULL END
                 WHERE relays.lease_owner = $5 OR relays.lease_until IS NULL OR relays.lease_until <= $4
             RETURNING begins, position, mark",
            args![name, target, begins, now, owner, now + hold],
        );
        let rows = self.0.store().returning(op).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        Ok(Some(RelayTurn {
            name: name.to_owned(),
            owner: owner.to_owned(),
            begins: row.int(0)?,
            position: row.int(1)?,
            mark: row.int_or_null(2)?,
        }))
    }

    /// Keeps how far it has come, and holds the right longer. No is the answer when somebody else has it.
    pub async fn keep(&self, turn: &RelayTurn, hold: Duration) -> Result<bool, Failure> {
        let now = self.0.world().now();
        let op = Op::new(
            "UPDATE relays SET position = $3, mark = $4, lease_until = $5, error = NULL,
                 since = CASE WHEN state = 'working' THEN since ELSE $6 END, state = 'working'
             WHERE name = $1 AND lease_owner = $2",
            args![&turn.name, &turn.owner, turn.position, turn.mark, now + hold, now],
        );
        Ok(self.0.store().execute(vec![op]).await?.iter().sum::<u64>() > 0)
    }

    /// Notes what stands in the way, and how far it came.
    pub async fn note(
        &self,
        turn: &RelayTurn,
        state: RelayState,
        error: &str,
    ) -> Result<(), Failure> {
        let error: String = error.chars().take(LONGEST_ERROR).collect();
        let op = Op::new(
            "UPDATE relays SET since = CASE WHEN state = $3 THEN since ELSE $5 END, state = $3, error = $4, position = $6, mark = $7
             WHERE name = $1 AND lease_owner = $2",
            args![
                &turn.name,
                &turn.owner,
                state.as_str(),
                error,
                self.0.world().now(),
                turn.position,
                turn.mark
            ],
        );
        self.0.store().execute(vec![op]).await?;
        Ok(())
    }

    /// Gives the right back that a worker had.
    pub async fn give_back(&self, name: &str, owner: &str) -> Result<(), Failure> {
        let op = Op::new(
            "UPDATE relays SET lease_owner = NULL, lease_until = NULL WHERE name = $1 AND lease_owner = $2",
            args![name, owner],
        );
        self.0.store().execute(vec![op]).await?;
        Ok(())
    }

    /// Gives back what a process had that is gone; its owners are those whose names begin with its name and a slash.
    pub async fn release_of(&self, process: &str) -> Result<u64, Failure> {
        let op = Op::new(
            "UPDATE relays SET lease_owner = NULL, lease_until = NULL WHERE substr(lease_owner, 1, length($1)) = $1",
            args![format!("{process}/")],
        );
        Ok(self.0.store().execute(vec![op]).await?.iter().sum())
    }

    /// The next events of a selection after a position.
    pub async fn page(
        &self,
        selection: &RelaySelection,
        after: i64,
        most: u32,
    ) -> Result<RelayPage, Failure> {
        let store = self.0.store();
        let head = store.head();
        if after >= head {
            return Ok(RelayPage { events: Vec::new(), position: after, caught_up: true });
        }
        let up_to = head.min(after.saturating_add(WINDOW));
        let filter = EventFilter { up_to: Some(up_to), ..selection.0.clone() };
        let events = store.events(&filter, after, most).await?;
        let full = u32::try_from(events.len()).is_ok_and(|length| length >= most);
        let last = events.last().map(|event| event.position).filter(|_| full);
        let position = last.unwrap_or(up_to);
        let events = events
            .iter()
            .map(|event| RelayedEvent::new(LiveEvent::told(event, Class::Plain)))
            .collect();
        Ok(RelayPage { events, position, caught_up: position >= head })
    }

    /// Is this the event at that position?
    pub async fn is_ours(&self, position: i64, id: Uuid) -> Result<bool, Failure> {
        let found = self.0.store().events_at(&[position]).await?;
        Ok(found.first().is_some_and(|event| event.event_id == id))
    }

    /// How relays are doing that ever began.
    pub async fn status(&self) -> Result<Vec<RelayStatus>, Failure> {
        Ok(relay_states(self.0.store(), self.0.world().now()).await?)
    }
}
