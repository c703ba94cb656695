//! What a plan rests on: read under the head lock, so that nothing can change before the commit.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};

use super::{ClaimKey, CountKey, Holding};
use crate::{
    ClaimChange,
    request::{Draft, Request, Stream},
};

/// The end of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// Of the last event.
    pub(crate) position: i64,
    /// Of the last event in the chain; smaller when another program appended.
    pub(crate) chained: i64,
    /// Of the event at `chained`.
    pub(crate) hash: Vec<u8>,
    /// No event is recorded before it.
    pub(crate) recorded_at: DateTime<Utc>,
}

/// A remembered idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) actor: String,
    pub(crate) key: String,
    pub(crate) fingerprint: Vec<u8>,
    pub(crate) first: i64,
    pub(crate) last: i64,
    pub(crate) response: Option<String>,
    pub(crate) recorded_at: DateTime<Utc>,
}

/// What the database says about what a batch names; what is absent does not exist.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) head: Head,
    pub(crate) versions: HashMap<Stream, i64>,
    pub(crate) commands: HashMap<(String, String), Command>,
    pub(crate) claims: HashMap<ClaimKey, Holding>,
    pub(crate) counts: HashMap<CountKey, i64>,
}

impl Facts {
    /// Of an empty database, apart from its head.
    pub(crate) fn at(head: Head) -> Self {
        Self {
            head,
            versions: HashMap::new(),
            commands: HashMap::new(),
            claims: HashMap::new(),
            counts: HashMap::new(),
        }
    }
}

/// What a batch names.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) streams: BTreeSet<Stream>,
    /// Actor and key.
    pub(crate) commands: BTreeSet<(String, String)>,
    pub(crate) claims: BTreeSet<ClaimKey>,
    /// Streams that give back all that they hold.
    pub(crate) holders: BTreeSet<Stream>,
    pub(crate) counts: BTreeSet<CountKey>,
}

impl Wanted {
    pub(crate) fn by(requests: &[Request]) -> Self {
        let mut wanted = Self::default();
        for request in requests {
            wanted.streams.extend(request.parts.iter().map(|part| part.stream.clone()));
            let key = request.idempotency.iter();
            wanted.commands.extend(key.map(|key| (key.actor.clone(), key.key.clone())));
            wanted.counts.extend(request.limits.iter().map(CountKey::of_limit));
            for Draft { event, claims } in &request.events {
                wanted.name(&Stream::of(event), claims);
            }
        }
        wanted
    }

    /// How much is asked.
    pub(crate) fn len(&self) -> usize {
        self.streams.len()
            + self.commands.len()
            + self.claims.len()
            + self.holders.len()
            + self.counts.len()
    }

    pub(crate) fn name(&mut self, stream: &Stream, changes: &[ClaimChange]) {
        for change in changes {
            match change {
                ClaimChange::Take(claim) | ClaimChange::Release(claim) => {
                    self.claims.insert(ClaimKey::of(claim));
                }
                ClaimChange::ReleaseAll => {
                    self.holders.insert(stream.clone());
                }
            }
        }
    }
}
