//! Sections of the package `openvpn`: `openvpn`.

use serde_json::{Value, json};

use super::{Section, Source, Types};
use crate::Unreadable;
use crate::parse::section::{integer, words};

/// What clients and servers state.
pub(in crate::parse) const TYPES: Types = Types {
    integers: &[
        "fragment",
        "mssfix",
        "mute",
        "port",
        "reneg_sec",
        "script_security",
        "status_version",
        "tls_timeout",
        "up_delay",
        "verb",
    ],
    booleans: &[
        "auth_nocache",
        "client_cert_not_required",
        "client_to_client",
        "duplicate_cn",
        "fast_io",
        "float",
        "mtu_test",
        "mute_replay_warnings",
        "nobind",
        "persist_key",
        "persist_tun",
        "pull",
        "remote_random",
        "tls_client",
        "tls_server",
        "tun_ipv6",
        "username_as_common_name",
    ],
};

pub(super) fn read(source: &mut Source<'_>) -> Result<(), Unreadable> {
    let mut tunnels = Vec::new();
    for mut section in source.take("openvpn", |kind| kind == "openvpn") {
        tunnel(&mut section)?;
        tunnels.push((section.line, section.options));
    }
    source.state("openvpn", tunnels);
    Ok(())
}

fn tunnel(section: &mut Section) -> Result<(), Unreadable> {
    section.convert(TYPES)?;
    let enabled = section.take("enabled");
    convert_ciphers(section)?;
    if section.options.get("server_bridge").and_then(Value::as_str) == Some("1") {
        section.options.insert("server_bridge".into(), "".into());
    }
    if let Some(Value::Array(ciphers)) = section.options.get("tls_cipher") {
        let ciphers: Vec<&str> = ciphers.iter().filter_map(Value::as_str).collect();
        let ciphers = ciphers.join(":");
        section.options.insert("tls_cipher".into(), ciphers.into());
    }
    if let Some(remote) = section.options.get("remote") {
        let servers = remote.as_array().into_iter().flatten().filter_map(Value::as_str);
        let servers: Option<Vec<Value>> = servers.map(server).collect();
        let servers = servers.filter(|_| remote.is_array());
        let servers =
            servers.ok_or_else(|| section.wrong("remote", "must be a list of names with ports"))?;
        section.options.insert("remote".into(), servers.into());
    }
    let disabled = !enabled.is_some_and(|enabled| enabled != "0");
    section.options.insert("disabled".into(), disabled.into());
    section.options.insert("name".into(), section.name.as_str().into());
    Ok(())
}

/// One text becomes a list.
pub(in crate::parse) fn convert_ciphers(section: &mut Section) -> Result<(), Unreadable> {
    // Validation says what is wrong with an empty one.
    if let Some(ciphers) = section.options.get("data_ciphers").filter(|ciphers| **ciphers != "") {
        let Some(ciphers) = ciphers.as_str() else {
            return Err(section.wrong("data_ciphers", "must be one text"));
        };
        let ciphers = ciphers.split(':').map(cipher).collect();
        section.options.insert("data_ciphers".into(), ciphers);
    }
    Ok(())
}

/// `?` marks a cipher that the other side need not know.
fn cipher(text: &str) -> Value {
    let name = text.strip_prefix('?');
    json!({"cipher": name.unwrap_or(text), "optional": name.is_some()})
}

/// `host port` or `host port protocol`.
fn server(text: &str) -> Option<Value> {
    let words: Vec<&str> = words(text).collect();
    let port = integer(words.get(1)?)?;
    let mut server = json!({"host": words[0], "port": port});
    if let [_, _, protocol] = words[..] {
        server["proto"] = protocol.into();
    }
    Some(server)
}
