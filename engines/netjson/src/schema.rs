//! Checks values against the recorded JSON Schemas (draft 4) of the backends.
//!
//! Which error is reported matters, because people see it and clients compare it: the first one,
//! going through the keywords in the order in which they stand in the schema. General validators
//! have an order of their own, so this one walks the schema as it is written.

mod compiled;
mod format;
mod message;
mod violation;
mod walk;

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};

use self::compiled::Compiled;
pub(crate) use self::format::{network, scoped_network};
pub use self::violation::{MAX_VIOLATIONS, Violation};
use crate::{Backend, ValidationError};

macro_rules! embedded {
    ($($name:ident = $file:literal,)*) => {$(
        static $name: LazyLock<Schema> =
            LazyLock::new(|| Schema::parse(include_str!(concat!("data/schema-", $file, ".json"))));
    )*};
}

embedded! {
    OPENWRT = "openwrt",
    OPENWISP = "openwisp",
    OPENVPN = "openvpn",
    WIREGUARD = "wireguard",
    VXLAN_WIREGUARD = "vxlan_wireguard",
    ZEROTIER = "zerotier",
    OPENVPN_SERVER = "vpn-server-openvpn",
    WIREGUARD_SERVER = "vpn-server-wireguard",
    VXLAN_WIREGUARD_SERVER = "vpn-server-vxlan_wireguard",
    ZEROTIER_SERVER = "vpn-server-zerotier",
}

/// The schema of `backend`.
pub(crate) fn of(backend: Backend) -> &'static Schema {
    match backend {
        Backend::OpenWrt => &OPENWRT,
        Backend::OpenWisp => &OPENWISP,
        Backend::OpenVpn => &OPENVPN,
        Backend::Wireguard => &WIREGUARD,
        Backend::VxlanWireguard => &VXLAN_WIREGUARD,
        Backend::ZeroTier => &ZEROTIER,
    }
}

/// The schema of `backend` for the servers of virtual private networks.
pub(crate) fn of_server(backend: Backend) -> Option<&'static Schema> {
    match backend {
        Backend::OpenWrt | Backend::OpenWisp => None,
        Backend::OpenVpn => Some(&OPENVPN_SERVER),
        Backend::Wireguard => Some(&WIREGUARD_SERVER),
        Backend::VxlanWireguard => Some(&VXLAN_WIREGUARD_SERVER),
        Backend::ZeroTier => Some(&ZEROTIER_SERVER),
    }
}

/// The JSON Schema (draft 4) that configurations of `backend` follow, for form editors and other
/// validators. The order of keys is part of it: it decides which error is reported first. Defaults in
/// it are for forms only, no rendering puts them in.
pub fn schema(backend: Backend) -> &'static Value {
    &of(backend).root
}

/// The narrower schema for the server of a virtual private network: one entry, without what the
/// network fills in itself (keys, addresses, peers). Nothing for the backends of devices.
pub fn vpn_server_schema(backend: Backend) -> Option<&'static Value> {
    of_server(backend).map(|schema| &schema.root)
}

/// A schema with its patterns compiled.
pub(crate) struct Schema {
    root: Value,
    patterns: HashMap<String, Regex>,
    compiled: Compiled,
}

impl Schema {
    fn parse(text: &str) -> Self {
        let root = serde_json::from_str(text).expect("the embedded schema is JSON");
        let mut patterns = HashMap::new();
        collect_patterns(&root, &mut patterns);
        let compiled = Compiled::of(&root, &patterns);
        Self { root, patterns, compiled }
    }

    /// Whether `key` is a property that the schema knows at the top level.
    pub(crate) fn knows(&self, key: &str) -> bool {
        self.root.get("properties").and_then(|properties| properties.get(key)).is_some()
    }

    /// Reports the first error in `config`.
    pub(crate) fn validate(&self, config: &Map<String, Value>) -> Result<(), ValidationError> {
        if self.compiled.accepts(config) {
            return Ok(());
        }
        // The walk borrows a value; a map cannot be lent as one.
        let config = Value::Object(config.clone());
        let fault = self.faults(&config, &self.root, 1).pop();
        fault.map_or(Ok(()), |fault| {
            let message = fault.cause.message(fault.instance);
            Err(ValidationError::at(&fault.path(), message))
        })
    }

    /// Reports the errors in `config` in their order, `limit` at most.
    pub(crate) fn violations(&self, config: &Map<String, Value>, limit: usize) -> Vec<Violation> {
        if self.compiled.accepts(config) {
            return Vec::new();
        }
        let config = Value::Object(config.clone());
        let faults = self.faults(&config, &self.root, limit);
        faults.into_iter().map(|fault| self.violation(fault)).collect()
    }
}

fn choices(rule: &Value) -> &[Value] {
    rule.as_array().map_or(&[], Vec::as_slice)
}

fn count(rule: &Value, otherwise: usize) -> usize {
    rule.as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(otherwise)
}

fn has_type(instance: &Value, rule: &Value) -> bool {
    match rule {
        Value::String(name) => match name.as_str() {
            "null" => instance.is_null(),
            "boolean" => instance.is_boolean(),
            "string" => instance.is_string(),
            "number" => instance.is_number(),
            // A float is no integer, not even a whole one.
            "integer" => instance.is_i64() || instance.is_u64(),
            "array" => instance.is_array(),
            "object" => instance.is_object(),
            _ => false,
        },
        Value::Array(names) => names.iter().any(|name| has_type(instance, name)),
        _ => true,
    }
}

fn collect_patterns(schema: &Value, patterns: &mut HashMap<String, Regex>) {
    match schema {
        Value::Object(map) => {
            if let Some(Value::String(pattern)) = map.get("pattern") {
                // `$` also stands before a final line feed.
                let anchored = pattern.replace('$', r"(?:\n?\z)");
                // Four separators of ASCII are white space to the engine in the field.
                let anchored =
                    anchored.replace(r"[^\s]", r"[^\s\x1c-\x1f]").replace(r"\S", r"[^\s\x1c-\x1f]");
                let regex = Regex::new(&anchored).expect("the embedded schema's patterns compile");
                patterns.insert(pattern.clone(), regex);
            }
            map.values().for_each(|value| collect_patterns(value, patterns));
        }
        Value::Array(items) => items.iter().for_each(|value| collect_patterns(value, patterns)),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
