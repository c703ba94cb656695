//! Secrets inside events.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An encrypted value with a keyed fingerprint, so that rules can see "the same value" without opening it.
///
/// Sealing and opening happen in the application layer; here it is opaque. The envelope is
/// `{"$enc": {"s": subject, "k": 1, "n": nonce, "c": cipher text}}`.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct Sealed {
    /// What the keyring made.
    pub envelope: Value,
    /// HMAC-SHA-256 of the value under a key of the installation, lower-case hexadecimal.
    pub fingerprint: String,
}

/// The same value, whatever the nonce was.
impl PartialEq for Sealed {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }
}

impl Eq for Sealed {}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed(…)")
    }
}
