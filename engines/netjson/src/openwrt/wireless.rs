//! `wireless` of interfaces: Wi-Fi networks, sections of the package `wireless`.

use std::collections::HashMap;

use indexmap::IndexSet;
use serde_json::Value;

use super::encryption;
use super::section::{Claims, Options, filled, given, rename, take_given, text, uci_name, word};
use super::{Package, Source, package};

/// Logical names of the bridges that an interface is a member of, by its name.
type Bridges<'a> = HashMap<&'a str, IndexSet<String>>;

pub(super) fn packages(source: Source<'_>) -> Vec<Package> {
    let bridges = bridges(source);
    let sections = source.objects("interfaces").filter_map(|interface| {
        let wireless = interface.get("wireless")?.as_object()?.clone();
        Some(section_of(interface, wireless, &bridges))
    });
    package("wireless", sections.collect())
}

fn bridges(source: Source<'_>) -> Bridges<'_> {
    let mut bridges = Bridges::new();
    for bridge in source.objects("interfaces") {
        if text(bridge, "type") != "bridge" {
            continue;
        }
        let name = filled(bridge, "network").unwrap_or_else(|| text(bridge, "name"));
        let members = bridge.get("bridge_members").and_then(Value::as_array);
        for member in members.into_iter().flatten().filter_map(Value::as_str) {
            bridges.entry(member).or_default().insert(uci_name(name));
        }
    }
    bridges
}

fn section_of(interface: &Options, mut options: Options, bridges: &Bridges<'_>) -> Value {
    let name = text(interface, "name");
    let id =
        take_given(&mut options, "id").unwrap_or_else(|| format!("wifi_{}", uci_name(name)).into());
    options.remove("disabled");
    if let Some(disabled) = interface.get("disabled") {
        options.insert("disabled".into(), disabled.clone());
    }
    if let Some(mac) = interface.get("mac") {
        options.insert("macaddr".into(), mac.clone());
    }
    options.insert("ifname".into(), name.into());
    rename(&mut options, "radio", "device");
    let mode = text(&options, "mode").to_owned();
    for (stated, ours) in [("access_point", "ap"), ("station", "sta"), ("802.11s", "mesh")] {
        if mode == stated {
            options.insert("mode".into(), ours.into());
        }
    }
    for (stated, ours) in
        [("ack_distance", "distance"), ("rts_threshold", "rts"), ("frag_threshold", "frag")]
    {
        if let Some(value) = take_given(&mut options, stated) {
            options.insert(ours.to_owned(), value);
        }
    }
    let mut own = Claims::default();
    if let Some(Value::Object(encryption)) = options.remove("encryption") {
        let mut encryption = encryption::options(encryption, mode == "access_point");
        own = Claims::take(&mut encryption);
        options.extend(encryption);
    }
    if options.get("ieee80211r") == Some(&Value::Bool(false)) {
        for key in ["ft_over_ds", "ft_psk_generate_local", "nasid", "reassociation_deadline"] {
            options.remove(key);
        }
    }
    if let Some(network) = network(interface, &mut options, bridges) {
        options.insert("network".into(), network.into());
    }
    own.section("wifi-iface".into(), id, options)
}

/// Which interfaces the Wi-Fi network belongs to: those it states, else its bridges, else itself if
/// it has addresses.
fn network(interface: &Options, options: &mut Options, bridges: &Bridges<'_>) -> Option<String> {
    let name = text(interface, "name");
    let names: Vec<String> = match take_given(options, "network") {
        Some(Value::Array(names)) => names.iter().map(|name| word(Some(name))).collect(),
        // What stands among the options of the encryption has no kind: its parts are joined.
        Some(Value::String(text)) => text.chars().map(String::from).collect(),
        Some(Value::Object(map)) => map.keys().cloned().collect(),
        Some(other) => vec![word(Some(&other))],
        None => match bridges.get(name) {
            Some(bridges) => bridges.iter().cloned().collect(),
            None if interface.get("addresses").is_some_and(given) => vec![name.to_owned()],
            None => return None,
        },
    };
    Some(uci_name(&names.join(" ")))
}
