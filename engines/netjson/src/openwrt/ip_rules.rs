//! `ip_rules`: policy routing, sections of `network`.

use serde_json::Value;

use super::section::{Options, section, take_given};
use super::{Package, Source, package};
use crate::schema::network;

pub(super) fn packages(source: Source<'_>) -> Vec<Package> {
    let rules = source.objects("ip_rules").cloned().enumerate();
    package("network", rules.map(|(index, rule)| section_of(index, rule)).collect())
}

fn section_of(index: usize, mut options: Options) -> Value {
    let name =
        take_given(&mut options, "name").unwrap_or_else(|| format!("rule{}", index + 1).into());
    let address = options.get("dest").or_else(|| options.get("src")).and_then(Value::as_str);
    let sixth = address.and_then(network).is_some_and(|(address, _)| address.is_ipv6());
    section(if sixth { "rule6" } else { "rule" }, name, options)
}
