//! The difference between two archives, file by file, as people read it.

mod unpack;

use netjson::FilesDiff;

use self::unpack::Unpacked;
pub(crate) use self::unpack::unpack;
use crate::Failure;

/// An archive that cannot be unpacked.
#[derive(Debug, thiserror::Error)]
#[error("the archive cannot be unpacked")]
pub struct Malformed(#[from] std::io::Error);

/// Compares two gzipped tars; none has no files. Equal bytes are not looked into.
pub(crate) fn between(before: Option<&[u8]>, after: Option<&[u8]>) -> Result<FilesDiff, Malformed> {
    if before == after {
        return Ok(FilesDiff::default());
    }
    let files = |archive: Option<&[u8]>| archive.map_or_else(|| Ok(Unpacked::default()), unpack);
    let (before, after) = (files(before)?, files(after)?);
    let cut = before.cut || after.cut;
    let mut diff = FilesDiff::of(before.files, after.files);
    diff.cut |= cut;
    Ok(diff)
}

/// The same, away from the threads that serve requests.
pub(crate) async fn computed(
    before: Option<bytes::Bytes>,
    after: Option<bytes::Bytes>,
) -> Result<FilesDiff, Failure> {
    if before == after {
        return Ok(FilesDiff::default());
    }
    tokio::task::spawn_blocking(move || between(before.as_deref(), after.as_deref()))
        .await
        .map_err(|error| Failure::Broken(Box::new(error)))?
        .map_err(|error| Failure::Broken(Box::new(error)))
}

#[cfg(test)]
mod tests;
