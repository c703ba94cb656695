//! The difference between two archives, file by file, as people read it.

mod unpack;

use netjson::FilesDiff;
use secrecy::{ExposeSecret as _, SecretString};

use self::unpack::Unpacked;
pub(crate) use self::unpack::unpack;
use crate::Failure;

/// An archive that cannot be unpacked.
#[derive(Debug, thiserror::Error)]
#[error("the archive cannot be unpacked")]
pub struct Malformed(#[from] std::io::Error);

/// Compares two gzipped tars; none has no files. Equal bytes are not looked into. Where a key is given it is put back as the
/// variable that it came from: for changes that nobody has saved, which would show it to whoever asks for it.
pub(crate) fn without_key(
    before: Option<&[u8]>,
    after: Option<&[u8]>,
    key: Option<&SecretString>,
) -> Result<FilesDiff, Malformed> {
    if before == after {
        return Ok(FilesDiff::default());
    }
    let files = |archive: Option<&[u8]>| {
        let mut unpacked = archive.map_or_else(|| Ok(Unpacked::default()), unpack)?;
        for file in unpacked.files.values_mut() {
            if let (Some(key), Ok(text)) = (key, std::str::from_utf8(&file.contents)) {
                file.contents = with_variable(text, key.expose_secret()).into();
            }
        }
        Ok::<_, Malformed>(unpacked)
    };
    let (before, after) = (files(before)?, files(after)?);
    let cut = before.cut || after.cut;
    let mut diff = FilesDiff::of(before.files, after.files);
    diff.cut |= cut;
    Ok(diff)
}

/// A shorter key is no secret, and its letters are in every sentence.
const SHORTEST_SECRET: usize = 6;

/// A text with the device's key put back as the variable that it came from.
pub(crate) fn with_variable(text: &str, key: &str) -> String {
    if key.len() < SHORTEST_SECRET { text.to_owned() } else { text.replace(key, "{{ key }}") }
}

/// The difference as it is, found away from the threads that serve requests.
pub(crate) async fn computed(
    before: Option<bytes::Bytes>,
    after: Option<bytes::Bytes>,
) -> Result<FilesDiff, Failure> {
    computed_without_key(before, after, None).await
}

/// [`without_key`], found away from the threads that serve requests.
pub(crate) async fn computed_without_key(
    before: Option<bytes::Bytes>,
    after: Option<bytes::Bytes>,
    key: Option<SecretString>,
) -> Result<FilesDiff, Failure> {
    if before == after {
        return Ok(FilesDiff::default());
    }
    tokio::task::spawn_blocking(move || {
        without_key(before.as_deref(), after.as_deref(), key.as_ref())
    })
    .await
    .map_err(|error| Failure::Broken(Box::new(error)))?
    .map_err(|error| Failure::Broken(Box::new(error)))
}

#[cfg(test)]
mod tests;
