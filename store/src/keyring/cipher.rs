//! AES-256-GCM-SIV (RFC 8452) and HMAC-SHA-256 under keys that wipe themselves.

use aes_gcm_siv::{
    Aes256GcmSiv, KeyInit, Nonce,
    aead::{Aead, Payload},
};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::sealed::NONCE;

/// 256 bits, wiped on drop; neither printed nor compared.
#[derive(Clone)]
pub(super) struct Key(Zeroizing<[u8; 32]>);

impl Key {
    pub(super) fn new(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(|bytes| Self(Zeroizing::new(bytes)))
    }

    pub(super) fn random(fill: impl FnOnce(&mut [u8])) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        fill(&mut *bytes);
        Self(bytes)
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A key of its own for one purpose.
    pub(super) fn derive(&self, purpose: &str) -> Self {
        Self(Zeroizing::new(self.mac(&[purpose.as_bytes()])))
    }

    /// HMAC-SHA-256 over the parts, each preceded by its length.
    pub(super) fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(&*self.0)
            .expect("HMAC takes keys of any length");
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    pub(super) fn encrypt(&self, nonce: [u8; NONCE], place: &str, plain: &[u8]) -> Vec<u8> {
        self.cipher()
            .encrypt(&Nonce::from(nonce), Payload { msg: plain, aad: place.as_bytes() })
            .expect("everything sealed is far shorter than the cipher's 64 GiB")
    }

    pub(super) fn decrypt(
        &self,
        nonce: [u8; NONCE],
        place: &str,
        cipher: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        self.cipher()
            .decrypt(&Nonce::from(nonce), Payload { msg: cipher, aad: place.as_bytes() })
            .ok()
            .map(Zeroizing::new)
    }

    /// `key` under this one: nonce, then cipher text.
    pub(super) fn wrap(&self, nonce: [u8; NONCE], place: &str, key: &Self) -> Vec<u8> {
        let mut wrapped = nonce.to_vec();
        wrapped.extend(self.encrypt(nonce, place, &*key.0));
        wrapped
    }

    pub(super) fn unwrap(&self, place: &str, wrapped: &[u8]) -> Option<Self> {
        let (nonce, cipher) = wrapped.split_first_chunk::<NONCE>()?;
        Self::new(&self.decrypt(*nonce, place, cipher)?)
    }

    fn cipher(&self) -> Aes256GcmSiv {
        Aes256GcmSiv::new((&*self.0).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrapped_key_opens_only_at_its_place() {
        let (outer, inner) = (Key::new(&[1; 32]).unwrap(), Key::new(&[2; 32]).unwrap());
        let wrapped = outer.wrap([3; NONCE], "here", &inner);
        assert_eq!(*outer.unwrap("here", &wrapped).unwrap().0, [2; 32]);
        assert!(outer.unwrap("there", &wrapped).is_none());
        assert!(inner.unwrap("here", &wrapped).is_none());
        assert!(outer.unwrap("here", &wrapped[..11]).is_none());
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let key = Key::new(&[1; 32]).unwrap();
        assert_ne!(key.mac(&[b"ab", b"c"]), key.mac(&[b"a", b"bc"]));
    }
}
