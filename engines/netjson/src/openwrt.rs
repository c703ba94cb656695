//! The backends of devices: blocks of NetJSON become sections of UCI packages.
//!
//! One file per block. A block answers with packages of its own; they are laid over what earlier
//! blocks gave, sections of one name merging, so that packages which the configuration states
//! itself ([`custom`]) change generated sections. Which sections meet, and in which order their
//! options end up, is part of the bytes that devices compare.

mod addresses;
mod custom;
mod encryption;
mod general;
mod interfaces;
mod ip_rules;
mod led;
mod ntp;
pub(crate) mod openvpn;
pub(crate) mod radios;
mod routes;
pub(crate) mod section;
mod switch;
mod uci;
mod wireguard_peers;
mod wireless;
mod zerotier;

use indexmap::IndexMap;
use serde_json::{Map, Value};

pub(crate) use self::interfaces::unfilterable;
pub(crate) use self::section::uci_name;
pub(crate) use self::uci::{Style, Texts, body, clean};
use crate::merge::{self, Identifiers};
use crate::{Backend, Error, ValidationError};

/// Sections of one file below `/etc/config`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Package {
    /// Name of the file.
    pub(crate) name: String,
    /// Objects with `.type`, `.name` and options.
    pub(crate) sections: Vec<Value>,
}

/// Everything a block may look at.
#[derive(Clone, Copy, Debug)]
struct Source<'a> {
    /// The whole configuration; blocks refer to each other.
    netjson: &'a Map<String, Value>,
    /// What the text is for; keys that its schema knows are no packages.
    backend: Backend,
    /// Whether devices are configured apart from interfaces (OpenWrt 21 and later).
    dsa: bool,
}

impl<'a> Source<'a> {
    /// The elements of the list `key`.
    fn list(self, key: &str) -> &'a [Value] {
        self.netjson.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// The objects in the list `key`.
    fn objects(self, key: &str) -> impl Iterator<Item = &'a Map<String, Value>> {
        self.list(key).iter().filter_map(Value::as_object)
    }

    /// The object `key`; empty if there is none.
    fn object(self, key: &str) -> Map<String, Value> {
        self.netjson.get(key).and_then(Value::as_object).cloned().unwrap_or_default()
    }
}

type Block = fn(Source<'_>) -> Result<Vec<Package>, ValidationError>;

/// The key that brings a block into play, and the block, in the order of their packages.
const BLOCKS: [(&str, Block); 12] = [
    ("general", |source| Ok(general::packages(source))),
    ("ntp", |source| Ok(ntp::packages(source))),
    ("led", |source| Ok(led::packages(source))),
    ("interfaces", interfaces::packages),
    ("routes", routes::packages),
    ("ip_rules", |source| Ok(ip_rules::packages(source))),
    ("switch", |source| Ok(switch::packages(source))),
    ("radios", |source| Ok(radios::packages(source))),
    ("interfaces", |source| Ok(wireless::packages(source))),
    ("openvpn", |source| Ok(openvpn::packages(source))),
    ("wireguard_peers", |source| Ok(wireguard_peers::packages(source))),
    ("zerotier", |source| Ok(zerotier::packages(source))),
];

/// All packages of a valid configuration.
pub(crate) fn packages(
    backend: Backend,
    netjson: &Map<String, Value>,
    dsa: bool,
) -> Result<Vec<Package>, Error> {
    let source = Source { netjson, backend, dsa };
    let mut all = IndexMap::new();
    for (key, block) in BLOCKS {
        if netjson.contains_key(key) {
            add(&mut all, block(source)?)?;
        }
    }
    add(&mut all, custom::packages(source)?)?;
    Ok(all.into_iter().map(|(name, sections)| Package { name, sections }).collect())
}

/// Lays `packages` over `all`.
fn add(
    all: &mut IndexMap<String, Vec<Value>>,
    packages: Vec<Package>,
) -> Result<(), ValidationError> {
    const BY_NAME: Identifiers<'_> = Identifiers { keys: &[".name"], vlans: false };
    for Package { name, sections } in packages {
        match all.get_mut(&name) {
            Some(known) => merge::owned_lists(known, sections, BY_NAME)?,
            None => {
                all.insert(name, sections);
            }
        }
    }
    Ok(())
}

/// One package, or none if it would be empty.
fn package(name: &str, sections: Vec<Value>) -> Vec<Package> {
    if sections.is_empty() {
        return Vec::new();
    }
    vec![Package { name: name.to_owned(), sections }]
}
