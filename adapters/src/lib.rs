//! Hands for the outside world: what `app` and `workers` ask for and cannot do themselves.

pub mod http;
pub mod mail;
