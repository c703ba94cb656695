//! Clients derived from the server of a virtual private network.

use serde_json::Value;
use wisptrail_netjson::{self as netjson, Backend, Error};

use super::{Match, Outcome, error, layer, same};

pub(super) fn derive(backend: Backend, vector: &Value) -> Outcome {
    let parameters = layer(vector.get("kwargs")).unwrap();
    let outcome = match vector["method"].as_str().unwrap() {
        "auto_client" => netjson::auto_client(backend, &parameters),
        "wireguard_auto_client" => netjson::device_auto_client(Backend::Wireguard, &parameters),
        "vxlan_wireguard_auto_client" => {
            netjson::device_auto_client(Backend::VxlanWireguard, &parameters)
        }
        "zerotier_auto_client" => netjson::device_auto_client(Backend::ZeroTier, &parameters),
        other => return Err(format!("unknown method {other}")),
    };
    match (outcome, vector.get("error")) {
        (Ok(result), None) => same("result", &result, &vector["result"]).map(|()| Match::Equal),
        (Err(refusal), Some(expected)) => error::same(&Error::Invalid(refusal), expected),
        (outcome, expected) => Err(format!("{outcome:?}\nexpected {expected:?}")),
    }
}
