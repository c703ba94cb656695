//! Sections `wifi-iface` of `wireless`: `wireless` of interfaces.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{Options, Section, Source, encryption};
use crate::Unreadable;
use crate::openwrt::uci_name;
use crate::parse::section::{boolean, integer, words};

const BOOLEANS: [&str; 11] = [
    "doth",
    "ft_over_ds",
    "ft_psk_generate_local",
    "hidden",
    "ieee80211r",
    "isolate",
    "rsn_preauth",
    "short_preamble",
    "start_disabled",
    "wds",
    "wmm",
];

pub(super) fn read(source: &mut Source<'_>) -> Result<(), Unreadable> {
    let sections = source.take("wireless", |kind| kind == "wifi-iface");
    if sections.is_empty() {
        return Ok(());
    }
    let known = match source.netjson.shift_remove("interfaces") {
        Some(Value::Array(interfaces)) => interfaces,
        _ => Vec::new(),
    };
    let known = known.into_iter().filter_map(|interface| match interface {
        Value::Object(options) => Some(options),
        _ => None,
    });
    let mut interfaces: Vec<_> = source.origins.take("interfaces").into_iter().zip(known).collect();
    let mut places: HashMap<String, Vec<usize>> = HashMap::new();
    for (place, (_, interface)) in interfaces.iter().enumerate().rev() {
        if let Some(name) = interface.get("name").and_then(Value::as_str) {
            places.entry(name.to_owned()).or_default().push(place);
        }
    }
    for section in sections {
        let name = match section.options.get("ifname") {
            Some(Value::String(name)) => name.clone(),
            Some(_) => return Err(section.wrong("ifname", "must not be a list")),
            None => section.name.replace("wifi_", ""),
        };
        // A network of its own where the interface has one already.
        let known = places.get_mut(&name).and_then(Vec::pop);
        let place = known.unwrap_or_else(|| {
            let interface = Map::from_iter([("name".into(), name.as_str().into())]);
            interfaces.push((section.line, interface));
            interfaces.len() - 1
        });
        if let Some((_, interface)) = interfaces.get_mut(place) {
            network(section, &name, interface, source)?;
        }
    }
    source.state("interfaces", interfaces);
    Ok(())
}

fn network(
    mut section: Section,
    name: &str,
    interface: &mut Options,
    source: &mut Source<'_>,
) -> Result<(), Unreadable> {
    section.take("ifname");
    let radio = section.require("device")?;
    let mode = match section.options.get("mode").and_then(Value::as_str).unwrap_or_default() {
        "ap" => "access_point",
        "sta" => "station",
        "mesh" => "802.11s",
        "adhoc" => "adhoc",
        "monitor" => "monitor",
        _ => return Err(section.wrong("mode", "is of no known kind")),
    };
    section.options.insert("mode".into(), mode.into());
    interface.insert("type".into(), "wireless".into());
    if let Some(mac) = section.take("macaddr") {
        interface.insert("mac".into(), mac);
    }
    if let Some(disabled) = section.take("disabled") {
        interface.insert("disabled".into(), boolean(&disabled));
    }
    for key in BOOLEANS {
        if let Some(value) = section.options.get_mut(key) {
            *value = boolean(value);
        }
    }
    let key = "reassociation_deadline";
    if let Some(deadline) = section.options.get(key) {
        if let Some(number) = deadline.as_str().and_then(integer) {
            section.options.insert(key.into(), number.into());
        } else {
            source.losses.add(section.line_of(key), format!("option {key:?}, which is no number"));
            section.take(key);
        }
    }
    if let Some(networks) = section.take_text("network")?
        && interface.get("name").is_none_or(|name| *name != *networks)
        && interface.get("network").is_none_or(|name| *name != *networks)
    {
        let networks: Vec<&str> = words(&networks).collect();
        if source.bridges.get(name).is_none_or(|bridges| *bridges != networks) {
            section.options.insert("network".into(), networks.into());
        }
    }
    if section.name != format!("wifi_{}", uci_name(name)) {
        section.options.insert("id".into(), section.name.as_str().into());
    }
    section.options.insert("radio".into(), radio.into());
    for (theirs, ours) in
        [("distance", "ack_distance"), ("rts", "rts_threshold"), ("frag", "frag_threshold")]
    {
        if let Some(number) = section.take_integer(theirs)? {
            section.options.insert(ours.into(), number.into());
        }
    }
    if let Some(encryption) = encryption::take(&mut section)? {
        section.options.insert("encryption".into(), encryption.into());
    }
    interface.insert("wireless".into(), section.options.into());
    Ok(())
}
