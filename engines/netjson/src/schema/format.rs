//! The formats that are checked; any other name is a hint for forms.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether `text` has the format called `name`.
pub(super) fn fits(name: &str, text: &str) -> bool {
    match name {
        "ipv4" => text.parse::<Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<Ipv6Addr>().is_ok(),
        "cidr" => {
            scoped_network(text).is_some_and(|(address, length)| !has_host_bits(address, length))
        }
        "hostname" => is_hostname(text),
        _ => true,
    }
}

/// Whether the format called `name` is one that is checked.
pub(super) fn is_checked(name: &str) -> bool {
    matches!(name, "ipv4" | "ipv6" | "cidr" | "hostname")
}

/// The same of an IPv6 address that may have a zone behind it (`fe80::1%eth0`), which is no part of the network.
pub(crate) fn scoped_network(text: &str) -> Option<(IpAddr, u32)> {
    let (address, mask) = match text.split_once('/') {
        Some((address, mask)) => (address, format!("/{mask}")),
        None => (text, String::new()),
    };
    let Some((address, zone)) = address.split_once('%') else { return network(text) };
    if zone.is_empty() || zone.contains('%') || address.parse::<Ipv6Addr>().is_err() {
        return None;
    }
    network(&format!("{address}{mask}"))
}

/// The address and prefix length of `address`, `address/length` or `address/netmask`.
pub(crate) fn network(text: &str) -> Option<(IpAddr, u32)> {
    let (address, mask) = match text.split_once('/') {
        Some((address, mask)) => (address, Some(mask)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let widest = if address.is_ipv4() { 32 } else { 128 };
    let length = match mask {
        None => widest,
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok()?,
        Some(mask) if address.is_ipv4() => netmask_length(mask.parse().ok()?)?,
        Some(_) => return None,
    };
    (length <= widest).then_some((address, length))
}

/// Netmasks and, where they cannot be mistaken for one, host masks.
fn netmask_length(mask: Ipv4Addr) -> Option<u32> {
    let bits = u32::from(mask);
    [bits, !bits].into_iter().find_map(|bits| {
        let length = bits.leading_ones();
        (bits.count_ones() == length).then_some(length)
    })
}

fn has_host_bits(address: IpAddr, length: u32) -> bool {
    match address {
        IpAddr::V4(v4) => u32::from(v4).checked_shl(length).unwrap_or(0) != 0,
        IpAddr::V6(v6) => u128::from(v6).checked_shl(length).unwrap_or(0) != 0,
    }
}

/// Two to 256 letters, digits, dots and dashes, no label above 63.
fn is_hostname(text: &str) -> bool {
    let line = text.strip_suffix('\n').unwrap_or(text);
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-';
    (2..=256).contains(&line.len())
        && line.as_bytes()[0].is_ascii_alphanumeric()
        && line.bytes().all(allowed)
        && text.split('.').all(|label| label.len() <= 63)
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_cidr_has_no_host_bits() {
        for good in
            ["10.0.0.0/8", "10.0.0.1", "0.0.0.0/0", "10.0.0.0/255.0.0.0", "fd00::/8", "::/0"]
        {
            assert!(fits("cidr", good), "{good}");
        }
        for bad in ["10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8/8", "fd00::1/64", "x", ""]
        {
            assert!(!fits("cidr", bad), "{bad}");
        }
        for good in ["::1%eth0", "fe80::%a/64"] {
            assert!(fits("cidr", good) && !fits("ipv6", good), "{good}");
        }
        for bad in ["fe80::1%a/64", "::%/0", "::1%a%b", "10.0.0.0%a/8"] {
            assert!(!fits("cidr", bad), "{bad}");
        }
    }

    #[test]
    fn a_hostname_has_two_characters_and_short_labels() {
        for good in ["ab", "a-b.c", "9a", "a."] {
            assert!(fits("hostname", good), "{good}");
        }
        let long = "a".repeat(64);
        for bad in ["a", "", "-a", ".a", "a_b", "é1", "{{ name }}", long.as_str()] {
            assert!(!fits("hostname", bad), "{bad}");
        }
    }
}
