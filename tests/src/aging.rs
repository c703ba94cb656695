//! An export whose events happened long ago: how a log looks that has been there for years.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    path::Path,
};

use anyhow::Context as _;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// Writes an export anew, with all its events so many days earlier, and tells the position of the last one. The chain covers their times: it is computed again, as
/// `docs/evidence.md` says.
///
/// # Errors
///
/// It is no export, or the other one cannot be written.
pub fn aged(export: &Path, days: i64, to: &Path) -> anyhow::Result<i64> {
    let mut text = String::new();
    GzDecoder::new(File::open(export)?).read_to_string(&mut text)?;
    let mut lines: Vec<Value> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let mut chain = Vec::new();
    for line in &mut lines {
        let Some(event) = line.get_mut("event") else { continue };
        let at: DateTime<Utc> = event["recorded_at"].as_str().context("a time")?.parse()?;
        let earlier = at - TimeDelta::days(days);
        event["recorded_at"] = json!(earlier.to_rfc3339_opts(SecondsFormat::Micros, true));
        let mut link = Sha256::new_with_prefix(&chain);
        link.update(event["position"].as_i64().context("a position")?.to_be_bytes());
        link.update(header(event, earlier)?);
        chain = link.finalize().to_vec();
        event["hash"] = json!(hex::encode(&chain));
    }
    lines.first_mut().context("a header")?["hash"] = json!(hex::encode(&chain));
    let mut trailer = lines.pop().context("a trailer")?;
    let mut written = String::new();
    for line in &lines {
        written.push_str(&line.to_string());
        written.push('\n');
    }
    trailer["end"]["sha256"] = json!(hex::encode(Sha256::digest(&written)));
    let mut packed = GzEncoder::new(File::create_new(to)?, Compression::fast());
    packed.write_all(format!("{written}{trailer}\n").as_bytes())?;
    packed.finish()?;
    lines[0]["position"].as_i64().context("a position")
}

fn header(event: &Value, recorded_at: DateTime<Utc>) -> anyhow::Result<Vec<u8>> {
    let text = |name: &str| event[name].as_str().map(|text| text.as_bytes().to_vec());
    let id = |name: &str| {
        let id = event[name].as_str().map(Uuid::parse_str).transpose()?;
        anyhow::Ok(id.map(|id| id.as_bytes().to_vec()))
    };
    let payload = match event["payload_hash"].as_str() {
        Some(hash) => hex::decode(hash)?,
        None => Sha256::digest(text("payload").context("a payload")?).to_vec(),
    };
    let sequence = event["sequence"].as_i64().context("a sequence")?;
    let retention = i16::try_from(event["retention"].as_i64().unwrap_or(0))?;
    let mut hash = Sha256::new();
    for field in [
        id("event_id")?,
        text("aggregate_type"),
        text("aggregate_id"),
        Some(sequence.to_be_bytes().to_vec()),
        text("event_type"),
        text("event_version"),
        id("organization_id")?,
        text("actor"),
        id("correlation_id")?,
        text("causation"),
        Some(recorded_at.timestamp_micros().to_be_bytes().to_vec()),
        Some(retention.to_be_bytes().to_vec()),
        text("metadata"),
        Some(payload),
    ] {
        match field {
            Some(bytes) => {
                hash.update(u32::try_from(bytes.len())?.to_be_bytes());
                hash.update(bytes);
            }
            None => hash.update(u32::MAX.to_be_bytes()),
        }
    }
    Ok(hash.finalize().to_vec())
}
