//! Moments: ISO 8601, UTC, six digits and `Z`.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use serde::Serializer;

/// As every answer shows them.
fn show(moment: DateTime<Utc>) -> String {
    moment.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

/// For fields of answers.
pub(super) fn shown<S: Serializer>(
    moment: &DateTime<Utc>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&show(*moment))
}

/// For fields of answers that may be null.
#[expect(clippy::ref_option, reason = "as serde calls it")]
pub(super) fn shown_or_null<S: Serializer>(
    moment: &Option<DateTime<Utc>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match moment {
        Some(moment) => shown(moment, serializer),
        None => serializer.serialize_none(),
    }
}

/// As filters take them: with or without a time, a fraction, an offset; without offset it is UTC.
pub(super) fn parse(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Some(moment.to_utc());
    }
    let formats =
        ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
    formats
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        .or_else(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0))
        .map(|naive| naive.and_utc())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_shown_is_understood() {
        let shown = "2026-11-21T05:43:00.000120Z";
        assert_eq!(show(parse(shown).unwrap()), shown);
    }

    #[test]
    fn shorter_spellings_are_utc() {
        for text in
            ["2026-11-21", "2026-11-21 00:00", "2026-11-21T00:00:00", "2026-11-21T01:00:00+01:00"]
        {
            assert_eq!(show(parse(text).unwrap()), "2026-11-21T00:00:00.000000Z", "{text}");
        }
        assert_eq!(parse("nope"), None);
        assert_eq!(parse("2026-13-01"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_a_moment_or_none(text in "\\PC*") {
            let _ = parse(&text);
        }
    }
}
