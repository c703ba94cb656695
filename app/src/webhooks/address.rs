//! Where webhooks may point to: anybody who may make one could otherwise ask machines of the operator's own network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use domain::Problem;
use url::{Host, Url};

/// Characters of an address.
const LONGEST: usize = 2000;

/// An address as it is kept. Without `private` it has to begin with `https://`, and must not name an address of a machine that
/// is not public; what names resolve to is looked at whenever something is delivered.
pub(super) fn checked(text: &str, private: bool) -> Result<String, Problem> {
    let rule = |text: &str| Problem::Rule(text.to_owned());
    let length = text.chars().count();
    if length > LONGEST {
        return Err(Problem::TooLong { max: LONGEST, length });
    }
    let url = Url::parse(text.trim());
    let url = url.map_err(|_| rule("must be an address such as https://example.org/events"))?;
    match url.scheme() {
        "https" => {}
        "http" if private => {}
        "http" => return Err(rule("must begin with https://")),
        _ => return Err(rule("must be an address such as https://example.org/events")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(rule("must not have a user or a password: deliveries are signed"));
    }
    if url.fragment().is_some() {
        return Err(rule("must not have a part after `#`"));
    }
    let public = match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name != "localhost" && !name.ends_with(".localhost")
        }
        Some(Host::Ipv4(address)) => is_public(address.into()),
        Some(Host::Ipv6(address)) => is_public(address.into()),
        None => return Err(rule("must name a host")),
    };
    if !public && !private {
        return Err(rule(
            "must be reachable from everywhere: private addresses are not delivered to",
        ));
    }
    Ok(url.to_string())
}

/// Is it an address of a machine that everybody can reach (IANA's registries of special-purpose addresses, RFC 6890)? Addresses
/// that stand for others (IPv4 inside of IPv6, NAT64, 6to4, Teredo) are none.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    // This network, private ones, and loopback; multicast, reserved, broadcast.
    let own = matches!((a, b), (0 | 10 | 127 | 224.., _) | (172, 16..=31) | (192, 168));
    // Carriers' own (RFC 6598), and link-local, where clouds tell machines about themselves.
    let near = matches!((a, b), (100, 64..=127) | (169, 254));
    // Protocols, documentation, relays, measurements.
    let special = matches!(
        (a, b, c),
        (192, 0, 0 | 2) | (192, 88, 99) | (198, 18 | 19, _) | (198, 51, 100) | (203, 0, 113)
    );
    !(own || near || special)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    // All that is given to anybody; outside of it are loopback, link-local, unique local, multicast, and what stands for IPv4.
    let global = a & 0xe000 == 0x2000;
    let special = matches!(
        (a, b),
        // Protocols, Teredo among them; documentation; 6to4.
        (0x2001, 0..=0x01ff | 0x0db8) | (0x2002, _) | (0x3fff, 0..=0x0fff)
    );
    global && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_of_ones_own_network_are_not_public() {
        for private in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.8.8.8",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::8.8.8.8",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "64:ff9b::7f00:1",
            "64:ff9b::808:808",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(private.parse().expect(private)), "{private}");
        }
    }

    #[test]
    fn machines_of_everybody_are() {
        for public in [
            "1.1.1.1",
            "9.9.9.9",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.167.1.1",
            "198.17.0.1",
            "223.255.255.254",
            "2001:200::1",
            "2606:4700::1111",
            "2a00:1450:4001::1",
            "3ffe::1",
        ] {
            assert!(is_public(public.parse().expect(public)), "{public}");
        }
    }

    #[test]
    fn an_address_is_kept_in_one_spelling() {
        assert_eq!(
            checked(" HTTPS://Hooks.Example.org:443/a?b=c ", false),
            Ok("https://hooks.example.org/a?b=c".to_owned())
        );
    }

    #[test]
    fn addresses_that_lead_inside_are_refused_unless_they_are_allowed() {
        for inside in [
            "http://hooks.example.org/",
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f.0.0.1/",
            "https://0177.0.0.1/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://localhost/",
            "https://LOCALHOST./",
            "https://a.localhost/",
            "https://１２７.0.0.1/",
        ] {
            assert!(checked(inside, false).is_err(), "{inside}");
            assert!(checked(inside, true).is_ok(), "{inside}");
        }
    }

    #[test]
    fn what_is_no_address_of_the_web_is_refused() {
        for wrong in [
            "",
            "hooks.example.org",
            "ftp://example.org/",
            "file:///etc/passwd",
            "https://",
            "https://user@example.org/",
            "https://user:word@example.org/",
            "https://example.org/#part",
            &format!("https://example.org/{}", "a".repeat(2000)),
        ] {
            assert!(checked(wrong, true).is_err(), "{wrong}");
        }
    }
}
