//! The compressed archive that a device downloads.
//!
//! Devices compare checksums of these bytes, so every byte is fixed: tar headers are written here
//! field by field (POSIX.1-2001 ustar, pax records for names that do not fit), and zlib at level 9
//! compresses them (RFC 1952 header without name and time).

use std::sync::{Mutex, PoisonError};

use flate2::{Compress, Compression, Crc, FlushCompress, Status};
use md5::{Digest as _, Md5};
use sha2::Sha256;

use crate::File;

const BLOCK: usize = 512;
/// The stream is filled up to a multiple of this.
const RECORD: usize = 20 * BLOCK;
const NAME: usize = 100;

/// A tar.gz and its checksums.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archive {
    /// The tar.gz.
    pub bytes: Vec<u8>,
    /// MD5 of [`bytes`](Self::bytes), lower-case hex.
    pub md5: String,
    /// SHA-256 of [`bytes`](Self::bytes), lower-case hex.
    pub sha256: String,
}

impl Archive {
    /// Packs `files` in their order.
    pub fn of(files: &[File]) -> Self {
        let bytes = gzip(&tar(files));
        let hex = |digest: &[u8]| {
            digest.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(digit).collect()
        };
        Self { md5: hex(&Md5::digest(&bytes)), sha256: hex(&Sha256::digest(&bytes)), bytes }
    }
}

pub(crate) fn digit(value: u8) -> char {
    char::from(b"0123456789abcdef"[usize::from(value & 15)])
}

/// Compressors that are not in use: setting one up takes longer than most archives.
static IDLE: Mutex<Vec<Compress>> = Mutex::new(Vec::new());
/// How many are kept; each is some 270 KB.
const KEPT: usize = 4;

/// RFC 1952: a header without name and time, the stream, its checksum and length.
fn gzip(tar: &[u8]) -> Vec<u8> {
    let idle = || IDLE.lock().unwrap_or_else(PoisonError::into_inner);
    let kept = idle().pop();
    let mut compress = kept.unwrap_or_else(|| Compress::new(Compression::best(), false));
    let mut bytes = Vec::with_capacity(1024 + tar.len() / 8);
    bytes.extend_from_slice(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255]);
    loop {
        let read = usize::try_from(compress.total_in()).unwrap_or(usize::MAX).min(tar.len());
        let status = compress.compress_vec(&tar[read..], &mut bytes, FlushCompress::Finish);
        if status.expect("a stream that was set up or reset takes bytes") == Status::StreamEnd {
            break;
        }
        // What is left to do is held up by a lack of room only.
        bytes.reserve(bytes.len());
    }
    compress.reset();
    let mut idle = idle();
    if idle.len() < KEPT {
        idle.push(compress);
    }
    drop(idle);
    let mut crc = Crc::new();
    crc.update(tar);
    bytes.extend_from_slice(&crc.sum().to_le_bytes());
    bytes.extend_from_slice(&crc.amount().to_le_bytes());
    bytes
}

fn tar(files: &[File]) -> Vec<u8> {
    let bodies = files.iter().map(|file| file.contents.len() + 2 * BLOCK);
    let mut out = Vec::with_capacity(bodies.sum::<usize>() + RECORD);
    for file in files {
        if file.path.len() > NAME || !file.path.is_ascii() {
            let record = path_record(&file.path);
            append(&mut out, b"././@PaxHeader", 0, b'x', record.as_bytes());
        }
        let name: Vec<u8> = file
            .path
            .chars()
            .map(|c| u8::try_from(c).ok().filter(u8::is_ascii).unwrap_or(b'?'))
            .collect();
        append(&mut out, &name, file.mode, b'0', &file.contents);
    }
    out.resize(out.len() + 2 * BLOCK, 0);
    out.resize(out.len().next_multiple_of(RECORD), 0);
    out
}

/// `LENGTH path=NAME`, where the length counts itself.
fn path_record(path: &str) -> String {
    let rest = format!(" path={path}\n");
    let mut length = rest.len();
    loop {
        let record = format!("{length}{rest}");
        if record.len() == length {
            return record;
        }
        length = record.len();
    }
}

fn append(out: &mut Vec<u8>, name: &[u8], mode: u32, kind: u8, body: &[u8]) {
    let mut header = [0; BLOCK];
    let name = &name[..name.len().min(NAME)];
    header[..name.len()].copy_from_slice(name);
    octal(&mut header[100..107], u64::from(mode));
    octal(&mut header[108..115], 0);
    octal(&mut header[116..123], 0);
    octal(&mut header[124..135], body.len() as u64);
    octal(&mut header[136..147], 0);
    header[156] = kind;
    header[257..265].copy_from_slice(b"ustar\x0000");
    // The sum counts its own field as spaces; it ends with a zero byte and a space.
    header[148..156].fill(b' ');
    let sum = header.iter().map(|byte| u64::from(*byte)).sum();
    octal(&mut header[148..154], sum);
    header[154] = 0;
    out.extend_from_slice(&header);
    out.extend_from_slice(body);
    out.resize(out.len().next_multiple_of(BLOCK), 0);
}

/// Fills `field` with octal digits; no value in use is longer.
fn octal(field: &mut [u8], value: u64) {
    let mut rest = value;
    for digit in field.iter_mut().rev() {
        *digit = b'0' + u8::try_from(rest % 8).unwrap_or(0);
        rest /= 8;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compression, GzBuilder};
    use proptest::prelude::*;

    use super::{Archive, gzip, path_record, tar};

    proptest! {
        #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

        /// Compressors are used again, and write in one piece: the stream is the same.
        #[test]
        fn the_stream_is_that_of_a_new_compressor(
            words in prop::collection::vec("[a-d]{1,6}|\\PC", 0..400), times in 1..80_usize,
        ) {
            let bytes = words.concat().repeat(times).into_bytes();
            let mut writer = GzBuilder::new()
                .mtime(0)
                .operating_system(255)
                .write(Vec::new(), Compression::best());
            writer.write_all(&bytes).unwrap();
            prop_assert_eq!(gzip(&bytes), writer.finish().unwrap());
        }
    }

    #[test]
    fn an_empty_archive_is_one_record_of_zeros() {
        assert_eq!(tar(&[]), vec![0; 10240]);
        assert_eq!(Archive::of(&[]).bytes[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 0xff]);
    }

    #[test]
    fn the_length_of_a_pax_record_counts_itself() {
        for length in 80..120 {
            let record = path_record(&"x".repeat(length));
            assert_eq!(record.split_once(' ').unwrap().0.parse(), Ok(record.len()));
        }
    }
}
