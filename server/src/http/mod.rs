//! The frame around every endpoint: listening, limits, who asked, what was asked, how it went.

mod access;
mod body;
mod health;
mod listen;
mod patience;
mod peer;

pub use access::{Counts, identify, log_access};
pub use body::{BodyLimits, read_first};
pub use health::{Health, router};
pub use listen::{Limits, bind, serve};
pub use patience::answer_in_time;
use patience::plain;
pub use peer::{Proxies, resolve};
