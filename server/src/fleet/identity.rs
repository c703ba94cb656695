//! What a simulated device is: addresses, name, model, system.
//!
//! Everything follows from the seed and the number of the device, so a second fleet with the same
//! seed is the same fleet.

use md5::{Digest, Md5};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What the device's board and its operator decided, before any server is asked.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    /// Upper case with colons, as `ifconfig` prints it.
    pub(super) mac_address: String,
    /// The host name, or the MAC address on a device that nobody has named.
    pub(super) name: String,
    /// The board.
    pub(super) model: &'static str,
    /// `release.description` of the board.
    pub(super) os: String,
    /// What the CPU calls itself.
    pub(super) system: &'static str,
    /// The address in the management network, unique in the fleet.
    pub(super) management_address: String,
    /// Agents before 1.1 report a failed configuration without saying why.
    pub(super) explains_errors: bool,
}

impl Identity {
    /// The device with this number in the fleet of this seed.
    pub(super) fn new(seed: u64, number: u32) -> Self {
        let mut rng = generator(seed, number, Purpose::Identity);
        let [fleet_high, fleet_low] = fleet_bytes(seed);
        let [_, high, middle, low] = number.to_be_bytes();
        let mac_address =
            format!("02:{fleet_high:02X}:{fleet_low:02X}:{high:02X}:{middle:02X}:{low:02X}");
        let (model, system) = BOARDS[rng.random_range(0..BOARDS.len())];
        let name = if rng.random_bool(UNNAMED_SHARE) {
            mac_address.clone()
        } else {
            let role = ROLES[rng.random_range(0..ROLES.len())];
            let place = PLACES[rng.random_range(0..PLACES.len())];
            format!("{role}-{place}-{fleet_high:02x}{fleet_low:02x}-{number:04}")
        };
        Self {
            name,
            model,
            os: RELEASES[rng.random_range(0..RELEASES.len())].to_owned(),
            system,
            management_address: format!("10.{high}.{middle}.{low}"),
            explains_errors: rng.random_bool(EXPLAINING_SHARE),
            mac_address,
        }
    }

    /// The key that a device computes for itself: MD5 of MAC address, `+`, shared secret.
    pub(super) fn consistent_key(&self, secret: &str) -> String {
        md5_hex(format!("{}+{secret}", self.mac_address).as_bytes())
    }
}

/// What the numbers of a generator are used for; each purpose has a stream of its own, so that a
/// lost answer changes pauses and nothing else.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    /// Who the device is.
    Identity,
    /// How long it waits.
    Pauses,
}

/// The generator of one device for one purpose.
pub(super) fn generator(seed: u64, number: u32, purpose: Purpose) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(u64::from(number) << 1 | purpose as u64);
    rng
}

/// Whether this device fails to apply the archive with this checksum.
///
/// The answer follows from seed, device and archive: a configuration that broke a device breaks it
/// again, however often it is tried.
pub(super) fn fails(seed: u64, mac_address: &str, checksum: &str, share: f64) -> bool {
    let digest = Md5::digest(format!("{seed}/{mac_address}/{checksum}"));
    let mut head = [0_u8; 4];
    head.copy_from_slice(&digest[..4]);
    f64::from(u32::from_be_bytes(head)) < share * f64::from(u32::MAX) || share >= 1.0
}

/// Lower-case hexadecimal MD5.
pub(super) fn md5_hex(bytes: &[u8]) -> String {
    hex::encode(Md5::digest(bytes))
}

/// Two bytes that tell fleets of different seeds apart.
fn fleet_bytes(seed: u64) -> [u8; 2] {
    let digest = Md5::digest(seed.to_be_bytes());
    [digest[0], digest[1]]
}

const UNNAMED_SHARE: f64 = 0.3;
const EXPLAINING_SHARE: f64 = 0.75;

const ROLES: [&str; 4] = ["ap", "router", "mesh", "bridge"];

const PLACES: [&str; 12] = [
    "lobby", "roof", "hall", "library", "station", "square", "harbour", "school", "clinic",
    "market", "museum", "park",
];

const BOARDS: [(&str, &str); 10] = [
    ("TP-Link Archer C7 v5", "Qualcomm Atheros QCA956X ver 1 rev 0"),
    ("TP-Link CPE510 v3", "Qualcomm Atheros QCA9533 ver 2 rev 0"),
    ("Ubiquiti UniFi 6 LR v1", "ARMv8 Processor rev 4"),
    ("Ubiquiti NanoStation M5 (XW)", "Atheros AR9342 rev 3"),
    ("GL.iNet GL-MT3000", "ARMv8 Processor rev 4"),
    ("GL.iNet GL-AR750S (NOR/NAND)", "Qualcomm Atheros QCA9563 ver 1 rev 0"),
    ("Linksys WRT3200ACM", "ARMv7 Processor rev 1 (v7l)"),
    ("Xiaomi Mi Router 4A Gigabit Edition", "MediaTek MT7621 ver:1 eco:3"),
    ("D-Link DIR-2660 A1", "MediaTek MT7621 ver:1 eco:4"),
    ("", "Intel(R) Celeron(R) J6412 @ 2.00GHz"),
];

const RELEASES: [&str; 6] = [
    "OpenWrt 24.10.0 r28427-6df0e3d02a",
    "OpenWrt 23.05.5 r24106-10cc5fcd00",
    "OpenWrt 23.05.3 r23809-234f1a2efa",
    "OpenWrt 22.03.7 r20341-591b7e93d3",
    "OpenWrt 21.02.7 r16847-f8282da11e",
    "OpenWrt SNAPSHOT r29021-0ed1b1ba50",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_seed_gives_the_same_fleet_again() {
        for number in [0, 1, 77] {
            let (one, other) = (Identity::new(7, number), Identity::new(7, number));
            assert_eq!(format!("{one:?}"), format!("{other:?}"));
        }
        assert_ne!(Identity::new(7, 1).mac_address, Identity::new(8, 1).mac_address);
    }

    #[test]
    fn no_two_devices_of_a_fleet_share_a_name_or_an_address() {
        let fleet: Vec<Identity> = (0..2_000).map(|number| Identity::new(3, number)).collect();
        let names: BTreeSet<_> = fleet.iter().map(|device| device.name.to_lowercase()).collect();
        let macs: BTreeSet<_> = fleet.iter().map(|device| &device.mac_address).collect();
        let addresses: BTreeSet<_> =
            fleet.iter().map(|device| &device.management_address).collect();
        assert_eq!((names.len(), macs.len(), addresses.len()), (2_000, 2_000, 2_000));
    }

    #[test]
    fn the_key_is_the_one_that_agents_compute() {
        let device =
            Identity { mac_address: "02:00:00:00:0B:01".to_owned(), ..Identity::new(1, 0) };
        // md5sum of the text `02:00:00:00:0B:01+secret`.
        assert_eq!(device.consistent_key("secret"), "5933a37b563ad8c3189611f8132d0197");
    }

    #[test]
    fn the_failing_share_is_about_that_share() {
        let failing = (0..10_000)
            .filter(|number| fails(1, &Identity::new(1, *number).mac_address, "abc", 0.2))
            .count();
        assert!((1_800..2_200).contains(&failing), "{failing} of 10000");
        assert!(!fails(1, "02:00:00:00:00:01", "abc", 0.0));
        assert!(fails(1, "02:00:00:00:00:01", "abc", 1.0));
    }
}
