//! Ed25519 (RFC 8032): what an installation vouches for.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::Sha256;

/// `SubjectPublicKeyInfo` of RFC 8410 up to the key itself.
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";

/// Signs; never shown, never leaves the process.
pub struct SigningKey(Ed25519KeyPair);

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.public()).finish()
    }
}

impl SigningKey {
    /// The key of a seed of 32 bytes.
    pub(crate) fn from_seed(seed: &[u8; 32]) -> Option<Self> {
        Ed25519KeyPair::from_seed_unchecked(seed).ok().map(Self)
    }

    /// The half that everybody may know.
    pub fn public(&self) -> PublicKey {
        let mut key = [0; 32];
        key.copy_from_slice(self.0.public_key().as_ref());
        PublicKey(key)
    }

    /// 64 bytes.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.sign(message).as_ref().to_vec()
    }
}

/// What signatures are checked with: 32 bytes, in JSON in base64.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// From PEM (RFC 8410), or the 32 bytes in base64 or as 64 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(rest) = text.strip_prefix(BEGIN) {
            let inner: String = rest.split(END).next()?.split_whitespace().collect();
            let der = STANDARD.decode(inner).ok()?;
            return der.strip_prefix(&SPKI)?.try_into().ok().map(Self);
        }
        let bytes =
            if text.len() == 64 { hex::decode(text).ok()? } else { STANDARD.decode(text).ok()? };
        bytes.try_into().ok().map(Self)
    }

    /// As `openssl` and others read it.
    pub fn pem(&self) -> String {
        let der = [&SPKI[..], &self.0].concat();
        format!("{BEGIN}\n{}\n{END}\n", STANDARD.encode(der))
    }

    /// SHA-256 of the 32 bytes, 64 hexadecimal digits: for comparing by eye.
    pub fn fingerprint(&self) -> String {
        Sha256::of(&self.0).to_string()
    }

    /// The first 16 digits of the fingerprint.
    pub fn id(&self) -> String {
        self.fingerprint().chars().take(16).collect()
    }

    /// Did the owner of this key sign exactly this?
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.0).verify(message, signature).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| D::Error::custom("a key has 32 bytes in base64"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8032, 7.1, TEST 2.
    #[test]
    fn keys_and_signatures_are_those_of_the_standard() {
        let seed = hex::decode("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
            .unwrap();
        let key = SigningKey::from_seed(&seed.try_into().unwrap()).unwrap();
        let public = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
        assert_eq!(Some(key.public()), PublicKey::parse(public));
        let signature = key.sign(&[0x72]);
        assert_eq!(
            hex::encode(&signature),
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        );
        assert!(key.public().verifies(&[0x72], &signature));
        assert!(!key.public().verifies(&[0x73], &signature));
        assert!(!key.public().verifies(&[0x72], &signature[1..]));
    }

    #[test]
    fn a_public_key_is_read_in_every_spelling() {
        let key = SigningKey::from_seed(&[7; 32]).unwrap().public();
        for text in [key.pem(), key.to_string(), hex::encode(key.0), format!("  {}\r\n", key.pem())]
        {
            assert_eq!(PublicKey::parse(&text), Some(key), "{text}");
        }
        for text in
            ["", "AAAA", "-----BEGIN PUBLIC KEY-----", &key.pem()[..70], &key.to_string()[1..]]
        {
            assert_eq!(PublicKey::parse(text), None, "{text}");
        }
        let json = serde_json::to_string(&key).unwrap();
        assert_eq!(serde_json::from_str::<PublicKey>(&json).unwrap(), key);
        assert_eq!(
            format!("{:?}", SigningKey::from_seed(&[7; 32]).unwrap()),
            format!("SigningKey({key:?})")
        );
    }
}
