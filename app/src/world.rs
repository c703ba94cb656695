//! Time, ids and randomness come from outside, so that tests repeat.

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// What the program knows of the world.
pub trait World: Send + Sync {
    /// The present, UTC.
    fn now(&self) -> DateTime<Utc>;

    /// A new UUID of version 7.
    fn new_id(&self) -> Uuid;

    /// Unpredictable bytes.
    fn fill(&self, bytes: &mut [u8]);

    /// Keeps outside of the database that a person was erased, before it happens: a backup that is restored later does not
    /// bring them back.
    fn keep_erasure(&self, _person: Uuid) -> std::io::Result<()> {
        Ok(())
    }

    /// It did not happen.
    fn drop_erasure(&self, _person: Uuid) -> std::io::Result<()> {
        Ok(())
    }

    /// Unpredictable lower-case hexadecimal digits, two per byte.
    fn secret(&self, bytes: usize) -> String {
        let mut secret = vec![0; bytes];
        self.fill(&mut secret);
        hex::encode(secret)
    }
}
