//! Keys of another log, without a database.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::SecretSlice;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{FINGERPRINTS, bound, cipher::Key, root, wrapped_at};
use crate::{StoreError, sealed::NONCE};

/// What opens the keys of a log.
pub(crate) struct Unwrapping(Key);

impl Unwrapping {
    /// Refuses a master key that is not the log's.
    pub(crate) fn new(master: &SecretSlice<u8>, proof: &[u8]) -> Result<Self, StoreError> {
        let wrapping = root(master)?.derive("wrapping");
        match wrapping.unwrap(FINGERPRINTS, proof) {
            Some(_) => Ok(Self(wrapping)),
            None => Err(StoreError::Unusable(
                "this is not the master key of the log: give the right one".to_owned(),
            )),
        }
    }

    /// A wrapped key as lines have it.
    pub(crate) fn bytes(text: &str) -> Result<Vec<u8>, StoreError> {
        let bytes = STANDARD.decode(text);
        bytes.map_err(|_| StoreError::Unusable("a wrapped key is not base64".to_owned()))
    }

    /// What was sealed for a subject at a place.
    pub(crate) fn open(
        &self,
        (subject, wrapped): (Uuid, &[u8]),
        (place, nonce, cipher): (&str, [u8; NONCE], &[u8]),
    ) -> Option<Zeroizing<Vec<u8>>> {
        let key = self.0.unwrap(&wrapped_at(subject), wrapped)?;
        key.decrypt(nonce, &bound(place, subject), cipher)
    }
}
