//! Recorded behaviour, replayed: requests in order, answers compared as far as they were recorded.
//!
//! The rules of the comparison are those of the recordings' own replay script, so that a scenario
//! passes here exactly when it passes there.

mod accepted;
mod archive;
mod area;
mod compare;
mod mail;
mod replay;
mod transcript;
mod variables;

pub use accepted::Accepted;
pub use area::{Area, Report};
pub use compare::Rules;
pub use replay::{Clients, Difference, Outcome, replay};
pub use transcript::Transcript;
