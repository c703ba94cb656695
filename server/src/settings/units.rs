//! Values with units.

use std::{fmt, str::FromStr, time};

use serde::{Deserialize, Deserializer, de::Error as _};

/// A duration, written `500ms`, `30s`, `5m`, `2h`, `7d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duration(pub time::Duration);

/// A size in bytes, written `512`, `64KiB`, `4MiB`, `1GiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub usize);

/// A text that is not a number with one of the units.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub struct NotAMeasure {
    text: String,
    expected: &'static str,
}

fn split(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit.trim()))
}

impl FromStr for Duration {
    type Err = NotAMeasure;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = split(text.trim()).and_then(|(number, unit)| {
            let seconds = |each: u64| number.checked_mul(each).map(time::Duration::from_secs);
            match unit {
                "ms" => Some(time::Duration::from_millis(number)),
                "s" => seconds(1),
                "m" => seconds(60),
                "h" => seconds(3600),
                "d" => seconds(86_400),
                _ => None,
            }
        });
        let expected = "a duration such as 500ms, 30s, 5m, 2h or 7d";
        parsed.map(Self).ok_or_else(|| NotAMeasure { text: text.to_owned(), expected })
    }
}

impl FromStr for Size {
    type Err = NotAMeasure;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = split(text.trim()).and_then(|(number, unit)| {
            let each: u64 = match unit {
                "" | "B" => 1,
                "KiB" => 1 << 10,
                "MiB" => 1 << 20,
                "GiB" => 1 << 30,
                _ => return None,
            };
            usize::try_from(number.checked_mul(each)?).ok()
        });
        let expected = "a size such as 512, 64KiB, 4MiB or 1GiB";
        parsed.map(Self).ok_or_else(|| NotAMeasure { text: text.to_owned(), expected })
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_have_units() {
        assert_eq!("30s".parse(), Ok(Duration(time::Duration::from_secs(30))));
        assert_eq!("250ms".parse(), Ok(Duration(time::Duration::from_millis(250))));
        assert_eq!("4MiB".parse(), Ok(Size(4 << 20)));
        assert!("30".parse::<Duration>().is_err());
        assert!("4MB".parse::<Size>().is_err());
        assert!("99999999999999999999GiB".parse::<Size>().is_err());
    }
}
