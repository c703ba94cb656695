//! Finding what belongs to a name.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Values by name. Names are those of a schema, known in advance; what is looked up never gets in,
/// so that a quick hash does.
pub(super) struct Names<T>(HashMap<Box<str>, T, BuildHasherDefault<Quick>>);

impl<T> Default for Names<T> {
    fn default() -> Self {
        Self(HashMap::default())
    }
}

impl<T> Names<T> {
    pub(super) fn new(named: impl IntoIterator<Item = (String, T)>) -> Self {
        Self(named.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&T> {
        self.0.get(name)
    }
}

/// Multiplies and rotates, eight bytes at a time.
#[derive(Default)]
pub(super) struct Quick(u64);

impl Quick {
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

impl Hasher for Quick {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }

    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.add(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.add(u64::from_le_bytes(last));
    }

    fn write_u8(&mut self, byte: u8) {
        self.add(u64::from(byte));
    }
}
