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

use crate::Recorded;

const MOST_EVENTS: usize = 10_000;
const MOST_BYTES: usize = 32 << 20;

/// The head as a bell, the newest events in memory, and a count of statements.
pub(crate) struct Live {
    head: watch::Sender<i64>,
    closed: watch::Sender<bool>,
    ring: RwLock<Ring>,
    statements: AtomicU64,
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
