//! `routes`: static routes, sections of `network`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::Value;

use super::section::{Options, rename, section, take_given, text};
use super::{Package, Source, package};
use crate::ValidationError;
use crate::schema::scoped_network;

pub(super) fn packages(source: Source<'_>) -> Result<Vec<Package>, ValidationError> {
    let routes: Result<_, _> = source
        .objects("routes")
        .cloned()
        .enumerate()
        .map(|(index, route)| section_of(index, route))
        .collect();
    Ok(package("network", routes?))
}

fn section_of(index: usize, mut options: Options) -> Result<Value, ValidationError> {
    let destination = text(&options, "destination").to_owned();
    let Some((address, length)) = scoped_network(&destination) else {
        return Err(ValidationError::at(
            &format!("routes/{index}/destination"),
            format!("\"{destination}\" is neither an IPv4 nor an IPv6 network."),
        ));
    };
    options.remove("destination");
    let name =
        take_given(&mut options, "name").unwrap_or_else(|| format!("route{}", index + 1).into());
    rename(&mut options, "device", "interface");
    rename(&mut options, "next", "gateway");
    rename(&mut options, "cost", "metric");
    let kind = match address {
        IpAddr::V4(address) => {
            options.insert("target".into(), address.to_string().into());
            options.insert("netmask".into(), netmask(length).to_string().into());
            "route"
        }
        IpAddr::V6(address) => {
            options.insert("target".into(), prefix(address, length).into());
            "route6"
        }
    };
    Ok(section(kind, name, options))
}

/// The netmask of an IPv4 prefix.
pub(super) fn netmask(length: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::MAX.checked_shl(32_u32.saturating_sub(length)).unwrap_or(0))
}

/// `address/length` without host bits. IPv4 addresses inside IPv6 are written like any other.
fn prefix(address: Ipv6Addr, length: u32) -> String {
    let mask = u128::MAX.checked_shl(128_u32.saturating_sub(length)).unwrap_or(0);
    let network = Ipv6Addr::from(u128::from(address) & mask);
    match network.to_ipv4_mapped() {
        Some(_) => {
            let [.., high, low] = network.segments();
            format!("::ffff:{high:x}:{low:x}/{length}")
        }
        None => format!("{network}/{length}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{netmask, prefix};

    #[test]
    fn masks_and_prefixes_cover_all_lengths() {
        assert_eq!(netmask(0).to_string(), "0.0.0.0");
        assert_eq!(netmask(17).to_string(), "255.255.128.0");
        assert_eq!(netmask(32).to_string(), "255.255.255.255");
        assert_eq!(prefix("FD89:0::5".parse().unwrap(), 64), "fd89::/64");
        assert_eq!(prefix("1::1".parse().unwrap(), 0), "::/0");
        assert_eq!(prefix("::ffff:1.2.3.4".parse().unwrap(), 128), "::ffff:102:304/128");
    }
}
