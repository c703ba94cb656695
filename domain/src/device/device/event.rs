use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Claim, ClaimChange, DeviceId, Fact, GroupId, OrganizationId, Sealed,
    device::{DeviceName, HardwareId, MacAddress},
    fact::stored_as,
    kind,
};

/// What has happened to a device. Stored for ever: variants and fields are only ever added, and a changed
/// meaning is a new variant. `organization_id` is the owner at that time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeviceEvent {
    /// The device exists from here on. *Public.*
    Registered(Box<DeviceRegistered>),
    /// Its agent registered again, for example after a new installation. *Public.*
    RegisteredAgain {
        /// The owner.
        organization_id: OrganizationId,
    },
    /// It carries a new name.
    Renamed {
        /// The owner.
        organization_id: OrganizationId,
        /// The name before.
        from: DeviceName,
        /// The name from here on.
        to: DeviceName,
    },
    /// It is recognised by another address.
    MacAddressChanged {
        /// The owner.
        organization_id: OrganizationId,
        /// The address before.
        from: MacAddress,
        /// The address from here on.
        to: MacAddress,
    },
    /// It proves itself with another key.
    KeyChanged {
        /// The owner.
        organization_id: OrganizationId,
        /// Fingerprint of the key before.
        from: String,
        /// From here on.
        key: Sealed,
    },
    /// It carries another hardware id.
    HardwareIdChanged {
        /// The owner.
        organization_id: OrganizationId,
        /// Before.
        from: Option<HardwareId>,
        /// From here on.
        to: Option<HardwareId>,
    },
    /// Model, operating system or hardware were told anew. *Public:* the operating system decides the syntax of files.
    InformationChanged {
        /// The owner.
        organization_id: OrganizationId,
        /// From here on.
        information: Information,
    },
    /// An operator wrote something down.
    NotesChanged {
        /// The owner.
        organization_id: OrganizationId,
        /// From here on.
        notes: String,
    },
    /// It belongs to another group, or to none. *Public.*
    GroupChanged {
        /// The owner.
        organization_id: OrganizationId,
        /// Before.
        from: Option<GroupId>,
        /// From here on.
        to: Option<GroupId>,
    },
    /// It is reached at another address. *Public.*
    ManagementAddressChanged {
        /// The owner.
        organization_id: OrganizationId,
        /// Before.
        from: Option<IpAddr>,
        /// From here on.
        to: Option<IpAddr>,
    },
    /// It belongs to another organization. *Public.*
    Moved(Box<DeviceMoved>),
    /// It is not served from here on. *Public.*
    Deactivated {
        /// The owner.
        organization_id: OrganizationId,
    },
    /// It is served again. *Public.*
    Activated {
        /// The owner.
        organization_id: OrganizationId,
    },
    /// It does not exist any more. *Public.*
    Removed {
        /// The last owner.
        organization_id: OrganizationId,
    },
}

stored_as! { DeviceEvent:
    Registered => "device.registered",
    RegisteredAgain => "device.registered_again",
    Renamed => "device.renamed",
    MacAddressChanged => "device.mac_address_changed",
    KeyChanged => "device.key_changed",
    HardwareIdChanged => "device.hardware_id_changed",
    InformationChanged => "device.information_changed",
    NotesChanged => "device.notes_changed",
    GroupChanged => "device.group_changed",
    ManagementAddressChanged => "device.management_address_changed",
    Moved => "device.moved",
    Deactivated => "device.deactivated",
    Activated => "device.activated",
    Removed => "device.removed",
}

/// Payload of [`DeviceEvent::Registered`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeviceRegistered {
    /// Same as the stream's id.
    pub device_id: DeviceId,
    /// The owner.
    pub organization_id: OrganizationId,
    /// Unique inside the organization, whatever the case.
    pub name: DeviceName,
    /// Unique inside the organization, whatever the separator.
    pub mac_address: MacAddress,
    /// What it proves itself with; unique everywhere.
    pub key: Sealed,
    /// Unique inside the organization.
    pub hardware_id: Option<HardwareId>,
    /// What it is.
    pub information: Information,
    /// What operators wrote down.
    pub notes: String,
    /// Its group.
    pub group_id: Option<GroupId>,
}

/// Payload of [`DeviceEvent::Moved`]: everything that is unique inside an organization comes along.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeviceMoved {
    /// Same as the stream's id.
    pub device_id: DeviceId,
    /// The owner before.
    pub from: OrganizationId,
    /// The owner from here on.
    pub to: OrganizationId,
    /// Unchanged.
    pub name: DeviceName,
    /// Unchanged.
    pub mac_address: MacAddress,
    /// The same key, sealed for the new owner.
    pub key: Sealed,
    /// Unchanged.
    pub hardware_id: Option<HardwareId>,
}

/// What a device says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Information {
    /// Such as `TP-Link Archer C7 v2`; at most 64 characters.
    pub model: String,
    /// Such as `OpenWrt 24.10.0 r28427`; at most 128 characters.
    pub os: String,
    /// The CPU; at most 128 characters.
    pub system: String,
}

fn name(scope: OrganizationId, name: &DeviceName) -> Claim {
    Claim::new(kind::DEVICE_NAME, Some(scope.as_uuid()), name.canonical())
}

fn mac_address(scope: OrganizationId, mac_address: &MacAddress) -> Claim {
    Claim::new(kind::DEVICE_MAC_ADDRESS, Some(scope.as_uuid()), mac_address.canonical())
}

fn hardware_id(scope: OrganizationId, id: &HardwareId) -> Claim {
    Claim::new(kind::DEVICE_HARDWARE_ID, Some(scope.as_uuid()), id.as_str())
}

fn key(fingerprint: &str) -> Claim {
    Claim::new(kind::DEVICE_KEY, None, fingerprint)
}

fn place(scope: OrganizationId, device: Uuid) -> Claim {
    Claim {
        counts_for: Some(scope.as_uuid()),
        ..Claim::new(kind::DEVICE_PLACE, Some(scope.as_uuid()), device.to_string())
    }
}

impl Fact for DeviceEvent {
    const TYPES: &'static [&'static str] = Self::STORED;

    fn claims(&self, stream: Uuid) -> Vec<ClaimChange> {
        let settle = |to: OrganizationId, of: (&DeviceName, &MacAddress, &Sealed)| {
            [name(to, of.0), mac_address(to, of.1), key(&of.2.fingerprint), place(to, stream)]
        };
        match self {
            Self::Registered(device) => {
                settle(device.organization_id, (&device.name, &device.mac_address, &device.key))
                    .into_iter()
                    .chain(
                        device
                            .hardware_id
                            .as_ref()
                            .map(|id| hardware_id(device.organization_id, id)),
                    )
                    .map(ClaimChange::Take)
                    .collect()
            }
            Self::Moved(moved) => std::iter::once(ClaimChange::ReleaseAll)
                .chain(
                    settle(moved.to, (&moved.name, &moved.mac_address, &moved.key))
                        .into_iter()
                        .chain(moved.hardware_id.as_ref().map(|id| hardware_id(moved.to, id)))
                        .map(ClaimChange::Take),
                )
                .collect(),
            Self::Renamed { organization_id, from, to } => vec![
                ClaimChange::Release(name(*organization_id, from)),
                ClaimChange::Take(name(*organization_id, to)),
            ],
            Self::MacAddressChanged { organization_id, from, to } => vec![
                ClaimChange::Release(mac_address(*organization_id, from)),
                ClaimChange::Take(mac_address(*organization_id, to)),
            ],
            Self::KeyChanged { from, key: to, .. } => {
                vec![ClaimChange::Release(key(from)), ClaimChange::Take(key(&to.fingerprint))]
            }
            Self::HardwareIdChanged { organization_id, from, to } => {
                let id = |id: &HardwareId| hardware_id(*organization_id, id);
                let released = from.as_ref().map(id).map(ClaimChange::Release);
                let taken = to.as_ref().map(id).map(ClaimChange::Take);
                released.into_iter().chain(taken).collect()
            }
            Self::Removed { .. } => vec![ClaimChange::ReleaseAll],
            Self::RegisteredAgain { .. }
            | Self::InformationChanged { .. }
            | Self::NotesChanged { .. }
            | Self::GroupChanged { .. }
            | Self::ManagementAddressChanged { .. }
            | Self::Deactivated { .. }
            | Self::Activated { .. } => Vec::new(),
        }
    }

    fn organization(&self) -> Option<OrganizationId> {
        match self {
            Self::Registered(device) => Some(device.organization_id),
            Self::Moved(moved) => Some(moved.to),
            Self::RegisteredAgain { organization_id }
            | Self::Renamed { organization_id, .. }
            | Self::MacAddressChanged { organization_id, .. }
            | Self::KeyChanged { organization_id, .. }
            | Self::HardwareIdChanged { organization_id, .. }
            | Self::InformationChanged { organization_id, .. }
            | Self::NotesChanged { organization_id, .. }
            | Self::GroupChanged { organization_id, .. }
            | Self::ManagementAddressChanged { organization_id, .. }
            | Self::Deactivated { organization_id }
            | Self::Activated { organization_id }
            | Self::Removed { organization_id } => Some(*organization_id),
        }
    }
}
