//! Appends to the log and hands out transactions, on either database.
//!
//! The store knows bytes, not meanings: streams, versions, claims, tenants and retention come in as
//! values, meanings through [`Interpreter`] and [`Projection`].

mod aggregate_snapshot;
mod anchor;
mod append;
mod archives;
mod asked;
mod blobs;
mod chain;
mod checkpoint;
mod claim;
mod clock;
mod compare;
mod engine;
mod erase;
mod error;
mod event;
mod evidence;
mod expire;
mod feed;
mod filter;
mod followers;
mod jobs;
mod keyring;
mod live;
mod look;
mod migrations;
mod op;
mod options;
mod past;
mod plan;
mod postgres;
mod projection;
pub mod reach;
mod rebuild;
mod request;
mod sealed;
mod signing;
mod sqlite;
mod standing;
mod states;
mod store;
mod transaction;
mod transfer;
mod value;
mod verify;
mod writer;

pub use aggregate_snapshot::{AggregateSnapshot, Folded, Folding};
pub use anchor::Anchor;
pub use append::{Append, AppendError, Appended, Context, Expected, IdempotencyKey, Part};
pub use archives::{ArchiveFile, Archives, ArchivingTurn};
pub use asked::on_request;
pub use blobs::{BlobError, BlobStats, Blobs, MAX_BLOB, NotASha256, Sha256};
pub use checkpoint::{Checkpoint, CheckpointFault, Checkpoints};
pub use claim::{Claim, ClaimChange, Limit, TakenClaim};
pub use clock::Clock;
pub use compare::{Deviation, Difference, ProjectionReport, verify_projections};
pub use erase::{erasure, scavenge};
pub use error::{Cause, Failure, StoreError};
pub use event::{Decoded, NewEvent, Recorded, Retention};
pub use evidence::{
    Against, Bound, EVIDENCE_FORMAT, Emptied, Erasure, Evidence, EvidenceRequest,
    Fault as EvidenceFault, Manifest, Member, Place, Signed, Verdict, Wrapping, check_evidence,
};
pub use feed::Feed;
pub use filter::EventFilter;
pub use followers::{Follower, FollowerState, FollowerStatus, Followers, Round, Waited};
pub use jobs::{Job, JobFilter, JobState, Jobs, NewJob, Progress, Retry};
pub use keyring::{Keyring, MasterKey, Randomness};
pub use look::Tip;
pub use op::{Op, Query, Sql};
pub use options::{Dialect, Durability, Location, Options};
pub use past::{Identity, StreamCursor, StreamPage, StreamTail};
pub use projection::{Fault, Interpreter, Mode, Projection};
pub use rebuild::{Rebuild, RebuildError, Rebuilt};
pub use sealed::{Envelope, Opened, SealedError, Subject};
pub use signing::{PublicKey, SigningKey};
pub use sqlite::HeldFile;
pub use standing::Standing;
pub use states::{ProjectionState, ProjectionStates};
pub use store::{Remembered, Snapshot, Store};
pub use transaction::{Compute, Expect, Step, TransactOutcome, Transaction};
pub use transfer::{
    BlobLine, Counts, DERIVED, EventLine, Export, FORMAT, Header, Import, Imported, Kept, Line,
    Replay, Replayed, ReplayedKeys, RowLine, STATE, StateTable, Trailer,
};
pub use value::{Arg, Row, Value};
pub use verify::{BadPosition, ChainReport, ERASURES};
