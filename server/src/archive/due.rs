use std::time::Duration;

use chrono::{DateTime, Datelike as _, NaiveDate, TimeDelta, Utc};

/// The moment before which everything is to be in archives: a whole month after it became old enough, and by the day where contents
/// leave the log sooner than that. None before there was a calendar.
pub(super) fn due(
    now: DateTime<Utc>,
    after: Duration,
    shortest_kept: Option<Duration>,
) -> Option<DateTime<Utc>> {
    let before = |time: Duration| now.checked_sub_signed(TimeDelta::from_std(time).ok()?);
    let old = before(after)?.date_naive();
    let month = NaiveDate::from_ymd_opt(old.year(), old.month(), 1);
    let leaving = shortest_kept.and_then(before).map(|moment| moment.date_naive());
    let day = month.into_iter().chain(leaving).max()?;
    Some(day.and_time(chrono::NaiveTime::MIN).and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_archived_whole_and_in_time() {
        let days = |days: u64| Duration::from_hours(24 * days);
        let due = |now: &str, after, kept: Option<u64>| {
            let now = now.parse().expect("a time");
            due(now, days(after), kept.map(days)).expect("a time").to_rfc3339()
        };
        let now = "2026-11-22T03:04:05Z";
        assert_eq!(due(now, 30, None), "2026-10-01T00:00:00+00:00");
        assert_eq!(due(now, 0, None), "2026-11-01T00:00:00+00:00");
        assert_eq!(due(now, 22, None), "2026-10-01T00:00:00+00:00");
        assert_eq!(due(now, 30, Some(365)), "2026-10-01T00:00:00+00:00");
        assert_eq!(due(now, 30, Some(7)), "2026-11-15T00:00:00+00:00");
        assert_eq!(due(now, 400, Some(365)), "2025-11-22T00:00:00+00:00");
    }
}
