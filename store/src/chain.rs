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
    link_digest(previous, event.position, &header(event))
}

/// The same from the digest of the header: whoever may not see the event can follow the chain across it.
pub(crate) fn link_digest(previous: &[u8], position: i64, header: &[u8]) -> Vec<u8> {
    Sha256::new()
        .chain_update(previous)
        .chain_update(position.to_be_bytes())
        .chain_update(header)
        .finalize()
        .to_vec()
}

/// The digest of everything in the envelope but the position, and of the hash of the payload.
pub(crate) fn header(event: &Recorded) -> Vec<u8> {
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
    hash.finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use uuid::Uuid;

    use super::*;
    use crate::{Retention, event::Decoded};

    fn event() -> Recorded {
        Recorded {
            position: 1,
            event_id: Uuid::from_u128(1),
            aggregate_type: "counter".to_owned(),
            aggregate_id: "a".to_owned(),
            sequence: 1,
            event_type: "counted".to_owned(),
            event_version: "1".to_owned(),
            organization_id: Some(Uuid::from_u128(2)),
            actor: Some("user:1".to_owned()),
            correlation_id: Some(Uuid::from_u128(3)),
            causation: Some("job:1".to_owned()),
            recorded_at: DateTime::from_timestamp_micros(1_700_000_000_000_001).unwrap(),
            retention: Retention::CONFIGURED,
            payload_hash: Some(payload_hash("{\"n\":1}")),
            payload: "{\"n\":1}".to_owned(),
            metadata: "{}".to_owned(),
            hash: None,
            decoded: Decoded::default(),
        }
    }

    /// Computed by a few lines of Python from the description: logs of every version must verify for ever.
    #[test]
    fn the_chain_is_the_described_one() {
        let first = link(&[], &event());
        assert_eq!(
            hex::encode(&first),
            "c37b797a7c34d509bcb9f316ab01be42cc12f67147d8fc12430704252eba4394"
        );
        let second = Recorded {
            position: 2,
            sequence: 2,
            organization_id: None,
            actor: None,
            correlation_id: None,
            causation: None,
            ..event()
        };
        assert_eq!(
            hex::encode(link(&first, &second)),
            "d2fe89b0be2d99772cb3178d06f69d8fdbf685c1a530ccf35720bbd480c738e1"
        );
    }

    #[test]
    fn what_moves_from_one_field_to_the_next_changes_the_hash() {
        let moved = Recorded {
            aggregate_type: "counte".to_owned(),
            aggregate_id: "ra".to_owned(),
            ..event()
        };
        assert_ne!(link(&[], &moved), link(&[], &event()));
        let empty = Recorded { causation: Some(String::new()), ..event() };
        let absent = Recorded { causation: None, ..event() };
        assert_ne!(link(&[], &empty), link(&[], &absent));
    }
}
