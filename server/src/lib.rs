//! The parts of the `wisptrail` program that tests drive from outside.

pub mod fleet;
