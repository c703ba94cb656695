//! `addresses` of an interface: static ones share a section, each dynamic one has its own.

use serde_json::Value;

use super::routes::netmask;
use super::section::{Options, text, word};
use crate::ValidationError;

/// What addresses mean for the sections of their interface.
#[derive(Debug, Default)]
pub(super) struct Addressing {
    /// Options of one section each, `proto` among them.
    pub(super) groups: Vec<Options>,
    /// Options of all sections, whatever address stated them.
    pub(super) gateways: Options,
}

/// What is said in options of other names.
const CONSUMED: [&str; 5] = ["proto", "family", "address", "mask", "gateway"];

pub(super) fn addressing(index: usize, interface: &Options) -> Result<Addressing, ValidationError> {
    let addresses: Vec<&Options> = interface
        .get("addresses")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .collect();
    let complete = |position: usize| {
        let address = addresses[position];
        if address.contains_key("address") && address.contains_key("mask") {
            return Ok(address);
        }
        Err(ValidationError::at(
            &format!("interfaces/{index}/addresses/{position}"),
            "An address needs \"address\" and \"mask\".",
        ))
    };
    let prefix = |position: usize| {
        let address = complete(position)?;
        Ok(format!("{}/{}", word(address.get("address")), word(address.get("mask"))))
    };
    let mut addressing = Addressing::default();
    match text(interface, "type") {
        "wireguard" => {
            let prefixes = (0..addresses.len()).map(|position| prefix(position).map(Value::from));
            let mut group = proto("wireguard");
            group.insert("addresses".into(), prefixes.collect::<Result<_, _>>()?);
            addressing.groups.push(group);
            return Ok(addressing);
        }
        "wireless" => {}
        _ if addresses.is_empty() => addressing.groups.push(proto("none")),
        _ => {}
    }

    let mut fixed = Options::new();
    let (mut fourth, mut sixth) = (Vec::new(), Vec::new());
    for (position, address) in addresses.iter().enumerate() {
        let version_6 = text(address, "family") == "ipv6";
        if text(address, "proto") == "static" {
            complete(position)?;
            if version_6 { &mut sixth } else { &mut fourth }.push(position);
            fixed.extend(extra(address));
            // An empty one takes back that of an earlier address.
            if let Some(gateway) = address.get("gateway") {
                let key = if version_6 { "ip6gw" } else { "gateway" };
                addressing.gateways.insert(key.to_owned(), gateway.clone());
            }
        } else {
            let mut group = proto(if version_6 { "dhcpv6" } else { "dhcp" });
            group.extend(extra(address));
            addressing.groups.push(group);
        }
    }
    if fourth.is_empty() && sixth.is_empty() {
        return Ok(addressing);
    }
    fixed.extend(proto("static"));
    match fourth[..] {
        [] => {}
        [only] => {
            let mask = addresses[only].get("mask").and_then(Value::as_u64).unwrap_or(32);
            let mask = netmask(u32::try_from(mask).unwrap_or(32).min(32));
            fixed.insert("ipaddr".into(), word(addresses[only].get("address")).into());
            fixed.insert("netmask".into(), mask.to_string().into());
        }
        _ => {
            let prefixes = fourth.into_iter().map(|position| prefix(position).map(Value::from));
            fixed.insert("ipaddr".into(), prefixes.collect::<Result<_, _>>()?);
        }
    }
    match sixth[..] {
        [] => {}
        [only] => {
            fixed.insert("ip6addr".into(), prefix(only)?.into());
        }
        _ => {
            let prefixes = sixth.into_iter().map(|position| prefix(position).map(Value::from));
            fixed.insert("ip6addr".into(), prefixes.collect::<Result<_, _>>()?);
        }
    }
    addressing.groups.insert(0, fixed);
    Ok(addressing)
}

fn proto(name: &str) -> Options {
    Options::from_iter([("proto".to_owned(), name.into())])
}

fn extra(address: &Options) -> impl Iterator<Item = (String, Value)> {
    let others = address.iter().filter(|(key, _)| !CONSUMED.contains(&key.as_str()));
    others.map(|(key, value)| (key.clone(), value.clone()))
}
