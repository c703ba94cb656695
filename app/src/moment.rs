//! Moments of the past.

use chrono::{DateTime, Utc};
use domain::Problem;
use store::Store;

use crate::Failure;

/// A moment that something is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Moment {
    /// After everything that has happened.
    #[default]
    Now,
    /// After the event at this position of the log; 0 is before all of them.
    Position(i64),
    /// After the last event that was recorded at or before this time. Clocks differ: a time to come is now.
    Time(DateTime<Utc>),
}

impl Moment {
    /// The position that the moment stands for. Refuses a position that the log has not reached, as a value of `field`.
    pub async fn resolve(self, store: &Store, field: &'static str) -> Result<i64, Failure> {
        match self {
            Self::Now => Ok(store.snapshot(Vec::new()).await?.head),
            Self::Time(time) => Ok(store.position_at(time).await?),
            Self::Position(position) if position < 0 => {
                Err(Failure::field(field, Problem::Rule("must not be negative".to_owned())))
            }
            Self::Position(position) if position <= store.head() => Ok(position),
            // Another process may be ahead of what this one knows.
            Self::Position(position) => {
                let head = store.snapshot(Vec::new()).await?.head;
                if position <= head {
                    return Ok(position);
                }
                let sentence = format!("must not be after the last event, which is at {head}");
                Err(Failure::field(field, Problem::Rule(sentence)))
            }
        }
    }
}
