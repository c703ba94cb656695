//! Devices apart from the interfaces that use them (OpenWrt 21 and later, DSA switches).

use std::collections::HashSet;

use serde_json::Value;

use super::network::Network;
use super::{BRIDGE_OPTIONS, Interface, Options, given, section, take_given, text, word};
use crate::ValidationError;

/// Options of the link layer; they are the device's.
const LINK_OPTIONS: [&str; 14] = [
    "rpfilter",
    "txqueuelen",
    "neighreachabletime",
    "neighgcstaletime",
    "neighlocktime",
    "igmpversion",
    "mldversion",
    "promisc",
    "acceptlocal",
    "sendredirects",
    "multicast",
    "mtu",
    "mtu6",
    "dadtransmits",
];

/// Options of a VLAN that only its device has.
const VLAN_OPTIONS: [&str; 4] = ["name", "vid", "ingress_qos_mapping", "egress_qos_mapping"];

/// Whether the device of `interface` is configured on its own.
pub(super) fn is_apart(interface: &Interface<'_>) -> bool {
    let kinds = ["loopback", "ethernet", "bridge", "wireless", "8021q", "8021ad"];
    text(interface.stated, "proto") != "ppp" && kinds.contains(&interface.kind)
}

/// The interface stands for a VLAN of a bridge, which has its device already.
pub(super) fn use_bridge_vlan(options: &mut Options) {
    for key in LINK_OPTIONS.iter().chain(&["macaddr"]) {
        options.remove(*key);
    }
    super::rename(options, "ifname", "device");
}

/// Whether there is anything to say of the device itself.
pub(super) fn has_link_options(stated: &Options) -> bool {
    LINK_OPTIONS.iter().any(|key| stated.contains_key(*key))
        || stated.get("macaddr").is_some_and(given)
}

/// What the device is called on the system.
pub(super) fn physical_name(interface: &Interface<'_>) -> String {
    let name = interface.name;
    if interface.is_vlan() {
        format!("{name}.{}", word(interface.stated.get("vid")))
    } else if interface.is_bridge() && !name.starts_with("br-") {
        format!("br-{name}")
    } else {
        name.to_owned()
    }
}

/// Takes what belongs to the device out of the interface, which gets to know its device by name.
/// No options: the device needs no section.
pub(super) fn split_off(interface: &mut Interface<'_>) -> Option<Options> {
    let name = physical_name(interface);
    let (is_bridge, is_vlan) = (interface.is_bridge(), interface.is_vlan());
    let members = interface.members();
    let options = &mut interface.options;
    let room = if is_bridge || is_vlan { options.len() + 4 } else { 0 };
    let mut device = Options::with_capacity(room);
    let mut filters_vlans = false;
    // Once through what is there, which is little, rather than once for every name that could be.
    options.retain(|name, value| {
        let key = name.as_str();
        let of_bridge = BRIDGE_OPTIONS.contains(&key);
        let moves = LINK_OPTIONS.contains(&key)
            || (of_bridge && is_bridge)
            || (is_vlan && (key == "ifname" || VLAN_OPTIONS.contains(&key)))
            || (key == "macaddr" && given(value));
        if moves {
            device.insert(name.clone(), value.take());
        }
        filters_vlans |= key == "vlan_filtering" && given(value);
        let gone = matches!(key, "ifname" | "macaddr" | "vlan_filtering" | "bridge_members");
        !moves && !of_bridge && !gone
    });
    // Bridges and VLANs have no other device than their own.
    let own = take_given(options, "device").filter(|_| !is_bridge && !is_vlan);
    let own = own.unwrap_or_else(|| name.clone().into());
    options.insert("device".into(), own);

    if is_bridge {
        device.insert("type".into(), "bridge".into());
        if members.is_empty() {
            device.insert("bridge_empty".into(), true.into());
        } else {
            device.insert("ports".into(), members.to_vec().into());
        }
        if filters_vlans {
            device.insert("vlan_filtering".into(), true.into());
        }
    } else if is_vlan {
        device.insert("type".into(), interface.kind.into());
    } else if device.is_empty() {
        return None;
    }
    device.insert("name".into(), name.into());
    Some(device)
}

/// The section of the device, if it needs one, and those of the VLANs that it filters.
pub(super) fn sections(
    interface: &Interface<'_>,
    device: Option<Options>,
    network: &mut Network,
    bridge_vlans: &mut HashSet<String>,
) -> Result<(), ValidationError> {
    if let Some(device) = device {
        let mut name = interface.section_name();
        if interface.is_vlan() {
            // Devices in service carry names that lost all leading letters of "vlan_".
            name = name.trim_start_matches(['v', 'l', 'a', 'n', '_']).to_owned();
        }
        network.push(section("device", format!("device_{name}"), device));
    }
    // Other devices than bridges have it where somebody wrote it by hand.
    filter_vlans(interface, network, bridge_vlans)
}

fn filter_vlans(
    interface: &Interface<'_>,
    network: &mut Network,
    bridge_vlans: &mut HashSet<String>,
) -> Result<(), ValidationError> {
    let bridge = physical_name(interface);
    let logical = &interface.logical;
    let vlans = interface.stated.get("vlan_filtering").and_then(Value::as_array);
    let mut users = Vec::new();
    for (index, vlan) in vlans.into_iter().flatten().enumerate() {
        let Some(number) = vlan.get("vlan") else {
            return Err(ValidationError::at(
                &format!("interfaces/{}/vlan_filtering/{index}", interface.index),
                "'vlan' is a required property",
            ));
        };
        let mut options = Options::new();
        options.insert("device".into(), bridge.clone().into());
        options.insert("vlan".into(), number.clone());
        if let Some(ports) = vlan.get("ports").and_then(Value::as_array) {
            options.insert("ports".into(), ports.iter().map(port).collect());
        }
        let number = word(Some(number));
        network.push(section("bridge-vlan", format!("vlan_{logical}_{number}"), options));

        let device = format!("{bridge}.{number}");
        let mut options = Options::new();
        options.insert("device".into(), device.clone().into());
        options.insert("proto".into(), "none".into());
        users.push(section("interface", format!("{logical}_{number}"), options));
        bridge_vlans.insert(device);
    }
    for user in users {
        network.push(user);
    }
    Ok(())
}

/// `name`, `name:u`, `name:t*`: the tagging, and whether untagged frames belong to the VLAN.
fn port(port: &Value) -> String {
    let mut text = word(port.get("ifname"));
    if let Some(tagging) = port.get("tagging").filter(|tagging| given(tagging)) {
        text.push(':');
        text.push_str(&word(Some(tagging)));
    }
    if port.get("primary_vid").is_some_and(given) {
        text.push('*');
    }
    text
}
