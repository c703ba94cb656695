//! The frame around every endpoint: listening, limits, who asked, what was asked, how it went.

mod access;
mod body;
mod frame;
mod health;
mod listen;
mod patience;
mod peer;

pub use body::BodyLimits;
pub use frame::Frame;
pub use health::{Health, router, routes as watched};
pub use listen::{Limits, bind, serve};
use patience::plain;
pub use peer::Proxies;
