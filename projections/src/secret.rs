use std::fmt;

use domain::Sealed;
use serde_json::Value;

/// A sealed value in a row: its envelope as JSON text.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedText(String);

impl SealedText {
    /// As the database gave it.
    pub fn new(envelope: String) -> Self {
        Self(envelope)
    }

    /// The envelope; a damaged row reads as null, which no keyring opens.
    pub fn envelope(&self) -> Value {
        serde_json::from_str(&self.0).unwrap_or(Value::Null)
    }
}

/// For a column.
pub(crate) fn column(sealed: &Sealed) -> String {
    sealed.envelope.to_string()
}

impl fmt::Debug for SealedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedText(…)")
    }
}
