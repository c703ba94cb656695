//! What an archive says of itself; this is what is signed.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    PublicKey,
    transfer::line::{digits, moment},
};

/// Version of the format. A program reads its own and all smaller ones.
pub const EVIDENCE_FORMAT: u32 = 2;
/// Evidence has no sealed contents, and every program can check it.
pub(super) const WITHOUT_SEALED: u32 = 1;

/// What an archive says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of the format.
    pub wisptrail_evidence: u32,
    /// Version of the program that made it.
    pub program: String,
    /// When it was begun.
    #[serde(with = "moment")]
    pub made_at: DateTime<Utc>,
    /// Position of the first event in it.
    pub first: i64,
    /// Position of the last.
    pub last: i64,
    /// The chain before the first; empty at the beginning of the log.
    #[serde(with = "digits")]
    pub previous: Vec<u8>,
    /// The chain up to and including the last.
    #[serde(with = "digits")]
    pub hash: Vec<u8>,
    /// Position of the last event of the whole log at that moment.
    pub log_position: i64,
    /// The chain up to and including that.
    #[serde(with = "digits")]
    pub log_hash: Vec<u8>,
    /// Only its events are shown; none shows all.
    pub organization: Option<Uuid>,
    /// Events that are shown.
    pub events: i64,
    /// Events that are withheld.
    pub withheld: i64,
    /// Events that are shown without their contents, which were taken away.
    pub emptied: i64,
    /// Events whose contents are sealed for whom they are about: in archives of the log only, from format 2 on.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub sealed: i64,
    /// Streams with events whose contents were taken away for a person, as far as the event that says so is not among those
    /// that are shown.
    pub erased: Vec<Erasure>,
    /// The half of the key that it is signed with; none is not signed.
    pub key: Option<PublicKey>,
    /// The members before the manifest, in their order.
    pub members: Vec<Member>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_zero(count: &i64) -> bool {
    *count == 0
}

/// A stream whose person was erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erasure {
    /// Kind of the stream.
    pub aggregate_type: String,
    /// Which stream of that kind.
    pub aggregate_id: String,
    /// Position of the event that says so.
    pub position: i64,
}

/// A file of the archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Bytes, as they are in the archive.
    pub size: u64,
    /// Of these bytes, 64 hexadecimal digits.
    pub sha256: String,
}
