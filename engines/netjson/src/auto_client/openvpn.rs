//! Clients of an `OpenVPN` server.

use serde_json::{Map, Value, json};

use super::Parameters;
use crate::ValidationError;
use crate::literal::is_white;
use crate::openwrt::section::given;

/// Options that both ends have to agree on, or that suit a client as they suit the server.
const SHARED: [&str; 33] = [
    "tls_auth",
    "name",
    "dev_type",
    "dev",
    "comp_lzo",
    "compress",
    "allow_compression",
    "auth",
    "cipher",
    "ca",
    "cert",
    "key",
    "pkcs12",
    "mtu_test",
    "fragment",
    "mssfix",
    "keepalive",
    "persist_tun",
    "mute",
    "persist_key",
    "user",
    "group",
    "mute_replay_warnings",
    "secret",
    "reneg_sec",
    "tls_timeout",
    "tls_cipher",
    "float",
    "fast_io",
    "verb",
    "auth_nocache",
    "script_security",
    "log",
];

/// Where a server listens if it does not say.
const PORT: u16 = 1195;

pub(super) fn client(parameters: Parameters<'_>) -> Result<Value, ValidationError> {
    let host = parameters.get("host").ok_or_else(|| missing("host"))?;
    let server = parameters.get("server").and_then(Value::as_object);
    let server = server.ok_or_else(|| missing("server"))?;
    let port = server.get("port").filter(|port| given(port)).cloned();
    let over_tcp = server.get("proto").and_then(Value::as_str) == Some("tcp-server");

    let mut client = Map::new();
    let mut state = |key: &str, value: Value| client.insert(key.to_owned(), value);
    state("mode", "p2p".into());
    state("nobind", true.into());
    state("resolv_retry", "infinite".into());
    state("tls_client", server.get("tls_server").is_some_and(given).into());
    state("remote", json!([{"host": host, "port": port.unwrap_or_else(|| PORT.into())}]));
    state("proto", if over_tcp { "tcp-client" } else { "udp" }.into());
    if ["server", "server_bridge"].iter().any(|key| server.contains_key(*key)) {
        state("pull", true.into());
    }
    for key in ["ns_cert_type", "remote_cert_tls"] {
        state(key, counterpart(server, key)?.into());
    }
    for key in SHARED {
        if let Some(value) = server.get(key).and_then(|value| suited(key, value)) {
            state(key, value);
        }
    }
    let mut files = Vec::new();
    for key in ["ca", "cert", "key"] {
        let stated =
            |what: &str| parameters.get(&format!("{key}_{what}")).filter(|value| given(value));
        if let (Some(path), Some(contents)) = (stated("path"), stated("contents")) {
            state(key, path.clone());
            files.push(json!({"path": path, "contents": contents, "mode": "0600"}));
        }
    }
    Ok(json!({"openvpn": [client], "files": files}))
}

fn missing(parameter: &str) -> ValidationError {
    ValidationError::whole(format!("'{parameter}' is a required property"))
}

/// Which kind of certificate a client asks for: that of the server which asks for a client's.
fn counterpart(server: &Map<String, Value>, key: &str) -> Result<&'static str, ValidationError> {
    match server.get(key).filter(|value| given(value)) {
        None => Ok(""),
        Some(Value::String(kind)) if kind == "client" => Ok("server"),
        Some(other) => {
            Err(ValidationError::at(&format!("server/{key}"), format!("{other} is not 'client'")))
        }
    }
}

/// An option of the server as its clients have it.
fn suited(key: &str, value: &Value) -> Option<Value> {
    match (key, value) {
        ("script_security", _) => Some(2.into()),
        // Clients have no folder of their own for it.
        ("log", Value::String(path)) => Some(path.replace("/var/log/openvpn/", "/var/log/").into()),
        // Stated as a path, the key is a file that only the server has.
        ("tls_auth", Value::String(key)) => {
            let key_itself = !key.is_empty() && key.trim_matches(is_white).split(' ').count() != 2;
            key_itself.then(|| value.clone())
        }
        ("tls_auth", _) => None,
        _ => Some(value.clone()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::suited;

    /// As recorded: a key is handed on, a path with a direction is not, whatever white space is around it.
    #[test]
    fn keys_are_handed_on_and_paths_are_not() {
        for (stated, is_key) in [
            ("\u{1c} a", true),
            (" ", true),
            ("a\tb", true),
            ("\u{1f}a b\u{1c}", false),
            ("a b\n", false),
            ("", false),
        ] {
            assert_eq!(suited("tls_auth", &json!(stated)).is_some(), is_key, "{stated:?}");
        }
    }
}
