//! What a fleet is told before it starts.

use std::{path::PathBuf, time::Duration};

use secrecy::{ExposeSecret, SecretString};

use super::{pace::Pace, wire::WireOptions};

/// A fleet to be simulated. [`Options::new`] has the defaults; every member may be changed.
#[derive(Clone, Debug)]
pub struct Options {
    /// Base address of the controller, such as `https://example.org`.
    pub url: String,
    /// The shared secret of the organization that the devices register with.
    pub secret: SecretString,
    /// How many devices, at most 2^24: each has an address of its own in 10.0.0.0/8.
    pub devices: u32,
    /// Everything that is left to chance follows from this number.
    pub seed: u64,
    /// How long devices wait.
    pub pace: Pace,
    /// Which part of the applied configurations fails, from 0 to 1.
    pub failing_share: f64,
    /// Template tags sent at registration.
    pub tags: Vec<String>,
    /// Requests at a time.
    pub concurrency: u16,
    /// Time over which the devices are switched on.
    pub ramp: Duration,
    /// A connection for every request, as real agents make one.
    pub fresh_connections: bool,
    /// Any TLS certificate is believed.
    pub insecure: bool,
    /// Where devices keep their ids, keys and checksums for the next start.
    pub state: Option<PathBuf>,
}

impl Options {
    /// Ten devices at the agents' own pace.
    pub fn new(url: impl Into<String>, secret: SecretString) -> Self {
        Self {
            url: url.into(),
            secret,
            devices: 10,
            seed: 1,
            pace: Pace::real(Duration::from_mins(2)),
            failing_share: 0.0,
            tags: Vec::new(),
            concurrency: 256,
            ramp: Duration::ZERO,
            fresh_connections: false,
            insecure: false,
            state: None,
        }
    }

    pub(super) fn check(&self) -> anyhow::Result<()> {
        anyhow::ensure!(self.devices > 0, "a fleet has at least one device");
        anyhow::ensure!(self.devices <= 1 << 24, "a fleet has at most {} devices", 1 << 24);
        anyhow::ensure!(
            (0.0..=1.0).contains(&self.failing_share),
            "the failing share is between 0 and 1"
        );
        anyhow::ensure!(!self.secret.expose_secret().is_empty(), "the shared secret is empty");
        anyhow::ensure!(
            self.tags.iter().all(|tag| !tag.is_empty() && !tag.contains(char::is_whitespace)),
            "a tag is one word"
        );
        Ok(())
    }

    pub(super) fn wire(&self) -> WireOptions {
        WireOptions {
            concurrency: self.concurrency,
            fresh_connections: self.fresh_connections,
            insecure: self.insecure,
        }
    }
}
