//! Uniqueness: values that belong to one aggregate at a time (architecture, decision 4).

use uuid::Uuid;

/// A value that can be held once per kind and scope.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Claim {
    /// Such as `device.mac_address`.
    pub kind: String,
    /// Inside what it is unique; none is the whole installation.
    pub scope: Option<Uuid>,
    /// The canonical value; secrets as their keyed fingerprint.
    pub value: String,
    /// What it counts towards: the `by` of a [`Limit`] of the same kind.
    pub counts_for: Option<Uuid>,
}

/// What an event does to claims; computed from the event alone. The holder is the event's own stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimChange {
    /// The stream holds the value from here on. Holding it already is no conflict.
    Take(Claim),
    /// The stream gives the value back. Nothing happens when it does not hold it.
    Release(Claim),
    /// The stream gives back all that it holds.
    ReleaseAll,
}

impl ClaimChange {
    /// Does the stream not hold the value any more after it?
    pub(crate) fn gives_back(&self, claim: &Claim) -> bool {
        match self {
            Self::Take(_) => false,
            Self::Release(released) => {
                (&released.kind, released.scope, &released.value)
                    == (&claim.kind, claim.scope, &claim.value)
            }
            Self::ReleaseAll => true,
        }
    }
}

/// At most `max` claims of `kind` may count for `by` once the append is done; checked only when the append adds some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Kind of the counted claims.
    pub kind: String,
    /// What they count for.
    pub by: Uuid,
    /// How many there may be.
    pub max: u64,
}

/// A claim that another stream holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenClaim {
    /// What was wanted.
    pub claim: Claim,
    /// The holder's kind.
    pub aggregate_type: String,
    /// The holder.
    pub aggregate_id: String,
}
