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
    ///
    /// ```
    /// # use serde_json::{Map, json};
    /// # use wisptrail_netjson::{Backend, Input, render};
    /// let config = json!({"general": {"hostname": "roof"}});
    /// # let (config, context) = (config.as_object().unwrap(), Map::new());
    /// # let backend = Backend::OpenWrt;
    /// # let dsa = backend.default_dsa();
    /// # let input = Input { config, templates: &[], context: &context, hostname: None, dsa };
    /// let rendering = render(backend, &input)?;
    /// assert_eq!(
    ///     rendering.text(),
    ///     "package system\n\nconfig system 'system'\n\toption hostname 'roof'\n"
    /// );
    /// assert_eq!(rendering.files()[0].path, "etc/config/system");
    /// # Ok::<(), wisptrail_netjson::Error>(())
    /// ```
    OpenWrt,
    /// UCI packages of the OpenWISP Firmware 1.x, with scripts that apply them.
    ///
    /// ```
    /// # use serde_json::{Map, json};
    /// # use wisptrail_netjson::{Backend, Input, render};
    /// let config = json!({"general": {"hostname": "roof"}});
    /// # let (config, context) = (config.as_object().unwrap(), Map::new());
    /// # let backend = Backend::OpenWisp;
    /// # let dsa = backend.default_dsa();
    /// # let input = Input { config, templates: &[], context: &context, hostname: None, dsa };
    /// let rendering = render(backend, &input)?;
    /// assert!(rendering.text().contains("config 'system' 'system'\n\toption 'hostname' 'roof'"));
    /// let paths: Vec<_> = rendering.files().iter().map(|file| &*file.path).collect();
    /// assert_eq!(paths, ["uci/system.conf", "install.sh", "uninstall.sh", "tc_script.sh"]);
    /// # Ok::<(), wisptrail_netjson::Error>(())
    /// ```
    OpenWisp,
    /// Configuration files of OpenVPN.
    ///
    /// ```
    /// # use serde_json::{Map, json};
    /// # use wisptrail_netjson::{Backend, Input, render};
    /// let config = json!({"openvpn": [{
    ///     "name": "masts", "mode": "server", "proto": "udp", "dev": "tun0", "port": 1194,
    ///     "server": "10.8.0.0 255.255.255.0", "tls_server": true
    /// }]});
    /// # let (config, context) = (config.as_object().unwrap(), Map::new());
    /// # let backend = Backend::OpenVpn;
    /// # let dsa = backend.default_dsa();
    /// # let input = Input { config, templates: &[], context: &context, hostname: None, dsa };
    /// let rendering = render(backend, &input)?;
    /// assert_eq!(
    ///     rendering.text(),
    ///     "# openvpn config: masts\n\ndev tun0\nmode server\nport 1194\nproto udp\n\
    ///      server 10.8.0.0 255.255.255.0\ntls-server\n"
    /// );
    /// assert_eq!(rendering.files()[0].path, "masts.conf");
    /// # Ok::<(), wisptrail_netjson::Error>(())
    /// ```
    OpenVpn,
    /// Configuration files of `wg-quick`.
    ///
    /// ```
    /// # use serde_json::{Map, json};
    /// # use wisptrail_netjson::{Backend, Input, render};
    /// let config = json!({"wireguard": [{
    ///     "name": "wg0", "port": 51820, "private_key": "KEY=", "address": "10.0.0.1/24"
    /// }]});
    /// # let (config, context) = (config.as_object().unwrap(), Map::new());
    /// # let backend = Backend::Wireguard;
    /// # let dsa = backend.default_dsa();
    /// # let input = Input { config, templates: &[], context: &context, hostname: None, dsa };
    /// let rendering = render(backend, &input)?;
    /// assert_eq!(
    ///     rendering.text(),
    ///     "# wireguard config: wg0\n\n[Interface]\nAddress = 10.0.0.1/24\nListenPort = 51820\n\
    ///      PrivateKey = KEY=\n"
    /// );
    /// # Ok::<(), wisptrail_netjson::Error>(())
    /// ```
    Wireguard,
    /// The same; tunnels of layer 2 run over it.
    ///
    /// ```
    /// # use serde_json::{Map, json};
    /// # use wisptrail_netjson::{Backend, Input, render};
    /// let config = json!({
    ///     "wireguard": [{
    ///         "name": "wg0", "port": 51820, "private_key": "KEY=", "address": "10.0.0.1/24"
    ///     }],
    ///     "vxlan": [{"name": "vxlan0", "vni": 1}]
    /// });
    /// # let (config, context) = (config.as_object().unwrap(), Map::new());
    /// # let backend = Backend::VxlanWireguard;
    /// # let dsa = backend.default_dsa();
    /// # let input = Input { config, templates: &[], context: &context, hostname: None, dsa };
    /// let rendering = render(backend, &input)?;
    /// // The tunnels inside have no place in this file.
    /// assert!(rendering.text().ends_with("PrivateKey = KEY=\n"));
    /// # Ok::<(), wisptrail_netjson::Error>(())
    /// ```
    VxlanWireguard,
    /// Networks of a `ZeroTier` controller, in JSON.
    ///
    /// ```
    /// # use serde_json::{Map, json};
    /// # use wisptrail_netjson::{Backend, Input, render};
    /// let config = json!({"zerotier": [{"name": "masts", "nwid": "9536600adf654321"}]});
    /// # let (config, context) = (config.as_object().unwrap(), Map::new());
    /// # let backend = Backend::ZeroTier;
    /// # let dsa = backend.default_dsa();
    /// # let input = Input { config, templates: &[], context: &context, hostname: None, dsa };
    /// let rendering = render(backend, &input)?;
    /// assert_eq!(rendering.files()[0].path, "9536600adf654321.json");
    /// assert!(rendering.text().contains("\"name\": \"masts\""));
    /// # Ok::<(), wisptrail_netjson::Error>(())
    /// ```
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
