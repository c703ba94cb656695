//! What the log promises, on each database.
#![expect(unreachable_pub, reason = "modules of one test binary")]

mod append;
mod claims;
mod support;
