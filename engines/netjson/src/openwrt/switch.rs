//! `switch`: switches of systems before OpenWrt 21 and their VLANs, sections of `network`.

use serde_json::Value;

use super::section::{Options, section, take_given};
use super::{Package, Source, package};
use crate::literal;

pub(super) fn packages(source: Source<'_>) -> Vec<Package> {
    package("network", source.objects("switch").cloned().flat_map(sections).collect())
}

fn sections(mut options: Options) -> Vec<Value> {
    let name = options.get("name").cloned().unwrap_or_default();
    let vlans = options.remove("vlan");
    let id = take_given(&mut options, "id").unwrap_or_else(|| name.clone());
    let mut sections = vec![section("switch", id, options)];
    let vlans = vlans.as_ref().and_then(Value::as_array).into_iter().flatten();
    for (index, vlan) in vlans.filter_map(Value::as_object).enumerate() {
        sections.push(vlan_section(&literal::text(&name), index, vlan.clone()));
    }
    sections
}

fn vlan_section(switch: &str, index: usize, mut options: Options) -> Value {
    let id = take_given(&mut options, "id")
        .unwrap_or_else(|| format!("{switch}_vlan{}", index + 1).into());
    let vlan = options.get("vlan").cloned().unwrap_or_default();
    options.entry("vid").or_insert(vlan);
    section("switch_vlan", id, options)
}
