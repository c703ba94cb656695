//! Following the chain through the lines, and naming what does not fit.

use std::{collections::BTreeMap, fmt};

use chrono::{DateTime, Utc};

use super::{line::Link, manifest::Manifest};
use crate::{
    Anchor, chain,
    verify::{self, Contents},
};

/// Faults that are told one by one.
const MOST_FAULTS: usize = 20;
/// Streams of erased people that are kept in memory: as many as an archive may have.
const MOST_EMPTIED: usize = 100_000;

/// Where something is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The file as a whole.
    Archive,
    /// One of its members.
    Member(String),
    /// The event at this position.
    Position(i64),
    /// Several events, from one position to another.
    Positions(i64, i64),
}

/// Something that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub place: Place,
    /// What.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Archive => write!(f, "archive: {}", self.what),
            // A name comes from whoever made the file.
            Place::Member(name) => write!(f, "member {}: {}", name.escape_debug(), self.what),
            Place::Position(position) => write!(f, "position {position}: {}", self.what),
            Place::Positions(from, to) => write!(f, "positions {from} to {to}: {}", self.what),
        }
    }
}

/// A stream with events whose contents were taken away for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emptied {
    /// Kind of the stream.
    pub aggregate_type: String,
    /// Which stream of that kind; of an account, its id.
    pub aggregate_id: String,
    /// The first of these events that is in the archive.
    pub first: i64,
    /// How many of them are.
    pub events: i64,
    /// Position of the event that says that the person was erased.
    pub erased_at: Option<i64>,
}

/// Faults as they are found, at most so many of them.
#[derive(Debug, Default)]
pub(super) struct Faults {
    pub(super) told: Vec<Fault>,
    /// Beyond those.
    pub(super) further: u64,
}

impl Faults {
    pub(super) fn add(&mut self, place: Place, what: impl Into<String>) {
        let fault = Fault { place, what: what.into() };
        if self.told.len() < MOST_FAULTS {
            self.told.push(fault);
        } else {
            self.further += 1;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.told.is_empty()
    }
}

/// A walk from the first line to the last. It holds one line at most.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    pub(super) faults: Faults,
    first: i64,
    /// The position that the next line should have.
    pub(super) expected: i64,
    /// None after something that was not as it should be: the next hash is taken as it stands.
    previous: Option<Vec<u8>>,
    held: Option<Link>,
    /// Places and what stands there instead.
    misplaced: Vec<(i64, i64)>,
    pub(super) events: i64,
    pub(super) withheld: i64,
    pub(super) emptied: i64,
    pub(super) expired: i64,
    /// None where nothing may be sealed.
    pub(super) sealed: Option<i64>,
    /// When the youngest of those was recorded.
    pub(super) youngest_expired: Option<DateTime<Utc>>,
    pub(super) erased: BTreeMap<(String, String), Emptied>,
    /// In the order of positions.
    checkpoints: std::iter::Peekable<std::slice::Iter<'a, Anchor>>,
    pub(super) compared: u64,
    /// The last one that agreed.
    pub(super) agreed: Option<i64>,
    /// The first one that lies behind it.
    pub(super) beyond: Option<i64>,
    differed: bool,
}

impl<'a> Walk<'a> {
    /// From the event after `previous`.
    pub(super) fn new(first: i64, previous: Option<Vec<u8>>, checkpoints: &'a [Anchor]) -> Self {
        let mut walk = Self {
            faults: Faults::default(),
            first,
            expected: first,
            previous: previous.clone(),
            held: None,
            misplaced: Vec::new(),
            events: 0,
            withheld: 0,
            emptied: 0,
            expired: 0,
            sealed: None,
            youngest_expired: None,
            erased: BTreeMap::new(),
            checkpoints: checkpoints.iter().peekable(),
            compared: 0,
            agreed: None,
            beyond: None,
            differed: false,
        };
        if let Some(previous) = previous {
            walk.compare(first.saturating_sub(1), &previous);
        }
        walk
    }

    /// The next line.
    pub(super) fn line(&mut self, link: Link) {
        match self.held.take() {
            Some(held) => self.resolve(held, link),
            None => self.take(link),
        }
    }

    /// A line that cannot be read; it stands where the next event should be.
    pub(super) fn garbled(&mut self, why: &str) {
        self.settle();
        self.faults.add(Place::Position(self.expected), format!("its line {why}"));
        self.expected = self.expected.saturating_add(1);
        self.previous = None;
    }

    fn take(&mut self, link: Link) {
        if link.position == self.expected { self.check(link) } else { self.held = Some(link) }
    }

    /// The line that was held is not the expected one; the one after it tells why.
    fn resolve(&mut self, held: Link, next: Link) {
        let (expected, at) = (self.expected, held.position);
        if at == expected.saturating_add(1) && next.position == expected {
            let what = format!("this event and that of position {at} are swapped");
            self.faults.add(Place::Position(expected), what);
            self.check(next);
            self.check(held);
        } else if next.position == expected {
            self.stray(&held);
            self.take(next);
        } else if next.position == expected.saturating_add(1) {
            self.misplace(&held);
            self.take(next);
        } else {
            self.skip(held);
            self.line(next);
        }
    }

    /// Something stands between two events that follow each other.
    fn stray(&mut self, held: &Link) {
        let (expected, at) = (self.expected, held.position);
        let what = if at < self.first {
            format!("stands here, before position {expected}, and is not of this part")
        } else if at < expected {
            format!("stands here a second time, before position {expected}")
        } else {
            format!("stands here, before position {expected}: it was moved or repeated")
        };
        self.faults.add(Place::Position(at), what);
    }

    /// Something else stands in the place of an event.
    fn misplace(&mut self, held: &Link) {
        let place = (self.expected, held.position);
        if self.misplaced.len() < MOST_FAULTS {
            self.misplaced.push(place);
        } else {
            self.faults.further += 1;
        }
        self.expected = self.expected.saturating_add(1);
        // What comes after it links to what should stand here.
        self.previous = None;
    }

    /// Events before a line are missing, or it has been there before.
    fn skip(&mut self, held: Link) {
        let (expected, at) = (self.expected, held.position);
        if at < expected {
            return self.stray(&held);
        }
        self.missing(expected, at.saturating_sub(1), "");
        self.expected = at;
        self.previous = None;
        self.check(held);
    }

    fn missing(&mut self, from: i64, to: i64, why: &str) {
        if from == to {
            self.faults.add(Place::Position(from), format!("the event is missing{why}"));
        } else {
            self.faults.add(Place::Positions(from, to), format!("the events are missing{why}"));
        }
    }

    fn settle(&mut self) {
        if let Some(held) = self.held.take() {
            self.skip(held);
        }
    }

    /// The expected line.
    fn check(&mut self, link: Link) {
        let position = link.position;
        self.expected = position.saturating_add(1);
        if let Some(previous) = &self.previous
            && chain::link_digest(previous, position, &link.header) != link.hash
        {
            let what = if link.event.is_some() {
                "the event is not what the chain says: it was changed, moved or inserted"
            } else {
                "the digest of the withheld event is not what the chain says: it was changed, moved or inserted"
            };
            self.faults.add(Place::Position(position), what);
        }
        self.contents(&link);
        self.compare(position, &link.hash);
        self.previous = Some(link.hash);
    }

    fn contents(&mut self, link: &Link) {
        let Some(event) = &link.event else {
            self.withheld += 1;
            return;
        };
        self.events += 1;
        if link.emptied
            && event.payload.starts_with(verify::SEALED)
            && let Some(sealed) = &mut self.sealed
        {
            *sealed += 1;
            return;
        }
        self.emptied += i64::from(link.emptied);
        let stream = || (event.aggregate_type.clone(), event.aggregate_id.clone());
        match verify::contents(event, link.emptied) {
            Contents::Changed => {
                self.faults.add(Place::Position(link.position), "the payload was changed");
            }
            Contents::Expired => {
                self.expired += 1;
                self.youngest_expired = self.youngest_expired.max(Some(event.recorded_at));
            }
            Contents::Erased => {
                let stream = stream();
                if self.erased.len() >= MOST_EMPTIED && !self.erased.contains_key(&stream) {
                    let what = "more people are erased than any archive has";
                    self.faults.add(Place::Position(link.position), what);
                    return;
                }
                let (kind, id) = stream.clone();
                let emptied = self.erased.entry(stream).or_insert(Emptied {
                    aggregate_type: kind,
                    aggregate_id: id,
                    first: link.position,
                    events: 0,
                    erased_at: None,
                });
                emptied.events += 1;
            }
            Contents::Whole if verify::erases(event) => {
                if let Some(emptied) = self.erased.get_mut(&stream()) {
                    emptied.erased_at = Some(link.position);
                }
            }
            Contents::Whole => {}
        }
    }

    /// With what was written down elsewhere.
    fn compare(&mut self, position: i64, hash: &[u8]) {
        while let Some(checkpoint) = self.checkpoints.next_if(|it| it.position <= position) {
            if checkpoint.position < position {
                continue;
            }
            self.compared += 1;
            if checkpoint.hash == hex::encode(hash) {
                self.agreed = Some(position);
            } else if !std::mem::replace(&mut self.differed, true) {
                let after = self.agreed.map_or_else(String::new, |at| format!(" and after {at}"));
                self.faults.add(
                    Place::Position(position),
                    format!(
                        "the chain differs from the checkpoint: the past was rewritten at or before {position}{after}"
                    ),
                );
            }
        }
    }

    /// After the last line: is it where the manifest says?
    pub(super) fn end(&mut self, manifest: Option<&Manifest>) {
        self.settle();
        let misplaced = std::mem::take(&mut self.misplaced);
        for (place, stands) in &misplaced {
            if !misplaced.contains(&(*stands, *place)) {
                let what = format!("the event of position {stands} stands here: it was moved");
                self.faults.add(Place::Position(*place), what);
            } else if place < stands {
                let what = format!("this event and that of position {stands} are swapped");
                self.faults.add(Place::Position(*place), what);
            }
        }
        let Some(manifest) = manifest else { return };
        let last = self.expected.saturating_sub(1);
        if last < manifest.last {
            self.missing(self.expected, manifest.last, ": the tail was cut off");
        } else if last > manifest.last {
            self.faults.add(
                Place::Positions(manifest.last.saturating_add(1), last),
                "these events are not in the manifest: they were added",
            );
        } else if self.faults.is_empty()
            && self.previous.as_ref().is_some_and(|hash| *hash != manifest.hash)
        {
            self.faults.add(
                Place::Position(last),
                "the hash of the last event is not the one in the manifest",
            );
        }
        let counted = (self.events, self.withheld, self.emptied, self.sealed.unwrap_or(0));
        let said = (manifest.events, manifest.withheld, manifest.emptied, manifest.sealed);
        if self.faults.is_empty() && counted != said {
            self.faults.add(
                Place::Archive,
                "there are not as many events shown, withheld, sealed and without contents as the manifest says",
            );
        }
        for later in &manifest.erased {
            let stream = (later.aggregate_type.clone(), later.aggregate_id.clone());
            if let Some(emptied) = self.erased.get_mut(&stream)
                && later.position > emptied.first
            {
                emptied.erased_at = Some(later.position);
            }
        }
        for emptied in self.erased.values() {
            if emptied.erased_at.is_none() {
                self.faults.add(Place::Position(emptied.first), verify::UNERASED);
            }
        }
    }

    /// The end of the whole log as the manifest names it. Nothing in the archive leads there, so that a checkpoint which agrees
    /// proves nothing about what is in it; one that differs is a fault all the same.
    pub(super) fn log_end(&mut self, manifest: &Manifest) {
        self.beyond = self.checkpoints.peek().map(|checkpoint| checkpoint.position);
        if manifest.log_position > manifest.last {
            let before = (self.compared, self.agreed);
            self.compare(manifest.log_position, &manifest.log_hash);
            (self.compared, self.agreed) = before;
        }
    }
}
