//! The agent protocol: registration by an organization's secret, everything else by the device's key.

mod poll;
mod rates;
mod register;

use std::net::IpAddr;

use domain::DeviceId;
use uuid::Uuid;

pub(crate) use rates::RegistrationRates;
pub use register::{Registered, Registration, RegistrationRefused};

use crate::{App, Failure};

/// Use cases of agents; see [`App::agents`].
pub struct Agents<'a>(pub(crate) &'a App);

/// Who is on the other side of a request.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// The client's address, after trusted proxies.
    pub address: IpAddr,
    /// The request's id.
    pub correlation_id: Option<Uuid>,
}

/// What a device says about itself in an update; absent and blank values are ignored.
#[derive(Clone, Debug, Default)]
pub struct ReportedInformation {
    /// What it is.
    pub model: Option<String>,
    /// Its operating system.
    pub os: Option<String>,
    /// Its hardware.
    pub system: Option<String>,
}

/// Why a device is not answered.
#[derive(Debug, thiserror::Error)]
pub enum AgentRefused {
    /// Unknown, of a disabled organization, without configuration, or deactivated: agents cannot tell them apart.
    #[error("not found")]
    NotFound,
    /// No key, or an empty one.
    #[error("the key is missing")]
    KeyMissing,
    /// Not its key.
    #[error("wrong key")]
    WrongKey,
    /// It is being emptied.
    #[error("the device is deactivated")]
    Deactivated,
    /// Anything else.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl From<store::StoreError> for AgentRefused {
    fn from(error: store::StoreError) -> Self {
        Self::Failed(error.into())
    }
}

/// Named in refusals.
fn subject(id: DeviceId) -> String {
    id.to_string()
}
