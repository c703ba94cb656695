//! Which kind of device text is produced.

use std::str::FromStr;

/// The generator that turns NetJSON into device files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Backend {
    /// UCI packages of OpenWrt.
    OpenWrt,
    /// OpenWISP Firmware 1.x: configurations are checked, but not rendered yet.
    OpenWisp,
}

impl Backend {
    /// The name used in databases and interfaces.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenWrt => "netjsonconfig.OpenWrt",
            Self::OpenWisp => "netjsonconfig.OpenWisp",
        }
    }
}

/// A name that belongs to no generator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown backend `{0}`")]
pub struct UnknownBackend(String);

impl FromStr for Backend {
    type Err = UnknownBackend;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "netjsonconfig.OpenWrt" => Ok(Self::OpenWrt),
            "netjsonconfig.OpenWisp" => Ok(Self::OpenWisp),
            _ => Err(UnknownBackend(name.chars().take(100).collect())),
        }
    }
}
