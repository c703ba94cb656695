//! Claims and counts as a batch moves them.

use std::collections::HashMap;

use uuid::Uuid;

use crate::{Claim, ClaimChange, Limit, TakenClaim, request::Stream};

/// What can be held once. No scope is the nil UUID.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ClaimKey {
    pub(crate) kind: String,
    pub(crate) scope: Uuid,
    pub(crate) value: String,
}

/// Who holds it, and what it counts for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holding {
    pub(crate) stream: Stream,
    pub(crate) counts_for: Option<Uuid>,
}

/// What claims are counted by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct CountKey {
    pub(crate) kind: String,
    pub(crate) by: Uuid,
}

/// A holding and the position of the event that took it last.
type Taken = (Holding, i64);

/// What to do to a row of `claims`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ClaimWrite {
    Put { key: ClaimKey, holding: Holding, position: i64 },
    Delete(ClaimKey),
}

impl ClaimKey {
    pub(crate) fn of(claim: &Claim) -> Self {
        let Claim { kind, scope, value, .. } = claim;
        Self { kind: kind.clone(), scope: scope.unwrap_or_default(), value: value.clone() }
    }
}

impl CountKey {
    pub(crate) fn of_limit(limit: &Limit) -> Self {
        Self { kind: limit.kind.clone(), by: limit.by }
    }
}

/// The stored state and what the accepted requests made of it.
pub(crate) struct Claims {
    stored: HashMap<ClaimKey, Holding>,
    changed: HashMap<ClaimKey, Option<Taken>>,
    counts: HashMap<CountKey, i64>,
    added: HashMap<CountKey, i64>,
}

/// What one request does, until it is accepted.
#[derive(Default)]
pub(crate) struct Attempt {
    changed: HashMap<ClaimKey, Option<Taken>>,
    added: HashMap<CountKey, i64>,
}

impl Claims {
    pub(crate) fn new(stored: HashMap<ClaimKey, Holding>, counts: HashMap<CountKey, i64>) -> Self {
        Self { stored, changed: HashMap::new(), counts, added: HashMap::new() }
    }

    /// Does what the event of a stream at a position says. Error: another stream holds the value.
    pub(crate) fn change(
        &self,
        attempt: &mut Attempt,
        (stream, position): (&Stream, i64),
        change: &ClaimChange,
    ) -> Result<(), Box<TakenClaim>> {
        match change {
            ClaimChange::Take(claim) => {
                let key = ClaimKey::of(claim);
                if let Some(holding) = self.holding(attempt, &key)
                    && holding.stream != *stream
                {
                    return Err(Box::new(TakenClaim {
                        claim: claim.clone(),
                        aggregate_type: holding.stream.aggregate_type.clone(),
                        aggregate_id: holding.stream.aggregate_id.clone(),
                    }));
                }
                let holding = Holding { stream: stream.clone(), counts_for: claim.counts_for };
                self.put(attempt, key, Some((holding, position)));
            }
            ClaimChange::Release(claim) => {
                let key = ClaimKey::of(claim);
                if self.holding(attempt, &key).is_some_and(|holding| holding.stream == *stream) {
                    self.put(attempt, key, None);
                }
            }
            ClaimChange::ReleaseAll => {
                for key in self.held_by(attempt, stream) {
                    self.put(attempt, key, None);
                }
            }
        }
        Ok(())
    }

    /// Does the request add to what is limited, and too much?
    pub(crate) fn exceeds(&self, attempt: &Attempt, limit: &Limit) -> bool {
        let key = CountKey::of_limit(limit);
        let count = |counts: &HashMap<CountKey, i64>| counts.get(&key).copied().unwrap_or(0);
        let added = count(&attempt.added);
        let after = count(&self.counts) + count(&self.added) + added;
        added > 0 && u64::try_from(after).is_ok_and(|after| after > limit.max)
    }

    /// Later requests see what this one did.
    pub(crate) fn accept(&mut self, attempt: Attempt) {
        self.changed.extend(attempt.changed);
        for (key, added) in attempt.added {
            *self.added.entry(key).or_insert(0) += added;
        }
    }

    /// What the accepted requests changed together.
    pub(crate) fn writes(self) -> (Vec<ClaimWrite>, Vec<(CountKey, i64)>) {
        let Self { stored, changed, added, .. } = self;
        let mut claims = Vec::new();
        for (key, taken) in changed {
            match taken {
                Some((holding, position)) => {
                    claims.push(ClaimWrite::Put { key, holding, position });
                }
                None if stored.contains_key(&key) => claims.push(ClaimWrite::Delete(key)),
                None => {}
            }
        }
        (claims, added.into_iter().filter(|(_, added)| *added != 0).collect())
    }

    fn holding<'a>(&'a self, attempt: &'a Attempt, key: &ClaimKey) -> Option<&'a Holding> {
        match (attempt.changed.get(key), self.changed.get(key)) {
            (Some(taken), _) | (None, Some(taken)) => taken.as_ref().map(|(holding, _)| holding),
            (None, None) => self.stored.get(key),
        }
    }

    fn held_by(&self, attempt: &Attempt, stream: &Stream) -> Vec<ClaimKey> {
        let named = attempt.changed.keys().chain(self.changed.keys()).chain(self.stored.keys());
        let held = |key: &&ClaimKey| {
            self.holding(attempt, key).is_some_and(|holding| holding.stream == *stream)
        };
        named.filter(held).cloned().collect()
    }

    fn put(&self, attempt: &mut Attempt, key: ClaimKey, taken: Option<Taken>) {
        let before = self.holding(attempt, &key).and_then(|holding| holding.counts_for);
        let after = taken.as_ref().and_then(|(holding, _)| holding.counts_for);
        for (by, step) in before.map(|by| (by, -1)).into_iter().chain(after.map(|by| (by, 1))) {
            let count = CountKey { kind: key.kind.clone(), by };
            *attempt.added.entry(count).or_insert(0) += step;
        }
        attempt.changed.insert(key, taken);
    }
}
