//! The difference between two archives, file by file, as people read it.

mod unpack;

use netjson::FilesDiff;

use self::unpack::Unpacked;
pub(crate) use self::unpack::unpack;
use crate::{Failure, key_mask::KeyMask};

/// An archive that cannot be unpacked.
#[derive(Debug, thiserror::Error)]
#[error("the archive cannot be unpacked")]
pub struct Malformed(#[from] std::io::Error);

/// Compares two gzipped tars; none has no files. Equal bytes are not looked into. What the mask keeps back is put back as the
/// variable that it came from: for changes that nobody has saved, which would show it to whoever asks for it.
pub(crate) fn without_key(
    before: Option<&[u8]>,
    after: Option<&[u8]>,
    mask: &KeyMask,
) -> Result<FilesDiff, Malformed> {
    if before == after {
        return Ok(FilesDiff::default());
    }
    let files = |archive: Option<&[u8]>| {
        let Unpacked { files, cut } = archive.map_or_else(|| Ok(Unpacked::default()), unpack)?;
        let masked = |(_, mut file): (String, netjson::File)| {
            file.path = mask.text(&file.path);
            file.contents = mask.bytes(&file.contents).unwrap_or(file.contents);
            (file.path.clone(), file)
        };
        Ok::<_, Malformed>(Unpacked { files: files.into_iter().map(masked).collect(), cut })
    };
    let (before, after) = (files(before)?, files(after)?);
    let cut = before.cut || after.cut;
    let mut diff = FilesDiff::of(before.files, after.files);
    diff.cut |= cut;
    Ok(diff)
}

/// The difference as it is, found away from the threads that serve requests.
pub(crate) async fn computed(
    before: Option<bytes::Bytes>,
    after: Option<bytes::Bytes>,
) -> Result<FilesDiff, Failure> {
    computed_without_key(before, after, KeyMask::default()).await
}

/// [`without_key`], found away from the threads that serve requests.
pub(crate) async fn computed_without_key(
    before: Option<bytes::Bytes>,
    after: Option<bytes::Bytes>,
    mask: KeyMask,
) -> Result<FilesDiff, Failure> {
    if before == after {
        return Ok(FilesDiff::default());
    }
    tokio::task::spawn_blocking(move || without_key(before.as_deref(), after.as_deref(), &mask))
        .await
        .map_err(|error| Failure::Broken(Box::new(error)))?
        .map_err(|error| Failure::Broken(Box::new(error)))
}

#[cfg(test)]
mod tests;
