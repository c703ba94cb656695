//! Writes the log into another system where integrations listen already.
//!
//! The other side has lanes: things with an order of their own and a number for each place in it (a stream of NATS JetStream, a
//! stream per aggregate of EventStoreDB). What is appended says after which place; where something else is there already, the
//! other side refuses, and its end is read again. So whatever is done twice, nothing is there twice.

mod ends;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use app::{App, Failure, RelaySelection, RelayState, RelayTurn, RelayedEvent};
use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::Mutex as Turnstile;
use uuid::Uuid;

use self::ends::Ends;
use crate::{Owner, Reconciler, Report, Rhythm};

/// What stands at the end of a lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Nothing was ever there.
    Empty,
    /// What was last there is gone: it was too old, or somebody emptied the lane. Its place is known.
    Gone(u64),
    /// An event.
    Event {
        /// Its place.
        mark: u64,
        /// What it says of itself: where in the log.
        position: i64,
        /// And which event.
        id: Uuid,
    },
    /// Something that is no event of a log like ours.
    Foreign,
}

/// What became of events that were to be appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// So many of them, from the first on, are there now; at least one.
    pub taken: usize,
    /// The end of the lane.
    pub mark: u64,
}

/// Why something could not be done. Texts are for people, and never hold what the other side said.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RelayError {
    /// It does not answer.
    #[error("{0}")]
    Unreachable(String),
    /// It does not take the credentials, or gives no permission.
    #[error("{0}")]
    Denied(String),
    /// It does not take what it is given.
    #[error("{0}")]
    Refused(String),
    /// Somebody else writes there.
    #[error("{0}")]
    Foreign(String),
    /// The lane does not end where it was said to; where, if that was told.
    #[error("the end has moved")]
    Moved(Option<u64>),
}

impl RelayError {
    fn state(&self) -> RelayState {
        match self {
            Self::Unreachable(_) => RelayState::Unreachable,
            Self::Denied(_) => RelayState::Denied,
            Self::Refused(_) => RelayState::Refused,
            Self::Foreign(_) | Self::Moved(_) => RelayState::Foreign,
        }
    }
}

/// Another system that the log is written into.
#[async_trait]
pub trait Relay: Send + Sync {
    /// Such as `nats`, in logs, metrics and tables.
    fn name(&self) -> &'static str;

    /// Where to, without secrets: another target begins anew.
    fn target(&self) -> String;

    /// The lane of everything, if there is only one.
    fn only_lane(&self) -> Option<String>;

    /// The lane of an event.
    fn lane(&self, event: &RelayedEvent) -> String;

    /// What stands at the end of a lane.
    async fn end(&self, lane: &str) -> Result<End, RelayError>;

    /// Appends events of one lane, at least one, behind the place that is given, or to an empty lane.
    async fn append(
        &self,
        lane: &str,
        after: Option<u64>,
        events: &[RelayedEvent],
    ) -> Result<Appended, RelayError>;

    /// The longest time that either takes.
    fn patience(&self) -> Duration;
}

/// How a relay works.
#[derive(Clone, Debug)]
pub struct RelayRules {
    /// Which events.
    pub selection: RelaySelection,
    /// Also what was before it was first started?
    pub history: bool,
    /// Events that are read together, at most.
    pub batch: u32,
    /// The longest pause after failures.
    pub longest_retry: Duration,
}

/// Bytes that are appended together, unless one event has more.
const TOGETHER: usize = 512 * 1024;
/// Pause after the first failure; it doubles with each further one.
const FIRST_RETRY: Duration = Duration::from_millis(250);
/// How often the end of a lane may move under our hands.
const TRIES: usize = 5;
/// How far it has come is kept at least so often, also over what is not selected.
const OFTEN: Duration = Duration::from_secs(1);
/// For whatever is not the other side.
const SLACK: Duration = Duration::from_secs(10);

/// Writes for one relay.
pub struct RelayEvents {
    app: App,
    owner: Owner,
    relay: Arc<dyn Relay>,
    rules: RelayRules,
    memory: Turnstile<Memory>,
    retry: Mutex<Retry>,
}

/// What the worker remembers from round to round, as long as nobody else writes.
#[derive(Default)]
struct Memory {
    /// The right to write as the table has it, and since when.
    turn: Option<(RelayTurn, Instant)>,
    /// Up to here everything was acknowledged, or is not selected.
    position: i64,
    ends: Ends,
}

/// After failures.
#[derive(Default)]
struct Retry {
    /// Not before.
    until: Option<Instant>,
    failures: u32,
    state: Option<RelayState>,
}

/// Why a round ended early.
enum Stopped {
    /// Our own side.
    Here(Failure),
    /// The other side.
    There(RelayError),
    /// The program ends, or another process writes.
    Asked,
}

impl From<Failure> for Stopped {
    fn from(failure: Failure) -> Self {
        Self::Here(failure)
    }
}

impl From<RelayError> for Stopped {
    fn from(error: RelayError) -> Self {
        Self::There(error)
    }
}

impl RelayEvents {
    /// Over this system.
    pub fn new(app: App, owner: Owner, relay: Arc<dyn Relay>, rules: RelayRules) -> Self {
        let (memory, retry) = (Turnstile::default(), Mutex::default());
        Self { app, owner, relay, rules, memory, retry }
    }

    /// Gives the turn back to other processes, after the last round.
    pub async fn settled(&self) {
        let mut memory = self.memory.lock().await;
        memory.turn = None;
        if let Err(failure) = self.app.relays().give_back(self.relay.name(), &self.owner.name).await
        {
            tracing::warn!(relay = self.relay.name(), "the turn is not given back: {failure}");
        }
    }

    /// A process that does not come back for so long is taken for dead.
    fn hold(&self) -> Duration {
        self.relay.patience() * 2 + SLACK
    }

    /// The right to write, asked for again long before it ends. None when another process has it.
    async fn turn(&self, memory: &mut Memory) -> Result<Option<RelayTurn>, Failure> {
        if let Some((turn, since)) = &memory.turn
            && since.elapsed() < self.hold() / 3
        {
            return Ok(Some(turn.clone()));
        }
        let target = self.relay.target();
        let of = (self.relay.name(), target.as_str());
        let (relays, history) = (self.app.relays(), self.rules.history);
        let Some(turn) = relays.take(of, &self.owner.name, self.hold(), history).await? else {
            memory.turn = None;
            return Ok(None);
        };
        if memory.turn.as_ref().is_none_or(|(before, _)| *before != turn) {
            // The first round, or another process wrote meanwhile.
            *memory = Memory { position: turn.position, ..Memory::default() };
        }
        memory.turn = Some((turn.clone(), Instant::now()));
        Ok(Some(turn))
    }

    /// Writes until nothing is left; how many events that were.
    async fn write_on(&self, turn: &mut RelayTurn, memory: &mut Memory) -> Result<u64, Stopped> {
        if let Some(lane) = self.relay.only_lane()
            && memory.ends.is_unknown(&lane)
        {
            self.find_end(&lane, turn, memory).await?;
        }
        let mut written = 0;
        loop {
            if self.owner.stop.is_cancelled() {
                return Err(Stopped::Asked);
            }
            let relays = self.app.relays();
            let page =
                relays.page(&self.rules.selection, memory.position, self.rules.batch).await?;
            for run in self.runs(&page.events) {
                written += self.write(run, memory).await?;
            }
            memory.position = page.position;
            let long_ago =
                memory.turn.as_ref().is_none_or(|(_, kept_at)| kept_at.elapsed() >= OFTEN);
            if turn.position != page.position && (!page.events.is_empty() || long_ago) {
                self.keep(turn, memory).await?;
            }
            if page.caught_up {
                return Ok(written);
            }
        }
    }

    /// Keeps how far it has come, after the other side said so.
    async fn keep(&self, turn: &mut RelayTurn, memory: &mut Memory) -> Result<(), Stopped> {
        self.progressed(turn, memory);
        if !self.app.relays().keep(turn, self.hold()).await? {
            memory.turn = None;
            return Err(Stopped::Asked);
        }
        memory.turn = Some((turn.clone(), Instant::now()));
        Ok(())
    }

    fn progressed(&self, turn: &mut RelayTurn, memory: &Memory) {
        turn.position = memory.position;
        let mark = self.relay.only_lane().and_then(|lane| memory.ends.mark(&lane));
        if let Some(mark) = mark.and_then(|mark| i64::try_from(mark).ok()) {
            turn.mark = Some(mark);
        }
    }

    /// Notes why it does not go on, and when it is tried again.
    async fn failed(
        &self,
        error: &RelayError,
        turn: &mut RelayTurn,
        memory: &mut Memory,
    ) -> Result<(), Failure> {
        let state = error.state();
        let mut random = [0; 2];
        self.app.world().fill(&mut random);
        // Pauses double from failure to failure, and are a quarter longer or shorter.
        let jitter = 0.75 + f64::from(u16::from_le_bytes(random)) / f64::from(u16::MAX) / 2.0;
        let first = {
            let mut retry = self.retry.lock();
            let pause = FIRST_RETRY.saturating_mul(1 << retry.failures.min(20));
            let pause = pause.min(self.rules.longest_retry).mul_f64(jitter);
            let first = retry.state != Some(state);
            let failures = retry.failures.saturating_add(1);
            *retry = Retry { until: Some(Instant::now() + pause), failures, state: Some(state) };
            first
        };
        let labels = [("relay", self.relay.name()), ("reason", state.as_str())];
        metrics::counter!("wisptrail_relay_failures_total", &labels).increment(1);
        if first {
            tracing::warn!(
                relay = self.relay.name(),
                state = state.as_str(),
                "events are not written, and wait: {error}"
            );
        }
        // What the other side did meanwhile is found out before the next attempt.
        self.progressed(turn, memory);
        memory.ends = Ends::default();
        self.app.relays().note(turn, state, &error.to_string()).await?;
        memory.turn = Some((turn.clone(), Instant::now()));
        Ok(())
    }

    /// Where everything is in one lane, its end says how far it really came.
    async fn find_end(
        &self,
        lane: &str,
        turn: &RelayTurn,
        memory: &mut Memory,
    ) -> Result<(), Stopped> {
        let end = self.end(lane).await?;
        let kept = turn.mark.and_then(|mark| u64::try_from(mark).ok());
        let lost = |mark: u64| kept.is_some_and(|kept| mark < kept);
        let position = match end {
            End::Empty if kept.is_some() => {
                tracing::warn!(
                    relay = self.relay.name(),
                    "{lane} is empty although it was written to: everything is written anew"
                );
                turn.begins
            }
            End::Event { mark, position, .. } if lost(mark) => {
                tracing::warn!(
                    relay = self.relay.name(),
                    position,
                    "{lane} lost what was written after position {position}: it is written again"
                );
                position
            }
            End::Event { position, .. } => position.max(memory.position),
            End::Empty | End::Gone(_) | End::Foreign => memory.position,
        };
        memory.position = position;
        memory.ends.learn(lane, &end);
        Ok(())
    }

    /// The end of a lane, if it is one of ours.
    async fn end(&self, lane: &str) -> Result<End, Stopped> {
        let end = self.unless_stopped(self.relay.end(lane)).await?;
        let ours = match &end {
            End::Empty | End::Gone(_) => true,
            End::Event { position, id, .. } => self.app.relays().is_ours(*position, *id).await?,
            End::Foreign => false,
        };
        if ours {
            return Ok(end);
        }
        let why = format!(
            "what stands at the end of {lane} is not of this log: give the relay a place of its own, or remove what is there"
        );
        Err(RelayError::Foreign(why).into())
    }

    /// Appends what is not there yet; how many events that were.
    async fn write(&self, run: &[RelayedEvent], memory: &mut Memory) -> Result<u64, Stopped> {
        let lane = self.relay.lane(&run[0]);
        let (mut due, mut written, mut moved) = (run, 0, 0);
        while moved < TRIES {
            if memory.ends.is_unknown(&lane) {
                let end = self.end(&lane).await?;
                memory.ends.learn(&lane, &end);
            }
            // Everything up to the end's position is there: what is in a lane has the order of the log.
            let there = memory.ends.position(&lane);
            let first = due.iter().position(|it| it.event.position > there).unwrap_or(due.len());
            due = &due[first..];
            if due.is_empty() {
                memory.position = run.last().map_or(memory.position, |it| it.event.position);
                return Ok(written);
            }
            let after = memory.ends.mark(&lane);
            match self.unless_stopped(self.relay.append(&lane, after, due)).await {
                Ok(Appended { taken, mark }) => {
                    let taken = taken.clamp(1, due.len());
                    memory.ends.moved(&lane, mark, due[taken - 1].event.position);
                    metrics::counter!("wisptrail_relayed_events_total", "relay" => self.relay.name())
                        .increment(taken as u64);
                    written += taken as u64;
                }
                Err(Stopped::There(RelayError::Moved(end))) => {
                    memory.ends.forget(&lane);
                    moved += 1;
                    // Nothing is there, and yet it goes on after something: that is gone.
                    if let (None, true, Some(end)) = (after, moved > 1, end) {
                        memory.ends.learn(&lane, &End::Gone(end));
                    }
                }
                Err(stopped) => return Err(stopped),
            }
        }
        let why = format!("somebody else writes into {lane} at the same time");
        Err(RelayError::Foreign(why).into())
    }

    /// Nobody waits for the other side when the program ends: what it did is found out at the next start.
    async fn unless_stopped<T>(
        &self,
        asked: impl Future<Output = Result<T, RelayError>>,
    ) -> Result<T, Stopped> {
        tokio::select! {
            answer = tokio::time::timeout(self.relay.patience(), asked) => match answer {
                Ok(answer) => Ok(answer?),
                Err(_) => Err(RelayError::Unreachable("it does not answer in time".to_owned()).into()),
            },
            () = self.owner.stop.cancelled() => Err(Stopped::Asked),
        }
    }

    /// Events that follow each other in the same lane, not too many bytes at a time.
    fn runs<'a>(&self, mut events: &'a [RelayedEvent]) -> Vec<&'a [RelayedEvent]> {
        let mut runs = Vec::new();
        while let Some(first) = events.first() {
            let lane = self.relay.lane(first);
            let mut bytes = first.body.len();
            let fits = |event: &&RelayedEvent| {
                bytes += event.body.len();
                bytes <= TOGETHER && self.relay.lane(event) == lane
            };
            let length = 1 + events[1..].iter().take_while(fits).count();
            let (run, rest) = events.split_at(length);
            runs.push(run);
            events = rest;
        }
        runs
    }
}

#[async_trait]
impl Reconciler for RelayEvents {
    fn name(&self) -> &'static str {
        "relay_events"
    }

    fn rhythm(&self) -> Rhythm {
        Rhythm { every: Duration::from_secs(1), on_events: true }
    }

    async fn reconcile(&self) -> Result<Report, Failure> {
        let early = self.retry.lock().until.is_some_and(|until| Instant::now() < until);
        if self.owner.stop.is_cancelled() || early {
            return Ok(Report::default());
        }
        let mut memory = self.memory.lock().await;
        let Some(mut turn) = self.turn(&mut memory).await? else { return Ok(Report::default()) };
        match self.write_on(&mut turn, &mut memory).await {
            Ok(written) => {
                if std::mem::take(&mut *self.retry.lock()).failures > 0 {
                    tracing::info!(relay = self.relay.name(), "events are written again");
                    if let Err(Stopped::Here(failure)) = self.keep(&mut turn, &mut memory).await {
                        return Err(failure);
                    }
                }
                Ok(Report { found: written, closed: written })
            }
            Err(Stopped::Asked) => Ok(Report::default()),
            Err(Stopped::Here(failure)) => Err(failure),
            Err(Stopped::There(error)) => {
                self.failed(&error, &mut turn, &mut memory).await?;
                Ok(Report::default())
            }
        }
    }
}
