//! Wrong passwords per account: ten in a row, then a pause. Right ones count nothing, so that an office
//! behind one address is not locked out.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;

const ALLOWED: u32 = 10;
const PAUSE: TimeDelta = TimeDelta::minutes(5);
/// Accounts that are remembered; the oldest go first.
const REMEMBERED: usize = 10_000;

/// By fingerprint of what was logged in with.
#[derive(Default)]
pub(crate) struct Guesses(Mutex<HashMap<String, (u32, DateTime<Utc>)>>);

impl Guesses {
    pub(super) fn allow(&self, account: &str, now: DateTime<Utc>) -> bool {
        let guesses = self.0.lock();
        guesses.get(account).is_none_or(|(wrong, last)| *wrong < ALLOWED || now - last > PAUSE)
    }

    pub(super) fn failed(&self, account: &str, now: DateTime<Utc>) {
        let mut guesses = self.0.lock();
        if guesses.len() >= REMEMBERED && !guesses.contains_key(account) {
            guesses.retain(|_, (_, last)| now - *last <= PAUSE);
            if guesses.len() >= REMEMBERED {
                guesses.clear();
            }
        }
        let (wrong, last) = guesses.entry(account.to_owned()).or_insert((0, now));
        if now - *last > PAUSE {
            *wrong = 0;
        }
        *wrong += 1;
        *last = now;
    }

    pub(super) fn succeeded(&self, account: &str) {
        self.0.lock().remove(account);
    }
}
