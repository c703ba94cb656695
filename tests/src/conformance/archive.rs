//! Opens a downloaded archive for comparison.

use std::io::Read;

use anyhow::Context;
use flate2::read::GzDecoder;
use serde_json::{Value, json};

/// Entries in order, in the form of the recordings. Sizes are left out: the recordings count
/// characters.
pub(super) fn entries(bytes: &[u8]) -> anyhow::Result<Value> {
    let mut plain = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut plain).context("not gzip")?;
    let mut archive = tar::Archive::new(plain.as_slice());
    archive
        .entries()
        .context("not tar")?
        .map(|entry| {
            let mut entry = entry.context("not tar")?;
            let mut contents = Vec::new();
            entry.read_to_end(&mut contents)?;
            let header = entry.header();
            Ok(json!({
                "name": String::from_utf8_lossy(&entry.path_bytes()),
                "mode": format!("{:o}", header.mode()?),
                "mtime": header.mtime()?,
                "uid": header.uid()?,
                "gid": header.gid()?,
                "uname": header.username().ok().flatten().unwrap_or_default(),
                "contents": String::from_utf8_lossy(&contents),
            }))
        })
        .collect()
}
