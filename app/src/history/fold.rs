//! The read fold: what streams were at a position (architecture, decision 16).

mod configuration;
mod device;
mod shared;

use chrono::{DateTime, Utc};
use domain::Event;
use store::{Store, StreamCursor};
use uuid::Uuid;

pub(super) use configuration::ConfigurationPast;
pub(super) use device::DevicePast;
pub(super) use shared::OrganizationPast;

use crate::Failure;

/// Streams that are read at once.
const STREAMS: usize = 100;

/// Position and time of an event.
#[derive(Clone, Copy, Debug)]
pub(super) struct When {
    pub(super) position: i64,
    pub(super) at: DateTime<Utc>,
}

/// What is known of a stream after some of its events.
pub(super) trait Past: Sized {
    /// Kind of the stream.
    const KIND: &'static str;

    /// None is a stream that is not there, or not any more.
    fn apply(past: &mut Option<Self>, when: When, event: &Event);
}

/// A stream by its kind and id.
pub(super) type Stream = (&'static str, Uuid);

/// Shows the events of some streams up to a position, each with the number of its stream, in the order of that stream.
/// No is the answer where there are more of them than are `left`.
pub(super) async fn replay(
    store: &Store,
    streams: &[Stream],
    event_types: &'static [&'static str],
    (up_to, left): (i64, &mut usize),
    mut each: impl FnMut(usize, When, &Event) + Send,
) -> Result<bool, Failure> {
    let cursors = streams.iter().map(|(kind, id)| StreamCursor {
        aggregate_type: kind,
        aggregate_id: id.to_string(),
        after_sequence: 0,
        event_types,
    });
    let mut open: Vec<(usize, StreamCursor)> = cursors.enumerate().collect();
    while !open.is_empty() {
        let later = open.split_off(open.len().min(STREAMS));
        let cursors: Vec<StreamCursor> = open.iter().map(|(_, cursor)| cursor.clone()).collect();
        let pages = store.stream_pages(&cursors, up_to).await?;
        let mut next = Vec::new();
        for ((number, cursor), page) in open.into_iter().zip(pages) {
            let Some(rest) = left.checked_sub(page.events.len()) else { return Ok(false) };
            *left = rest;
            for recorded in &page.events {
                let event = projections::decode(recorded)
                    .map_err(|fault| Failure::Broken(fault.0.into()))?;
                let when = When { position: recorded.position, at: recorded.recorded_at };
                each(number, when, &event);
            }
            if let (true, Some(last)) = (page.more, page.events.last()) {
                next.push((number, StreamCursor { after_sequence: last.sequence, ..cursor }));
            }
        }
        next.extend(later);
        open = next;
    }
    Ok(true)
}

/// One stream as it was.
pub(super) async fn fold<P: Past + Send>(
    store: &Store,
    id: Uuid,
    up_to: i64,
) -> Result<Option<P>, Failure> {
    let (mut past, mut left) = (None, usize::MAX);
    replay(store, &[(P::KIND, id)], &[], (up_to, &mut left), |_, when, event| {
        P::apply(&mut past, when, event);
    })
    .await?;
    Ok(past)
}
