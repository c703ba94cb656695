//! Which syntax of switch and VLAN configuration a device understands.

use std::sync::LazyLock;

use regex::Regex;

/// The first release whose network configuration knows devices apart from interfaces.
const FIRST_RELEASE: u32 = 21;

static RELEASE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)openwrt\s*([0-9]+)").expect("a constant pattern"));

/// Whether the operating system described by `os` (a device reports it, for example
/// `OpenWrt 23.05.3 r23809`) takes the syntax of OpenWrt 21 and later. Unknown systems do.
pub fn is_openwrt_dsa(os: &str) -> bool {
    RELEASE.captures(os).is_none_or(|found| {
        // A number too large to read is a late release.
        found[1].parse::<u32>().map_or(true, |release| release >= FIRST_RELEASE)
    })
}

#[cfg(test)]
mod tests {
    use super::is_openwrt_dsa;

    #[test]
    fn releases_decide_and_unknown_systems_are_recent() {
        for recent in
            ["OpenWrt 21.02.0", "openwrt23.05", "OPENWRT  22.03.5", "", "LEDE", "OpenWrt SNAPSHOT"]
        {
            assert!(is_openwrt_dsa(recent), "{recent}");
        }
        for old in ["OpenWrt 19.07.2", "OpenWrt 18.06", "x openwrt 15.05"] {
            assert!(!is_openwrt_dsa(old), "{old}");
        }
    }
}
