//! Old parts of the log in files (`docs/retention.md`): copies, and what is left of contents that the log kept for a while only.

mod contents;
mod file;
mod turn;

pub use contents::Archives;
pub use file::ArchiveFile;
pub use turn::ArchivingTurn;

pub(crate) use contents::InArchive;
