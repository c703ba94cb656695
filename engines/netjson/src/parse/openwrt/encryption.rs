//! How a Wi-Fi network is protected: `encryption`.

use super::{Options, Section, Types};
use crate::Unreadable;

/// Options that belong to the protection, unless they are empty.
const OPTIONS: [&str; 37] = [
    "key",
    "server",
    "port",
    "auth_server",
    "auth_port",
    "auth_secret",
    "auth_cache",
    "acct_server",
    "acct_port",
    "acct_secret",
    "acct_interval",
    "dynamic_vlan",
    "nasid",
    "dae_client",
    "dae_port",
    "dae_secret",
    "eap_type",
    "auth",
    "anonymous_identity",
    "identity",
    "password",
    "ca_cert",
    "client_cert",
    "priv_key",
    "priv_key_pwd",
    "ca_cert_usesystem",
    "subject_match",
    "altsubject_match",
    "domain_match",
    "domain_suffix_match",
    "wps_config",
    "wps_device_name",
    "wps_device_type",
    "wps_label",
    "wps_manufacturer",
    "wps_pin",
    "wps_pushbutton",
];

const TYPES: Types = Types {
    integers: &["port", "acct_interval", "dae_port"],
    booleans: &["ca_cert_usesystem", "wps_label", "wps_pushbutton"],
};

/// Takes the protection of a network out of its section; none if it says nothing about it.
pub(super) fn take(section: &mut Section) -> Result<Option<Options>, Unreadable> {
    let Some(method) = section.take_text("encryption")? else { return Ok(None) };
    let mut stated = Section::new(String::new(), String::new(), section.line_of("encryption"));
    for key in OPTIONS {
        if section.options.get(key).is_some_and(|value| value != "") {
            let line = section.line_of(key);
            stated.set(key, section.take(key).unwrap_or_default(), line);
        }
    }
    let mut options = Options::new();
    if method == "none" {
        options.insert("protocol".into(), "none".into());
        return Ok(Some(options));
    }
    let (method, cipher) = match method.split_once('+') {
        Some((method, cipher)) => (method, cipher),
        None => (&*method, "auto"),
    };
    if stated.options.keys().any(|key| key.starts_with("wps_")) {
        stated.convert(TYPES)?;
        options = std::mem::take(&mut stated.options);
        options.insert("protocol".into(), "wps".into());
    } else {
        let Some(protocol) = protocol(method) else {
            return Err(section.wrong("encryption", "is of no known kind"));
        };
        if protocol.starts_with("wep") {
            wep_key(section, &mut stated)?;
        } else if protocol.contains("enterprise") {
            authentication(&mut stated)?;
        }
        stated.convert(TYPES)?;
        options.extend(std::mem::take(&mut stated.options));
        options.insert("protocol".into(), protocol.into());
        options.insert("cipher".into(), cipher.into());
    }
    if let Some(frames) = section.take("ieee80211w") {
        options.insert("ieee80211w".into(), frames);
    }
    Ok(Some(options))
}

/// The key is one of several, and says which.
fn wep_key(section: &mut Section, stated: &mut Section) -> Result<(), Unreadable> {
    let number = stated.take_text("key")?;
    let number = number.ok_or_else(|| stated.wrong("key", "is missing"))?;
    let key = section.take_text(&format!("key{number}"))?.unwrap_or_default();
    let key = key.strip_prefix("s:").unwrap_or(&key);
    stated.options.insert("key".into(), key.into());
    Ok(())
}

/// The servers that decide who may join; rendering states some of them twice.
fn authentication(stated: &mut Section) -> Result<(), Unreadable> {
    for (from, to) in [("auth_port", "port"), ("acct_port", "acct_server_port")] {
        if let Some(number) = stated.take_integer(from)? {
            stated.options.insert(to.into(), number.into());
        }
    }
    stated.rename("auth_secret", "key");
    stated.rename("auth_server", "server");
    if stated.options.get("acct_secret") == stated.options.get("key") {
        stated.take("acct_secret");
    }
    Ok(())
}

/// What NetJSON calls a method.
fn protocol(method: &str) -> Option<&'static str> {
    Some(match method {
        "wep-open" => "wep_open",
        "wep-shared" => "wep_shared",
        "psk" => "wpa_personal",
        "psk2" => "wpa2_personal",
        "sae" => "wpa3_personal",
        "psk-mixed" => "wpa_personal_mixed",
        "sae-mixed" => "wpa2_personal_mixed",
        "wpa" => "wpa_enterprise",
        "wpa2" => "wpa2_enterprise",
        "wpa3" => "wpa3_enterprise",
        "wpa-mixed" => "wpa_enterprise_mixed",
        "wpa3-mixed" => "wpa2_enterprise_mixed",
        "owe" => "owe",
        _ => return None,
    })
}
