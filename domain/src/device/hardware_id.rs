use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Problem, field};

/// A serial number or another id of the hardware, 1–32 characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct HardwareId(String);

impl HardwareId {
    /// As stored and shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HardwareId {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(Problem::Blank);
        }
        field::text(text, 32).map(Self)
    }
}

impl TryFrom<String> for HardwareId {
    type Error = Problem;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<HardwareId> for String {
    fn from(id: HardwareId) -> Self {
        id.0
    }
}
