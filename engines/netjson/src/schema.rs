//! Checks values against the recorded JSON Schemas (draft 4) of the backends.
//!
//! Which error is reported matters, because people see it and clients compare it: the first one,
//! going through the keywords in the order in which they stand in the schema. General validators
//! have an order of their own, so this one walks the schema as it is written.

mod compiled;
mod format;
mod message;

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};

use self::compiled::Compiled;
pub(crate) use self::format::network;
use self::message::Cause;
use crate::equality::{Booleans, Seen, equal};
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
fn of_server(backend: Backend) -> Option<&'static Schema> {
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

/// The first thing wrong with a value, and where; steps are collected from the inside out.
struct Fault<'a> {
    steps: Vec<String>,
    instance: &'a Value,
    cause: Cause<'a>,
}

impl Fault<'_> {
    fn inside(mut self, step: impl ToString) -> Self {
        self.steps.push(step.to_string());
        self
    }
}

type Checked<'a> = Result<(), Fault<'a>>;

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
        self.check(&config, &self.root).map_err(|fault| {
            let steps: Vec<&str> = fault.steps.iter().rev().map(String::as_str).collect();
            ValidationError::at(&steps.join("/"), fault.cause.message(fault.instance))
        })
    }

    fn check<'a>(&'a self, instance: &'a Value, schema: &'a Value) -> Checked<'a> {
        let Value::Object(schema) = schema else { return Ok(()) };
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let target = reference.strip_prefix('#').and_then(|path| self.root.pointer(path));
            return target.map_or(Ok(()), |target| self.check(instance, target));
        }
        for (keyword, rule) in schema {
            self.keyword(instance, schema, keyword, rule)?;
        }
        Ok(())
    }

    fn is_valid(&self, instance: &Value, schema: &Value) -> bool {
        self.check(instance, schema).is_ok()
    }

    fn keyword<'a>(
        &'a self,
        instance: &'a Value,
        schema: &'a Map<String, Value>,
        keyword: &str,
        rule: &'a Value,
    ) -> Checked<'a> {
        let fail = |cause| Err(Fault { steps: Vec::new(), instance, cause });
        match (keyword, instance) {
            ("type", _) if !has_type(instance, rule) => fail(Cause::Type(rule)),
            ("enum", _) if !choices(rule).iter().any(|c| equal(c, instance, Booleans::Apart)) => {
                fail(Cause::Enum(rule))
            }
            ("allOf", _) => choices(rule).iter().try_for_each(|part| self.check(instance, part)),
            ("anyOf", _) if !choices(rule).iter().any(|part| self.is_valid(instance, part)) => {
                fail(Cause::NoBranch)
            }
            ("oneOf", _) => {
                let fitting: Vec<&Value> =
                    choices(rule).iter().filter(|part| self.is_valid(instance, part)).collect();
                match fitting.len() {
                    0 => fail(Cause::NoBranch),
                    1 => Ok(()),
                    _ => fail(Cause::ManyBranches(fitting)),
                }
            }
            ("not", _) if self.is_valid(instance, rule) => fail(Cause::Not(rule)),
            ("properties", Value::Object(map)) => self.properties(map, rule),
            ("required", Value::Object(map)) => {
                let missing = choices(rule)
                    .iter()
                    .filter_map(Value::as_str)
                    .find(|name| !map.contains_key(*name));
                missing.map_or(Ok(()), |name| fail(Cause::Required(name)))
            }
            ("additionalProperties", Value::Object(map)) => {
                let known = schema.get("properties").and_then(Value::as_object);
                let mut extra: Vec<&str> = map
                    .keys()
                    .map(String::as_str)
                    .filter(|name| !known.is_some_and(|known| known.contains_key(*name)))
                    .collect();
                match rule {
                    Value::Bool(false) if !extra.is_empty() => {
                        extra.sort_unstable();
                        fail(Cause::Unexpected(extra))
                    }
                    Value::Object(_) => extra.into_iter().try_for_each(|name| {
                        self.check(&map[name], rule).map_err(|fault| fault.inside(name))
                    }),
                    _ => Ok(()),
                }
            }
            ("items", Value::Array(items)) => {
                items.iter().enumerate().try_for_each(|(index, item)| {
                    self.check(item, rule).map_err(|fault| fault.inside(index))
                })
            }
            ("minItems", Value::Array(items)) if items.len() < count(rule, 0) => {
                fail(Cause::TooShort(count(rule, 0)))
            }
            ("maxItems", Value::Array(items)) if items.len() > count(rule, usize::MAX) => {
                fail(Cause::TooLong)
            }
            ("uniqueItems", Value::Array(items)) if rule == &Value::Bool(true) => {
                let mut seen = Seen::new(Booleans::Apart);
                if items.iter().all(|item| seen.insert(item)) {
                    Ok(())
                } else {
                    fail(Cause::Repeated)
                }
            }
            ("minLength", Value::String(text)) if text.chars().count() < count(rule, 0) => {
                fail(Cause::TooShort(count(rule, 0)))
            }
            ("maxLength", Value::String(text))
                if text.chars().count() > count(rule, usize::MAX) =>
            {
                fail(Cause::TooLong)
            }
            ("pattern", Value::String(text)) => {
                let pattern = rule.as_str().and_then(|pattern| self.patterns.get(pattern));
                match pattern {
                    Some(pattern) if !pattern.is_match(text) => fail(Cause::Pattern(rule)),
                    _ => Ok(()),
                }
            }
            ("format", Value::String(text)) => match rule.as_str() {
                Some(name) if !format::fits(name, text) => fail(Cause::Format(rule)),
                _ => Ok(()),
            },
            ("minimum", Value::Number(number)) if number.as_f64() < rule.as_f64() => {
                fail(Cause::Minimum(rule))
            }
            ("maximum", Value::Number(number)) if number.as_f64() > rule.as_f64() => {
                fail(Cause::Maximum(rule))
            }
            _ => Ok(()),
        }
    }

    fn properties<'a>(&'a self, map: &'a Map<String, Value>, rule: &'a Value) -> Checked<'a> {
        let Value::Object(properties) = rule else { return Ok(()) };
        for (name, schema) in properties {
            if let Some(value) = map.get(name) {
                self.check(value, schema).map_err(|fault| fault.inside(name))?;
            }
        }
        Ok(())
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
