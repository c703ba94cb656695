//! How long a device waits, and how often it tries.

use std::time::Duration;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// The pauses of an agent. [`Pace::real`] has the agents' own defaults; the others are the same
/// behaviour on a faster clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Between two cycles.
    pub interval: Duration,
    /// Between two registrations, after a refused one.
    pub registration_interval: Duration,
    /// Upper bound of the random delay at the first start after a boot.
    pub bootup_delay: Duration,
    /// Lower bound of the random pause before a request is repeated.
    pub retry_from: Duration,
    /// Upper bound of that pause.
    pub retry_to: Duration,
    /// The same for the connectivity test.
    pub test_retry_from: Duration,
    /// Upper bound of that pause.
    pub test_retry_to: Duration,
    /// Between two tries of update-info.
    pub update_info_retry: Duration,
    /// Added to the pause when a device is not found.
    pub not_found_delay: Duration,
    /// Between the reload of services and the connectivity test.
    pub post_reload_delay: Duration,
    /// Before the supervisor starts an agent again.
    pub respawn_delay: Duration,
}

/// How often a request is tried before the agent goes on without it.
pub(super) const TRIES: u32 = 10;
/// The answer 404 that makes an agent give up.
pub(super) const NOT_FOUND_TRIES: u32 = 5;
/// How often the supervisor starts an agent again.
pub(super) const RESPAWNS: u32 = 5;

impl Pace {
    /// The pauses of the agents, with this interval between cycles.
    pub fn real(interval: Duration) -> Self {
        Self {
            interval,
            registration_interval: interval / 4,
            bootup_delay: Duration::from_secs(10),
            retry_from: Duration::from_secs(2),
            retry_to: Duration::from_secs(15),
            test_retry_from: Duration::from_secs(5),
            test_retry_to: Duration::from_secs(20),
            update_info_retry: Duration::from_secs(2),
            not_found_delay: Duration::from_secs(6),
            post_reload_delay: Duration::from_secs(5),
            respawn_delay: Duration::from_secs(5),
        }
    }

    /// All pauses a hundredth of the agents' own and a cycle every half second: a fleet that shows
    /// in seconds what a real one does in minutes.
    pub fn fast() -> Self {
        let real = Self::real(Duration::from_secs(50));
        Self {
            interval: real.interval / 100,
            registration_interval: real.registration_interval / 100,
            bootup_delay: real.bootup_delay / 100,
            retry_from: real.retry_from / 100,
            retry_to: real.retry_to / 100,
            test_retry_from: real.test_retry_from / 100,
            test_retry_to: real.test_retry_to / 100,
            update_info_retry: real.update_info_retry / 100,
            not_found_delay: real.not_found_delay / 100,
            post_reload_delay: real.post_reload_delay / 100,
            respawn_delay: real.respawn_delay / 100,
        }
    }

    /// For a fleet that people watch: a cycle every `interval`, everything else a tenth of the
    /// agents' own pauses.
    pub fn demo(interval: Duration) -> Self {
        let real = Self::real(interval);
        Self {
            interval,
            registration_interval: real.registration_interval,
            bootup_delay: real.bootup_delay / 10,
            retry_from: real.retry_from / 10,
            retry_to: real.retry_to / 10,
            test_retry_from: real.test_retry_from / 10,
            test_retry_to: real.test_retry_to / 10,
            update_info_retry: real.update_info_retry / 10,
            not_found_delay: real.not_found_delay / 10,
            post_reload_delay: real.post_reload_delay / 10,
            respawn_delay: real.respawn_delay / 10,
        }
    }

    pub(super) fn boot(&self, rng: &mut ChaCha8Rng) -> Duration {
        between(rng, Duration::ZERO, self.bootup_delay)
    }

    pub(super) fn retry(&self, rng: &mut ChaCha8Rng) -> Duration {
        between(rng, self.retry_from, self.retry_to)
    }

    pub(super) fn test_retry(&self, rng: &mut ChaCha8Rng) -> Duration {
        between(rng, self.test_retry_from, self.test_retry_to)
    }
}

fn between(rng: &mut ChaCha8Rng, from: Duration, to: Duration) -> Duration {
    rng.random_range(from..=to.max(from))
}
