//! What is kept for a while only.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use projections::accounts::without_log_ins_until;
use store::{Op, Retention};

use crate::{App, Failure};

/// Steps of a round; the next one goes on.
const STEPS: u32 = 100;

/// Takes the rows away that were made of events of a class up to a moment.
type Without = fn(DateTime<Utc>) -> Vec<Op>;

impl App {
    /// Takes the contents of events away that were kept as long as the settings say, with the rows that were made of them, and
    /// says how many there were. The events themselves stay, and the chain still proves them. What a table has still to be told
    /// of stays until then.
    pub async fn expire(&self) -> Result<u64, Failure> {
        let settings = &self.settings().retention;
        let told = self.followers().status().await?.into_iter().map(|it| it.position).min();
        let told = told.unwrap_or(i64::MAX);
        let mut expired = 0;
        let classes: [(_, _, Without); 2] = [
            (Retention::YEAR, settings.facts, without_log_ins_until),
            // Nothing that is kept so long has rows.
            (Retention::CONFIGURED, settings.sessions, |_| Vec::new()),
        ];
        for (class, keep, without) in classes {
            let Some(kept) = self.kept_before(keep).await? else { continue };
            for _ in 0..STEPS {
                match self.store().expire(class, kept.min(told), without).await? {
                    0 => break,
                    events => expired += events,
                }
            }
        }
        Ok(expired)
    }

    /// The last position that has been kept long enough; none keeps for ever.
    async fn kept_before(&self, keep: Duration) -> Result<Option<i64>, Failure> {
        let long_enough = || self.world().now().checked_sub_signed(TimeDelta::from_std(keep).ok()?);
        match (!keep.is_zero()).then(long_enough).flatten() {
            Some(moment) => Ok(Some(self.store().position_at(moment).await?)),
            None => Ok(None),
        }
    }
}
