use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{
    ChangeInformation, DeviceCommand, DeviceError, DeviceEvent, DeviceMoved, DeviceRegistered,
    Information, RegisterDevice,
};
use crate::{
    DeviceId, FieldError, GroupId, OrganizationId, Sealed,
    device::{DeviceName, HardwareId, MacAddress},
    fact::aggregate,
    field,
};

/// Just enough state to decide the next command; everything else is a projection.
#[derive(Debug, Default, Serialize, Deserialize)]
pub enum Device {
    /// No event yet.
    #[default]
    Unregistered,
    /// Under management.
    Active(Box<Identity>),
    /// Known, but not served.
    Deactivated(Box<Identity>),
    /// It existed once.
    Removed,
}

/// What the rules remember of a device.
#[derive(Debug, Serialize, Deserialize)]
pub struct Identity {
    id: DeviceId,
    organization_id: OrganizationId,
    name: DeviceName,
    mac_address: MacAddress,
    key: Sealed,
    hardware_id: Option<HardwareId>,
    information: Information,
    notes: String,
    group_id: Option<GroupId>,
    management_address: Option<IpAddr>,
}

aggregate!(Device, "device", DeviceCommand, DeviceEvent, DeviceError);

type Decision = Result<Vec<DeviceEvent>, DeviceError>;

impl Device {
    /// The rules. An empty answer means "nothing to do", which is a success.
    fn decide(&self, command: DeviceCommand) -> Decision {
        match (self, command) {
            (Self::Unregistered, DeviceCommand::Register(new)) => register(*new),
            (Self::Unregistered | Self::Removed, DeviceCommand::Remove { .. }) => Ok(vec![]),
            (Self::Unregistered | Self::Removed, _) => Err(DeviceError::Unknown),
            (_, DeviceCommand::Register(_)) => Err(DeviceError::AlreadyRegistered),
            (Self::Active(device), DeviceCommand::Remove { force, .. }) => device.remove(force),
            (Self::Deactivated(device), DeviceCommand::Remove { configuration_ended, force }) => {
                device.remove(force || configuration_ended)
            }
            (Self::Active(device), DeviceCommand::Deactivate) => {
                Ok(vec![DeviceEvent::Deactivated { organization_id: device.organization_id }])
            }
            (Self::Deactivated(device), DeviceCommand::Activate) => {
                Ok(vec![DeviceEvent::Activated { organization_id: device.organization_id }])
            }
            (Self::Active(_), DeviceCommand::Activate) => Err(DeviceError::AlreadyActive),
            (
                Self::Active(device) | Self::Deactivated(device),
                DeviceCommand::ChangeManagementAddress(None),
            ) => Ok(device.change_management_address(None)),
            (Self::Deactivated(_), _) => Err(DeviceError::Deactivated),
            (Self::Active(device), command) => device.decide(command),
        }
    }

    fn evolve(&mut self, event: DeviceEvent) {
        *self = match (std::mem::take(self), event) {
            (Self::Unregistered, DeviceEvent::Registered(device)) => {
                Self::Active(Box::new(Identity::from(*device)))
            }
            (Self::Active(device) | Self::Deactivated(device), DeviceEvent::Deactivated { .. }) => {
                Self::Deactivated(device)
            }
            (Self::Active(device) | Self::Deactivated(device), DeviceEvent::Activated { .. }) => {
                Self::Active(device)
            }
            (_, DeviceEvent::Removed { .. }) => Self::Removed,
            (Self::Active(mut device), event) => {
                device.evolve(event);
                Self::Active(device)
            }
            (Self::Deactivated(mut device), event) => {
                device.evolve(event);
                Self::Deactivated(device)
            }
            (state @ (Self::Unregistered | Self::Removed), _) => state,
        };
    }
}

fn register(new: RegisterDevice) -> Decision {
    let RegisterDevice {
        id,
        organization_id,
        name,
        mac_address,
        key,
        hardware_id,
        information,
        notes,
        group_id,
    } = new;
    let information = checked(Information::default(), information.into())?;
    let notes = checked_notes(&notes)?;
    Ok(vec![DeviceEvent::Registered(Box::new(DeviceRegistered {
        device_id: id,
        organization_id,
        name,
        mac_address,
        key,
        hardware_id,
        information,
        notes,
        group_id,
    }))])
}

impl Identity {
    fn decide(&self, command: DeviceCommand) -> Decision {
        let organization_id = self.organization_id;
        let event = match command {
            DeviceCommand::RegisterAgain { name, information } => {
                return self.register_again(name, information);
            }
            DeviceCommand::Rename(to) => self.rename(to),
            DeviceCommand::ChangeMacAddress(to) => {
                (to != self.mac_address).then(|| DeviceEvent::MacAddressChanged {
                    organization_id,
                    from: self.mac_address.clone(),
                    to,
                })
            }
            DeviceCommand::ChangeKey(key) => (key != self.key).then(|| DeviceEvent::KeyChanged {
                organization_id,
                from: self.key.fingerprint.clone(),
                key,
            }),
            DeviceCommand::ChangeHardwareId(to) => {
                (to != self.hardware_id).then(|| DeviceEvent::HardwareIdChanged {
                    organization_id,
                    from: self.hardware_id.clone(),
                    to,
                })
            }
            DeviceCommand::ChangeInformation(change) => self.change_information(change)?,
            DeviceCommand::ChangeNotes(notes) => {
                let notes = checked_notes(&notes)?;
                (notes != self.notes)
                    .then_some(DeviceEvent::NotesChanged { organization_id, notes })
            }
            DeviceCommand::ChangeGroup(to) => (to != self.group_id)
                .then_some(DeviceEvent::GroupChanged { organization_id, from: self.group_id, to }),
            DeviceCommand::ChangeManagementAddress(to) => {
                return Ok(self.change_management_address(to));
            }
            DeviceCommand::Move { to, key } => (to != organization_id).then(|| {
                DeviceEvent::Moved(Box::new(DeviceMoved {
                    device_id: self.id,
                    from: organization_id,
                    to,
                    name: self.name.clone(),
                    mac_address: self.mac_address.clone(),
                    key,
                    hardware_id: self.hardware_id.clone(),
                }))
            }),
            DeviceCommand::Register(_)
            | DeviceCommand::Activate
            | DeviceCommand::Deactivate
            | DeviceCommand::Remove { .. } => None,
        };
        Ok(event.into_iter().collect())
    }

    fn register_again(&self, name: Option<DeviceName>, information: ChangeInformation) -> Decision {
        let organization_id = self.organization_id;
        let renamed = name
            .filter(|name| !name.is_address(&self.mac_address))
            .and_then(|name| self.rename(name));
        Ok([
            Some(DeviceEvent::RegisteredAgain { organization_id }),
            renamed,
            self.change_information(information)?,
        ]
        .into_iter()
        .flatten()
        .collect())
    }

    fn rename(&self, to: DeviceName) -> Option<DeviceEvent> {
        (to != self.name).then(|| DeviceEvent::Renamed {
            organization_id: self.organization_id,
            from: self.name.clone(),
            to,
        })
    }

    fn change_information(
        &self,
        change: ChangeInformation,
    ) -> Result<Option<DeviceEvent>, DeviceError> {
        let information = checked(self.information.clone(), change)?;
        Ok((information != self.information).then_some(DeviceEvent::InformationChanged {
            organization_id: self.organization_id,
            information,
        }))
    }

    fn change_management_address(&self, to: Option<IpAddr>) -> Vec<DeviceEvent> {
        let (organization_id, from) = (self.organization_id, self.management_address);
        if to == from {
            return Vec::new();
        }
        vec![DeviceEvent::ManagementAddressChanged { organization_id, from, to }]
    }

    fn remove(&self, allowed: bool) -> Decision {
        if !allowed {
            return Err(DeviceError::StillActive);
        }
        Ok(vec![DeviceEvent::Removed { organization_id: self.organization_id }])
    }

    fn evolve(&mut self, event: DeviceEvent) {
        match event {
            DeviceEvent::Renamed { to, .. } => self.name = to,
            DeviceEvent::MacAddressChanged { to, .. } => self.mac_address = to,
            DeviceEvent::KeyChanged { key, .. } => self.key = key,
            DeviceEvent::HardwareIdChanged { to, .. } => self.hardware_id = to,
            DeviceEvent::InformationChanged { information, .. } => self.information = information,
            DeviceEvent::NotesChanged { notes, .. } => self.notes = notes,
            DeviceEvent::GroupChanged { to, .. } => self.group_id = to,
            DeviceEvent::ManagementAddressChanged { to, .. } => self.management_address = to,
            DeviceEvent::Moved(moved) => {
                self.organization_id = moved.to;
                self.key = moved.key;
                self.group_id = None;
            }
            DeviceEvent::Registered(_)
            | DeviceEvent::RegisteredAgain { .. }
            | DeviceEvent::Deactivated { .. }
            | DeviceEvent::Activated { .. }
            | DeviceEvent::Removed { .. } => {}
        }
    }
}

impl From<DeviceRegistered> for Identity {
    fn from(device: DeviceRegistered) -> Self {
        Self {
            id: device.device_id,
            organization_id: device.organization_id,
            name: device.name,
            mac_address: device.mac_address,
            key: device.key,
            hardware_id: device.hardware_id,
            information: device.information,
            notes: device.notes,
            group_id: device.group_id,
            management_address: None,
        }
    }
}

impl From<Information> for ChangeInformation {
    fn from(information: Information) -> Self {
        let Information { model, os, system } = information;
        Self { model: Some(model), os: Some(os), system: Some(system) }
    }
}

fn checked(before: Information, change: ChangeInformation) -> Result<Information, FieldError> {
    let pick = |name, new: Option<String>, old: String, max| match new {
        None => Ok(old),
        Some(new) => field::text(&new, max).map_err(|problem| FieldError::new(name, problem)),
    };
    Ok(Information {
        model: pick("model", change.model, before.model, 64)?,
        os: pick("os", change.os, before.os, 128)?,
        system: pick("system", change.system, before.system, 128)?,
    })
}

fn checked_notes(notes: &str) -> Result<String, FieldError> {
    field::text(notes, 100_000).map_err(|problem| FieldError::new("notes", problem))
}
