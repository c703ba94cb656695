//! Contents that only the installation can open, until it erases whom they are about.

use std::{fmt, sync::Arc};

use uuid::Uuid;

use crate::{Envelope, Keyring, Recorded, SealedError, StoreError, Subject, chain, verify::SEALED};

/// Seals the contents of events, as a whole, for those whom they are about: erasing them makes every copy unreadable.
#[derive(Clone)]
pub struct Wrapping {
    /// Whose keys.
    pub keyring: Arc<Keyring>,
    /// Whom the contents of an event are about; none is nobody.
    pub whose: fn(&Recorded) -> Option<Subject>,
}

impl fmt::Debug for Wrapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wrapping").finish_non_exhaustive()
    }
}

impl Wrapping {
    /// Puts the sealed contents in their place; says whether there was anything to seal.
    pub(super) async fn seal(&self, event: &mut Recorded) -> Result<bool, StoreError> {
        let hash = chain::payload_hash(&event.payload);
        if event.payload_hash.as_ref() != Some(&hash) {
            // It was taken away.
            return Ok(false);
        }
        let Some(subject) = (self.whose)(event) else { return Ok(false) };
        let sealed =
            self.keyring.seal(subject, &place(event.event_id), event.payload.as_bytes()).await;
        let envelope = match sealed {
            Ok(envelope) => envelope,
            Err(SealedError::Erased(_)) => {
                return Err(StoreError::Unusable(
                    "somebody was erased while the archive was being made: make it again"
                        .to_owned(),
                ));
            }
            Err(SealedError::Store(error)) => return Err(error),
            Err(error) => return Err(StoreError::Unusable(error.to_string())),
        };
        let envelope = serde_json::to_string(&envelope).map_err(|error| StoreError::Database {
            operation: "seal the contents of an event",
            source: error.into(),
        })?;
        event.payload = format!("{SEALED}{envelope}}}");
        Ok(true)
    }
}

/// Where the contents of an event are sealed.
pub(crate) fn place(event: Uuid) -> String {
    format!("archive|{event}")
}

/// What is in the place of contents that are sealed.
pub(crate) fn wrapped(payload: &str) -> Option<Envelope> {
    let inner = payload.strip_prefix(SEALED)?.strip_suffix('}')?;
    serde_json::from_str(inner).ok()
}
