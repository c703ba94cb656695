//! Devices and their groups (manual 04, "Device", "Device Groups").

#[expect(clippy::module_inception, reason = "the context and its first aggregate share the noun")]
mod device;
mod device_key;
mod device_name;
mod group;
mod hardware_id;
mod mac_address;

pub use device::{
    ChangeInformation, Device, DeviceCommand, DeviceError, DeviceEvent, DeviceMoved,
    DeviceRegistered, Identity, Information, RegisterDevice,
};
pub use device_key::{consistent_key, key_problems};
pub use device_name::DeviceName;
pub use group::{CreateGroup, Group, GroupCommand, GroupCreated, GroupError, GroupEvent};
pub use hardware_id::HardwareId;
pub use mac_address::MacAddress;
