use std::net::IpAddr;

use chrono::{DateTime, Utc};
use domain::{
    Event, GroupId, OrganizationId, Sealed,
    device::{DeviceEvent, Information},
};
use projections::SealedText;

use super::{Past, When};
use crate::key_mask::SealedKeys;

/// A device without what it names.
#[derive(Clone, Debug)]
pub(in crate::history) struct DevicePast {
    pub(in crate::history) organization_id: OrganizationId,
    pub(in crate::history) name: String,
    pub(in crate::history) mac_address: String,
    /// Tells keys apart.
    pub(in crate::history) key_fingerprint: String,
    /// All that it had up to then, for nothing but keeping them back.
    pub(in crate::history) keys: SealedKeys,
    pub(in crate::history) hardware_id: Option<String>,
    pub(in crate::history) information: Information,
    pub(in crate::history) notes: String,
    pub(in crate::history) group_id: Option<GroupId>,
    pub(in crate::history) active: bool,
    pub(in crate::history) management_ip: Option<IpAddr>,
    pub(in crate::history) created_at: DateTime<Utc>,
    pub(in crate::history) modified_at: DateTime<Utc>,
}

impl Past for DevicePast {
    const KIND: &'static str = "device";

    fn apply(past: &mut Option<Self>, when: When, event: &Event) {
        let Event::Device(event) = event else { return };
        match (past.as_mut(), event) {
            (_, DeviceEvent::Registered(device)) => {
                *past = Some(Self {
                    organization_id: device.organization_id,
                    name: device.name.as_str().to_owned(),
                    mac_address: device.mac_address.as_str().to_owned(),
                    key_fingerprint: device.key.fingerprint.clone(),
                    keys: vec![sealed(device.organization_id, &device.key)],
                    hardware_id: device.hardware_id.as_ref().map(|id| id.as_str().to_owned()),
                    information: device.information.clone(),
                    notes: device.notes.clone(),
                    group_id: device.group_id,
                    active: true,
                    management_ip: None,
                    created_at: when.at,
                    modified_at: when.at,
                });
            }
            (_, DeviceEvent::Removed { .. }) => *past = None,
            (Some(device), event) => device.evolve(when, event),
            (None, _) => {}
        }
    }
}

impl DevicePast {
    fn evolve(&mut self, when: When, event: &DeviceEvent) {
        self.modified_at = when.at;
        match event {
            DeviceEvent::Registered(_)
            | DeviceEvent::Removed { .. }
            | DeviceEvent::RegisteredAgain { .. } => {}
            DeviceEvent::Renamed { to, .. } => to.as_str().clone_into(&mut self.name),
            DeviceEvent::MacAddressChanged { to, .. } => {
                to.as_str().clone_into(&mut self.mac_address);
            }
            DeviceEvent::KeyChanged { key, .. } => {
                self.key_fingerprint.clone_from(&key.fingerprint);
                self.keys.push(sealed(self.organization_id, key));
            }
            DeviceEvent::HardwareIdChanged { to, .. } => {
                self.hardware_id = to.as_ref().map(|id| id.as_str().to_owned());
            }
            DeviceEvent::InformationChanged { information, .. } => {
                self.information.clone_from(information);
            }
            DeviceEvent::NotesChanged { notes, .. } => self.notes.clone_from(notes),
            DeviceEvent::GroupChanged { to, .. } => self.group_id = *to,
            DeviceEvent::ManagementAddressChanged { to, .. } => self.management_ip = *to,
            DeviceEvent::Moved(moved) => {
                self.organization_id = moved.to;
                if self.key_fingerprint != moved.key.fingerprint {
                    self.keys.push(sealed(moved.to, &moved.key));
                }
                self.key_fingerprint.clone_from(&moved.key.fingerprint);
                self.group_id = None;
            }
            DeviceEvent::Deactivated { .. } => self.active = false,
            DeviceEvent::Activated { .. } => self.active = true,
        }
    }
}

/// A key as it was sealed for the owner at that time.
fn sealed(owner: OrganizationId, key: &Sealed) -> (OrganizationId, SealedText) {
    (owner, SealedText::new(key.envelope.to_string()))
}
