//! A part of the log as one file that proves itself: for auditors, who have nothing else of ours (`docs/evidence.md`).
//!
//! A tar of packed pieces of the log, the catalogue of events, a manifest with the hash of each of them, and a signature of the
//! manifest. Events of others are in it as the digests of their headers, which is enough to follow the chain across them.

mod check;
mod frame;
mod line;
mod manifest;
mod pack;
mod read;
mod walk;
mod wrap;

pub use check::{Against, Signed, Verdict, check_evidence};
pub use manifest::{EVIDENCE_FORMAT, Erasure, Manifest, Member};
pub use pack::{Bound, Evidence, EvidenceRequest};
pub use walk::{Emptied, Fault, Place};
pub use wrap::Wrapping;

pub(crate) use read::Pieces;
pub(crate) use wrap::{place, wrapped};

/// Member: what events mean.
const CATALOGUE: &str = "catalogue.json";
/// Member: what the others are.
const MANIFEST: &str = "manifest.json";
/// Member: 64 bytes.
const SIGNATURE: &str = "manifest.sig";
/// Members: JSON lines, packed with gzip, called after the position of the first of them.
const EVENTS: &str = "events/";

/// Bytes of the longest line that is read; what is written has at most the size of a payload and its envelope.
const LONGEST_LINE: u64 = 32 << 20;
/// Bytes of lines after which a member ends.
const PIECE: usize = 1 << 20;
/// Bytes of the largest member that is read, packed or not: a piece, and a line that began in it.
const LARGEST_MEMBER: u64 = LONGEST_LINE + (2 * PIECE) as u64;
/// Bytes of the largest manifest that is read.
const LARGEST_MANIFEST: u64 = 64 << 20;
/// Members that an archive may have.
const MOST_MEMBERS: usize = 1_000_000;

/// The name of a member with events.
fn piece(first: i64) -> String {
    format!("{EVENTS}{first:012}.jsonl.gz")
}
