//! What is kept for a while only.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use projections::accounts::without_expired_log_ins;
use store::Retention;

use crate::{App, Failure};

/// Steps of a round; the next one goes on.
const STEPS: u32 = 100;

impl App {
    /// Takes the contents of events away that were kept as long as the settings say, with the rows that were made of them, and
    /// says how many there were. The events themselves stay, and the chain still proves them.
    pub async fn expire(&self) -> Result<u64, Failure> {
        let settings = &self.settings().retention;
        let mut expired = 0;
        for (class, keep) in
            [(Retention::YEAR, settings.facts), (Retention::CONFIGURED, settings.sessions)]
        {
            let Some(before) = self.oldest(keep) else { continue };
            for _ in 0..STEPS {
                match self.store().expire(class, before, without_expired_log_ins).await? {
                    0 => break,
                    events => expired += events,
                }
            }
        }
        Ok(expired)
    }

    /// None keeps for ever.
    fn oldest(&self, keep: Duration) -> Option<DateTime<Utc>> {
        if keep.is_zero() {
            return None;
        }
        self.world().now().checked_sub_signed(TimeDelta::from_std(keep).ok()?)
    }
}
