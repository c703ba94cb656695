use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Problem;

/// Which generator turns a configuration into files, by the name that agents and clients use,
/// such as `netjsonconfig.OpenWrt`. Which ones exist is the business of the engine and the settings.
#[derive(
    Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Backend(String);

impl Backend {
    /// As written on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Backend {
    type Err = Problem;

    /// 1–128 characters; whether there is such a generator is checked where it is used.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        crate::field::name(text, 128).map(Self)
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
