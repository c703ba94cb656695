//! What stands beside the log: keys, blobs, followers, rebuilds, comparisons, jobs; on each database.
#![expect(clippy::unwrap_used, reason = "tests")]
#![expect(clippy::print_stderr, reason = "tests say what they leave out")]
#![expect(unreachable_pub, reason = "modules of one test binary")]

mod blobs;
mod compare;
mod followers;
mod jobs;
mod keyring;
mod reach;
mod rebuild;
mod transfer;
mod world;
