//! Gives stored events their meaning.

use std::sync::Arc;

use domain::Event;
use store::{Claim, ClaimChange, Fault, Interpreter, Recorded};
use uuid::Uuid;

/// Decodes an event once per process, however many readers look at it.
pub fn decode(event: &Recorded) -> Result<Arc<Event>, Fault> {
    event
        .decoded
        .get_or_decode(|| Event::decode(&event.event_type, &event.event_version, &event.payload))
        .map_err(|error| Fault(error.to_string()))
}

/// The stream's id as a UUID, which ours all are.
pub(crate) fn stream(event: &Recorded) -> Result<Uuid, Fault> {
    event
        .aggregate_id
        .parse()
        .map_err(|_| Fault(format!("the stream `{}` is not a UUID", event.aggregate_id)))
}

/// The meaning of all events of this program.
#[derive(Clone, Copy, Debug, Default)]
pub struct Catalogue;

impl Interpreter for Catalogue {
    fn claims(&self, event: &Recorded) -> Result<Vec<ClaimChange>, Fault> {
        let changes = decode(event)?.claims(stream(event)?);
        Ok(changes.into_iter().map(change).collect())
    }

    fn may_claim(&self, event_type: &str) -> bool {
        let unique = [
            "device.",
            "template.",
            "organization.",
            "user.",
            "device_group.",
            "permission_group.",
            "webhook.",
        ];
        unique.iter().any(|kind| event_type.starts_with(kind))
            && event_type != "device.information_changed"
    }

    fn understands(&self, event_type: &str, event_version: &str) -> bool {
        Event::understands(event_type, event_version)
    }
}

fn change(change: domain::ClaimChange) -> ClaimChange {
    match change {
        domain::ClaimChange::Take(taken) => ClaimChange::Take(claim(taken)),
        domain::ClaimChange::Release(released) => ClaimChange::Release(claim(released)),
        domain::ClaimChange::ReleaseAll => ClaimChange::ReleaseAll,
    }
}

fn claim(claim: domain::Claim) -> Claim {
    let domain::Claim { kind, scope, value, counts_for } = claim;
    Claim { kind: kind.to_owned(), scope, value, counts_for }
}
