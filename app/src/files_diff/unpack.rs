//! Takes an archive apart in memory.

use std::{
    collections::BTreeMap,
    io::{self, Read as _},
};

use flate2::read::GzDecoder;
use netjson::File;

/// Bytes of the tar that are looked at.
const MAX_BYTES: u64 = 64 << 20;
/// Files that are looked at.
const MAX_FILES: usize = 10_000;

/// The files of an archive.
#[derive(Debug, Default)]
pub(crate) struct Unpacked {
    /// By path; of two with one path the last one, which is what unpacking leaves.
    pub(crate) files: BTreeMap<String, File>,
    /// There is more than was looked at.
    pub(crate) cut: bool,
}

/// Regular files only: generators make no others.
pub(crate) fn unpack(archive: &[u8]) -> io::Result<Unpacked> {
    let mut tar = Vec::new();
    GzDecoder::new(archive).take(MAX_BYTES + 1).read_to_end(&mut tar)?;
    let mut unpacked = Unpacked {
        cut: u64::try_from(tar.len()).unwrap_or(u64::MAX) > MAX_BYTES,
        ..Unpacked::default()
    };
    let mut archive = tar::Archive::new(tar.as_slice());
    for entry in archive.entries()? {
        if unpacked.files.len() == MAX_FILES {
            unpacked.cut = true;
            break;
        }
        match entry.and_then(file) {
            Ok(Some((path, file))) => {
                unpacked.files.insert(path, file);
            }
            Ok(None) => {}
            // The file that the limit goes through.
            Err(_) if unpacked.cut => break,
            Err(error) => return Err(error),
        }
    }
    Ok(unpacked)
}

fn file(mut entry: tar::Entry<'_, &[u8]>) -> io::Result<Option<(String, File)>> {
    if !entry.header().entry_type().is_file() {
        return Ok(None);
    }
    let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
    let mode = entry.header().mode()?;
    let mut contents = Vec::new();
    entry.read_to_end(&mut contents)?;
    Ok(Some((path.clone(), File { path, mode, contents })))
}
