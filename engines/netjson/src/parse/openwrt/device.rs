//! Sections `device` and `bridge-vlan` of `network` (OpenWrt 21 and later): what interfaces use.

use std::collections::HashSet;

use indexmap::IndexMap;
use serde_json::{Number, Value, json};

use super::interfaces::BRIDGE;
use super::{Options, Section, Source, Types};
use crate::Unreadable;
use crate::parse::section::integer;

/// Options of the link layer.
const LINK: Types = Types {
    integers: &[
        "txqueuelen",
        "neighreachabletime",
        "neighgcstaletime",
        "neighlocktime",
        "igmpversion",
        "mldversion",
        "mtu",
        "mtu6",
        "dadtransmits",
    ],
    booleans: &["promisc", "acceptlocal", "sendredirects", "multicast"],
};

/// Options of a plain device that its interface states instead.
const CARRIED: [&str; 2] = ["rpfilter", "macaddr"];

/// Devices by what the system calls them.
#[derive(Debug, Default)]
pub(super) struct Devices {
    known: IndexMap<String, Device>,
    apart: bool,
}

/// A device.
#[derive(Debug, Default)]
struct Device {
    /// Where it is stated.
    line: usize,
    /// What its interface has to say about it.
    options: Options,
    /// Numbers of the VLANs that it filters.
    vlans: HashSet<Number>,
    /// Whether an interface has said so.
    used: bool,
}

impl Device {
    fn kind(&self) -> &str {
        self.options.get("type").and_then(Value::as_str).unwrap_or_default()
    }
}

impl Devices {
    /// Takes all devices of `source`. What is of another type than bridge and VLAN stays behind as a
    /// section that is an interface itself.
    pub(super) fn take(source: &mut Source<'_>) -> Result<(Self, Vec<Section>), Unreadable> {
        let mut devices = Self { apart: true, ..Self::default() };
        let mut sections = Vec::new();
        let wanted =
            |kind: &str| matches!(kind, "interface" | "globals" | "device" | "bridge-vlan");
        for section in source.take("network", wanted) {
            match section.kind.as_str() {
                "device" => {
                    if let Some(section) = devices.add(section, source)? {
                        sections.push(section);
                    }
                }
                "bridge-vlan" => devices.add_vlan(section, source)?,
                _ => sections.push(section),
            }
        }
        Ok((devices, sections))
    }

    fn add(
        &mut self,
        mut section: Section,
        source: &mut Source<'_>,
    ) -> Result<Option<Section>, Unreadable> {
        let kind = section.options.get("type").and_then(Value::as_str).unwrap_or_default();
        let kind = kind.to_owned();
        if !matches!(&*kind, "" | "bridge" | "8021q" | "8021ad") {
            return Ok(Some(section));
        }
        section.convert(LINK)?;
        let name = section.require("name")?;
        let plain = kind.is_empty();
        if plain {
            let carried = |key: &str| {
                let types =
                    [LINK.integers, LINK.booleans, &CARRIED, BRIDGE.integers, BRIDGE.booleans];
                types.iter().any(|keys| keys.contains(&key))
            };
            for (key, line) in section.stated().filter(|(key, _)| !carried(key)) {
                source.losses.add(line, format!("option {key:?} of a device"));
            }
            section.options.retain(|key, _| carried(key));
        }
        section.options.insert("name".into(), name.as_str().into());
        section.options.sort_keys();
        let device = self.known.entry(name).or_default();
        device.line = section.line;
        device.options.extend(section.options);
        Ok(None)
    }

    fn add_vlan(
        &mut self,
        mut section: Section,
        source: &mut Source<'_>,
    ) -> Result<(), Unreadable> {
        let name = section.require("device")?;
        let number = section.take_integer("vlan")?;
        let number = number.ok_or_else(|| section.wrong("vlan", "is missing"))?;
        let ports = section.take_words("ports").unwrap_or_default();
        let ports = ports.iter().map(|port| self::port(port)).collect::<Option<Vec<Value>>>();
        let ports = ports.ok_or_else(|| section.wrong("ports", "holds no port"))?;
        for (key, line) in section.stated() {
            source.losses.add(line, format!("option {key:?} of a VLAN"));
        }
        let device = self.known.entry(name).or_default();
        device.vlans.insert(number.clone());
        let vlans = device.options.entry("vlan_filtering").or_insert_with(|| "1".into());
        if vlans == "1" {
            *vlans = Value::Array(Vec::new());
        }
        match vlans {
            Value::Array(vlans) => vlans.push(json!({"vlan": number, "ports": ports})),
            _ => return Err(Unreadable::at(section.line, "the bridge does not filter VLANs")),
        }
        Ok(())
    }

    /// Whether `name` is a VLAN (`device.number`) on one of the devices, whose turn comes after
    /// theirs.
    pub(super) fn is_vlan(&self, name: &str) -> bool {
        name.split_once('.').is_some_and(|(base, _)| self.known.contains_key(base))
    }

    /// Whether `name` is a VLAN of a bridge or another VLAN that has no device of its own, and whether
    /// the bridge states it.
    pub(super) fn inner_vlan(&self, name: &str) -> Option<bool> {
        if self.known.contains_key(name) {
            return None;
        }
        let (base, number) = name.rsplit_once('.')?;
        let device = self.known.get(base).filter(|device| !device.kind().is_empty())?;
        Some(integer(number).is_some_and(|number| device.vlans.contains(&number)))
    }

    /// Whether devices are stated apart from interfaces at all.
    pub(super) fn are_apart(&self) -> bool {
        self.apart
    }

    /// Whether `name` is a device, or a VLAN on one.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.known.contains_key(name) || self.is_vlan(name) || self.inner_vlan(name).is_some()
    }

    /// What an interface has to say about its device if it is the first to use it.
    pub(super) fn first_use(&mut self, name: &str) -> Option<&Options> {
        let device = self.known.get_mut(name).filter(|device| !device.used)?;
        device.used = true;
        Some(&device.options)
    }

    /// Devices that no interface has used, by name.
    pub(super) fn unused(&self) -> Vec<(String, usize)> {
        let unused = self.known.iter().filter(|(_, device)| !device.used);
        unused.map(|(name, device)| (name.clone(), device.line)).collect()
    }
}

/// `name`, `name:u`, `name:t*`: see the other direction.
fn port(text: &str) -> Option<Value> {
    let mut parts = text.split(':');
    let name = parts.next().unwrap_or_default();
    let mut flags = parts.next().unwrap_or("u").chars();
    let tagging = flags.next()?.to_string();
    let primary = flags.next().is_some();
    Some(json!({"ifname": name, "tagging": tagging, "primary_vid": primary}))
}
