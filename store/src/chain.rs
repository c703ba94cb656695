//! The hash chain (`event-store.md` §10): nothing in the log changes unnoticed.

use sha2::{Digest, Sha256};

use crate::Recorded;

/// SHA-256 of the exact bytes.
pub(crate) fn payload_hash(payload: &str) -> Vec<u8> {
    Sha256::digest(payload.as_bytes()).to_vec()
}

/// The chain up to and including an event; `previous` is empty before the first one.
/// The payload goes in through its hash, so that it can be removed and the rest still proves itself.
pub(crate) fn link(previous: &[u8], event: &Recorded) -> Vec<u8> {
    Sha256::new()
        .chain_update(previous)
        .chain_update(event.position.to_be_bytes())
        .chain_update(header(event))
        .finalize()
        .to_vec()
}

fn header(event: &Recorded) -> impl AsRef<[u8]> {
    let mut hash = Sha256::new();
    let organization = event.organization_id.as_ref().map(|id| id.as_bytes().as_slice());
    let correlation = event.correlation_id.as_ref().map(|id| id.as_bytes().as_slice());
    let sequence = event.sequence.to_be_bytes();
    let recorded_at = event.recorded_at.timestamp_micros().to_be_bytes();
    let retention = event.retention.0.to_be_bytes();
    for field in [
        Some(event.event_id.as_bytes().as_slice()),
        Some(event.aggregate_type.as_bytes()),
        Some(event.aggregate_id.as_bytes()),
        Some(sequence.as_slice()),
        Some(event.event_type.as_bytes()),
        Some(event.event_version.as_bytes()),
        organization,
        event.actor.as_deref().map(str::as_bytes),
        correlation,
        event.causation.as_deref().map(str::as_bytes),
        Some(recorded_at.as_slice()),
        Some(retention.as_slice()),
        Some(event.metadata.as_bytes()),
        event.payload_hash.as_deref(),
    ] {
        // An absent field has a length that no present one can have.
        let length =
            field.map_or(u32::MAX, |bytes| u32::try_from(bytes.len()).unwrap_or(u32::MAX - 1));
        hash.update(length.to_be_bytes());
        hash.update(field.unwrap_or_default());
    }
    hash.finalize()
}
