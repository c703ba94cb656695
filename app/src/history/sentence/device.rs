use domain::device::{DeviceEvent, HardwareId, Information};

use super::Sentence;
use crate::history::names::{Names, quoted};

pub(super) fn sentence(event: &DeviceEvent, names: &Names, at: i64) -> Sentence {
    match event {
        DeviceEvent::Registered(device) => {
            let group = device
                .group_id
                .map(|id| format!(", in group {}", names.group(id, at)))
                .unwrap_or_default();
            let name = quoted(device.name.as_str());
            let text =
                format!("registered as {name} with address {}{group}", device.mac_address.as_str());
            let changed = ["organization", "name", "mac_address", "key", "active"];
            let mut sentence = Sentence::new(text, &changed);
            let given = [
                ("hardware_id", device.hardware_id.is_some()),
                ("model", !device.information.model.is_empty()),
                ("os", !device.information.os.is_empty()),
                ("system", !device.information.system.is_empty()),
                ("notes", !device.notes.is_empty()),
                ("group", device.group_id.is_some()),
            ];
            sentence
                .changed
                .extend(given.into_iter().filter_map(|(field, given)| given.then_some(field)));
            sentence
        }
        DeviceEvent::RegisteredAgain { .. } => Sentence::new("registered again", &[]),
        DeviceEvent::Renamed { from, to, .. } => {
            let (from, to) = (quoted(from.as_str()), quoted(to.as_str()));
            Sentence::new(format!("renamed from {from} to {to}"), &["name"])
        }
        DeviceEvent::MacAddressChanged { from, to, .. } => Sentence::new(
            format!("MAC address changed from {} to {}", from.as_str(), to.as_str()),
            &["mac_address"],
        ),
        DeviceEvent::KeyChanged { .. } => Sentence::new("key changed", &["key"]),
        DeviceEvent::HardwareIdChanged { from, to, .. } => {
            let (from, to) = (from.as_ref(), to.as_ref());
            let quoted = |id: &HardwareId| quoted(id.as_str());
            let text = from_to("hardware id", from.map(quoted), to.map(quoted));
            Sentence::new(text, &["hardware_id"])
        }
        DeviceEvent::InformationChanged { information, .. } => {
            Sentence::new(told_of_itself(information), &["model", "os", "system"])
        }
        DeviceEvent::NotesChanged { .. } => Sentence::new("notes changed", &["notes"]),
        DeviceEvent::GroupChanged { from, to, .. } => {
            let group = |id| names.group(id, at);
            Sentence::new(from_to("group", from.map(group), to.map(group)), &["group"])
        }
        DeviceEvent::ManagementAddressChanged { from, to, .. } => {
            let text = |address: &std::net::IpAddr| address.to_string();
            Sentence::new(
                from_to("management address", from.as_ref().map(text), to.as_ref().map(text)),
                &["management_ip"],
            )
        }
        DeviceEvent::Moved(moved) => Sentence::new(
            format!("moved here from {}", names.organization(moved.from, at)),
            &["organization", "group"],
        ),
        DeviceEvent::Deactivated { .. } => Sentence::new("deactivated", &["active"]),
        DeviceEvent::Activated { .. } => Sentence::new("activated", &["active"]),
        DeviceEvent::Removed { .. } => Sentence::new("removed", &[]),
    }
}

/// A value that was, is, or both.
fn from_to(what: &str, from: Option<String>, to: Option<String>) -> String {
    match (from, to) {
        (Some(from), Some(to)) => format!("{what} changed from {from} to {to}"),
        (None, Some(to)) => format!("{what} set to {to}"),
        (Some(from), None) => format!("{what} {from} taken away"),
        (None, None) => format!("{what} changed"),
    }
}

fn told_of_itself(information: &Information) -> String {
    let told: Vec<String> = [
        ("model", &information.model),
        ("operating system", &information.os),
        ("system", &information.system),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .map(|(what, value)| format!("{what} {}", quoted(value)))
    .collect();
    if told.is_empty() {
        return "information about itself taken away".to_owned();
    }
    format!("information about itself changed: {}", told.join(", "))
}
