//! Addresses of interfaces.

use std::net::{IpAddr, Ipv6Addr};

use serde_json::{Map, Value, json};

use super::Section;
use crate::Unreadable;
use crate::parse::section::words;
use crate::schema::network;

/// The options that give an interface its fixed addresses, how long the prefix of a bare address is,
/// and the option that names the way out.
const FAMILIES: [(&str, &str, &str); 2] =
    [("ipaddr", "32", "gateway"), ("ip6addr", "128", "ip6gw")];

/// Takes what gives an interface its addresses out of `section`.
pub(super) fn take(section: &mut Section) -> Result<Vec<Value>, Unreadable> {
    let mut addresses = Vec::new();
    match section.options.get("proto").and_then(Value::as_str) {
        Some("dhcp") => addresses.push(json!({"proto": "dhcp", "family": "ipv4"})),
        Some("dhcpv6") => addresses.push(json!({"proto": "dhcp", "family": "ipv6"})),
        _ => {}
    }
    for (key, whole, gateway) in FAMILIES {
        let known = addresses.len();
        for (address, mask) in stated(section, key, whole)? {
            let text = if address.contains('/') { address } else { format!("{address}/{mask}") };
            let fixed = fixed(&text).ok_or_else(|| section.wrong(key, "is no address"))?;
            addresses.push(fixed.into());
        }
        lead_out(section, gateway, &mut addresses[known..])?;
    }
    Ok(addresses)
}

/// Addresses of one family with the mask of those that have none of their own.
fn stated(
    section: &mut Section,
    key: &str,
    whole: &str,
) -> Result<Vec<(String, String)>, Unreadable> {
    let listed = section.options.get(key).is_some_and(Value::is_array);
    if listed {
        let addresses = section.take_words(key).unwrap_or_default();
        return Ok(addresses.into_iter().map(|address| (address, whole.to_owned())).collect());
    }
    let Some(address) = section.take_text(key)? else { return Ok(Vec::new()) };
    let mask = if key == "ipaddr" { section.take_text("netmask")? } else { None };
    if address.is_empty() {
        return Ok(Vec::new());
    }
    Ok(vec![(address, mask.unwrap_or_else(|| whole.to_owned()))])
}

/// Gives a gateway to the address whose network it is in.
fn lead_out(section: &mut Section, key: &str, addresses: &mut [Value]) -> Result<(), Unreadable> {
    let gateway = section.options.get(key).filter(|gateway| *gateway != "");
    let Some(gateway) = gateway.filter(|_| !addresses.is_empty()) else { return Ok(()) };
    let Some(gateway) = gateway.as_str().and_then(|text| text.parse::<IpAddr>().ok()) else {
        return Err(section.wrong(key, "is no address"));
    };
    for address in addresses.iter_mut().filter_map(Value::as_object_mut) {
        let of = |key: &str| address.get(key).map(crate::literal::text).unwrap_or_default();
        let own = network(&format!("{}/{}", of("address"), of("mask")));
        if own.is_some_and(|(own, length)| covers(own, length, gateway)) {
            let gateway = section.take(key).unwrap_or_default();
            address.insert("gateway".into(), gateway);
            break;
        }
    }
    Ok(())
}

fn covers(own: IpAddr, length: u32, other: IpAddr) -> bool {
    match (own, other) {
        (IpAddr::V4(own), IpAddr::V4(other)) => {
            (u32::from(own) ^ u32::from(other)).leading_zeros() >= length
        }
        (IpAddr::V6(own), IpAddr::V6(other)) => {
            (u128::from(own) ^ u128::from(other)).leading_zeros() >= length
        }
        _ => false,
    }
}

/// An address with a prefix length or mask behind a slash.
fn fixed(text: &str) -> Option<Map<String, Value>> {
    let (address, length) = network(text)?;
    let family = if address.is_ipv6() { "ipv6" } else { "ipv4" };
    let fixed = json!({
        "address": plain(address), "mask": length, "proto": "static", "family": family,
    });
    fixed.as_object().cloned()
}

/// Takes the addresses of a tunnel out of `section`; each has its mask.
pub(super) fn take_tunnel(section: &mut Section) -> Result<Vec<Value>, Unreadable> {
    let Some(addresses) = section.options.get("addresses") else {
        return Err(section.wrong("addresses", "is missing"));
    };
    let addresses: Vec<String> = match addresses {
        Value::Array(items) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        other => words(other.as_str().unwrap_or_default()).map(str::to_owned).collect(),
    };
    let fixed = addresses
        .iter()
        .map(|text| fixed(text).filter(|_| text.contains('/')).map(Value::Object))
        .collect::<Option<Vec<Value>>>();
    let fixed = fixed.ok_or_else(|| section.wrong("addresses", "holds no address with mask"));
    section.take("addresses");
    fixed
}

/// An address with its prefix length, host bits kept.
pub(super) fn prefix(text: &str) -> Option<String> {
    let (address, length) = network(text)?;
    Some(format!("{}/{length}", plain(address)))
}

/// IPv4 addresses inside IPv6 are written like any other.
fn plain(address: IpAddr) -> String {
    match address {
        IpAddr::V6(sixth) if sixth.to_ipv4_mapped().is_some() => {
            let [.., high, low] = Ipv6Addr::segments(&sixth);
            format!("::ffff:{high:x}:{low:x}")
        }
        other => other.to_string(),
    }
}
