//! Sections `wifi-device` of `wireless`: `radios`.

use serde_json::{Number, Value};

use super::{Section, Source, Types};
use crate::Unreadable;
use crate::openwrt::radios::{MAC80211, band_of_channel};
use crate::parse::section::integer;

const TYPES: Types = Types { integers: &[], booleans: &["disabled"] };

pub(super) fn read(source: &mut Source<'_>) -> Result<(), Unreadable> {
    let mut radios = Vec::new();
    for mut section in source.take("wireless", |kind| kind == "wifi-device") {
        let stated = section.options.contains_key("htmode").then(|| section.line_of("htmode"));
        radio(&mut section, source.dsa)?;
        // Others than this driver are told the width alone.
        if let Some(line) = stated
            && section.options.get("driver").is_some_and(|driver| driver != MAC80211)
            && !section.options.contains_key("htmode")
        {
            source.losses.add(line, "option \"htmode\" of another driver than mac80211");
        }
        radios.push((section.line, section.options));
    }
    source.state("radios", radios);
    Ok(())
}

fn radio(section: &mut Section, dsa: bool) -> Result<(), Unreadable> {
    section.convert(TYPES)?;
    let power = section.take_integer("txpower")?;
    let driver = section.require("type")?;
    let htmode = if driver == MAC80211 {
        section.require("htmode")?
    } else {
        section.take_text("htmode")?.unwrap_or_default()
    };
    let (protocol, width) = match &*htmode {
        "" => by_width(section, dsa)?,
        htmode => transmission(section, htmode, dsa)?,
    };
    let channel = section.options.get("channel").and_then(Value::as_str).map(str::to_owned);
    let channel = match channel.as_deref() {
        Some("auto") => Number::from(0),
        Some(text) => {
            let channel = integer(text);
            let channel = channel.ok_or_else(|| section.wrong("channel", "is no whole number"))?;
            if channel != 0.into() {
                section.take("hwmode");
            }
            channel
        }
        None => return Err(section.wrong("channel", "is missing")),
    };
    let name = section.name.clone();
    let options = &mut section.options;
    options.insert("channel".into(), channel.into());
    options.insert("name".into(), name.into());
    if let Some(power) = power {
        options.insert("tx_power".into(), power.into());
    }
    options.insert("driver".into(), driver.into());
    options.insert("protocol".into(), protocol.into());
    if htmode.ends_with(['+', '-']) {
        options.insert("htmode".into(), htmode.into());
    }
    options.insert("channel_width".into(), width.into());
    Ok(())
}

/// Standard and width of channels in MHz.
fn transmission(
    section: &Section,
    htmode: &str,
    dsa: bool,
) -> Result<(String, Number), Unreadable> {
    if htmode == "NONE" {
        return Ok((legacy(section, dsa)?, 20.into()));
    }
    let fits = [("VHT", "802.11ac"), ("HT", "802.11n"), ("HE", "802.11ax")]
        .into_iter()
        .find_map(|(prefix, protocol)| Some((protocol, htmode.strip_prefix(prefix)?)));
    fits.and_then(|(protocol, width)| {
        Some((protocol.to_owned(), integer(width.trim_end_matches(['+', '-']))?))
    })
    .ok_or_else(|| section.wrong("htmode", "is of no known standard"))
}

/// Drivers that say the width of channels alone: the oldest standard that has it in the band.
fn by_width(section: &mut Section, dsa: bool) -> Result<(String, Number), Unreadable> {
    let width = section.take_integer("channel_width")?.unwrap_or_else(|| 20.into());
    let band = match band(section, dsa) {
        Some(band) => band,
        None => by_channel(section).unwrap_or("2g"),
    };
    let protocol = match (band, width.as_u64()) {
        ("2g", Some(20)) if is(section, "hwmode", "11b") => "802.11b",
        ("2g", Some(20)) => "802.11g",
        ("5g", Some(20)) => "802.11a",
        ("2g" | "5g", Some(40)) => "802.11n",
        ("5g", _) => "802.11ac",
        ("60g", _) => "802.11ad",
        _ => "802.11ax",
    };
    Ok((protocol.to_owned(), width))
}

/// The band that the section states.
fn band(section: &Section, dsa: bool) -> Option<&str> {
    let text = |key| section.options.get(key).and_then(Value::as_str);
    if dsa {
        return text("band");
    }
    match text("hwmode")? {
        // The channel alone tells 5 GHz from what is above.
        "11a" => Some(by_channel(section).filter(|band| *band != "2g").unwrap_or("5g")),
        _ => Some("2g"),
    }
}

/// The band of the channel, which not every channel tells.
fn by_channel(section: &Section) -> Option<&'static str> {
    match integer(section.options.get("channel")?.as_str()?)?.as_u64()? {
        // Lower ones are those of 2.4 GHz as well.
        17..=20 | 25..=27 => Some("60g"),
        channel => band_of_channel(channel),
    }
}

fn is(section: &Section, key: &str, text: &str) -> bool {
    section.options.get(key).is_some_and(|value| value == text)
}

/// The standard of a radio from before 802.11n.
fn legacy(section: &Section, dsa: bool) -> Result<String, Unreadable> {
    let text = |key| section.options.get(key).and_then(Value::as_str);
    if let Some(band) = text("band").filter(|_| dsa) {
        return match band {
            "2g" => Ok("802.11g".into()),
            "5g" => Ok("802.11a".into()),
            "60g" => Ok("802.11ad".into()),
            _ => Err(section.wrong("band", "has no standard without htmode")),
        };
    }
    if !dsa && by_channel(section) == Some("60g") {
        return Ok("802.11ad".into());
    }
    // Validation says what is missing.
    let mode = text("hwmode").unwrap_or("None");
    Ok(format!("802.{mode}"))
}
