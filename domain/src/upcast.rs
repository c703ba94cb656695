//! Events of earlier versions, raised to today's (`how-to-add-a-feature.md`).
//!
//! Stored events are never rewritten. Whoever has to change the shape of an event adds the step that leads from the version
//! before to the new one; the version in which an event is written follows from the steps that there are.

use std::borrow::Cow;

use serde_json::Value;

use crate::Undecodable;

/// Leads the payloads of a type from one version to the next.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Upcaster {
    /// Stored name, such as `device.renamed`.
    event_type: &'static str,
    /// The version that it begins with; it ends with the next one.
    version: u16,
    /// A whole payload of that version as one of the next.
    raise: fn(Value) -> Value,
}

/// All steps, those of a type without a gap between them.
pub(crate) const UPCASTERS: &[Upcaster] = &[];

/// The version in which events of a type are written.
pub(crate) fn newest(event_type: &str) -> u16 {
    newest_of(UPCASTERS, event_type)
}

/// The payload as today's program reads it. An event whose version is none of its type's cannot be read.
pub fn raised<'a>(
    event_type: &str,
    version: &str,
    payload: &'a str,
) -> Result<Cow<'a, str>, Undecodable> {
    raised_by(UPCASTERS, event_type, version, payload)
}

/// Is it a version that events of a type were ever written in?
pub(crate) fn was_written(event_type: &str, version: &str) -> bool {
    number(version).is_some_and(|number| number <= newest(event_type))
}

fn newest_of(upcasters: &[Upcaster], event_type: &str) -> u16 {
    let versions = upcasters.iter().filter(|one| one.event_type == event_type);
    versions.map(|one| one.version).max().unwrap_or_default() + 1
}

fn raised_by<'a>(
    upcasters: &[Upcaster],
    event_type: &str,
    version: &str,
    payload: &'a str,
) -> Result<Cow<'a, str>, Undecodable> {
    let newest = newest_of(upcasters, event_type);
    let number = number(version).filter(|number| *number <= newest);
    let number = number.ok_or_else(|| Undecodable::unknown(event_type, version))?;
    if number == newest || crate::fact::is_gone(payload) {
        return Ok(Cow::Borrowed(payload));
    }
    let damaged = |source| Undecodable::Damaged { event_type: event_type.to_owned(), source };
    let mut payload: Value = serde_json::from_str(payload).map_err(damaged)?;
    for version in number..newest {
        let step = upcasters
            .iter()
            .find(|one| one.event_type == event_type && one.version == version)
            .ok_or_else(|| Undecodable::unknown(event_type, &version.to_string()))?;
        payload = (step.raise)(payload);
    }
    Ok(Cow::Owned(payload.to_string()))
}

/// 1, 2, 3 … as written, without zeros in front.
fn number(version: &str) -> Option<u16> {
    let number = version.parse().ok().filter(|number| *number > 0);
    number.filter(|number: &u16| number.to_string() == version)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// `{"sunk": {"ship"}}`, then `name` instead of `ship`, then with its flag.
    const STEPS: &[Upcaster] = &[
        Upcaster { event_type: "ship.sunk", version: 2, raise: with_flag },
        Upcaster { event_type: "ship.sunk", version: 1, raise: by_name },
    ];

    fn by_name(mut payload: Value) -> Value {
        let name = payload["sunk"]["ship"].take();
        json!({ "sunk": { "name": name } })
    }

    fn with_flag(mut payload: Value) -> Value {
        payload["sunk"]["flag"] = json!(null);
        payload
    }

    fn read(event_type: &str, version: &str, payload: &Value) -> Option<Value> {
        let payload = payload.to_string();
        let raised = raised_by(STEPS, event_type, version, &payload).ok()?;
        serde_json::from_str(&raised).ok()
    }

    #[test]
    fn steps_are_gone_one_after_the_other() {
        let newest = json!({ "sunk": { "name": "Vasa", "flag": null } });
        let first = json!({ "sunk": { "ship": "Vasa" } });
        assert_eq!(read("ship.sunk", "1", &first), Some(newest.clone()));
        let second = json!({ "sunk": { "name": "Vasa" } });
        assert_eq!(read("ship.sunk", "2", &second), Some(newest.clone()));
        assert_eq!(read("ship.sunk", "3", &newest), Some(newest));
        assert_eq!(newest_of(STEPS, "ship.sunk"), 3);
        assert_eq!(newest_of(STEPS, "ship.built"), 1);
    }

    #[test]
    fn other_versions_are_unknown() {
        let payload = json!({ "sunk": { "name": "Vasa" } });
        for version in ["0", "4", "01", "+1", "", "x", "99999999"] {
            assert_eq!(read("ship.sunk", version, &payload), None, "{version}");
        }
        assert_eq!(read("ship.built", "2", &payload), None);
        assert!(was_written("device.renamed", "1") && !was_written("device.renamed", "x"));
    }

    #[test]
    fn what_was_taken_away_stays_so() {
        let gone = json!({ "$scavenged": true });
        assert_eq!(read("ship.sunk", "1", &gone), Some(gone));
        assert!(raised_by(STEPS, "ship.sunk", "1", "{").is_err(), "a damaged payload");
    }

    #[test]
    fn steps_have_no_gap_and_no_twin() {
        for one in UPCASTERS {
            let of_type = UPCASTERS.iter().filter(|other| other.event_type == one.event_type);
            let mut versions: Vec<u16> = of_type.map(|other| other.version).collect();
            versions.sort_unstable();
            let expected: Vec<u16> = (1..).take(versions.len()).collect();
            assert_eq!(versions, expected, "{}", one.event_type);
        }
    }
}
