use std::str::FromStr;

use anyhow::bail;
use chrono::{DateTime, TimeDelta, Utc};
use store::Store;

use crate::world;

/// Moments so near are taken for now.
const AHEAD: TimeDelta = TimeDelta::minutes(1);

/// A moment of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// After this event.
    Position(i64),
    /// After the last event that was recorded at or before this time.
    Time(DateTime<Utc>),
}

impl FromStr for Until {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(position) = text.parse::<i64>() {
            let negative = "positions begin with 1; 0 is before all events".to_owned();
            return if position < 0 { Err(negative) } else { Ok(Self::Position(position)) };
        }
        let time = DateTime::parse_from_rfc3339(text);
        time.map(|time| Self::Time(time.to_utc())).map_err(|_| {
            "neither a position (a number) nor a time (such as 2026-01-31T12:00:00Z)".to_owned()
        })
    }
}

impl Until {
    /// What it stands for. Refuses what is still to come, with a minute for clocks that differ.
    pub(super) async fn position(self, store: &Store) -> anyhow::Result<i64> {
        let head = store.tip().await?.head;
        match self {
            Self::Position(position) if position > head => {
                bail!("position {position} has not been reached: the last event is at {head}")
            }
            Self::Position(position) => Ok(position),
            Self::Time(time) if time > world::now() + AHEAD => {
                bail!("{} is still to come: give a moment that is over", time.to_rfc3339())
            }
            Self::Time(time) => Ok(store.position_at(time).await?.min(head)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_positions_or_times() {
        assert_eq!("17".parse(), Ok(Until::Position(17)));
        let noon = DateTime::from_timestamp(1_769_860_800, 0).expect("a time");
        assert_eq!("2026-01-31T12:00:00Z".parse(), Ok(Until::Time(noon)));
        assert_eq!("2026-01-31T13:00:00+01:00".parse(), Ok(Until::Time(noon)));
        for wrong in ["-1", "yesterday", "", "2026-01-31"] {
            assert!(wrong.parse::<Until>().is_err(), "{wrong}");
        }
    }
}
