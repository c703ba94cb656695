//! VLANs that no device can filter.
//!
//! The schema knows `vlan_filtering` of bridges only; of other interfaces any value passes as an
//! option of their own. Systems since OpenWrt 21 get sections for it all the same, where sections
//! can be made of it; where not, nobody has ever got an archive, and the place is named.

use std::collections::HashSet;

use serde_json::Value;

use super::{Interface, device, given, word};
use crate::ValidationError;
use crate::literal::literal;

/// What is wrong with `vlan_filtering` anywhere in `interfaces`, in their order, one thing each.
pub(crate) fn unfilterable(interfaces: &[Value]) -> Vec<ValidationError> {
    if interfaces.iter().all(|interface| interface.get("vlan_filtering").is_none()) {
        return Vec::new();
    }
    let mut wrong = Vec::new();
    let mut filtered = HashSet::new();
    // Sections of VLANs need one that stands before them.
    let mut is_first = true;
    for (index, stated) in interfaces.iter().filter_map(Value::as_object).enumerate() {
        let interface = Interface::new(index, stated);
        let apart = device::is_apart(&interface) && !filtered.contains(interface.name);
        let has_device = apart
            && (interface.is_bridge() || interface.is_vlan() || device::has_link_options(stated));
        if apart && let Some(filtering) = stated.get("vlan_filtering") {
            match vlans(&interface, filtering, is_first && !has_device) {
                Ok(devices) => filtered.extend(devices),
                Err((inside, message)) => {
                    let path = format!("interfaces/{index}/vlan_filtering{inside}");
                    wrong.push(ValidationError::at(&path, message));
                }
            }
        }
        // Wi-Fi networks without addresses have no section of their own.
        let silent = interface.kind == "wireless" && !stated.get("addresses").is_some_and(given);
        is_first &= silent && !has_device;
    }
    wrong
}

/// The devices of the VLANs that `filtering` states, or where inside of it there is none.
fn vlans(
    interface: &Interface<'_>,
    filtering: &Value,
    alone: bool,
) -> Result<Vec<String>, (String, String)> {
    let here = |message: &str| (String::new(), message.to_owned());
    let list = elements(filtering).ok_or_else(|| here(&no_list(filtering)))?;
    if list.is_empty() {
        return Ok(Vec::new());
    }
    if interface.is_vlan() {
        return Err(here("Only a bridge can filter VLANs here."));
    }
    let mut devices = Vec::with_capacity(list.len());
    for (position, vlan) in list.iter().enumerate() {
        let Some(number) = vlan.get("vlan") else {
            return Err((format!("/{position}"), "'vlan' is a required property".to_owned()));
        };
        if let Some(ports) = vlan.get("ports") {
            let list =
                elements(ports).ok_or_else(|| (format!("/{position}/ports"), no_list(ports)))?;
            if let Some(port) = list.iter().position(|port| port.get("ifname").is_none()) {
                let message = "'ifname' is a required property".to_owned();
                return Err((format!("/{position}/ports/{port}"), message));
            }
        }
        devices.push(format!("{}.{}", device::physical_name(interface), word(Some(number))));
    }
    if alone {
        return Err(here("Only a bridge can filter VLANs here."));
    }
    Ok(devices)
}

/// What can be gone through: lists, and whatever else is empty and could have elements.
fn elements(value: &Value) -> Option<&[Value]> {
    match value {
        Value::Array(items) => Some(items),
        Value::String(text) if text.is_empty() => Some(&[]),
        Value::Object(map) if map.is_empty() => Some(&[]),
        _ => None,
    }
}

fn no_list(value: &Value) -> String {
    format!("{} is not of type 'array'", literal(value))
}
