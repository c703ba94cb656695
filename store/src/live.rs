//! What this process knows of the newest events.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::RwLock;
use tokio::sync::watch;

use crate::{Recorded, Sql};

const MOST_EVENTS: usize = 10_000;
const MOST_BYTES: usize = 32 << 20;

/// The head as a bell, the newest events in memory, and a count of statements.
pub(crate) struct Live {
    head: watch::Sender<i64>,
    closed: watch::Sender<bool>,
    ring: RwLock<Ring>,
    statements: AtomicU64,
    asked_by_requests: AtomicU64,
}

/// Events at the end of the log without a gap between them.
#[derive(Default)]
struct Ring {
    events: VecDeque<Arc<Recorded>>,
    bytes: usize,
}

impl Live {
    pub(crate) fn new() -> Self {
        Self {
            head: watch::Sender::new(0),
            closed: watch::Sender::new(false),
            ring: RwLock::default(),
            statements: AtomicU64::new(0),
            asked_by_requests: AtomicU64::new(0),
        }
    }

    pub(crate) fn head(&self) -> i64 {
        *self.head.borrow()
    }

    pub(crate) fn watch(&self) -> watch::Receiver<i64> {
        self.head.subscribe()
    }

    pub(crate) fn closed(&self) -> watch::Receiver<bool> {
        self.closed.subscribe()
    }

    pub(crate) fn close(&self) {
        self.closed.send_replace(true);
    }

    pub(crate) fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    pub(crate) fn count_statements(&self, count: u64) {
        self.statements.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn asked_by_requests(&self) -> u64 {
        self.asked_by_requests.load(Ordering::Relaxed)
    }

    /// Counts what a caller asks for if it is a request.
    pub(crate) fn asked<'a>(&self, texts: impl IntoIterator<Item = &'a Sql>) {
        let statements = texts.into_iter().map(crate::asked::note).count();
        if crate::asked::by_request() {
            self.asked_by_requests.fetch_add(statements as u64, Ordering::Relaxed);
        }
    }

    /// Tells the followers, unless they know already.
    pub(crate) fn ring_bell(&self, position: i64) {
        self.head.send_if_modified(|head| {
            let newer = position > *head;
            if newer {
                *head = position;
            }
            newer
        });
    }

    /// Keeps committed events and tells the followers.
    pub(crate) fn publish(&self, events: &[Arc<Recorded>]) {
        let Some(last) = events.last() else { return };
        self.ring.write().extend(events);
        self.ring_bell(last.position);
    }

    /// The events after a position if memory holds them, at most `limit`.
    pub(crate) fn after(&self, position: i64, limit: usize) -> Option<Vec<Arc<Recorded>>> {
        let ring = self.ring.read();
        let skip = usize::try_from(position + 1 - ring.events.front()?.position).ok()?;
        (skip < ring.events.len())
            .then(|| ring.events.iter().skip(skip).take(limit).cloned().collect())
    }
}

impl Ring {
    fn extend(&mut self, events: &[Arc<Recorded>]) {
        for event in events {
            let expected = self.events.back().map(|last| last.position + 1);
            if expected.is_some_and(|expected| expected != event.position) {
                // Another process appended in between.
                self.events.clear();
                self.bytes = 0;
            }
            self.bytes += size(event);
            self.events.push_back(Arc::clone(event));
        }
        while self.events.len() > MOST_EVENTS || self.bytes > MOST_BYTES {
            let Some(oldest) = self.events.pop_front() else { break };
            self.bytes -= size(&oldest);
        }
    }
}

fn size(event: &Recorded) -> usize {
    size_of::<Recorded>() + event.payload.len() + event.metadata.len() + 256
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use uuid::Uuid;

    use super::*;
    use crate::{Retention, event::Decoded};

    fn events(positions: impl IntoIterator<Item = i64>, bytes: usize) -> Vec<Arc<Recorded>> {
        let event = |position| {
            Arc::new(Recorded {
                position,
                event_id: Uuid::nil(),
                aggregate_type: String::new(),
                aggregate_id: String::new(),
                sequence: 1,
                event_type: String::new(),
                event_version: String::new(),
                organization_id: None,
                actor: None,
                correlation_id: None,
                causation: None,
                recorded_at: DateTime::UNIX_EPOCH,
                retention: Retention::FOREVER,
                payload: "x".repeat(bytes),
                metadata: String::new(),
                payload_hash: None,
                hash: None,
                decoded: Decoded::default(),
            })
        };
        positions.into_iter().map(event).collect()
    }

    fn after(live: &Live, position: i64) -> Option<Vec<i64>> {
        let events = live.after(position, 3)?;
        Some(events.iter().map(|event| event.position).collect())
    }

    #[test]
    fn memory_answers_only_for_what_it_holds() {
        let live = Live::new();
        assert_eq!(after(&live, 0), None);
        live.publish(&events(5..=9, 1));
        assert_eq!(live.head(), 9);
        assert_eq!(after(&live, 3), None);
        assert_eq!(after(&live, 4), Some(vec![5, 6, 7]));
        assert_eq!(after(&live, 7), Some(vec![8, 9]));
        assert_eq!(after(&live, 9), None);
    }

    #[test]
    fn a_gap_forgets_what_was_before_it() {
        let live = Live::new();
        live.publish(&events(1..=3, 1));
        live.publish(&events([5, 6], 1));
        assert_eq!(after(&live, 0), None);
        assert_eq!(after(&live, 4), Some(vec![5, 6]));
    }

    #[test]
    fn memory_is_bounded_in_events_and_bytes() {
        let live = Live::new();
        let many = i64::try_from(MOST_EVENTS).unwrap() + 10;
        live.publish(&events(1..=many, 1));
        assert_eq!(after(&live, 9), None);
        assert!(after(&live, 10).is_some());
        live.publish(&events(many + 1..=many + 4, MOST_BYTES / 3));
        assert_eq!(after(&live, many + 1), None);
        assert_eq!(after(&live, many + 2), Some(vec![many + 3, many + 4]));
    }

    #[test]
    fn the_bell_never_goes_back() {
        let live = Live::new();
        live.ring_bell(7);
        let mut head = live.watch();
        live.ring_bell(5);
        assert!(!head.has_changed().unwrap());
        assert_eq!(*head.borrow_and_update(), 7);
    }
}
