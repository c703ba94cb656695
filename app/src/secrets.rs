//! Who was shown which secrets: noted before they are.

use std::{
    collections::{HashMap, hash_map::DefaultHasher},
    hash::{Hash as _, Hasher as _},
};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    Actor, OrganizationId,
    accounts::{READ_AT_ONCE, SecretKind, SecretReading, SecretReadingCommand, SecretsRead},
};
use parking_lot::Mutex;
use uuid::Uuid;

use crate::{App, By, Failure, work::decide};

/// Whoever is shown the same again so soon is noted once: programs that poll a list are one reader.
const SAME: TimeDelta = TimeDelta::minutes(1);
/// Readings that are remembered for that.
const REMEMBERED: usize = 4096;

/// Readings of the last minute.
#[derive(Default)]
pub(crate) struct Readings(Mutex<HashMap<u64, DateTime<Utc>>>);

impl Readings {
    /// Is it another one than those of the last minute?
    fn is_new(&self, reading: u64, now: DateTime<Utc>) -> bool {
        let mut known = self.0.lock();
        if known.get(&reading).is_some_and(|noted| now - noted < SAME) {
            return false;
        }
        if known.len() >= REMEMBERED {
            known.retain(|_, noted| now - *noted < SAME);
        }
        if known.len() < REMEMBERED {
            known.insert(reading, now);
        }
        true
    }

    fn forget(&self, reading: u64) {
        self.0.lock().remove(&reading);
    }
}

impl App {
    /// Notes that the actor is about to be shown these secrets: one event, however many they are. The program itself and
    /// devices are no readers.
    pub(crate) async fn note_reading(
        &self,
        by: &By,
        secret: SecretKind,
        read: &[(Uuid, OrganizationId)],
    ) -> Result<(), Failure> {
        let person = matches!(by.authority.actor, Actor::User(_) | Actor::Local(_));
        // Where nothing can be written, whoever has the folder has the keys as well.
        if read.is_empty() || !person || by.rehearsal.is_some() || self.read_only() {
            return Ok(());
        }
        let mut of: Vec<Uuid> = read.iter().map(|(id, _)| *id).collect();
        of.sort_unstable();
        of.dedup();
        let mut hasher = DefaultHasher::new();
        (by.authority.actor.to_string(), secret, &of).hash(&mut hasher);
        let reading = hasher.finish();
        if !self.readings().is_new(reading, self.world().now()) {
            return Ok(());
        }
        // It is no part of what the request asked to be done once.
        let by = By { once: None, ..by.clone() };
        for of in of.chunks(READ_AT_ONCE) {
            let mut organizations: Vec<OrganizationId> = read
                .iter()
                .filter(|(id, _)| of.binary_search(id).is_ok())
                .map(|(_, organization)| *organization)
                .collect();
            organizations.sort_unstable();
            organizations.dedup();
            let id = self.new_id();
            let note = SecretsRead { what: secret, of: of.to_vec(), organizations };
            let noted = decide!(self, &by, work => {
                let note = SecretReadingCommand::Note(note.clone());
                work.handle::<SecretReading>(id, note).await
            });
            if let Err(failure) = noted {
                self.readings().forget(reading);
                return Err(failure);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_reading_is_new_once_a_minute() {
        let (readings, now) = (Readings::default(), DateTime::<Utc>::UNIX_EPOCH);
        assert!(readings.is_new(1, now) && !readings.is_new(1, now) && readings.is_new(2, now));
        assert!(readings.is_new(1, now + SAME));
        readings.forget(1);
        assert!(readings.is_new(1, now + SAME));
    }

    #[test]
    fn too_many_to_remember_are_all_noted() {
        let (readings, now) = (Readings::default(), DateTime::<Utc>::UNIX_EPOCH);
        let many = u64::try_from(REMEMBERED).expect("it fits") * 2;
        assert!((0..many).all(|reading| readings.is_new(reading, now)));
        assert!(readings.is_new(many - 1, now), "it had no place");
        assert_eq!(readings.0.lock().len(), REMEMBERED);
    }
}
