//! Aggregates on the log: loading, and what cqrs-es asks of an event store.

use std::{collections::HashMap, marker::PhantomData};

use cqrs_es::{Aggregate, AggregateError, EventEnvelope, EventStore};
use domain::Fact;
use serde::de::DeserializeOwned;
use store::{Append, AppendError, Context, Expected, Folded, NewEvent, Part, Retention, Store};
use uuid::Uuid;

use crate::{App, Failure, states::State};

/// A long stream's state is kept every so many events.
pub(crate) const SNAPSHOT_EVERY: i64 = 100;
/// Raised whenever the state of an aggregate or its `apply` changes.
pub(crate) const SNAPSHOT_FORMAT: i64 = 3;

/// An aggregate with the version that it was loaded at.
#[derive(Debug)]
pub(crate) struct Loaded<A> {
    pub(crate) aggregate: A,
    pub(crate) version: i64,
    /// The version of the snapshot that it was loaded from, 0 if none.
    pub(crate) snapshot: i64,
}

/// Folds a stream, from its snapshot where there is one of the present format.
pub(crate) async fn load<A>(store: &Store, id: &str) -> Result<Loaded<A>, Failure>
where
    A: Aggregate,
{
    let folding = store.folding(A::TYPE, id, SNAPSHOT_FORMAT).await?;
    let mut events = folding.events;
    let (mut aggregate, mut snapshot) = (A::default(), 0);
    if let Some((sequence, state)) = folding.snapshot {
        if let Ok(kept) = serde_json::from_str(&state) {
            (aggregate, snapshot) = (kept, sequence);
        } else {
            // A cache that cannot be read is none.
            let all = store.stream(A::TYPE, id, 0).await?;
            events = all.into_iter().map(Folded::from).collect();
        }
    }
    let mut version = snapshot;
    for event in &events {
        let Folded { event_type, event_version, payload, .. } = event;
        if !domain::is_gone(payload) {
            let decoded = decode(event_type, event_version, payload);
            aggregate.apply(decoded.map_err(Failure::Broken)?);
        }
        version = event.sequence;
    }
    Ok(Loaded { aggregate, version, snapshot })
}

fn decode<E: DeserializeOwned>(
    event_type: &str,
    event_version: &str,
    payload: &str,
) -> Result<E, Box<dyn std::error::Error + Send + Sync>> {
    let payload = domain::raised(event_type, event_version, payload)?;
    Ok(serde_json::from_str(&payload)?)
}

/// An event as the log takes it.
pub(crate) fn new_event<E: Fact>(event: &E, event_id: Uuid) -> Result<NewEvent, Failure> {
    Ok(NewEvent {
        event_id,
        event_type: event.event_type(),
        event_version: event.event_version(),
        organization_id: event.organization().map(domain::OrganizationId::as_uuid),
        retention: match event.retention() {
            domain::Retention::Forever => Retention::FOREVER,
            domain::Retention::Year => Retention::YEAR,
            domain::Retention::Configured => Retention::CONFIGURED,
        },
        payload: serde_json::to_string(event).map_err(|error| Failure::Broken(Box::new(error)))?,
    })
}

/// The log as cqrs-es sees it: one aggregate type, one stream per commit.
///
/// Use cases go through the unit of work; this is for tools written against cqrs-es. On several machines a command may be
/// refused for a state that another machine has changed in the last second; what it decides is always about the newest one.
pub struct AggregateStore<A> {
    app: App,
    actor: String,
    of: PhantomData<fn() -> A>,
}

impl<A> AggregateStore<A> {
    /// The streams of one aggregate type, on behalf of an actor.
    pub fn new(app: App, actor: String) -> Self {
        Self { app, actor, of: PhantomData }
    }
}

/// The aggregate on its way from load to commit.
#[derive(Debug)]
pub struct AggregateContext<A> {
    id: String,
    loaded: Loaded<A>,
}

impl<A: Aggregate> cqrs_es::AggregateContext<A> for AggregateContext<A> {
    fn aggregate(&mut self) -> &mut A {
        &mut self.loaded.aggregate
    }
}

impl<A> EventStore<A> for AggregateStore<A>
where
    A: Aggregate,
    A::Event: Fact,
{
    type AC = AggregateContext<A>;

    async fn load_events(
        &self,
        aggregate_id: &str,
    ) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        let recorded =
            self.app.store().stream(A::TYPE, aggregate_id, 0).await.map_err(unexpected)?;
        recorded
            .into_iter()
            .map(|event| {
                Ok(EventEnvelope {
                    aggregate_id: event.aggregate_id,
                    sequence: usize::try_from(event.sequence).unwrap_or(usize::MAX),
                    payload: decode(&event.event_type, &event.event_version, &event.payload)
                        .map_err(AggregateError::DeserializationError)?,
                    metadata: serde_json::from_str(&event.metadata).unwrap_or_default(),
                })
            })
            .collect()
    }

    async fn load_aggregate(
        &self,
        aggregate_id: &str,
    ) -> Result<Self::AC, AggregateError<A::Error>> {
        let loaded = match self.app.states().recall(aggregate_id) {
            Some(loaded) => loaded,
            None => load::<A>(self.app.store(), aggregate_id).await.map_err(unexpected)?,
        };
        Ok(AggregateContext { id: aggregate_id.to_owned(), loaded })
    }

    async fn commit(
        &self,
        events: Vec<A::Event>,
        context: Self::AC,
        metadata: HashMap<String, String>,
    ) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        let Self::AC { id, loaded: Loaded { aggregate, version, snapshot } } = context;
        let world = self.app.world();
        let new = events
            .iter()
            .map(|event| new_event(event, world.new_id()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(unexpected)?;
        let append = Append {
            context: Context {
                actor: self.actor.clone(),
                metadata: serde_json::to_string(&metadata).unwrap_or_else(|_| "{}".to_owned()),
                ..Context::default()
            },
            parts: vec![Part {
                aggregate_type: A::TYPE.to_owned(),
                aggregate_id: id.clone(),
                expected: Expected::Exactly(version),
                events: new,
            }],
            limits: Vec::new(),
            idempotency: None,
        };
        let appended = self.app.store().append(append).await;
        let states = self.app.states();
        match appended {
            Ok(appended) => {
                // The framework has applied the events.
                let sequence = version + i64::try_from(events.len()).unwrap_or(i64::MAX);
                if let Ok(state) = State::of(&aggregate, sequence, snapshot) {
                    states.remember(A::TYPE, id.clone(), state);
                }
                self.app.edge().reached(appended.last).await;
            }
            Err(error) => {
                states.forget(A::TYPE, &id);
                return Err(match error {
                    AppendError::Conflict { .. } => AggregateError::AggregateConflict,
                    error => unexpected(error),
                });
            }
        }
        let first = usize::try_from(version).unwrap_or(usize::MAX) + 1;
        Ok((first..)
            .zip(events)
            .map(|(sequence, payload)| EventEnvelope {
                aggregate_id: id.clone(),
                sequence,
                payload,
                metadata: metadata.clone(),
            })
            .collect())
    }
}

fn unexpected<E, C>(cause: C) -> AggregateError<E>
where
    E: std::error::Error,
    C: std::error::Error + Send + Sync + 'static,
{
    AggregateError::UnexpectedError(Box::new(cause))
}
