//! Values that can be read only while their subject's key exists (`event-store.md` §11).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::SecretSlice;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sha2::Digest as _;
use uuid::Uuid;

use crate::StoreError;

/// Bytes of a nonce.
pub(crate) const NONCE: usize = 12;

/// Whose key seals a value: erasing the subject erases the value wherever it was copied to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// A tenant: secrets that must be readable again.
    Organization(Uuid),
    /// A user or subscriber: personal data.
    Person(Uuid),
    /// A name that somebody typed while nobody had it, see [`Subject::of_name`].
    Name(Uuid),
}

impl Subject {
    /// What belongs to no tenant, such as shared templates.
    pub const INSTALLATION: Self = Self::Organization(Uuid::nil());

    /// A name by its fingerprint: what was tried with it belongs to whoever has the name one day, and goes with them.
    pub fn of_name(fingerprint: &str) -> Self {
        let digest = sha2::Sha256::new_with_prefix(b"wisptrail name 1\n").chain_update(fingerprint);
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(digest.finalize()).for_each(|(to, from)| *to = from);
        Self::Name(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }

    /// The identifier; all of them share one space.
    pub const fn id(self) -> Uuid {
        match self {
            Self::Organization(id) | Self::Person(id) | Self::Name(id) => id,
        }
    }

    pub(crate) const fn kind(self) -> &'static str {
        match self {
            Self::Organization(_) => "organization",
            Self::Person(_) => "person",
            Self::Name(_) => "name",
        }
    }
}

/// A sealed value as it stands in events and tables:
/// `{"$enc":{"s":"<subject>","k":1,"n":"<base64 nonce>","c":"<base64 cipher text>"}}`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Envelope {
    /// The subject's identifier.
    pub subject: Uuid,
    /// Number of the subject's key; 1 for its first.
    pub key: u32,
    /// 96 bits.
    pub nonce: [u8; NONCE],
    /// AES-256-GCM-SIV output, the tag at its end.
    pub cipher: Vec<u8>,
}

impl std::fmt::Debug for Envelope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Envelope({}, {} bytes)", self.subject, self.cipher.len())
    }
}

/// What an envelope holds.
#[derive(Debug)]
pub enum Opened {
    /// The value.
    Plain(SecretSlice<u8>),
    /// The subject's key was destroyed; nobody can read the value any more.
    Erased,
    /// The subject's key is elsewhere: this is a part of a log that was taken out without its keys.
    Withheld,
}

/// Why a value can be neither sealed nor opened. Erasure is not among the reasons to fail an opening.
#[derive(Debug, thiserror::Error)]
pub enum SealedError {
    /// Sealing for a subject that was erased.
    #[error("subject {0} was erased")]
    Erased(Uuid),
    /// The envelope was altered, or belongs to another place.
    #[error("the sealed value at {place} is not authentic")]
    Altered {
        /// Where it was read.
        place: String,
    },
    /// The key is of a master key that this process does not have.
    #[error("the key of subject {0} does not open with this master key")]
    ForeignKey(Uuid),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Outer {
    #[serde(rename = "$enc")]
    inner: Inner,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Inner {
    s: Uuid,
    k: u32,
    n: String,
    c: String,
}

impl Serialize for Envelope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let inner = Inner {
            s: self.subject,
            k: self.key,
            n: STANDARD.encode(self.nonce),
            c: STANDARD.encode(&self.cipher),
        };
        Outer { inner }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Envelope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Inner { s, k, n, c } = Outer::deserialize(deserializer)?.inner;
        let nonce = STANDARD.decode(n).map_err(D::Error::custom)?;
        let nonce = nonce.try_into().map_err(|_| D::Error::custom("a nonce has 12 bytes"))?;
        let cipher = STANDARD.decode(c).map_err(D::Error::custom)?;
        Ok(Self { subject: s, key: k, nonce, cipher })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_keeps_its_shape() {
        let envelope = Envelope {
            subject: Uuid::from_u128(5),
            key: 1,
            nonce: [1; NONCE],
            cipher: vec![0xff; 3],
        };
        let text = r#"{"$enc":{"s":"00000000-0000-0000-0000-000000000005","k":1,"n":"AQEBAQEBAQEBAQEB","c":"////"}}"#;
        assert_eq!(serde_json::to_string(&envelope).unwrap(), text);
        assert_eq!(serde_json::from_str::<Envelope>(text).unwrap(), envelope);
    }

    #[test]
    fn other_shapes_are_refused() {
        for text in [
            r#"{"s":"00000000-0000-0000-0000-000000000005","k":1,"n":"AQEBAQEBAQEBAQEB","c":"////"}"#,
            r#"{"$enc":{"s":"5","k":1,"n":"AQEBAQEBAQEBAQEB","c":"////"}}"#,
            r#"{"$enc":{"s":"00000000-0000-0000-0000-000000000005","k":1,"n":"AQEB","c":"////"}}"#,
            r#"{"$enc":{"s":"00000000-0000-0000-0000-000000000005","k":1,"n":"AQEBAQEBAQEBAQEB","c":"*"}}"#,
        ] {
            assert!(serde_json::from_str::<Envelope>(text).is_err(), "{text}");
        }
    }
}
