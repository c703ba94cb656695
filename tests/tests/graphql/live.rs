//! What happens, as it happens.

mod devices;
mod events;
mod jobs;
mod manners;
mod socket;

pub(crate) use socket::{Heard, Offer, Socket};
