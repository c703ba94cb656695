//! The one place that reads the clock and draws randomness.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use uuid::Uuid;

use crate::erasures;

/// The world as it is.
pub struct SystemWorld {
    random: Mutex<StdRng>,
    /// Where erasures are kept; none keeps none.
    erasures: Option<PathBuf>,
}

impl SystemWorld {
    /// Seeded by the operating system.
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self { random: Mutex::new(generator()?), erasures: None })
    }

    /// The same, with a place for erasures.
    pub fn keeping(erasures: PathBuf) -> anyhow::Result<Self> {
        Ok(Self { erasures: Some(erasures), ..Self::new()? })
    }
}

/// A cryptographic generator, seeded by the operating system.
pub fn generator() -> anyhow::Result<StdRng> {
    StdRng::try_from_rng(&mut rand::rngs::SysRng)
        .map_err(|error| anyhow::anyhow!("the operating system gives no randomness: {error}"))
}

/// A time as it is shown everywhere: six digits of a second, and `Z`.
pub(crate) fn shown(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}

/// The present, UTC.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
pub fn now() -> DateTime<Utc> {
    Utc::now()
}

/// A new id, `UUIDv7`.
#[expect(clippy::disallowed_methods, reason = "the one place that mints ids")]
pub fn new_id() -> Uuid {
    Uuid::now_v7()
}

impl app::World for SystemWorld {
    fn now(&self) -> DateTime<Utc> {
        now()
    }

    fn new_id(&self) -> Uuid {
        new_id()
    }

    fn fill(&self, bytes: &mut [u8]) {
        self.random.lock().fill_bytes(bytes);
    }

    fn keep_erasure(&self, person: Uuid) -> std::io::Result<()> {
        let Some(file) = &self.erasures else { return Ok(()) };
        erasures::add(file, &[person]).map_err(|error| std::io::Error::other(format!("{error:#}")))
    }

    fn drop_erasure(&self, person: Uuid) -> std::io::Result<()> {
        self.erasures.as_deref().map_or(Ok(()), |file| erasures::take_off(file, person))
    }
}

impl store::Clock for SystemWorld {
    fn now(&self) -> DateTime<Utc> {
        now()
    }
}
