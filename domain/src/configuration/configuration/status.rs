use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a device stands to its configuration (manual 04, "Device Configuration Status").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConfigurationStatus {
    /// The device has not confirmed the present archive.
    #[default]
    Modified,
    /// The device runs the present archive.
    Applied,
    /// The device could not apply the present archive and went back to what it had.
    Error,
    /// The device is being emptied.
    Deactivating,
    /// The device is not served.
    Deactivated,
}

impl ConfigurationStatus {
    /// As agents and clients write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Modified => "modified",
            Self::Applied => "applied",
            Self::Error => "error",
            Self::Deactivating => "deactivating",
            Self::Deactivated => "deactivated",
        }
    }
}
