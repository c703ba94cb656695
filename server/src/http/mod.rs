//! The frame around every endpoint: listening, limits, who asked, what was asked, how it went.

mod access;
mod body;
mod health;
mod listen;
mod peer;

pub use access::{Counts, identify, log_access};
pub use body::read_first;
pub use health::{Health, router};
pub use listen::{Limits, bind, serve};
pub use peer::{Proxies, resolve};
