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
    let name = section.take_text("zonename")?.unwrap_or_default();
    let zone = match section.take_text("timezone")?.unwrap_or_default() {
        posix if name.is_empty() && !posix.is_empty() => match ZONES["reversed"].get(&posix) {
            Some(zone) => zone.clone(),
            None => return Err(section.wrong("timezone", "is of no known zone")),
        },
        _ => name.into(),
    };
    let hostname = section.take("hostname");
    if section.name != "system" {
        section.options.insert("id".into(), section.name.into());
    }
    if let Some(hostname) = hostname {
        section.options.insert("hostname".into(), hostname);
    }
    if zone != "" {
        section.options.insert("timezone".into(), zone);
    }
    source.netjson.insert("general".into(), section.options.into());
    Ok(())
}
