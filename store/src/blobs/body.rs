//! The bytes of a stored blob: nonce, then the sealed form of one byte for the packing and the packed bytes.

use std::io::{Read as _, Write as _};

use flate2::{Compression, read::ZlibDecoder, write::ZlibEncoder};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::MAX_BLOB;
use crate::{Envelope, sealed::NONCE};

const PLAIN: u8 = 0;
const ZLIB: u8 = 1;

/// Compressed where that is smaller.
pub(super) fn pack(plain: &[u8]) -> Zeroizing<Vec<u8>> {
    if let Some(smaller) = deflated(plain).filter(|packed| packed.len() <= plain.len()) {
        return Zeroizing::new(smaller);
    }
    let mut packed = Vec::with_capacity(plain.len() + 1);
    packed.push(PLAIN);
    packed.extend_from_slice(plain);
    Zeroizing::new(packed)
}

fn deflated(plain: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(vec![ZLIB], Compression::default());
    encoder.write_all(plain).ok()?;
    encoder.finish().ok()
}

/// None when it is not what [`pack`] makes.
pub(super) fn unpack(packed: &[u8]) -> Option<Vec<u8>> {
    match packed.split_first()? {
        (&PLAIN, plain) => Some(plain.to_vec()),
        (&ZLIB, packed) => {
            let mut plain = Vec::new();
            let bound = MAX_BLOB as u64 + 1;
            ZlibDecoder::new(packed).take(bound).read_to_end(&mut plain).ok()?;
            Some(plain)
        }
        _ => None,
    }
}

pub(crate) fn bytes(envelope: Envelope) -> Vec<u8> {
    let mut bytes = envelope.nonce.to_vec();
    bytes.extend(envelope.cipher);
    bytes
}

pub(crate) fn envelope(subject: Uuid, bytes: &[u8]) -> Option<Envelope> {
    let (nonce, cipher) = bytes.split_first_chunk::<NONCE>()?;
    Some(Envelope { subject, key: 1, nonce: *nonce, cipher: cipher.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_is_undone() {
        for plain in [&b""[..], b"a", &[7; 5000], b"\x00\x01\xfe not compressible \x91\x03"] {
            let packed = pack(plain);
            assert!(packed.len() <= plain.len() + 1);
            assert_eq!(unpack(&packed).as_deref(), Some(plain));
        }
        assert!(pack(&[7; 5000]).len() < 100);
    }

    #[test]
    fn garbage_is_no_blob() {
        for packed in [&b""[..], b"\x02abc", b"\x01abc"] {
            assert_eq!(unpack(packed), None);
        }
    }
}
