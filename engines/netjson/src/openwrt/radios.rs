//! `radios`: Wi-Fi hardware, sections of `wireless`.

use serde_json::Value;

use super::section::{Options, filled, given, rename, replace, section, text, word};
use super::{Package, Source, package};

/// The driver of which width and standard of a channel are one option.
pub(crate) const MAC80211: &str = "mac80211";

pub(super) fn packages(source: Source<'_>) -> Vec<Package> {
    let radios = source.objects("radios").cloned();
    package("wireless", radios.map(|radio| section_of(radio, source.dsa)).collect())
}

fn section_of(mut options: Options, dsa: bool) -> Value {
    let name = options.remove("name").unwrap_or_default();
    rename(&mut options, "tx_power", "txpower");
    replace(&mut options, "driver", "type");
    options.entry("type").or_insert_with(|| MAC80211.into());
    if let Some(country) = filled(&options, "country").map(str::to_uppercase) {
        options.insert("country".into(), country.into());
    }
    let protocol = word(options.remove("protocol").as_ref());
    let channel = options.get("channel").and_then(Value::as_u64).unwrap_or(0);
    if options.get("type").and_then(Value::as_str) == Some(MAC80211) {
        let width = word(options.remove("channel_width").as_ref());
        // Even an empty one counts.
        options.entry("htmode").or_insert_with(|| htmode(&protocol, &width).into());
    }
    let (key, value) = if dsa {
        ("band", band(&options, &protocol, channel))
    } else {
        ("hwmode", hwmode(&options, &protocol, channel))
    };
    options.remove("band");
    options.remove("hwmode");
    if let Some(value) = value {
        options.insert(key.to_owned(), value);
    }
    if channel == 0 {
        options.insert("channel".into(), "auto".into());
    }
    section("wifi-device", name, options)
}

fn htmode(protocol: &str, width: &str) -> String {
    match protocol {
        "802.11n" => format!("HT{width}"),
        "802.11ac" => format!("VHT{width}"),
        "802.11ax" => format!("HE{width}"),
        _ => "NONE".to_owned(),
    }
}

/// What OpenWrt 21 and later ask for.
fn band(options: &Options, protocol: &str, channel: u64) -> Option<Value> {
    if let Some(band) = options.get("band").filter(|band| given(band)) {
        return Some(band.clone());
    }
    let band = match options.get("hwmode").filter(|hwmode| given(hwmode)) {
        Some(hwmode) => match hwmode.as_str()? {
            "11a" => "5g",
            "11b" | "11g" => "2g",
            _ => return None,
        },
        None => match protocol {
            "802.11ad" => "60g",
            "802.11b" | "802.11g" => "2g",
            "802.11a" | "802.11ac" => "5g",
            _ => band_of_channel(channel)?,
        },
    };
    Some(band.into())
}

/// Channels of 6 GHz that also exist at 5 GHz count as the latter.
pub(crate) fn band_of_channel(channel: u64) -> Option<&'static str> {
    match channel {
        0..=13 => Some("2g"),
        36..=64 | 100..=144 if channel.is_multiple_of(4) => Some("5g"),
        149..=177 if channel % 4 == 1 => Some("5g"),
        1..=233 if channel % 4 == 1 => Some("6g"),
        _ => None,
    }
}

/// What systems before OpenWrt 21 ask for.
fn hwmode(options: &Options, protocol: &str, channel: u64) -> Option<Value> {
    if let Some(hwmode) = options.get("hwmode").filter(|hwmode| given(hwmode)) {
        return Some(hwmode.clone());
    }
    let hwmode = match (text(options, "band"), protocol) {
        ("2g", "802.11b") => "11b",
        ("2g", _) => "11g",
        ("5g", _) | (_, "802.11a" | "802.11ac") => "11a",
        (_, "802.11b") => "11b",
        (_, "802.11g") => "11g",
        _ => match channel {
            0 => return None,
            1..=13 => "11g",
            _ => "11a",
        },
    };
    Some(hwmode.into())
}
