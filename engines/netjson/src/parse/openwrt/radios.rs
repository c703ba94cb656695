//! Sections `wifi-device` of `wireless`: `radios`.

use serde_json::{Number, Value};

use super::{Section, Source, Types};
use crate::Unreadable;
use crate::parse::section::integer;

const TYPES: Types = Types { integers: &[], booleans: &["disabled"] };

pub(super) fn read(source: &mut Source<'_>) -> Result<(), Unreadable> {
    let mut radios = Vec::new();
    for mut section in source.take("wireless", |kind| kind == "wifi-device") {
        radio(&mut section, source.dsa)?;
        radios.push(section.options.into());
    }
    source.state("radios", radios);
    Ok(())
}

fn radio(section: &mut Section, dsa: bool) -> Result<(), Unreadable> {
    section.convert(TYPES)?;
    let power = section.take_integer("txpower")?;
    let driver = section.require("type")?;
    let htmode = section.require("htmode")?;
    let (protocol, width) = transmission(section, &htmode, dsa)?;
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
    // Validation says what is missing.
    let mode = text("hwmode").unwrap_or("None");
    Ok(format!("802.{mode}"))
}
