//! Files that follow from blocks of the configuration.

use serde_json::{Map, Value};

use super::Additional;
use crate::literal::is_white;

fn blocks<'a>(netjson: &'a Map<String, Value>, key: &str) -> impl Iterator<Item = &'a Value> {
    netjson.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn text<'a>(block: &'a Value, key: &str) -> Option<&'a str> {
    block.get(key).and_then(Value::as_str)
}

/// A shared `OpenVPN` key that stands in the configuration becomes a file of its own.
pub(super) fn tls_keys(netjson: &Map<String, Value>) -> Vec<Additional> {
    let key = |instance: &Value| {
        let path = tls_key_path(instance.as_object()?)?;
        let contents = text(instance, "tls_auth")?.trim_matches(is_white).to_owned();
        Some(Additional { path, mode: "0600".into(), contents })
    };
    blocks(netjson, "openvpn").filter_map(key).collect()
}

/// Where the shared key of an `OpenVPN` instance goes: beside the certificate of the authority.
/// Nothing if there is none, or if its path and a direction are stated instead.
pub(crate) fn tls_key_path(instance: &Map<String, Value>) -> Option<String> {
    let text = |key: &str| instance.get(key).and_then(Value::as_str).unwrap_or_default();
    // White space alone is a key, too: an empty one.
    let stated = text("tls_auth");
    if stated.is_empty() || stated.trim_matches(is_white).split(' ').count() == 2 {
        return None;
    }
    let name = format!("{}_tls_auth.key", text("dev"));
    Some(match text("ca").rsplit_once('/') {
        Some((folder, _)) => format!("{folder}/{name}"),
        None => name,
    })
}

/// Every `ZeroTier` instance needs a map from its networks to the names of their interfaces. Lines
/// that the configuration states for the same path follow the generated ones.
pub(super) fn add_device_maps(netjson: &Map<String, Value>, files: &mut Vec<Additional>) {
    for instance in blocks(netjson, "zerotier") {
        let folder = text(instance, "config_path").unwrap_or("/etc/openwisp/zerotier");
        let path = format!("{folder}/devicemap");
        let mut contents = String::from("# network_id=interface_name\n");
        for network in instance.get("networks").and_then(Value::as_array).into_iter().flatten() {
            let field = |key| text(network, key).unwrap_or_default();
            contents.extend([field("id"), "=", field("ifname"), "\n"]);
        }
        files.retain(|stated| {
            let same = stated.path == path;
            if same {
                contents.extend(["\n", &stated.contents]);
            }
            !same
        });
        files.push(Additional { path, mode: "0644".into(), contents });
    }
}
