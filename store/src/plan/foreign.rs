//! Taking events that another program appended into the chain.

use std::collections::HashSet;

use super::{
    ClaimWrite, Claims, CountKey, EventType, Facts, Head, InlineOp, Rules, apply, claims::Attempt,
    inline, inline_ops,
};
use crate::{ClaimChange, Fault, Recorded, chain, request::Stream};

/// What to write for foreign events that are in the log already.
pub(crate) struct Adoption {
    /// The events, chained.
    pub(crate) events: Vec<Recorded>,
    pub(crate) claims: Vec<ClaimWrite>,
    pub(crate) counts: Vec<(CountKey, i64)>,
    pub(crate) types: Vec<(EventType, i64)>,
    pub(crate) inline: Vec<InlineOp>,
    /// Inline projections that cannot take an event.
    pub(crate) failures: Vec<Failed>,
    pub(crate) head: Head,
}

/// An inline projection that lacks an event until it is rebuilt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failed {
    pub(crate) projection: &'static str,
    pub(crate) position: i64,
    pub(crate) reason: String,
}

/// Chains foreign events. They happened: a taken claim stays with its holder, a fault marks the projection.
pub(crate) fn adopt(
    events: Vec<(Recorded, Vec<ClaimChange>)>,
    facts: Facts,
    rules: &Rules<'_>,
) -> Adoption {
    let mut head = facts.head;
    let mut claims = Claims::new(facts.claims, facts.counts);
    let mut seen = HashSet::new();
    let (mut types, mut inline_all, mut failures) = (Vec::new(), Vec::new(), Vec::new());
    let mut adopted = Vec::with_capacity(events.len());
    for (mut event, changes) in events {
        event.payload_hash = Some(chain::payload_hash(&event.payload));
        head.hash = chain::link(&head.hash, &event);
        head.chained = event.position;
        event.hash = Some(head.hash.clone());

        let mut attempt = Attempt::default();
        let stream = Stream::of(&event);
        for change in &changes {
            if let Err(taken) = claims.change(&mut attempt, (&stream, event.position), change) {
                tracing::warn!(
                    position = event.position,
                    kind = taken.claim.kind,
                    "the foreign event at {} takes a value that another stream holds",
                    event.position
                );
            }
        }
        claims.accept(attempt);

        let pair = (event.event_type.clone(), event.event_version.clone());
        if !rules.known_types.contains(&pair) && seen.insert(pair.clone()) {
            types.push((pair, event.position));
        }
        for projection in inline(rules.projections, &event) {
            match apply(projection.as_ref(), &event) {
                Ok(ops) => inline_all.extend(inline_ops(projection.as_ref(), &event, ops)),
                Err(Fault(reason)) => failures.push(Failed {
                    projection: projection.name(),
                    position: event.position,
                    reason,
                }),
            }
        }
        adopted.push(event);
    }
    let (claims, counts) = claims.writes();
    Adoption { events: adopted, claims, counts, types, inline: inline_all, failures, head }
}
