//! How many wrong passwords are too many: what failed is in the log, what is being looked at right now is here.
//!
//! Good ones count nothing, so that an office behind one address is not locked out, and an account is never locked: whoever
//! guesses from many addresses makes others wait a little, and those who were there before not at all.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;
use projections::accounts::Failures;
use tokio::sync::Notify;

use crate::AccountSettings;

/// Failures of an account from anywhere, from which on others are made to wait.
pub(super) const UNDER_ATTACK: u32 = 20;
/// So many failures more, and the wait is as long as it gets.
pub(super) const COUNTED: u32 = UNDER_ATTACK + 50;
/// The longest wait of an account under attack.
const LONGEST: Duration = Duration::from_secs(5);
/// Pairs of account and network whose refused tries are counted at a time.
const COUNTED_PAIRS: usize = 10_000;
/// How often refused tries of a pair are written down.
const TOLD_EVERY: TimeDelta = TimeDelta::minutes(1);

/// What is to be done with a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Look at the password.
    Go,
    /// Look at the password after a while.
    Slowly(Duration),
    /// Others that are being looked at may be too many: see how they end first.
    AfterOthers,
    /// There were too many; the next one is looked at after this.
    Refused(Duration),
}

/// What is known before a password is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// Failures of the login from the network.
    pub(super) pair: Failures,
    /// Failures of the login from anywhere.
    pub(super) login: Failures,
    /// Failures from the network.
    pub(super) network: Failures,
    /// Tries of the pair, and of the network, that came before and are being looked at.
    pub(super) ahead: (usize, usize),
    /// Did the login succeed from the network lately?
    pub(super) was_here: bool,
}

impl Seen {
    /// Each bound with what is counted against it; a bound of none is no bound.
    fn bounds(
        &self,
        settings: &AccountSettings,
    ) -> impl Iterator<Item = (Failures, usize, u32, Duration)> {
        let pair = (settings.failures_per_account, settings.failures_window);
        let network = (settings.failures_per_address, settings.failures_address_window);
        [(self.pair, self.ahead.0, pair), (self.network, self.ahead.1, network)]
            .into_iter()
            .filter(|(.., (most, _))| *most > 0)
            .map(|(failures, ahead, (most, window))| (failures, ahead, most, window))
    }

    /// Would there be too many failures if all ahead of it failed?
    fn is_crowded(&self, settings: &AccountSettings) -> bool {
        self.bounds(settings)
            .any(|(failures, ahead, most, _)| failures.count as usize + ahead >= most as usize)
    }
}

/// The rules.
pub(super) fn judge(seen: &Seen, settings: &AccountSettings, now: DateTime<Utc>) -> Verdict {
    let after = |failures: Failures, window: Duration| {
        let past =
            failures.oldest.map_or(Duration::ZERO, |at| (now - at).to_std().unwrap_or_default());
        window.saturating_sub(past).max(Duration::from_secs(1))
    };
    let refused = seen
        .bounds(settings)
        .filter(|(failures, _, most, _)| failures.count >= *most)
        .map(|(failures, .., window)| after(failures, window))
        .max();
    if let Some(after) = refused {
        return Verdict::Refused(after);
    }
    if seen.is_crowded(settings) {
        return Verdict::AfterOthers;
    }
    match seen.login.count.checked_sub(UNDER_ATTACK) {
        Some(more) if !seen.was_here && settings.failures_per_account > 0 => Verdict::Slowly(
            (Duration::from_millis(500) + Duration::from_millis(100) * more).min(LONGEST),
        ),
        _ => Verdict::Go,
    }
}

/// Tries that are being looked at, and those that nobody looked at.
#[derive(Default)]
pub(crate) struct Guesses {
    looked_at: Arc<LookedAt>,
    refused: Mutex<HashMap<Pair, Refused>>,
}

#[derive(Default)]
struct LookedAt {
    tickets: Mutex<Tickets>,
    changed: Notify,
}

#[derive(Default)]
struct Tickets {
    last: u64,
    by_key: HashMap<String, BTreeSet<u64>>,
}

/// A login and a network, both as the log names them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Pair {
    pub(super) login: String,
    pub(super) network: String,
}

impl Pair {
    /// Nothing else looks like this.
    fn key(&self) -> String {
        format!("{}|{}", self.login, self.network)
    }
}

/// A try that is being looked at, until it is dropped.
pub(super) struct Ticket {
    looked_at: Arc<LookedAt>,
    number: u64,
    keys: [String; 2],
}

impl Guesses {
    /// One more is looked at.
    pub(super) fn enter(&self, pair: &Pair) -> Ticket {
        let keys = [pair.key(), pair.network.clone()];
        let mut tickets = self.looked_at.tickets.lock();
        tickets.last += 1;
        let number = tickets.last;
        for key in &keys {
            tickets.by_key.entry(key.clone()).or_default().insert(number);
        }
        drop(tickets);
        Ticket { looked_at: Arc::clone(&self.looked_at), number, keys }
    }

    /// A try was refused. How many are to be written down now; none where that was done lately.
    pub(super) fn refused<T>(&self, pair: &Pair, about: T, now: DateTime<Utc>) -> Option<(T, u32)> {
        let mut refused = self.refused.lock();
        if refused.len() >= COUNTED_PAIRS && !refused.contains_key(pair) {
            refused.retain(|_, one| now - one.told < TOLD_EVERY);
            if refused.len() >= COUNTED_PAIRS {
                return None;
            }
        }
        if let Some(known) = refused.get_mut(pair) {
            known.untold = known.untold.saturating_add(1);
            if now - known.told < TOLD_EVERY {
                return None;
            }
            known.told = now;
            return Some((about, std::mem::take(&mut known.untold)));
        }
        refused.insert(pair.clone(), Refused { told: now, untold: 0 });
        Some((about, 1))
    }
}

struct Refused {
    told: DateTime<Utc>,
    untold: u32,
}

impl Ticket {
    /// Tries of the pair, and of the network, that came before and are still being looked at.
    pub(super) fn ahead(&self) -> (usize, usize) {
        let tickets = self.looked_at.tickets.lock();
        let before = |key: &String| {
            tickets.by_key.get(key).map_or(0, |held| held.range(..self.number).count())
        };
        (before(&self.keys[0]), before(&self.keys[1]))
    }

    /// Resolves when so few are ahead that all of them may fail.
    pub(super) async fn fewer(&self, seen: &Seen, settings: &AccountSettings) {
        loop {
            let changed = self.looked_at.changed.notified();
            let seen = Seen { ahead: self.ahead(), ..*seen };
            if !seen.is_crowded(settings) {
                return;
            }
            changed.await;
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut tickets = self.looked_at.tickets.lock();
        for key in &self.keys {
            if let Some(held) = tickets.by_key.get_mut(key) {
                held.remove(&self.number);
                if held.is_empty() {
                    tickets.by_key.remove(key);
                }
            }
        }
        drop(tickets);
        self.looked_at.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
    }

    fn failures(count: u32, oldest: i64) -> Failures {
        Failures { count, oldest: (count > 0).then(|| at(oldest)) }
    }

    fn seen(pair: u32, login: u32, network: u32) -> Seen {
        Seen {
            pair: failures(pair, 5),
            login: failures(login, 5),
            network: failures(network, 5),
            ahead: (0, 0),
            was_here: false,
        }
    }

    fn of(seen: &Seen) -> Verdict {
        judge(seen, &AccountSettings::default(), at(10))
    }

    const MINUTE: u64 = 60;

    #[test]
    fn ten_failures_of_an_account_from_one_address_are_enough() {
        assert_eq!(of(&seen(0, 0, 0)), Verdict::Go);
        assert_eq!(of(&seen(9, 9, 9)), Verdict::Go);
        assert_eq!(of(&seen(10, 10, 10)), Verdict::Refused(Duration::from_secs(10 * MINUTE)));
    }

    #[test]
    fn a_hundred_failures_from_one_address_are_enough() {
        assert_eq!(of(&seen(0, 0, 99)), Verdict::Go);
        assert_eq!(of(&seen(0, 0, 100)), Verdict::Refused(Duration::from_secs(55 * MINUTE)));
    }

    #[test]
    fn an_account_under_attack_is_slowed_and_never_locked() {
        let wait = |login| match of(&seen(0, login, 0)) {
            Verdict::Slowly(wait) => Some(wait),
            Verdict::Go => None,
            other => panic!("{other:?}"),
        };
        assert_eq!(wait(19), None);
        assert!(wait(20).unwrap() < wait(30).unwrap());
        assert_eq!(wait(COUNTED), Some(LONGEST));
        assert_eq!(wait(100_000), Some(LONGEST));
        assert_eq!(of(&Seen { was_here: true, ..seen(0, 1000, 0) }), Verdict::Go);
    }

    #[test]
    fn tries_at_once_are_no_way_around() {
        let others = |ahead| of(&Seen { ahead, ..seen(7, 7, 7) });
        assert_eq!(others((2, 2)), Verdict::Go);
        assert_eq!(others((3, 3)), Verdict::AfterOthers);
        assert_eq!(others((0, 92)), Verdict::Go);
        assert_eq!(others((0, 93)), Verdict::AfterOthers);
    }

    #[test]
    fn no_bound_is_none() {
        let none = AccountSettings {
            failures_per_account: 0,
            failures_per_address: 0,
            ..AccountSettings::default()
        };
        let many = Seen { ahead: (1000, 1000), ..seen(1000, 1000, 1000) };
        assert_eq!(judge(&many, &none, at(10)), Verdict::Go);
    }

    fn pair(login: &str, network: &str) -> Pair {
        Pair { login: login.to_owned(), network: network.to_owned() }
    }

    #[test]
    fn whoever_came_before_is_ahead() {
        let guesses = Guesses::default();
        let first = guesses.enter(&pair("ada", "here"));
        let second = guesses.enter(&pair("bob", "here"));
        let third = guesses.enter(&pair("ada", "here"));
        assert_eq!((first.ahead(), second.ahead(), third.ahead()), ((0, 0), (0, 1), (1, 2)));
        let (nine, settings) = (seen(9, 9, 9), AccountSettings::default());
        assert!(third.fewer(&nine, &settings).now_or_never().is_none());
        drop(first);
        assert!(third.fewer(&nine, &settings).now_or_never().is_some());
        assert_eq!(third.ahead(), (0, 1));
        drop((second, third));
        assert!(guesses.looked_at.tickets.lock().by_key.is_empty());
    }

    #[test]
    fn refused_tries_are_written_down_together() {
        let guesses = Guesses::default();
        let note =
            |minute| guesses.refused(&pair("ada", "here"), (), at(minute)).map(|((), many)| many);
        assert_eq!([note(0), note(0), note(0)], [Some(1), None, None]);
        assert_eq!([note(1), note(1), note(3)], [Some(3), None, Some(2)]);
        assert_eq!(
            guesses.refused(&pair("bob", "here"), (), at(3)).map(|((), many)| many),
            Some(1)
        );
    }
}
