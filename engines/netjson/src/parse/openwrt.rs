//! UCI packages become NetJSON, block by block.
//!
//! One file per block. A block takes the sections that it understands out of their packages; what
//! is left in the end becomes packages of the configuration's own.

mod addresses;
mod custom;
mod device;
mod encryption;
mod general;
mod interfaces;
pub(super) mod openvpn;
mod radios;
mod routes;
mod switch;
mod system;
mod wireguard_peers;
mod wireless;
mod zerotier;

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::Read;
use super::loss::Losses;
use super::origins::Origins;
use super::section::{Options, Packages, Section, Types};
use crate::Error;

/// Sections on one side, the configuration on the other.
struct Source<'a> {
    packages: Packages,
    netjson: Map<String, Value>,
    /// Whether devices are configured apart from interfaces (OpenWrt 21 and later).
    dsa: bool,
    /// Logical names of the bridges of an interface, by its name.
    bridges: HashMap<String, Vec<String>>,
    losses: &'a mut Losses,
    origins: Origins,
}

/// The configuration that `packages` say.
pub(super) fn read(packages: Packages, dsa: bool, losses: &mut Losses) -> Result<Read, Error> {
    let bridges = bridges(&packages, dsa);
    let origins = Origins::default();
    let mut source = Source { packages, netjson: Map::new(), dsa, bridges, losses, origins };
    for block in [
        general::read,
        system::read,
        interfaces::read,
        routes::read,
        switch::read,
        radios::read,
        wireless::read,
        openvpn::read,
        wireguard_peers::read,
        zerotier::read,
    ] {
        block(&mut source)?;
    }
    custom::read(&mut source);
    Ok(Read { netjson: source.netjson, origins: source.origins })
}

/// Which bridges interfaces are members of, in the order in which they are stated.
fn bridges(packages: &Packages, dsa: bool) -> HashMap<String, Vec<String>> {
    let mut bridges: HashMap<String, Vec<String>> = HashMap::new();
    for section in packages.get("network").into_iter().flatten() {
        let is_bridge = section.options.get("type").is_some_and(|kind| kind == "bridge");
        let (name, key) = match &*section.kind {
            "interface" if is_bridge => (&*section.name, "ifname"),
            "device" if is_bridge && dsa => {
                (section.name.strip_prefix("device_").unwrap_or(&section.name), "ports")
            }
            _ => continue,
        };
        for member in section.words(key) {
            bridges.entry(member.to_owned()).or_default().push(name.to_owned());
        }
    }
    bridges
}

impl Source<'_> {
    /// Takes sections of some types out of `package`.
    fn take(&mut self, package: &str, wanted: impl Fn(&str) -> bool) -> Vec<Section> {
        let Some(sections) = self.packages.get_mut(package) else { return Vec::new() };
        sections.extract_if(.., |section| wanted(&section.kind)).collect()
    }

    /// Takes sections of some types out of `package`, with their numbers among all that are left.
    fn take_numbered(
        &mut self,
        package: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> Vec<(usize, Section)> {
        let Some(sections) = self.packages.get_mut(package) else { return Vec::new() };
        let (mut taken, mut left) = (Vec::new(), Vec::new());
        for (number, section) in (1..).zip(std::mem::take(sections)) {
            if wanted(&section.kind) {
                taken.push((number, section));
            } else {
                left.push(section);
            }
        }
        *sections = left;
        taken
    }

    /// Takes the sections of a type that is stated once; of several the last counts.
    fn take_only(&mut self, package: &str, kind: &str) -> Option<Section> {
        let mut sections = self.take(package, |found| found == kind);
        let last = sections.pop();
        for section in sections {
            self.losses.add(section.line, format!("section {kind:?}, which is stated again"));
        }
        last
    }

    /// States a list of objects with their lines, unless it is empty.
    fn state(&mut self, key: &str, items: Vec<(usize, Options)>) {
        if !items.is_empty() {
            let (lines, items): (_, Vec<Value>) =
                items.into_iter().map(|(line, options)| (line, Value::from(options))).unzip();
            self.netjson.insert(key.to_owned(), items.into());
            self.origins.state(key, lines);
        }
    }

    /// States an object that a section says.
    fn state_one(&mut self, key: &str, section: Section) {
        self.netjson.insert(key.to_owned(), section.options.into());
        self.origins.state(key, vec![section.line]);
    }
}
