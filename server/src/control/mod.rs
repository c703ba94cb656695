//! `control.sock`: commands beside a running server. A request is one line of JSON, the answer is lines of JSON.
//!
//! The socket is readable by its owner only; who connected is known from the kernel.

mod client;
mod place;
mod protocol;
mod serve;
#[cfg(test)]
mod tests;

pub use client::Connection;
pub use protocol::{
    Answer, Filter, Part, ProjectionShown, RelayShown, Request, States, Verified, shown,
};
pub use serve::{listen, run as serve};

/// Name of the socket in the data folder.
pub const SOCKET: &str = "control.sock";
/// Longest line of a request in bytes: an account that is brought along may have two texts of 100,000 characters.
const LONGEST: u64 = 4 << 20;
