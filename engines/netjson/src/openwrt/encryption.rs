//! `encryption` of a Wi-Fi network.

use serde_json::Value;

use super::section::{Options, given, take_given, text, word};

/// The options that say how a network is protected.
pub(super) fn options(mut stated: Options, access_point: bool) -> Options {
    let protocol = text(&stated, "protocol").to_owned();
    let disabled = stated.get("disabled").is_some_and(given);
    if stated.is_empty() || disabled || protocol == "none" {
        return Options::from_iter([("encryption".to_owned(), "none".into())]);
    }
    let key = stated.remove("key");
    let cipher = word(take_given(&mut stated, "cipher").as_ref());
    let acct_port = stated.remove("acct_server_port");
    stated.remove("protocol");
    stated.remove("disabled");
    let mut options = stated;

    let mut encryption = method(&protocol).to_owned();
    if !matches!(&*cipher, "" | "auto") && protocol.starts_with("wpa") {
        encryption.push('+');
        encryption.push_str(&cipher);
    }
    options.insert("encryption".into(), encryption.into());
    if protocol.contains("enterprise") {
        if text(&options, "eap_type") == "tls" {
            options.remove("auth");
        }
        if access_point {
            authenticate(&mut options, key.as_ref(), acct_port);
        }
    }
    match key {
        Some(key) if protocol.starts_with("wep") => {
            let prefix = if protocol == "wep_open" { "s:" } else { "" };
            options.insert("key1".into(), format!("{prefix}{}", word(Some(&key))).into());
            options.insert("key".into(), 1.into());
        }
        Some(key) => {
            options.insert("key".into(), key);
        }
        None => {}
    }
    options
}

/// The servers that decide who may join. Some are stated twice; devices in service have it so.
fn authenticate(options: &mut Options, secret: Option<&Value>, acct_port: Option<Value>) {
    let mut state = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            options.insert(key.to_owned(), value);
        }
    };
    state("acct_port", acct_port);
    state("auth_secret", secret.cloned());
    for (from, to) in [("server", "auth_server"), ("port", "auth_port")] {
        let value = options.get(from).cloned();
        if let Some(value) = value {
            options.insert(to.to_owned(), value);
        }
    }
    if let Some(secret) = secret {
        options.entry("acct_secret").or_insert_with(|| secret.clone());
    }
}

/// What UCI calls a protocol.
fn method(protocol: &str) -> &str {
    match protocol {
        "wep_open" => "wep-open",
        "wep_shared" => "wep-shared",
        "wpa_personal" | "wps" => "psk",
        "wpa2_personal" => "psk2",
        "wpa3_personal" => "sae",
        "wpa_personal_mixed" => "psk-mixed",
        "wpa2_personal_mixed" => "sae-mixed",
        "wpa_enterprise" => "wpa",
        "wpa2_enterprise" => "wpa2",
        "wpa3_enterprise" => "wpa3",
        "wpa_enterprise_mixed" => "wpa-mixed",
        "wpa2_enterprise_mixed" => "wpa3-mixed",
        other => other,
    }
}
