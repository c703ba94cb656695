//! What the log promises, on each database.
#![expect(unreachable_pub, reason = "modules of one test binary")]
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod append;
mod archives;
mod chain;
mod claims;
mod disk;
mod evidence;
mod feed;
mod foreign;
mod kill;
mod look;
mod migrations;
mod model;
mod past;
mod reconnect;
mod snapshots;
mod support;
