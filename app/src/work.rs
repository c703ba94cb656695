//! The unit of work: several aggregates, each through its own `handle`, one append.

use std::{any::Any, collections::HashMap, sync::Arc, time::Duration};

use cqrs_es::{Aggregate, event_sink::EventSink};
use domain::{Event, Fact};
use parking_lot::Mutex;
use store::{Append, AppendError, Context, Expected, IdempotencyKey, Limit, Op, Part, Recorded};
use uuid::Uuid;

use crate::{
    App, By, Failure,
    log::{self, Loaded},
    states::State,
};

/// What a use case did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// Position of its last event; the head where there was nothing to do.
    pub position: i64,
    /// Did anything happen?
    pub changed: bool,
}

impl Done {
    /// There was nothing to do.
    pub(crate) fn nothing(app: &App) -> Self {
        Self { position: app.store().head(), changed: false }
    }

    /// It happened, with the last event at a position.
    pub(crate) fn at(position: i64) -> Self {
        Self { position, changed: true }
    }
}

/// How often a use case is decided again when somebody else was faster.
pub(crate) const ATTEMPTS: u32 = 5;

/// Commands to several aggregates that become one append.
///
/// Made anew for every attempt: facts are read again, see [`decide!`].
pub(crate) struct Work<'a> {
    app: &'a App,
    by: &'a By,
    parts: Vec<Part>,
    limits: Vec<Limit>,
    idempotency: Option<IdempotencyKey>,
    /// Is the key kept if nothing happens?
    without_events: bool,
    /// In the same transaction.
    ops: Vec<Op>,
    after: Vec<After>,
    /// By kind and id, to be taken by the first who handles a command.
    opened: HashMap<(&'static str, Uuid), Box<dyn Any + Send>>,
    /// Was a command refused by an aggregate to which something has happened since?
    overtaken: bool,
}

/// What a use case decided that was asked only for that: nothing was appended.
#[derive(Clone, Default)]
pub(crate) struct Rehearsal(Arc<Mutex<Option<Vec<Part>>>>);

impl std::fmt::Debug for Rehearsal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Rehearsal")
    }
}

impl Rehearsal {
    /// The events that would have been appended, each with the id of its stream; nothing if the use case was refused.
    pub(crate) fn events(&self) -> Result<Option<Vec<(Uuid, Event)>>, Failure> {
        self.0.lock().take().map(|parts| decoded(&parts)).transpose()
    }
}

/// The events of an append, each with the id of its stream.
fn decoded(parts: &[Part]) -> Result<Vec<(Uuid, Event)>, Failure> {
    let mut events = Vec::new();
    for part in parts {
        let stream = part
            .aggregate_id
            .parse()
            .map_err(|error| Failure::Broken(Box::new(error) as Box<_>))?;
        for event in &part.events {
            let decoded = Event::decode(&event.event_type, &event.event_version, &event.payload);
            events.push((stream, decoded.map_err(|error| Failure::Broken(Box::new(error)))?));
        }
    }
    Ok(events)
}

/// What a stream will be when the work is appended.
struct After {
    kind: &'static str,
    id: String,
    state: State,
}

/// What commands came to.
struct Decided<A: Aggregate> {
    /// With the events applied, of the version before them.
    loaded: Loaded<A>,
    events: Vec<A::Event>,
}

/// Lets an aggregate handle commands, in order.
async fn decide_on<A>(
    mut loaded: Loaded<A>,
    commands: Vec<A::Command>,
) -> Result<Decided<A>, Failure>
where
    A: Aggregate<Services = ()>,
    Failure: From<A::Error>,
{
    let sink = EventSink::default();
    for command in commands {
        loaded.aggregate.handle(command, &(), &sink).await?;
    }
    Ok(Decided { loaded, events: sink.collect().await })
}

/// Refuses what would change something that the actor has not seen as it is. What this very request has done is seen.
async fn seen(app: &App, by: &By, kind: &str, stream: &str, version: i64) -> Result<(), Failure> {
    let Some(since) = by.unchanged_since.filter(|_| version > 0) else { return Ok(()) };
    let last = app.store().stream(kind, stream, version - 1).await?;
    let stale = |last: &Recorded| {
        last.position > since
            && (last.correlation_id.is_none() || last.correlation_id != by.correlation_id)
    };
    if last.first().is_some_and(stale) { Err(Failure::Stale) } else { Ok(()) }
}

impl<'a> Work<'a> {
    pub(crate) fn new(app: &'a App, by: &'a By) -> Self {
        Self {
            app,
            by,
            parts: Vec::new(),
            limits: Vec::new(),
            idempotency: by.once.as_ref().map(|once| IdempotencyKey {
                actor: by.authority.actor.to_string(),
                key: once.key.clone(),
                fingerprint: once.fingerprint.clone(),
                response: None,
            }),
            without_events: false,
            ops: Vec::new(),
            after: Vec::new(),
            opened: HashMap::new(),
            overtaken: false,
        }
    }

    /// Loads an aggregate before facts about it are read: what happens to it from here on is a conflict, and the use case is
    /// decided again. Without it, a change between the facts and the command would be overwritten by what was decided
    /// from old facts.
    pub(crate) async fn open<A>(&mut self, id: Uuid) -> Result<(), Failure>
    where
        A: Aggregate<Services = ()> + 'static,
    {
        let loaded = log::load::<A>(self.app.store(), &id.to_string()).await?;
        self.opened.insert((A::TYPE, id), Box::new(loaded));
        Ok(())
    }

    /// Loads the aggregate, lets it handle the command and keeps what it decides. Does it have events?
    /// Each aggregate at most once per work; several commands go through [`handle_all`](Self::handle_all).
    pub(crate) async fn handle<A>(&mut self, id: Uuid, command: A::Command) -> Result<bool, Failure>
    where
        A: Aggregate<Services = ()> + 'static,
        A::Command: Clone,
        A::Event: Fact,
        Failure: From<A::Error>,
    {
        self.handle_all::<A>(id, vec![command]).await
    }

    /// The same for several commands to one aggregate, in order.
    pub(crate) async fn handle_all<A>(
        &mut self,
        id: Uuid,
        commands: Vec<A::Command>,
    ) -> Result<bool, Failure>
    where
        A: Aggregate<Services = ()> + 'static,
        A::Command: Clone,
        A::Event: Fact,
        Failure: From<A::Error>,
    {
        if commands.is_empty() {
            return Ok(false);
        }
        let stream = id.to_string();
        let opened: Option<Box<Loaded<A>>> =
            self.opened.remove(&(A::TYPE, id)).and_then(|it| it.downcast().ok());
        let decided = if let Some(opened) = opened {
            let version = opened.version;
            match decide_on(*opened, commands).await {
                Ok(decided) => decided,
                Err(failure) => {
                    // The facts that the command is made from were read later: it may only be too new for this state.
                    self.overtaken = self.app.store().version(A::TYPE, &stream).await? != version;
                    return Err(failure);
                }
            }
        } else {
            let recalled = match self.app.states().recall::<A>(&stream) {
                Some(loaded) => decide_on(loaded, commands.clone()).await.ok(),
                None => None,
            };
            match recalled.filter(|decided| !decided.events.is_empty()) {
                Some(decided) => decided,
                // A refusal, and that there is nothing to do, must be said of the newest state.
                None => {
                    decide_on(log::load::<A>(self.app.store(), &stream).await?, commands).await?
                }
            }
        };
        let Decided { loaded: Loaded { aggregate, version, snapshot }, events } = decided;
        let happened = !events.is_empty();
        if happened {
            seen(self.app, self.by, A::TYPE, &stream, version).await?;
        }
        let events = events
            .iter()
            .map(|event| log::new_event(event, self.app.world().new_id()))
            .collect::<Result<Vec<_>, _>>()?;
        if happened {
            let sequence = version + i64::try_from(events.len()).unwrap_or(i64::MAX);
            let state = State::of(&aggregate, sequence, snapshot)
                .map_err(|error| Failure::Broken(Box::new(error)))?;
            self.after.push(After { kind: A::TYPE, id: stream, state });
        }
        self.parts.push(Part {
            aggregate_type: A::TYPE.to_owned(),
            aggregate_id: id.to_string(),
            expected: Expected::Exactly(version),
            events,
        });
        Ok(happened)
    }

    /// Lets this be decided again when anything happens to an aggregate meanwhile. Comes before what is read of it, and only for
    /// those that no command goes to.
    pub(crate) async fn hold<A: Aggregate>(&mut self, id: Uuid) -> Result<(), Failure> {
        let aggregate_id = id.to_string();
        let version = self.app.store().version(A::TYPE, &aggregate_id).await?;
        self.parts.push(Part {
            aggregate_type: A::TYPE.to_owned(),
            aggregate_id,
            expected: Expected::Exactly(version),
            events: Vec::new(),
        });
        Ok(())
    }

    /// Does this in the transaction of the events, before inline projections see them.
    pub(crate) fn also(&mut self, ops: impl IntoIterator<Item = Op>) {
        self.ops.extend(ops);
    }

    /// At most so many claims of a kind, once this is done.
    pub(crate) fn limit(&mut self, limit: Limit) {
        self.limits.push(limit);
    }

    /// A repetition under the same key of the same actor is one effect.
    pub(crate) fn once(&mut self, key: String, fingerprint: Vec<u8>) {
        let actor = self.by.authority.actor.to_string();
        self.idempotency = Some(IdempotencyKey { actor, key, fingerprint, response: None });
    }

    /// That there was nothing to do is remembered, too.
    pub(crate) fn even_without_events(&mut self) {
        self.without_events = true;
    }

    /// What was decided so far, each event with the id of its stream.
    pub(crate) fn events(&self) -> Result<Vec<(Uuid, Event)>, Failure> {
        decoded(&self.parts)
    }

    /// Has something happened since to what refused it? Then it is decided again.
    pub(crate) fn overtaken(&self) -> bool {
        self.overtaken
    }

    /// Was it only to be decided? Then what would be appended is handed over.
    pub(crate) fn rehearsed(&mut self) -> bool {
        let Some(Rehearsal(kept)) = &self.by.rehearsal else { return false };
        *kept.lock() = Some(std::mem::take(&mut self.parts));
        true
    }

    /// Appends what was decided, all or nothing, and waits until this node's memory has it.
    pub(crate) async fn commit(self) -> Result<Done, AppendError> {
        let Self { app, by, parts, limits, idempotency, without_events, ops, after, .. } = self;
        if !without_events && parts.iter().all(|part| part.events.is_empty()) {
            return Ok(Done::nothing(app));
        }
        let context = Context {
            actor: by.authority.actor.to_string(),
            correlation_id: by.correlation_id,
            causation: by.causation.clone(),
            metadata: metadata(by),
        };
        let append = Append { context, parts, limits, idempotency };
        let appended = match app.store().append_with(append, ops).await {
            Ok(appended) if !appended.duplicate => appended,
            // Decided from something that is not the newest, or nobody knows.
            other => {
                for After { kind, id, .. } in after {
                    app.states().forget(kind, &id);
                }
                let appended = other?;
                app.edge().reached(appended.last).await;
                return Ok(Done::at(appended.last));
            }
        };
        for After { kind, id, mut state } in after {
            if state.sequence - state.snapshot >= log::SNAPSHOT_EVERY {
                save(app, kind, &id, &state).await;
                state.snapshot = state.sequence;
            }
            app.states().remember(kind, id, state);
        }
        app.edge().reached(appended.last).await;
        Ok(Done::at(appended.last))
    }
}

/// Values are texts: other readers of the log expect that.
fn metadata(by: &By) -> String {
    let cause = by.cause_position.map(|position| format!("\"{CAUSE_POSITION}\":\"{position}\""));
    let token = by.token.map(|token| format!("\"{TOKEN}\":\"{}\"", token.id));
    let known: Vec<String> = cause.into_iter().chain(token).collect();
    format!("{{{}}}", known.join(","))
}

/// Where the event is that made an event necessary, if it says so.
pub(crate) fn cause_position(metadata: &str) -> Option<i64> {
    let known: serde_json::Value = serde_json::from_str(metadata).ok()?;
    known.get(CAUSE_POSITION)?.as_str()?.parse().ok()
}

/// In metadata.
const CAUSE_POSITION: &str = "cause_position";
/// The token for a purpose that a request came with, in metadata.
const TOKEN: &str = "token";

/// A snapshot is a cache: without it the next load only takes longer.
async fn save(app: &App, kind: &'static str, id: &str, state: &State) {
    let snapshot = store::AggregateSnapshot {
        last_sequence: state.sequence,
        format: log::SNAPSHOT_FORMAT,
        payload: state.json.clone(),
    };
    if let Err(error) = app.store().save_snapshot(kind, id, snapshot).await {
        tracing::debug!(error = &error as &dyn std::error::Error, "no snapshot was saved");
    }
}

/// Waits a moment before the next attempt: 1, 4, 16, 64 ms, with jitter.
pub(crate) async fn pause(app: &App, attempt: u32) {
    let longest = 1_u64 << (2 * attempt.min(3));
    let mut random = [0];
    app.world().fill(&mut random);
    let jitter = longest * u64::from(random[0]) / 256;
    tokio::time::sleep(Duration::from_millis(longest + jitter)).await;
}

/// Decides and appends; when somebody else was faster, all of it again with facts read anew, at most five times.
///
/// `decide!(app, by, work => { …; Ok(value) })` is `Result<(value, Done), Failure>`.
macro_rules! decide {
    ($app:expr, $by:expr, $work:ident => $body:block) => {{
        let mut attempt = 0;
        loop {
            let mut $work = $crate::work::Work::new($app, $by);
            let decided: Result<_, $crate::Failure> = async { $body }.await;
            let value = match decided {
                Ok(value) => value,
                Err(_) if $work.overtaken() && attempt + 1 < $crate::work::ATTEMPTS => {
                    $crate::work::pause($app, attempt).await;
                    attempt += 1;
                    continue;
                }
                Err(failure) => break Err(failure),
            };
            if $work.rehearsed() {
                // Ends the use case before anything that follows from an append; whoever rehearses does not look at it.
                break Err($crate::Failure::Busy);
            }
            match $work.commit().await {
                Ok(done) => break Ok((value, done)),
                Err(::store::AppendError::Conflict { .. })
                    if attempt + 1 < $crate::work::ATTEMPTS =>
                {
                    $crate::work::pause($app, attempt).await;
                    attempt += 1;
                }
                Err(error) => break Err($crate::Failure::from(error)),
            }
        }
    }};
}
pub(crate) use decide;
