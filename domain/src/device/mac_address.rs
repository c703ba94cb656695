use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Problem, field};

/// An EUI-48 address, upper case, with the separator it came with.
///
/// [`canonical`](Self::canonical) (colons) is for claims and comparison: `02-…` and `02:…` are one address.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct MacAddress(String);

impl MacAddress {
    /// With colons, whatever it came with.
    pub fn canonical(&self) -> String {
        self.0.replace('-', ":")
    }

    /// Everything that is wrong with an address; nothing when it is one.
    pub fn problems(text: &str) -> Vec<Problem> {
        let shape = text.parse::<Self>().err();
        shape.into_iter().chain(field::text(text, 17).err()).collect()
    }

    /// As stored and shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MacAddress {
    type Err = Problem;

    /// Accepts `aa:bb:cc:dd:ee:ff`, `AA-BB-CC-DD-EE-FF`, and mixtures.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = text.as_bytes();
        let valid = bytes.len() == 17
            && bytes.iter().enumerate().all(|(at, byte)| match at % 3 {
                2 => matches!(byte, b':' | b'-'),
                _ => byte.is_ascii_hexdigit(),
            });
        if valid { Ok(Self(text.to_ascii_uppercase())) } else { Err(Problem::NotAMacAddress) }
    }
}

impl TryFrom<String> for MacAddress {
    type Error = Problem;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<MacAddress> for String {
    fn from(mac: MacAddress) -> Self {
        mac.0
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
