//! Which kind of device text is produced.

use std::str::FromStr;

/// The generator that turns NetJSON into device files.
///
/// [`OpenWrt`](Self::OpenWrt) and [`OpenWisp`](Self::OpenWisp) configure devices; the others write
/// the configuration of one end of a virtual private network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Backend {
    /// UCI packages of OpenWrt, below `etc/config`.
    OpenWrt,
    /// UCI packages of the OpenWISP Firmware 1.x, with scripts that apply them.
    OpenWisp,
    /// Configuration files of OpenVPN.
    OpenVpn,
    /// Configuration files of `wg-quick`.
    Wireguard,
    /// The same; tunnels of layer 2 run over it.
    VxlanWireguard,
    /// Networks of a `ZeroTier` controller, in JSON.
    ZeroTier,
}

impl Backend {
    /// All generators.
    pub const ALL: [Self; 6] = [
        Self::OpenWrt,
        Self::OpenWisp,
        Self::OpenVpn,
        Self::Wireguard,
        Self::VxlanWireguard,
        Self::ZeroTier,
    ];

    /// The name used in databases and interfaces.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenWrt => "netjsonconfig.OpenWrt",
            Self::OpenWisp => "netjsonconfig.OpenWisp",
            Self::OpenVpn => "openwisp_controller.vpn_backends.OpenVpn",
            Self::Wireguard => "openwisp_controller.vpn_backends.Wireguard",
            Self::VxlanWireguard => "openwisp_controller.vpn_backends.VxlanWireguard",
            Self::ZeroTier => "openwisp_controller.vpn_backends.ZeroTier",
        }
    }

    /// The name that people read.
    pub const fn label(self) -> &'static str {
        match self {
            Self::OpenWrt => "OpenWRT",
            Self::OpenWisp => "OpenWISP Firmware 1.x",
            Self::OpenVpn => "OpenVPN",
            Self::Wireguard => "WireGuard",
            Self::VxlanWireguard => "VXLAN over WireGuard",
            Self::ZeroTier => "ZeroTier",
        }
    }

    /// Whether it makes configurations of whole devices, in UCI. The others configure the server of a
    /// virtual private network and fit neither devices nor templates.
    pub const fn configures_devices(self) -> bool {
        matches!(self, Self::OpenWrt | Self::OpenWisp)
    }

    /// What [`Input::dsa`](crate::Input::dsa) is where nobody says: the older firmware never knew the
    /// newer syntax, and virtual private networks have only one.
    pub const fn default_dsa(self) -> bool {
        matches!(self, Self::OpenWrt)
    }

    /// The keys that identify elements of lists while templates are merged: of those that an element
    /// has the first.
    pub const fn identifiers(self) -> &'static [&'static str] {
        match self {
            Self::OpenWrt | Self::OpenWisp => &["name", "config_value", "id"],
            Self::OpenVpn => &["name"],
            Self::Wireguard | Self::VxlanWireguard | Self::ZeroTier => &[],
        }
    }
}

/// A name that belongs to no generator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown backend `{0}`")]
pub struct UnknownBackend(String);

impl FromStr for Backend {
    type Err = UnknownBackend;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|backend| backend.as_str() == name);
        known.ok_or_else(|| UnknownBackend(name.chars().take(100).collect()))
    }
}
