//! A managed device.

mod aggregate;
mod command;
mod error;
mod event;
#[cfg(test)]
mod tests;

pub use aggregate::{Device, Identity};
pub use command::{ChangeInformation, DeviceCommand, RegisterDevice};
pub use error::DeviceError;
pub use event::{DeviceEvent, DeviceMoved, DeviceRegistered, Information};
