//! Signatures of deliveries (Standard Webhooks, "Signature scheme").

use base64::{Engine as _, prelude::BASE64_STANDARD};
use domain::Problem;
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use sha2::Sha256;

/// What secrets begin with.
const PREFIX: &str = "whsec_";
/// Bytes of a secret.
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;

/// What a webhook signs with.
#[derive(Clone)]
pub(super) struct SigningKey(SecretSlice<u8>);

impl SigningKey {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }

    /// From `whsec_` and base64.
    pub(super) fn parse(text: &SecretString) -> Result<Self, Problem> {
        let wrong = || Problem::Rule("must be `whsec_` and 24 to 64 bytes in base64".to_owned());
        let encoded = text.expose_secret().strip_prefix(PREFIX).ok_or_else(wrong)?;
        let bytes = BASE64_STANDARD.decode(encoded).map_err(|_| wrong())?;
        if LENGTHS.contains(&bytes.len()) { Ok(Self::new(bytes)) } else { Err(wrong()) }
    }

    /// As people see it.
    pub(super) fn text(&self) -> SecretString {
        format!("{PREFIX}{}", BASE64_STANDARD.encode(self.0.expose_secret())).into()
    }

    fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mac = Hmac::<Sha256>::new_from_slice(self.0.expose_secret());
        let mut mac = mac.expect("any length is a key of HMAC");
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// The header: a signature by each key, the newest first.
pub(super) fn signed(keys: &[SigningKey], id: &str, timestamp: i64, body: &[u8]) -> String {
    let signatures: Vec<String> = keys.iter().map(|key| key.sign(id, timestamp, body)).collect();
    signatures.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> SigningKey {
        SigningKey::parse(&text.into()).unwrap_or_else(|problem| panic!("{problem}"))
    }

    /// Computed with `openssl dgst -sha256 -hmac`.
    #[test]
    fn a_signature_is_what_others_compute() {
        let one = key("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=");
        let body = br#"{"test": 2432232314}"#;
        assert_eq!(
            signed(std::slice::from_ref(&one), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body),
            "v1,hK4CWvngkaAwjY1pABLuUbOIkEJjW9tAapq1no4ojG0="
        );
        let two = key("whsec_ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=");
        let both = signed(&[two, one], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert!(both.ends_with(" v1,hK4CWvngkaAwjY1pABLuUbOIkEJjW9tAapq1no4ojG0="), "{both}");
    }

    #[test]
    fn secrets_have_a_form() {
        let text = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
        assert_eq!(key(text).text().expose_secret(), text);
        for wrong in [
            "",
            "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
            "whsec_",
            "whsec_c2hvcnQ=",
            "whsec_not base64",
            &format!("whsec_{}", BASE64_STANDARD.encode([7; 65])),
        ] {
            assert!(SigningKey::parse(&wrong.into()).is_err(), "{wrong}");
        }
    }
}
