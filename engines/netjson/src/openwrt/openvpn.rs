//! `openvpn`: clients and servers, the package `openvpn`.

use serde_json::Value;

use super::section::{Options, given, invert_disabled, section, text, uci_name, word};
use super::{Package, Source, package};

pub(super) fn packages(source: Source<'_>) -> Vec<Package> {
    package("openvpn", source.objects("openvpn").cloned().map(section_of).collect())
}

fn section_of(mut options: Options) -> Value {
    let name = uci_name(text(&options, "name"));
    options.remove("name");
    options.entry("disabled").or_insert(Value::Bool(false));
    invert_disabled(&mut options);
    if options.get("fragment").is_some_and(|fragment| !given(fragment)) {
        options.remove("fragment");
    }
    if let Some(ciphers) = options.get_mut("tls_cipher")
        && let Some(text) = ciphers.as_str()
    {
        *ciphers = text.split(':').filter(|cipher| !cipher.is_empty()).collect();
    }
    section("openvpn", name, normalized(options, |_, value| value.as_str() == Some("")))
}

/// What UCI and OpenVPN's own files have in common: servers, ciphers and keys in the form that
/// OpenVPN reads. Options for which `says_nothing` are left out.
pub(crate) fn normalized(
    mut options: Options,
    says_nothing: impl Fn(&str, &Value) -> bool,
) -> Options {
    if let Some(tls_auth) = tls_auth(&options) {
        options.insert("tls_auth".into(), tls_auth.into());
    }
    if let Some(Value::Array(remotes)) = options.get_mut("remote") {
        for remote in remotes {
            *remote = server(remote).into();
        }
    }
    if options.get("server_bridge").and_then(Value::as_str) == Some("") {
        options.insert("server_bridge".into(), true.into());
    }
    options.retain(|key, value| !says_nothing(key, value));
    if !options.contains_key("status") {
        options.remove("status_version");
    }
    // A list of ciphers without a name is not left out.
    if let Some(Value::Array(ciphers)) = options.get("data_ciphers") {
        let ciphers: Vec<String> = ciphers.iter().map(cipher).collect();
        options.insert("data_ciphers".into(), ciphers.join(":").into());
    }
    options
}

/// `host port` or `host port protocol`.
fn server(remote: &Value) -> String {
    let mut text = format!("{} {}", word(remote.get("host")), word(remote.get("port")));
    let protocol = word(remote.get("proto"));
    if !matches!(&*protocol, "" | "auto") {
        text.push(' ');
        text.push_str(&protocol);
    }
    text
}

/// An optional cipher is marked.
fn cipher(stated: &Value) -> String {
    let mark = if stated.get("optional").is_some_and(given) { "?" } else { "" };
    format!("{mark}{}", word(stated.get("cipher")))
}

/// Where the shared key lies, if the configuration holds the key itself; see
/// [`generated`](crate::files) files.
fn tls_auth(options: &Options) -> Option<String> {
    let path = crate::files::tls_key_path(options)?;
    let direction = u8::from(text(options, "mode") != "server");
    Some(format!("{path} {direction}"))
}
