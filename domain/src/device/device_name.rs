use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::MacAddress;
use crate::{Problem, field};

/// A host name (labels of 1–63 letters, digits and inner hyphens, separated by dots; RFC 1123 §2.1) or
/// a MAC address; at most 64 characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct DeviceName(String);

impl DeviceName {
    /// Longest name in characters.
    pub const MAX: usize = 64;

    /// As stored and shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Names that differ only in case are one name.
    pub fn canonical(&self) -> String {
        self.0.to_lowercase()
    }

    /// Is it just the address of the device, in whatever spelling?
    pub fn is_address(&self, mac_address: &MacAddress) -> bool {
        let bare = |text: &str| text.replace([':', '-'], "").to_lowercase();
        bare(&self.0) == bare(mac_address.as_str())
    }
}

impl FromStr for DeviceName {
    type Err = Problem;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match Self::problems(name).into_iter().next() {
            Some(problem) => Err(problem),
            None => Ok(Self(name.to_owned())),
        }
    }
}

impl DeviceName {
    /// Everything that is wrong with a name; nothing when it is one.
    pub fn problems(name: &str) -> Vec<Problem> {
        let named = name.parse::<MacAddress>().is_ok() || name.split('.').all(is_label);
        let shape = (!named).then_some(Problem::NotAHostname);
        shape.into_iter().chain(field::text(name, Self::MAX).err()).collect()
    }
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

impl TryFrom<String> for DeviceName {
    type Error = Problem;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<DeviceName> for String {
    fn from(name: DeviceName) -> Self {
        name.0
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
