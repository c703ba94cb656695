//! What is kept for a while only.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use projections::accounts::without_log_ins_until;
use store::{Op, Retention};

use crate::{App, Failure};

/// Steps of a round; the next one goes on.
const STEPS: u32 = 100;
/// What follows the log is told of everything within moments, unless something is wrong with it.
const TOLD: Duration = Duration::from_secs(30);

/// Takes the rows away that were made of events of a class up to a moment.
type Without = fn(DateTime<Utc>) -> Vec<Op>;

impl App {
    /// Takes the contents of events away that were kept as long as the settings say, with the rows that were made of them, and
    /// says how many there were. The events themselves stay, and the chain still proves them. What a table has still to be told
    /// of stays until then, and so does what is not in archives yet where the settings want archives.
    pub async fn expire(&self) -> Result<u64, Failure> {
        let settings = &self.settings().retention;
        let classes: [(_, _, Without); 2] = [
            (Retention::YEAR, settings.facts, without_log_ins_until),
            // Nothing that is kept so long has rows.
            (Retention::CONFIGURED, settings.sessions, |_| Vec::new()),
        ];
        let mut expired = 0;
        for (class, keep, without) in classes {
            let Some(kept) = self.kept_before(keep).await? else { continue };
            let most = kept.min(self.dispensable(kept).await?);
            for _ in 0..STEPS {
                match self.store().expire(class, most, without).await? {
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

    /// Up to where nobody needs the log any more who will, as far as a position.
    async fn dispensable(&self, position: i64) -> Result<i64, Failure> {
        let mut most = i64::MAX;
        if self.settings().retention.archived {
            most = self.store().archived().await?;
        }
        let followers = self.followers();
        for follower in followers.iter() {
            followers.wait_for(follower.name(), position.min(most), TOLD).await?;
        }
        let told = followers.status().await?.into_iter().map(|follower| follower.position);
        Ok(told.chain([most]).min().unwrap_or(most))
    }
}
