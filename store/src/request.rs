//! An append after all checks that need no database.

use std::collections::HashSet;

use serde::de::IgnoredAny;

use crate::{
    Append, AppendError, ClaimChange, Fault, IdempotencyKey, Interpreter, Limit, NewEvent, Op,
    Part, Recorded, Retention, chain, event::Decoded,
};

const MOST_EVENTS: usize = 1000;
const MOST_BYTES: usize = 8 << 20;
const LONGEST_KEY: usize = 200;

/// A checked append. Its events lack what only the head lock can give: position, sequence, time, chain.
pub(crate) struct Request {
    pub(crate) parts: Vec<Expectation>,
    pub(crate) events: Vec<Draft>,
    pub(crate) limits: Vec<Limit>,
    pub(crate) idempotency: Option<IdempotencyKey>,
    /// What else happens in the transaction, between the events and the operations of inline projections.
    pub(crate) ops: Vec<Op>,
}

/// A stream and the version that it must have.
pub(crate) struct Expectation {
    pub(crate) stream: Stream,
    pub(crate) expected: crate::Expected,
}

/// Which stream.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Stream {
    pub(crate) aggregate_type: String,
    pub(crate) aggregate_id: String,
}

/// An event before it has its place, and what it does to claims.
pub(crate) struct Draft {
    pub(crate) event: Recorded,
    pub(crate) claims: Vec<ClaimChange>,
}

impl Stream {
    pub(crate) fn of(event: &Recorded) -> Self {
        Self {
            aggregate_type: event.aggregate_type.clone(),
            aggregate_id: event.aggregate_id.clone(),
        }
    }
}

impl Request {
    /// No events at all.
    pub(crate) fn nothing() -> Self {
        Self {
            parts: Vec::new(),
            events: Vec::new(),
            limits: Vec::new(),
            idempotency: None,
            ops: Vec::new(),
        }
    }

    /// Checks sizes and texts, hashes payloads and asks for the claims.
    pub(crate) fn check(
        append: Append,
        interpreter: &dyn Interpreter,
    ) -> Result<Self, AppendError> {
        check_sizes(&append)?;
        check_texts(&append)?;
        let Append { context, parts, limits, idempotency } = append;
        let metadata = if context.metadata.is_empty() { "{}".to_owned() } else { context.metadata };
        let mut expectations = Vec::with_capacity(parts.len());
        let mut drafts = Vec::new();
        for Part { aggregate_type, aggregate_id, expected, events } in parts {
            let stream = Stream { aggregate_type, aggregate_id };
            for event in events {
                if !interpreter.understands(&event.event_type, &event.event_version) {
                    // It could never be read again.
                    let NewEvent { event_type, event_version, .. } = event;
                    return Err(malformed(format!("unknown event {event_type} {event_version}")));
                }
                let event = Recorded {
                    position: 0,
                    event_id: event.event_id,
                    aggregate_type: stream.aggregate_type.clone(),
                    aggregate_id: stream.aggregate_id.clone(),
                    sequence: 0,
                    event_type: event.event_type,
                    event_version: event.event_version,
                    organization_id: event.organization_id,
                    actor: Some(context.actor.clone()),
                    correlation_id: context.correlation_id,
                    causation: context.causation.clone(),
                    recorded_at: chrono::DateTime::UNIX_EPOCH,
                    retention: event.retention,
                    payload_hash: Some(chain::payload_hash(&event.payload)),
                    payload: event.payload,
                    metadata: metadata.clone(),
                    hash: None,
                    decoded: Decoded::default(),
                };
                let claims =
                    interpreter.claims(&event).map_err(|Fault(reason)| AppendError::Refused {
                        projection: "claims".to_owned(),
                        event_type: event.event_type.clone(),
                        reason,
                    })?;
                drafts.push(Draft { event, claims });
            }
            expectations.push(Expectation { stream, expected });
        }
        Ok(Self { parts: expectations, events: drafts, limits, idempotency, ops: Vec::new() })
    }
}

fn malformed(reason: impl Into<String>) -> AppendError {
    AppendError::Malformed(reason.into())
}

fn check_sizes(append: &Append) -> Result<(), AppendError> {
    let events = || append.parts.iter().flat_map(|part| &part.events);
    if events().count() > MOST_EVENTS {
        return Err(malformed(format!("more than {MOST_EVENTS} events")));
    }
    if events().map(|event| event.payload.len()).sum::<usize>() > MOST_BYTES {
        return Err(malformed(format!("more than {MOST_BYTES} bytes of payload")));
    }
    if append.context.metadata.len() > MOST_BYTES / MOST_EVENTS {
        return Err(malformed(format!("more than {} bytes of metadata", MOST_BYTES / MOST_EVENTS)));
    }
    if append.idempotency.as_ref().is_some_and(|key| key.key.chars().count() > LONGEST_KEY) {
        return Err(malformed(format!("an idempotency key of more than {LONGEST_KEY} characters")));
    }
    let mut streams = HashSet::new();
    for part in &append.parts {
        if part.aggregate_type.is_empty() || part.aggregate_id.is_empty() {
            return Err(malformed("a stream without a name"));
        }
        if !streams.insert((&part.aggregate_type, &part.aggregate_id)) {
            return Err(malformed("the same stream twice"));
        }
    }
    Ok(())
}

/// PostgreSQL holds no U+0000 in texts, and its `json` columns hold only JSON.
fn check_texts(append: &Append) -> Result<(), AppendError> {
    let context = [Some(&append.context.actor), append.context.causation.as_ref()];
    let key = append.idempotency.iter().flat_map(|key| [&key.actor, &key.key]);
    let parts = append.parts.iter().flat_map(|part| {
        let types = part.events.iter().flat_map(|event| [&event.event_type, &event.event_version]);
        [&part.aggregate_type, &part.aggregate_id].into_iter().chain(types)
    });
    if context.into_iter().flatten().chain(key).chain(parts).any(|text| text.contains('\0')) {
        return Err(malformed("U+0000 in a text"));
    }
    let payloads = append.parts.iter().flat_map(|part| &part.events).map(|event| &event.payload);
    let response = append.idempotency.iter().filter_map(|key| key.response.as_ref());
    let metadata = Some(&append.context.metadata).filter(|text| !text.is_empty());
    for text in payloads.chain(response).chain(metadata) {
        serde_json::from_str::<IgnoredAny>(text)
            .map_err(|_| malformed("what should be JSON is not"))?;
    }
    if append
        .parts
        .iter()
        .flat_map(|part| &part.events)
        .any(|e| e.retention.0 < Retention::FOREVER.0)
    {
        return Err(malformed("a retention class below 0"));
    }
    Ok(())
}
