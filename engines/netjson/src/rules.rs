//! What a configuration must obey beyond the schema.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::equality::is_zero;
use crate::schema::{self, Schema, Violation};
use crate::{Backend, ValidationError, openwrt};

/// What a backend adds to a configuration before anybody looks at it: the older firmware wants
/// every radio to say whether it is disabled, and a host name beside other general settings, which a
/// device has where its configuration says none.
pub(crate) fn complete(backend: Backend, netjson: &mut Map<String, Value>, hostname: Option<&str>) {
    if backend != Backend::OpenWisp {
        return;
    }
    if let Some(Value::Array(radios)) = netjson.get_mut("radios") {
        for radio in radios.iter_mut().filter_map(Value::as_object_mut) {
            radio.entry("disabled").or_insert(Value::Bool(false));
        }
    }
    if hostname.is_some()
        && let Some(Value::Object(general)) = netjson.get_mut("general")
    {
        // The name itself comes later and is not checked.
        general.entry("hostname").or_insert_with(|| "device".into());
    }
}

/// Checks everything, in the order in which errors are reported.
pub(crate) fn check(
    backend: Backend,
    netjson: &Map<String, Value>,
    dsa: bool,
) -> Result<(), ValidationError> {
    let first = |mut faults: Vec<Violation>| {
        faults.truncate(1);
        faults.pop().map_or(Ok(()), |fault| Err(fault.error))
    };
    first(before(backend, netjson, 1))?;
    schema::of(backend).validate(netjson)?;
    first(after(backend, netjson, dsa, 1))
}

/// Everything that is wrong, in the same order, `limit` things at most.
pub(crate) fn violations(
    schema: &Schema,
    backend: Backend,
    netjson: &Map<String, Value>,
    dsa: bool,
    limit: usize,
) -> Vec<Violation> {
    let mut all = before(backend, netjson, limit);
    if all.len() < limit {
        all.extend(schema.violations(netjson, limit - all.len()));
    }
    if all.len() < limit {
        all.extend(after(backend, netjson, dsa, limit - all.len()));
    }
    all
}

/// What is checked before the schema.
fn before(backend: Backend, netjson: &Map<String, Value>, limit: usize) -> Vec<Violation> {
    if !backend.configures_devices() {
        return Vec::new();
    }
    let radios = list(netjson, "radios").iter().enumerate();
    let faults = radios.filter_map(|(index, radio)| {
        let error = check_channel(radio).err()?;
        let pointer = format!("/radios/{index}/channel");
        Some(Violation { pointer, ..Violation::beyond("channel", Value::Null, error) })
    });
    faults.take(limit).collect()
}

/// What is checked after it.
fn after(
    backend: Backend,
    netjson: &Map<String, Value>,
    dsa: bool,
    limit: usize,
) -> Vec<Violation> {
    let paths = list(netjson, "files").iter().enumerate().filter_map(|(index, file)| {
        let error = check_path(index, file).err()?;
        Some(Violation::beyond("path", Value::Null, error))
    });
    let interfaces = if backend.configures_devices() { list(netjson, "interfaces") } else { &[] };
    let filters = if dsa { openwrt::unfilterable(interfaces) } else { Vec::new() };
    let filters =
        filters.into_iter().map(|error| Violation::beyond("vlan_filtering", Value::Null, error));
    let interfaces = interfaces.iter().enumerate().flat_map(|(index, interface)| {
        let vlans = check_primary_vlans(index, interface);
        let masks = check_masks(index, interface).err();
        let masks = masks.map(|error| Violation::beyond("mask", 32.into(), error));
        vlans.into_iter().chain(masks)
    });
    paths.chain(interfaces).chain(filters).take(limit).collect()
}

fn list<'a>(netjson: &'a Map<String, Value>, key: &str) -> &'a [Value] {
    netjson.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A radio that chooses its channel must know the band.
fn check_channel(radio: &Value) -> Result<(), ValidationError> {
    let absent = |key: &str| radio.get(key).is_none_or(Value::is_null);
    let modern =
        matches!(radio.get("protocol").and_then(Value::as_str), Some("802.11n" | "802.11ax"));
    let automatic = radio.get("channel").is_some_and(is_zero);
    if modern && automatic && absent("band") && absent("hwmode") {
        return Err(ValidationError::whole(
            "\"channel\" cannot be set to \"auto\" when \"hwmode\" or \"band\" property is not \
             configured.",
        ));
    }
    Ok(())
}

fn check_path(index: usize, file: &Value) -> Result<(), ValidationError> {
    let Some(path) = file.get("path").and_then(Value::as_str) else { return Ok(()) };
    if is_path(path) {
        return Ok(());
    }
    Err(ValidationError::at(
        &format!("files/{index}/path"),
        format!(
            "Invalid file path \"{path}\". Allowed characters are letters, numbers, \".\", \"_\", \
             \"-\", and \"/\". Empty path parts and \".\" or \"..\" components are not allowed."
        ),
    ))
}

/// Variables count as one ordinary character; no part is empty or walks up.
fn is_path(path: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '/' | '-');
    let mut rest = path;
    let mut characters = 0_usize;
    while let Some(start) = rest.find("{{") {
        let Some(length) = rest[start + 2..].find("}}") else { return false };
        if !rest[..start].chars().all(allowed) {
            return false;
        }
        characters += start + 1;
        rest = &rest[start + 2 + length + 2..];
    }
    let relative = path.strip_prefix('/').unwrap_or(path);
    rest.chars().all(allowed)
        && characters + rest.len() > usize::from(path.starts_with('/'))
        && relative.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

fn items<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

/// A port of a bridge belongs untagged to one VLAN only.
fn check_primary_vlans(index: usize, interface: &Value) -> Option<Violation> {
    if interface.get("type").and_then(Value::as_str) != Some("bridge") {
        return None;
    }
    let mut primary = HashSet::new();
    for (position, vlan) in items(interface, "vlan_filtering").enumerate() {
        for (number, port) in items(vlan, "ports").enumerate() {
            if port.get("primary_vid") != Some(&Value::Bool(true)) {
                continue;
            }
            let name = port.get("ifname").and_then(Value::as_str).unwrap_or_default();
            if !primary.insert(name) {
                let error = ValidationError::whole(format!(
                    "Invalid configuration triggered by \"#/interfaces/{index}\" says: Primary VID \
                     can be set only one VLAN for a port."
                ));
                let pointer =
                    format!("/interfaces/{index}/vlan_filtering/{position}/ports/{number}");
                let violation = Violation::beyond("primary_vid", Value::Null, error);
                return Some(Violation { pointer, ..violation });
            }
        }
    }
    None
}

/// The only IPv4 address of an interface is written with a dotted netmask, so its mask must be one;
/// the schema's upper bound is misspelt and has no effect.
fn check_masks(index: usize, interface: &Value) -> Result<(), ValidationError> {
    if interface.get("type").and_then(Value::as_str) == Some("wireguard") {
        return Ok(());
    }
    let is = |address: &Value, key: &str, text: &str| {
        address.get(key).and_then(Value::as_str) == Some(text)
    };
    let addresses = interface.get("addresses").and_then(Value::as_array).into_iter().flatten();
    let mut fixed = addresses
        .enumerate()
        .filter(|(_, address)| is(address, "proto", "static") && is(address, "family", "ipv4"));
    let (Some((position, only)), None) = (fixed.next(), fixed.next()) else { return Ok(()) };
    match only.get("mask").and_then(Value::as_u64) {
        Some(mask) if mask > 32 => Err(ValidationError::at(
            &format!("interfaces/{index}/addresses/{position}/mask"),
            format!("{mask} is greater than the maximum of 32"),
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{check, is_path};
    use crate::Backend;

    /// Zero, however it is written, is a channel chosen automatically; nothing else is.
    #[test]
    fn a_channel_is_chosen_automatically_where_it_equals_zero() {
        let path_of = |channel: Value| {
            let config = json!({"radios": [{
                "name": "radio0", "protocol": "802.11n", "channel": channel, "channel_width": 20}]});
            check(Backend::OpenWrt, config.as_object().unwrap(), true).unwrap_err().path
        };
        for zero in [json!(0), json!(0.0), json!(-0.0), json!(false)] {
            assert_eq!(path_of(zero.clone()), "/", "{zero}");
        }
        for other in [json!(true), json!("0"), json!(null), json!([]), json!(14)] {
            assert_eq!(path_of(other.clone()), "/radios/0", "{other}");
        }
    }

    #[test]
    fn paths_may_hold_variables_and_nothing_that_walks_up() {
        for good in ["/etc/x", "etc/x", "/{{ a }}/b", "/etc/{{a}}.pem", "{{ any thing }}", "a-_.b"]
        {
            assert!(is_path(good), "{good}");
        }
        for bad in [
            "", "/", "//a", "a//b", "a/", "a/./b", "../a", "/{a}", "/{{a", "/a}}", "/a b", "/é",
            "a\n",
        ] {
            assert!(!is_path(bad), "{bad}");
        }
    }
}
