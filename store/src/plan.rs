//! What to write for a batch of requests: the decisions of the append algorithm (`event-store.md` §4), without a database.
//!
//! An engine takes the head lock, reads the [`Facts`] that [`Wanted`] names, asks [`plan`] and executes the [`Plan`].

mod claims;
mod facts;
mod foreign;

use std::{
    collections::{HashMap, HashSet},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use chrono::{DateTime, Utc};

use self::claims::{Attempt, Claims};
pub(crate) use self::{
    claims::{ClaimKey, ClaimWrite, CountKey, Holding},
    facts::{Command, Facts, Head, Wanted},
    foreign::{Failed, adopt},
};
use crate::{
    AppendError, Appended, Expected, Mode, Op, Projection, Recorded, TakenClaim, chain,
    projection::Fault,
    request::{Draft, Request, Stream},
};

/// An event type with its version.
pub(crate) type EventType = (String, String);

/// What the writer knows besides the facts.
pub(crate) struct Rules<'a> {
    pub(crate) projections: &'a [Arc<dyn Projection>],
    /// Pairs that are in `event_types` already.
    pub(crate) known_types: &'a HashSet<EventType>,
    pub(crate) now: DateTime<Utc>,
}

/// What happens to a batch.
pub(crate) struct Plan {
    /// One per request, to be told after the commit.
    pub(crate) outcomes: Vec<Result<Appended, AppendError>>,
    pub(crate) writes: Writes,
}

/// What to write, in this order.
pub(crate) struct Writes {
    pub(crate) events: Vec<Recorded>,
    pub(crate) commands: Vec<Command>,
    pub(crate) claims: Vec<ClaimWrite>,
    pub(crate) counts: Vec<(CountKey, i64)>,
    pub(crate) types: Vec<(EventType, i64)>,
    pub(crate) inline: Vec<InlineOp>,
    pub(crate) head: Head,
}

/// An operation of an inline projection and whose it is.
#[derive(Clone, Debug)]
pub(crate) struct InlineOp {
    pub(crate) projection: &'static str,
    pub(crate) event_type: String,
    pub(crate) position: i64,
    pub(crate) op: Op,
}

impl Writes {
    /// Nothing was accepted that leaves a trace.
    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty() && self.commands.is_empty()
    }
}

/// Decides each request in order; each sees the accepted ones before it.
pub(crate) fn plan(requests: &[Request], facts: Facts, rules: &Rules<'_>) -> Plan {
    let mut planner = Planner {
        now: not_before(rules.now, facts.head.recorded_at),
        head: facts.head,
        versions: facts.versions,
        commands: facts.commands,
        claims: Claims::new(facts.claims, facts.counts),
        rules,
        types: HashSet::new(),
        written: Written::default(),
    };
    let outcomes = requests.iter().map(|request| planner.decide(request)).collect();
    let (claims, counts) = planner.claims.writes();
    let Written { events, commands, types, inline } = planner.written;
    let writes = Writes { events, commands, claims, counts, types, inline, head: planner.head };
    Plan { outcomes, writes }
}

/// The later of clock and head, in whole microseconds.
fn not_before(clock: DateTime<Utc>, head: DateTime<Utc>) -> DateTime<Utc> {
    let micros = DateTime::from_timestamp_micros(clock.timestamp_micros()).unwrap_or(head);
    micros.max(head)
}

struct Planner<'a> {
    head: Head,
    now: DateTime<Utc>,
    versions: HashMap<Stream, i64>,
    commands: HashMap<(String, String), Command>,
    claims: Claims,
    rules: &'a Rules<'a>,
    /// Types first seen in this batch.
    types: HashSet<EventType>,
    written: Written,
}

#[derive(Default)]
struct Written {
    events: Vec<Recorded>,
    commands: Vec<Command>,
    types: Vec<(EventType, i64)>,
    inline: Vec<InlineOp>,
}

impl Planner<'_> {
    fn decide(&mut self, request: &Request) -> Result<Appended, AppendError> {
        if let Some(appended) = self.known(request)? {
            return Ok(appended);
        }
        self.check_versions(request)?;
        let attempt = self.claim(request)?;
        let (events, head) = self.place(request);
        let mut inline: Vec<_> = further(request, &events).collect();
        inline.extend(self.project(&events)?);

        // Accepted: from here on, later requests of the batch see it.
        self.claims.accept(attempt);
        self.accept_types(&events);
        for event in &events {
            self.versions.insert(Stream::of(event), event.sequence);
        }
        let appended = Appended {
            first: self.head.position + 1,
            last: head.position,
            duplicate: false,
            response: request.idempotency.as_ref().and_then(|key| key.response.clone()),
        };
        if let Some(key) = &request.idempotency {
            let command = Command {
                actor: key.actor.clone(),
                key: key.key.clone(),
                fingerprint: key.fingerprint.clone(),
                first: appended.first,
                last: appended.last,
                response: key.response.clone(),
                recorded_at: self.now,
            };
            self.commands.insert((key.actor.clone(), key.key.clone()), command.clone());
            self.written.commands.push(command);
        }
        self.head = head;
        self.written.events.extend(events);
        self.written.inline.extend(inline);
        Ok(appended)
    }

    fn known(&self, request: &Request) -> Result<Option<Appended>, AppendError> {
        let Some(key) = &request.idempotency else { return Ok(None) };
        match self.commands.get(&(key.actor.clone(), key.key.clone())) {
            None => Ok(None),
            Some(command) if command.fingerprint != key.fingerprint => Err(AppendError::KeyReused),
            Some(command) => Ok(Some(Appended {
                first: command.first,
                last: command.last,
                duplicate: true,
                response: command.response.clone(),
            })),
        }
    }

    fn check_versions(&self, request: &Request) -> Result<(), AppendError> {
        for part in &request.parts {
            let actual = self.version(&part.stream);
            if let Expected::Exactly(expected) = part.expected
                && expected != actual
            {
                return Err(AppendError::Conflict {
                    aggregate_type: part.stream.aggregate_type.clone(),
                    aggregate_id: part.stream.aggregate_id.clone(),
                    expected,
                    actual,
                });
            }
        }
        Ok(())
    }

    fn version(&self, stream: &Stream) -> i64 {
        self.versions.get(stream).copied().unwrap_or(0)
    }

    /// Takes and releases what the events say, then looks at the limits.
    fn claim(&self, request: &Request) -> Result<Attempt, AppendError> {
        let mut attempt = Attempt::default();
        let mut taken = Vec::new();
        for (Draft { event, claims }, position) in
            request.events.iter().zip(self.head.position + 1..)
        {
            let stream = Stream::of(event);
            for change in claims {
                let refused = self.claims.change(&mut attempt, (&stream, position), change).err();
                // What a later event of the same stream gives back was never to be held: what counts is what the request
                // ends with. A rebuild, event by event, leaves such a value with its holder as well.
                let given_back = |taken: &TakenClaim| {
                    let index =
                        usize::try_from(position - self.head.position).unwrap_or(usize::MAX);
                    let later = request.events.iter().skip(index);
                    later
                        .filter(|later| Stream::of(&later.event) == stream)
                        .flat_map(|later| &later.claims)
                        .any(|later| later.gives_back(&taken.claim))
                };
                taken.extend(refused.map(|taken| *taken).filter(|taken| !given_back(taken)));
            }
        }
        if !taken.is_empty() {
            return Err(AppendError::Taken(taken));
        }
        match request.limits.iter().find(|limit| self.claims.exceeds(&attempt, limit)) {
            Some(limit) => Err(AppendError::Limited(limit.clone())),
            None => Ok(attempt),
        }
    }

    /// Gives the events their places.
    fn place(&self, request: &Request) -> (Vec<Recorded>, Head) {
        let mut head = self.head.clone();
        let mut sequences = HashMap::<Stream, i64>::new();
        let mut events = Vec::with_capacity(request.events.len());
        for Draft { event, .. } in &request.events {
            let stream = Stream::of(event);
            let version = self.version(&stream);
            let sequence = sequences.entry(stream).or_insert(version);
            *sequence += 1;
            let mut event = event.clone();
            event.sequence = *sequence;
            event.position = head.position + 1;
            event.recorded_at = self.now;
            let hash = chain::link(&head.hash, &event);
            event.hash = Some(hash.clone());
            head = Head {
                position: event.position,
                chained: event.position,
                hash,
                recorded_at: self.now,
            };
            events.push(event);
        }
        (events, head)
    }

    fn project(&self, events: &[Recorded]) -> Result<Vec<InlineOp>, AppendError> {
        let mut ops = Vec::new();
        for event in events {
            for projection in inline(self.rules.projections, event) {
                let refused = |Fault(reason)| AppendError::Refused {
                    projection: projection.name().to_owned(),
                    event_type: event.event_type.clone(),
                    reason,
                };
                let applied = apply(projection.as_ref(), event).map_err(refused)?;
                ops.extend(inline_ops(projection.as_ref(), event, applied));
            }
        }
        Ok(ops)
    }

    fn accept_types(&mut self, events: &[Recorded]) {
        for event in events {
            let pair = (event.event_type.clone(), event.event_version.clone());
            if !self.rules.known_types.contains(&pair) && self.types.insert(pair.clone()) {
                self.written.types.push((pair, event.position));
            }
        }
    }
}

/// What a request does beside its events; nothing without any.
fn further<'a>(
    request: &'a Request,
    events: &'a [Recorded],
) -> impl Iterator<Item = InlineOp> + use<'a> {
    let ops = events.last().map(|last| {
        request.ops.iter().map(|op| InlineOp {
            projection: "further operations",
            event_type: last.event_type.clone(),
            position: last.position,
            op: op.clone(),
        })
    });
    ops.into_iter().flatten()
}

/// The inline projections that look at an event.
fn inline<'a>(
    projections: &'a [Arc<dyn Projection>],
    event: &'a Recorded,
) -> impl Iterator<Item = &'a Arc<dyn Projection>> {
    projections
        .iter()
        .filter(|projection| projection.mode() == Mode::Inline)
        .filter(|projection| projection.wants(&event.event_type))
}

/// One that panics must not take the writer along.
fn apply(projection: &dyn Projection, event: &Recorded) -> Result<Vec<Op>, Fault> {
    catch_unwind(AssertUnwindSafe(|| projection.apply(event)))
        .unwrap_or_else(|_| Err(Fault("it panicked".to_owned())))
}

fn inline_ops(
    projection: &dyn Projection,
    event: &Recorded,
    ops: Vec<Op>,
) -> impl Iterator<Item = InlineOp> {
    let (projection, position) = (projection.name(), event.position);
    let event_type = event.event_type.clone();
    ops.into_iter().map(move |op| InlineOp {
        projection,
        event_type: event_type.clone(),
        position,
        op,
    })
}
