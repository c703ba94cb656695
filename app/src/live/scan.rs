//! Reads the log from a position on: what is old through the filter of the store, what is new from memory.

use std::{collections::VecDeque, sync::Arc};

use store::{EventFilter, Feed, Recorded, Store};

use super::Ended;

/// Further behind than this the filter of the store reads: memory holds the newest 10,000 events.
const BEHIND: i64 = 2_000;
/// Positions that one question of the past looks at, at most: each has an end, however rare what is looked for is.
const WINDOW: i64 = 50_000;
/// Events that one question of the past gets.
const PAGE: u32 = 200;

/// Which events are wanted.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    /// What the store can leave out.
    pub(super) filter: EventFilter,
    /// The listener's own account, whose events are read as well: they may end it all.
    pub(super) account: Option<String>,
}

impl Wanted {
    /// Leaves nothing out, so that the past is read like the present.
    fn is_everything(&self) -> bool {
        self.filter == EventFilter::default()
    }

    /// Is it about the listener itself?
    pub(super) fn is_account(&self, event: &Recorded) -> bool {
        event.aggregate_type == "user" && self.account.as_ref() == Some(&event.aggregate_id)
    }

    /// Does it pass the filter?
    pub(super) fn takes(&self, event: &Recorded) -> bool {
        let filter = &self.filter;
        let same = |wanted: &Option<String>, given: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted == given)
        };
        same(&filter.aggregate_type, &event.aggregate_type)
            && same(&filter.aggregate_id, &event.aggregate_id)
            && (filter.event_types.is_empty() || filter.event_types.contains(&event.event_type))
            && filter.organizations.as_ref().is_none_or(|organizations| {
                event.organization_id.is_some_and(|id| organizations.contains(&id))
            })
    }
}

/// A reader of the log that knows how far it looked.
#[derive(Debug)]
pub(super) struct Scan {
    store: Store,
    wanted: Wanted,
    feed: Option<Feed>,
    /// Read, not taken.
    events: VecDeque<Arc<Recorded>>,
    /// Up to here everything is in `events` or was before.
    read: i64,
    /// Up to here everything was taken, or is not wanted.
    taken: i64,
}

impl Scan {
    pub(super) fn new(store: Store, wanted: Wanted, after: i64) -> Self {
        Self { store, wanted, feed: None, events: VecDeque::new(), read: after, taken: after }
    }

    /// Up to here everything that is wanted was taken: where to go on later.
    pub(super) fn position(&self) -> i64 {
        self.taken
    }

    /// Is there nothing more at present?
    pub(super) fn caught_up(&self) -> bool {
        self.taken >= self.store.head()
    }

    /// What is wanted.
    pub(super) fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    /// Was everything taken that was read, and is there more to read at once?
    pub(super) fn is_behind(&self) -> bool {
        self.events.is_empty() && self.read < self.store.head()
    }

    /// The next event that was read.
    pub(super) fn peek(&self) -> Option<&Arc<Recorded>> {
        self.events.front()
    }

    /// Takes the next event that was read.
    pub(super) fn take(&mut self) -> Option<Arc<Recorded>> {
        let event = self.events.pop_front()?;
        // After the last one nothing is left but what is not wanted.
        self.taken = if self.events.is_empty() { self.read } else { event.position };
        Some(event)
    }

    /// Reads on once, waiting for something to happen; what was read may be nothing that is wanted. Nothing is lost when
    /// the future is dropped. Nothing is read before everything was taken.
    pub(super) async fn read(&mut self) -> Result<(), Ended> {
        if !self.events.is_empty() {
            return Ok(());
        }
        let head = self.store.head();
        if head - self.read > BEHIND && !self.wanted.is_everything() {
            self.feed = None;
            let up_to = head.min(self.read.saturating_add(WINDOW));
            let filter = EventFilter { up_to: Some(up_to), ..self.wanted.filter.clone() };
            let events = self.store.events(&filter, self.read, PAGE).await?;
            let full = events.len() == PAGE as usize;
            let last = events.last().map(|event| event.position).filter(|_| full);
            self.keep(events.into_iter().map(Arc::new), last.unwrap_or(up_to));
            return Ok(());
        }
        let (store, after) = (&self.store, self.read);
        let feed = self.feed.get_or_insert_with(|| store.feed(after));
        let events = feed.next().await?;
        let read = feed.position();
        self.keep(events.into_iter(), read);
        Ok(())
    }

    fn keep(&mut self, events: impl Iterator<Item = Arc<Recorded>>, read: i64) {
        let wanted = &self.wanted;
        self.events.extend(events.filter(|event| wanted.takes(event) || wanted.is_account(event)));
        self.read = read;
        if self.events.is_empty() {
            self.taken = read;
        }
    }
}
