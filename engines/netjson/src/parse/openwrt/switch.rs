//! Sections `switch` and `switch_vlan` of `network`: `switch`.

use indexmap::IndexMap;
use serde_json::Value;

use super::{Options, Section, Source, Types};
use crate::Unreadable;

const SWITCH: Types = Types { integers: &[], booleans: &["reset", "enable_vlan"] };
const VLAN: Types = Types { integers: &["vlan", "vid"], booleans: &[] };

pub(super) fn read(source: &mut Source<'_>) -> Result<(), Unreadable> {
    let mut switches: IndexMap<String, (usize, Options)> = IndexMap::new();
    for mut section in source.take("network", |kind| kind == "switch") {
        section.convert(SWITCH)?;
        let name = text(&section, "name")?;
        if section.name != name {
            section.options.insert("id".into(), section.name.into());
        }
        if switches.insert(name, (section.line, section.options)).is_some() {
            source.losses.add(section.line, "a switch of the same name as stated before");
        }
    }
    let vlans = source.take("network", |kind| kind == "switch_vlan");
    for (index, mut section) in vlans.into_iter().enumerate() {
        section.convert(VLAN)?;
        let device = text(&section, "device")?;
        let Some((_, switch)) = switches.get_mut(&device) else {
            return Err(section.wrong("device", "names no switch"));
        };
        if !section.options.contains_key("vlan") {
            return Err(section.wrong("vlan", "is missing"));
        }
        if section.name != format!("{device}_vlan{}", index + 1) {
            section.options.insert("id".into(), section.name.into());
        }
        if section.options.get("vid") == section.options.get("vlan") {
            section.options.shift_remove("vid");
        } else {
            // Rendering states the number again unless there is something in its place.
            section.options.entry("vid").or_insert(Value::Null);
        }
        if let Value::Array(vlans) =
            switch.entry("vlan").or_insert_with(|| Value::Array(Vec::new()))
        {
            vlans.push(section.options.into());
        }
    }
    source.state("switch", switches.into_values().collect());
    Ok(())
}

fn text(section: &Section, key: &str) -> Result<String, Unreadable> {
    let text = section.options.get(key).and_then(Value::as_str);
    text.map(str::to_owned).ok_or_else(|| section.wrong(key, "is missing"))
}
