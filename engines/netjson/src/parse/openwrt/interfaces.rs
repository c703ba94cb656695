//! Sections `interface` and `globals` of `network`: `interfaces`, and what they share.
//!
//! Each section becomes an interface of its own.

use indexmap::IndexSet;
use serde_json::{Map, Value};

use super::device::Devices;
use super::{Options, Section, Source, Types, addresses};
use crate::Unreadable;
use crate::openwrt::uci_name;
use crate::parse::section::{boolean, integer, words};

/// Options of bridges. Numbers that are none are not carried over.
pub(super) const BRIDGE: Types = Types {
    integers: &[
        "ageing_time",
        "forward_delay",
        "hash_max",
        "hello_time",
        "last_member_interval",
        "max_age",
        "priority",
        "query_interval",
        "query_response_interval",
        "robustness",
    ],
    booleans: &["igmp_snooping", "multicast_querier", "stp"],
};

const COMMON: Types = Types { integers: &["mtu", "vid"], booleans: &[] };
const WIREGUARD: Types = Types { integers: &["listen_port"], booleans: &["nohostroute"] };
const VXLAN: Types = Types { integers: &["port", "ttl"], booleans: &["rxcsum", "txcsum"] };
const MODEM: Types =
    Types { integers: &["metric", "signalrate"], booleans: &["force_link", "lowpower"] };

/// Protocols of interfaces that dial.
const DIALUP: [&str; 11] =
    ["3g", "6in4", "aiccu", "l2tp", "ncm", "ppp", "pppoa", "pppoe", "pptp", "qmi", "wwan"];

/// Name servers and search domains, each once.
#[derive(Debug, Default)]
struct Resolvers {
    servers: Option<IndexSet<String>>,
    domains: Option<IndexSet<String>>,
}

pub(super) fn read(source: &mut Source<'_>) -> Result<(), Unreadable> {
    let (mut devices, sections) = if source.dsa {
        Devices::take(source)?
    } else {
        let wanted = |kind: &str| matches!(kind, "interface" | "globals");
        (Devices::default(), source.take("network", wanted))
    };
    let mut resolvers = Resolvers::default();
    let mut interfaces = Vec::new();
    let mut vlans = Vec::new();
    for section in sections {
        if section.kind == "globals" {
            globals(section, source);
        } else if device_of(&section).is_some_and(|device| devices.is_vlan(device)) {
            vlans.push(section);
        } else {
            interfaces.extend(interface(section, source, &mut devices, &mut resolvers)?);
        }
    }
    for (name, line) in devices.unused() {
        let mut section = Section::new("interface".into(), name.clone(), line);
        section.set("device", name.into(), line);
        interfaces.extend(interface(section, source, &mut devices, &mut resolvers)?);
    }
    for section in vlans {
        interfaces.extend(interface(section, source, &mut devices, &mut resolvers)?);
    }
    let words = |set: IndexSet<String>| set.into_iter().map(Value::from).collect::<Value>();
    if let Some(servers) = resolvers.servers {
        source.netjson.insert("dns_servers".into(), words(servers));
    }
    if let Some(domains) = resolvers.domains {
        source.netjson.insert("dns_search".into(), words(domains));
    }
    source.state("interfaces", interfaces);
    Ok(())
}

fn device_of(section: &Section) -> Option<&str> {
    section.options.get("device").and_then(Value::as_str)
}

/// Rendering states an interface for each VLAN of a bridge.
fn is_automatic(section: &Section) -> bool {
    section.options.len() == 2 && section.options.get("proto").is_some_and(|proto| proto == "none")
}

/// The prefix of unique local addresses belongs to `general`.
fn globals(mut section: Section, source: &mut Source<'_>) {
    if !source.netjson.contains_key("general") {
        source.origins.state("general", vec![section.line]);
    }
    let general = source.netjson.entry("general").or_insert_with(|| Value::Object(Map::new()));
    let prefix = section.take("ula_prefix").filter(|prefix| prefix != "");
    if let (Some(prefix), Value::Object(general)) = (prefix, &mut *general) {
        general.insert("ula_prefix".into(), prefix);
        if section.name != "globals" {
            general.insert("globals_id".into(), section.name.as_str().into());
        }
    }
    if general.as_object().is_some_and(Map::is_empty) {
        source.netjson.shift_remove("general");
    }
    for (key, line) in section.stated() {
        source.losses.add(line, format!("option {key:?} of the globals"));
    }
}

/// The interface that a section states; none if it goes without saying.
fn interface(
    mut section: Section,
    source: &mut Source<'_>,
    devices: &mut Devices,
    resolvers: &mut Resolvers,
) -> Result<Option<(usize, Options)>, Unreadable> {
    for key in ["proto", "device"] {
        if section.options.get(key).is_some_and(Value::is_array) {
            return Err(section.wrong(key, "must not be a list"));
        }
    }
    let inner_vlan = device_of(&section).and_then(|device| devices.inner_vlan(device));
    if inner_vlan == Some(true) && is_automatic(&section) {
        return Ok(None);
    }
    for (key, known) in [("dns", &mut resolvers.servers), ("dns_search", &mut resolvers.domains)] {
        if let Some(words) = section.take_words(key) {
            known.get_or_insert_default().extend(words);
        }
    }
    let (name, has_device) = physical_name(&mut section, devices)?;
    section.convert(COMMON)?;
    let stated = section.options.get("type").and_then(Value::as_str).unwrap_or_default();
    let proto = section.options.get("proto").and_then(Value::as_str).unwrap_or("none");
    let (kind, proto) = (kind(stated, proto, &name).to_owned(), proto.to_owned());
    let mut members = None;
    let name = match &*kind {
        "bridge" => {
            members = Some(bridge(&mut section, source, &name, has_device));
            bridge_name(if has_device { &name } else { &section.name })
        }
        // The device of a VLAN is called by its number, too.
        "8021q" | "8021ad" if has_device => {
            section.take("ifname");
            name.rsplit_once('.').map_or("", |(base, _)| base).to_owned()
        }
        _ => name,
    };
    // VLANs without a device of their own are known by their name alone.
    if section.name == uci_name(&name) || inner_vlan.is_some() {
        section.take("network");
    } else {
        section.options.insert("network".into(), section.name.as_str().into());
    }
    section.options.insert("name".into(), name.into());
    section.options.insert("type".into(), kind.as_str().into());
    if let Some(members) = members {
        section.options.insert("bridge_members".into(), members);
    }
    let addresses = match &*kind {
        "wireguard" => {
            section.convert(WIREGUARD)?;
            if !section.options.contains_key("listen_port") {
                return Err(section.wrong("listen_port", "is missing"));
            }
            section.rename("listen_port", "port");
            addresses::take_tunnel(&mut section)?
        }
        "vxlan" => {
            section.convert(VXLAN)?;
            section.rename("peeraddr", "vtep");
            if !section.options.contains_key("vid") {
                return Err(section.wrong("vid", "is missing"));
            }
            section.rename("vid", "vni");
            addresses::take(&mut section)?
        }
        "modem-manager" => {
            section.convert(MODEM)?;
            let pin = section.take("pincode").unwrap_or_default();
            section.options.insert("pin".into(), pin);
            addresses::take(&mut section)?
        }
        _ => addresses::take(&mut section)?,
    };
    if !addresses.is_empty() {
        section.options.insert("addresses".into(), addresses.into());
    }
    if matches!(
        &*proto,
        "static" | "dhcp" | "dhcpv6" | "none" | "wireguard" | "vxlan" | "modemmanager"
    ) {
        section.take("proto");
    }
    if let Some(auto) = section.take("auto") {
        section.options.insert("autostart".into(), boolean(&auto));
    }
    if let Some(enabled) = section.take("enabled") {
        section.options.insert("disabled".into(), (enabled == "0").into());
    }
    section.rename("macaddr", "mac");
    Ok(Some((section.line, section.options)))
}

/// Bridges are called `br-…` whatever their section is.
fn bridge_name(name: &str) -> String {
    if name.starts_with("br-") {
        name.to_owned()
    } else {
        format!("br-{}", name.replace("br_", ""))
    }
}

/// What the system calls the device of an interface, with what the device's section adds; whether
/// there was one.
fn physical_name(
    section: &mut Section,
    devices: &mut Devices,
) -> Result<(String, bool), Unreadable> {
    let device = section.options.get("device").and_then(Value::as_str).map(str::to_owned);
    let Some(device) = device.filter(|_| devices.are_apart()) else {
        let name = section.take_text("ifname")?;
        return Ok((name.unwrap_or_else(|| section.name.clone()), false));
    };
    if devices.knows(&device) {
        section.take("device");
        section.take("ifname");
        let options = devices.first_use(&device);
        let used = options.is_some();
        section.options.extend(options.cloned().into_iter().flatten());
        return Ok((device, used));
    }
    // The interface may say both.
    if let Some(name) = section.take_text("ifname")? {
        return Ok((name, false));
    }
    section.take("device");
    Ok((device, false))
}

/// The kind of an interface.
fn kind<'a>(stated: &'a str, proto: &str, name: &str) -> &'a str {
    match (stated, proto) {
        (_, "wireguard") => "wireguard",
        (_, "vxlan") => "vxlan",
        (_, "modemmanager") => "modem-manager",
        ("bridge" | "8021q" | "8021ad", _) => stated,
        (_, proto) if DIALUP.contains(&proto) => "dialup",
        (_, "static" | "dhcp" | "dhcpv6" | "none") => match name {
            "lo" | "lo0" | "loopback" => "loopback",
            _ => "ethernet",
        },
        _ => "other",
    }
}

/// Converts what only bridges state, and tells their members.
fn bridge(section: &mut Section, source: &mut Source<'_>, name: &str, has_device: bool) -> Value {
    for key in BRIDGE.integers {
        let Some(text) = section.options.get(*key).and_then(Value::as_str) else { continue };
        if let Some(number) = integer(text) {
            section.options.insert((*key).to_owned(), number.into());
        } else {
            let what = format!("option {key:?}, which is no number");
            source.losses.add(section.line_of(key), what);
            section.take(key);
        }
    }
    for key in BRIDGE.booleans {
        if let Some(value) = section.options.get_mut(*key) {
            *value = boolean(value);
        }
    }
    let ports = section.take_words("ports");
    let old = section.take_words("ifname");
    let members = if section.take("bridge_empty").is_some_and(|empty| empty == "1") {
        Vec::new()
    } else if has_device {
        let ports = ports.or(old).unwrap_or_default();
        ports.into_iter().filter(|port| !port.is_empty()).collect()
    } else if name == section.name {
        Vec::new()
    } else {
        words(name).map(str::to_owned).collect()
    };
    members.into()
}
