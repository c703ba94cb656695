//! The other sections of `system`: `ntp` and `led`.

use serde_json::Value;

use super::{Source, Types};
use crate::Unreadable;

const NTP: Types = Types { integers: &[], booleans: &["enabled", "enable_server"] };
const LED: Types = Types { integers: &["delayoff", "delayon", "interval"], booleans: &["default"] };

pub(super) fn read(source: &mut Source<'_>) -> Result<(), Unreadable> {
    if let Some(mut section) = source.take_only("system", "timeserver") {
        section.convert(NTP)?;
        if section.name != "ntp" {
            section.options.insert("id".into(), section.name.as_str().into());
        }
        source.state_one("ntp", section);
    }
    let mut lights = Vec::new();
    for mut section in source.take("system", |kind| kind == "led") {
        section.convert(LED)?;
        let name = section.options.get("name").and_then(Value::as_str);
        let name = name.ok_or_else(|| section.wrong("name", "is missing"))?;
        if section.name != format!("led_{}", name.to_lowercase()) {
            section.options.insert("id".into(), section.name.into());
        }
        lights.push((section.line, section.options));
    }
    source.state("led", lights);
    Ok(())
}
