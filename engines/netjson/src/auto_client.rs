//! What a client of a virtual private network is configured with, derived from its server.
//!
//! Parameters are JSON by name, because most values are variables (`{{vpn_host_…}}`) that get their
//! value when a device is rendered, whatever type they stand for.

mod openvpn;

use serde_json::{Map, Value, json};

use crate::openwrt::section::given;
use crate::{Backend, ValidationError};

/// The client's side of the network served by `backend`.
///
/// Parameters that are not given have a default; those of other names count for nothing.
///
/// | backend | parameters |
/// | --- | --- |
/// | `OpenVpn` | `host`, `server` (the server's instance), `ca_path`, `ca_contents`, `cert_path`, `cert_contents`, `key_path`, `key_contents` |
/// | `Wireguard` | `host`, `public_key`, `server`, `port`, `private_key`, `ip_address`, `server_ip_network` |
/// | `VxlanWireguard` | `vni`, `server_ip_address`, `vxlan` (with its `name`) |
/// | `ZeroTier` | `name`, `networks`, `identity_secret`, `config_path`, `disabled`, `client_options` |
///
/// `OpenVpn` answers with a whole configuration, `{"openvpn": […], "files": […]}`, the others with what
/// [`device_auto_client`] makes one of.
///
/// ```
/// use serde_json::json;
/// use wisptrail_netjson::{Backend, auto_client};
///
/// let parameters = json!({"vni": 5, "server_ip_address": "10.0.0.1"});
/// let client = auto_client(Backend::VxlanWireguard, parameters.as_object().unwrap())?;
/// assert_eq!(client, json!({"server_ip_address": "10.0.0.1", "vni": 5, "name": "vxlan"}));
/// # Ok::<(), wisptrail_netjson::ValidationError>(())
/// ```
///
/// # Errors
///
/// A server of which no client can be made, or a backend that serves no network.
pub fn auto_client(
    backend: Backend,
    parameters: &Map<String, Value>,
) -> Result<Value, ValidationError> {
    let parameters = Parameters(parameters);
    match backend {
        Backend::OpenVpn => openvpn::client(parameters),
        Backend::Wireguard => Ok(wireguard(parameters)),
        Backend::VxlanWireguard => Ok(vxlan(parameters)),
        Backend::ZeroTier => Ok(zerotier(parameters)),
        Backend::OpenWrt | Backend::OpenWisp => {
            let message = format!("{} serves no virtual private network", backend.label());
            Err(ValidationError::whole(message))
        }
    }
}

/// The configuration (NetJSON) of a device that is a client of the network served by `backend`, to be
/// used as a template. Parameters are those of [`auto_client`]; `VxlanWireguard` takes those of
/// `Wireguard`, too.
///
/// ```
/// use serde_json::json;
/// use wisptrail_netjson::{Backend, device_auto_client};
///
/// let parameters = json!({"host": "vpn.example.org", "server": {"name": "wg0", "port": 51821}});
/// let template = device_auto_client(Backend::Wireguard, parameters.as_object().unwrap())?;
/// assert_eq!(template["interfaces"][0]["type"], "wireguard");
/// assert_eq!(template["wireguard_peers"][0]["endpoint_port"], 51821);
/// # Ok::<(), wisptrail_netjson::ValidationError>(())
/// ```
///
/// # Errors
///
/// As for [`auto_client`].
pub fn device_auto_client(
    backend: Backend,
    parameters: &Map<String, Value>,
) -> Result<Value, ValidationError> {
    let parameters = Parameters(parameters);
    let mut configuration = match backend {
        Backend::ZeroTier => return Ok(json!({"zerotier": [zerotier(parameters)]})),
        Backend::Wireguard | Backend::VxlanWireguard => wireguard_device(&wireguard(parameters)),
        other => return auto_client(other, parameters.0),
    };
    if backend == Backend::VxlanWireguard
        && let Some(interfaces) = configuration["interfaces"].as_array_mut()
    {
        let tunnel = interfaces[0]["name"].clone();
        interfaces.push(vxlan_interface(&vxlan(parameters), tunnel));
    }
    Ok(configuration)
}

/// Values by name.
#[derive(Clone, Copy)]
struct Parameters<'a>(&'a Map<String, Value>);

impl<'a> Parameters<'a> {
    fn get(self, key: &str) -> Option<&'a Value> {
        self.0.get(key)
    }

    /// The value, even if it is null; `otherwise` if there is none.
    fn or(self, key: &str, otherwise: impl Into<Value>) -> Value {
        self.get(key).cloned().unwrap_or_else(|| otherwise.into())
    }

    /// A value of an object among the parameters.
    fn inner(self, object: &str, key: &str, otherwise: impl Into<Value>) -> Value {
        let value = self.get(object).and_then(|object| object.get(key)).cloned();
        value.unwrap_or_else(|| otherwise.into())
    }
}

const WIREGUARD_PORT: u16 = 51820;
const VXLAN_PORT: u16 = 4789;

fn wireguard(parameters: Parameters<'_>) -> Value {
    json!({
        "interface_name": parameters.inner("server", "name", ""),
        "client": {
            "port": parameters.or("port", WIREGUARD_PORT),
            "private_key": parameters.or("private_key", "{{private_key}}"),
            "ip_address": parameters.or("ip_address", Value::Null),
        },
        "server": {
            "public_key": parameters.or("public_key", ""),
            "endpoint_host": parameters.or("host", ""),
            "endpoint_port": parameters.inner("server", "port", WIREGUARD_PORT),
            "allowed_ips": [parameters.or("server_ip_network", "")],
        },
    })
}

fn vxlan(parameters: Parameters<'_>) -> Value {
    json!({
        "server_ip_address": parameters.or("server_ip_address", ""),
        "vni": parameters.or("vni", 0),
        "name": parameters.inner("vxlan", "name", "vxlan"),
    })
}

fn zerotier(parameters: Parameters<'_>) -> Value {
    let options = parameters.get("client_options").and_then(Value::as_object);
    let mut networks = Vec::new();
    for network in parameters.get("networks").and_then(Value::as_array).into_iter().flatten() {
        let mut network = network.clone();
        if let (Value::Object(network), Some(options)) = (&mut network, options) {
            network.extend(options.clone());
        }
        networks.push(network);
    }
    json!({
        "name": parameters.or("name", "global"),
        "networks": networks,
        "secret": parameters.or("identity_secret", "{{secret}}"),
        "config_path": parameters.or("config_path", "/etc/openwisp/zerotier"),
        "disabled": parameters.or("disabled", false),
    })
}

fn wireguard_device(tunnel: &Value) -> Value {
    let (name, client, server) = (&tunnel["interface_name"], &tunnel["client"], &tunnel["server"]);
    let address = Some(&client["ip_address"]).filter(|address| given(address));
    let addresses: Vec<Value> = address
        .map(|address| json!({"proto": "static", "family": "ipv4", "address": address, "mask": 32}))
        .into_iter()
        .collect();
    json!({
        "interfaces": [{
            "name": name,
            "type": "wireguard",
            "private_key": client["private_key"],
            "port": client["port"],
            "mtu": 1420,
            "nohostroute": false,
            "fwmark": "",
            "ip6prefix": [],
            "addresses": addresses,
            "network": "",
        }],
        "wireguard_peers": [{
            "interface": name,
            "public_key": server["public_key"],
            "allowed_ips": server["allowed_ips"],
            "endpoint_host": server["endpoint_host"],
            "endpoint_port": server["endpoint_port"],
            "preshared_key": "",
            "persistent_keepalive": 60,
            "route_allowed_ips": true,
        }],
    })
}

fn vxlan_interface(vxlan: &Value, tunnel: Value) -> Value {
    json!({
        "name": vxlan["name"],
        "type": "vxlan",
        "vtep": vxlan["server_ip_address"],
        "port": VXLAN_PORT,
        "vni": vxlan["vni"],
        "tunlink": tunnel,
        "rxcsum": true,
        "txcsum": true,
        "mtu": 1280,
        "ttl": 64,
        "mac": "",
        "disabled": false,
        "network": "",
    })
}
