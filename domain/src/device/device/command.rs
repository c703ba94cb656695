use std::net::IpAddr;

use super::Information;
use crate::{
    DeviceId, GroupId, OrganizationId, Sealed,
    device::{DeviceName, HardwareId, MacAddress},
};

/// What can be asked of a device. What the rules do not decide (ids, keys, addresses) comes in with the command.
#[derive(Clone, Debug, PartialEq)]
pub enum DeviceCommand {
    /// Bring a new device under management.
    Register(Box<RegisterDevice>),
    /// Note that its agent registered again, and what it said. A name that is only the device's address is not taken over.
    RegisterAgain {
        /// The name it sent.
        name: Option<DeviceName>,
        /// What it said about itself.
        information: ChangeInformation,
    },
    /// Give it another name.
    Rename(DeviceName),
    /// Recognise it by another address.
    ChangeMacAddress(MacAddress),
    /// Let it prove itself with another key.
    ChangeKey(Sealed),
    /// Give it another hardware id, or none.
    ChangeHardwareId(Option<HardwareId>),
    /// Take over what was told about it.
    ChangeInformation(ChangeInformation),
    /// Write something down.
    ChangeNotes(String),
    /// Put it into a group of its organization, or into none.
    ChangeGroup(Option<GroupId>),
    /// Reach it at another address, or nowhere.
    ChangeManagementAddress(Option<IpAddr>),
    /// Hand it over to another organization; it leaves its group.
    Move {
        /// The new owner.
        to: OrganizationId,
        /// Its key, sealed for the new owner.
        key: Sealed,
    },
    /// Stop serving it until it is activated again.
    Deactivate,
    /// Serve it again.
    Activate,
    /// Let it not exist any more.
    Remove {
        /// Is its configuration deactivated, or has it none?
        configuration_ended: bool,
        /// Also when it is still served.
        force: bool,
    },
}

/// The facts of a registration, whether by an agent or by an operator.
#[derive(Clone, Debug, PartialEq)]
pub struct RegisterDevice {
    /// Chosen by the caller, so that a retried request stays one device.
    pub id: DeviceId,
    /// The owner.
    pub organization_id: OrganizationId,
    /// Unique inside the organization.
    pub name: DeviceName,
    /// Unique inside the organization.
    pub mac_address: MacAddress,
    /// What it proves itself with.
    pub key: Sealed,
    /// Unique inside the organization.
    pub hardware_id: Option<HardwareId>,
    /// What it is.
    pub information: Information,
    /// Free text.
    pub notes: String,
    /// A group of the same organization.
    pub group_id: Option<GroupId>,
}

/// New values for some of [`Information`]; `None` leaves the old one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeInformation {
    /// At most 64 characters.
    pub model: Option<String>,
    /// At most 128 characters.
    pub os: Option<String>,
    /// At most 128 characters.
    pub system: Option<String>,
}
