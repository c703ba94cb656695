//! What all devices of a fleet share.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use secrecy::SecretString;
use tokio::sync::Notify;

use super::{ledger::Ledger, measure::Measures, options::Options, pace::Pace, wire::Wire};

/// The surroundings of a device.
pub(super) struct World {
    pub(super) wire: Wire,
    pub(super) measures: Measures,
    pub(super) ledger: Ledger,
    pub(super) pace: Pace,
    pub(super) secret: SecretString,
    /// As sent at registration.
    pub(super) tags: String,
    pub(super) failing_share: f64,
    pub(super) seed: u64,
    pub(super) devices: u32,
    ramp: Duration,
    settled: AtomicU64,
    done: AtomicU64,
    all_done: Notify,
}

/// What an agent sends for a list of tags that is not set: the complaint of `uci`, taken for it.
const NO_TAGS: &str = "uci: Entry not found";

impl World {
    pub(super) fn new(options: Options) -> anyhow::Result<Self> {
        options.check()?;
        Ok(Self {
            wire: Wire::new(&options.url, options.wire())?,
            measures: Measures::default(),
            ledger: Ledger::open(options.state, options.seed, options.devices)?,
            pace: options.pace,
            secret: options.secret,
            tags: match options.tags.as_slice() {
                [] => NO_TAGS.to_owned(),
                tags => tags.join(" "),
            },
            failing_share: options.failing_share,
            seed: options.seed,
            devices: options.devices,
            ramp: options.ramp,
            settled: AtomicU64::new(0),
            done: AtomicU64::new(0),
            all_done: Notify::new(),
        })
    }

    /// Devices are switched on one after the other over the ramp.
    pub(super) fn start_delay(&self, number: u32) -> Duration {
        self.ramp.mul_f64(f64::from(number) / f64::from(self.devices.max(1)))
    }

    /// A device has fetched its configuration and reported it.
    pub(super) fn one_settled(&self) {
        self.settled.fetch_add(1, Relaxed);
    }

    /// A device has settled or its agent has ended, for the first time.
    pub(super) fn one_done(&self) {
        if self.done.fetch_add(1, Relaxed) + 1 == u64::from(self.devices) {
            self.all_done.notify_one();
        }
    }

    /// How many devices have fetched their configuration and reported it.
    pub(super) fn settled(&self) -> u64 {
        self.settled.load(Relaxed)
    }

    /// Waits until every device has settled or given up; for one caller.
    pub(super) async fn all_done(&self) {
        self.all_done.notified().await;
    }
}
