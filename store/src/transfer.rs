//! The whole log as lines of JSON, on its way to another machine or database.
//!
//! A header, the keys, the events, the state that no event tells, the archives, and a trailer that counts and hashes all of it.
//! Whoever writes the lines adds the trailer and packs them; [`Export`] makes them from one moment of the database, [`Import`]
//! puts them into an empty one and recomputes every link of the chain.

mod blobs;
mod export;
mod import;
pub(crate) mod line;
mod moment;
mod place;
mod replay;
mod tables;
#[cfg(test)]
mod tests;

pub use export::Export;
pub use import::{Import, Imported};
pub use line::{BlobLine, Counts, EventLine, FORMAT, Header, Line, RowLine, Trailer};
pub use moment::Replayed;
pub use replay::{Kept, Replay, ReplayedKeys};
pub use tables::{DERIVED, STATE, StateTable};

pub(crate) use moment::refuse_replayed;
pub(crate) use place::{UNFINISHED, refuse_unfinished, unfinished};
