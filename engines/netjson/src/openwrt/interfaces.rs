//! `interfaces`: sections of `network`.
//!
//! Systems before OpenWrt 21 take everything in one kind of section; later ones tell the device
//! (a network card, a bridge, a VLAN) from the interface that uses it, see [`device`].

mod device;
mod filtering;
mod network;

use std::collections::HashSet;

use serde_json::Value;

pub(crate) use self::filtering::unfilterable;
use self::network::Network;
use super::addresses::addressing;
use super::section::{
    Claims, Options, filled, given, invert_disabled, rename, replace, section, take_given, text,
    uci_name, word,
};
use super::{Package, Source, package};
use crate::ValidationError;

/// Options of the spanning tree and of multicast snooping, which belong to bridges.
const BRIDGE_OPTIONS: [&str; 13] = [
    "stp",
    "forward_delay",
    "hello_time",
    "priority",
    "ageing_time",
    "max_age",
    "igmp_snooping",
    "multicast_querier",
    "query_interval",
    "query_response_interval",
    "last_member_interval",
    "hash_max",
    "robustness",
];

/// One interface of the configuration on its way to sections.
#[derive(Debug)]
struct Interface<'a> {
    /// As the configuration states it.
    stated: &'a Options,
    /// Its place in the configuration, for errors.
    index: usize,
    kind: &'a str,
    /// The name of the network card, bridge or base of a VLAN.
    name: &'a str,
    /// What other blocks call it.
    logical: String,
    /// Options that all of its sections share.
    options: Options,
}

impl<'a> Interface<'a> {
    fn new(index: usize, stated: &'a Options) -> Self {
        let name = text(stated, "name");
        let kind = text(stated, "type");
        let logical = uci_name(filled(stated, "network").unwrap_or(name));
        let options = options(stated, kind);
        Self { stated, index, kind, name, logical, options }
    }

    fn is_bridge(&self) -> bool {
        self.kind == "bridge"
    }

    fn is_vlan(&self) -> bool {
        matches!(self.kind, "8021q" | "8021ad")
    }

    /// The name of the first section; only VLANs are not called by their logical name.
    fn section_name(&self) -> String {
        match filled(self.stated, "network") {
            Some(network) if self.is_vlan() => network.to_owned(),
            None if self.is_vlan() => {
                format!("vlan_{}_{}", self.logical, word(self.stated.get("vid")))
            }
            _ => self.logical.clone(),
        }
    }

    fn members(&self) -> &'a [Value] {
        self.stated.get("bridge_members").and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }
}

pub(super) fn packages(source: Source<'_>) -> Result<Vec<Package>, ValidationError> {
    let mut network = Network::default();
    let mut bridge_vlans = HashSet::new();
    for (index, stated) in source.objects("interfaces").enumerate() {
        add(source, &mut network, &mut bridge_vlans, Interface::new(index, stated))?;
    }
    Ok(package("network", network.into_sections()))
}

fn add(
    source: Source<'_>,
    network: &mut Network,
    bridge_vlans: &mut HashSet<String>,
    mut interface: Interface<'_>,
) -> Result<(), ValidationError> {
    let addressing = addressing(interface.index, interface.stated)?;
    interface.options.extend(addressing.gateways);
    let of_bridge_vlan = bridge_vlans.contains(interface.name);
    let apart = !of_bridge_vlan && source.dsa && device::is_apart(&interface);
    if of_bridge_vlan {
        device::use_bridge_vlan(&mut interface.options);
    } else if apart {
        let device = device::split_off(&mut interface);
        device::sections(&interface, device, network, bridge_vlans)?;
    }
    let first = interface.section_name();
    let last = addressing.groups.len().saturating_sub(1);
    for (index, mut group) in addressing.groups.into_iter().enumerate() {
        let own = Claims::take(&mut group);
        let name =
            if index == 0 { first.clone() } else { format!("{}_{}", interface.logical, index + 1) };
        let mut options = if index == last {
            std::mem::take(&mut interface.options)
        } else {
            interface.options.clone()
        };
        if interface.is_bridge() {
            if !apart {
                bridge(&interface, &mut options, index == 0);
            }
            if index > 0 {
                options.remove("gateway");
            }
        }
        resolve(source, &mut options, text(&group, "proto"));
        for (key, value) in group {
            // The interface may state a protocol of its own; anything else the address knows best.
            if key != "proto" || !options.contains_key("proto") {
                options.insert(key, value);
            }
        }
        network.merge(own.section("interface".into(), name.into(), options))?;
    }
    Ok(())
}

/// Renames and conversions that no address takes part in.
fn options(stated: &Options, kind: &str) -> Options {
    // With room for what follows.
    let mut options = Options::with_capacity(stated.len() + 10);
    for (key, value) in stated {
        let left_out = matches!(key.as_str(), "wireless" | "addresses" | "network" | "type")
            || (kind == "wireless" && key == "mac");
        if !left_out {
            options.insert(key.clone(), value.clone());
        }
    }
    rename(&mut options, "name", "ifname");
    rename(&mut options, "mac", "macaddr");
    rename(&mut options, "autostart", "auto");
    invert_disabled(&mut options);
    match kind {
        "modem-manager" => {
            options.insert("proto".into(), "modemmanager".into());
            replace(&mut options, "pin", "pincode");
        }
        "wireguard" => {
            options.insert("proto".into(), "wireguard".into());
            replace(&mut options, "port", "listen_port");
            options.remove("ifname");
        }
        "vxlan" => {
            options.insert("proto".into(), "vxlan".into());
            rename(&mut options, "vtep", "peeraddr");
            rename(&mut options, "vni", "vid");
        }
        "8021q" | "8021ad" => {
            let name = format!("{}.{}", text(stated, "name"), word(stated.get("vid")));
            options.insert("name".into(), name.into());
        }
        _ => {}
    }
    options
}

/// A bridge for systems before OpenWrt 21: its first section describes it, the others use it.
fn bridge(interface: &Interface<'_>, options: &mut Options, first: bool) {
    options.remove("bridge_members");
    if !first {
        for key in BRIDGE_OPTIONS {
            options.remove(key);
        }
        if !interface.name.contains("br-") {
            options.insert("ifname".into(), format!("br-{}", interface.name).into());
        }
        return;
    }
    options.insert("type".into(), "bridge".into());
    let members: Vec<String> =
        interface.members().iter().map(|member| word(Some(member))).collect();
    if members.is_empty() {
        options.remove("ifname");
        options.insert("bridge_empty".into(), true.into());
    } else {
        options.insert("ifname".into(), members.join(" ").into());
    }
}

/// Name servers and search domains of the whole configuration, unless the interface has its own or
/// is told them by a server. An option without a value still replaces one of another interface.
fn resolve(source: Source<'_>, options: &mut Options, proto: &str) {
    for (key, common, silent) in [
        ("dns", "dns_servers", &["dhcp", "dhcpv6", "none"][..]),
        ("dns_search", "dns_search", &["none"]),
    ] {
        if !options.contains_key(key) {
            let common = if silent.contains(&proto) { &[] } else { source.list(common) };
            let words: Vec<String> = common.iter().map(|item| word(Some(item))).collect();
            let value = if words.is_empty() { Value::Null } else { words.join(" ").into() };
            options.insert(key.to_owned(), value);
        }
    }
}
