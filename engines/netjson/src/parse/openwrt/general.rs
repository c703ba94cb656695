//! The `system` section: `general`.

use std::sync::LazyLock;

use serde_json::Value;

use super::Source;
use crate::Unreadable;

/// The name of a time zone by its POSIX TZ string; of several the last.
static ZONES: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../data/timezones.json"))
        .expect("the embedded zones are JSON")
});

pub(super) fn read(source: &mut Source<'_>) -> Result<(), Unreadable> {
    let Some(mut section) = source.take_only("system", "system") else { return Ok(()) };
    let mut zone = section.take("zonename").filter(|zone| zone != "");
    let posix = section.take("timezone").filter(|posix| posix != "");
    if let (None, Some(posix)) = (&zone, posix) {
        let known = posix.as_str().and_then(|posix| ZONES["reversed"].get(posix));
        match known {
            Some(known) => zone = Some(known.clone()),
            None => return Err(section.wrong("timezone", "is of no known zone")),
        }
    }
    let hostname = section.take("hostname");
    if section.name != "system" {
        section.options.insert("id".into(), section.name.as_str().into());
    }
    if let Some(hostname) = hostname {
        section.options.insert("hostname".into(), hostname);
    }
    if let Some(zone) = zone {
        section.options.insert("timezone".into(), zone);
    }
    source.state_one("general", section);
    Ok(())
}
