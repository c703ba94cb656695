//! How far a long command is, for whoever watches.

use std::io::{IsTerminal as _, Write as _};

const WIDTH: u64 = 30;

/// A bar on a terminal; nothing elsewhere.
pub(crate) struct Shown {
    watched: bool,
    done: u64,
    of: u64,
    told: Option<u64>,
    unit: fn(u64) -> String,
}

impl Shown {
    /// Of so many bytes.
    pub(crate) fn bytes(of: u64) -> Self {
        Self::of(of, amount)
    }

    /// Of so many events.
    pub(crate) fn events(of: i64) -> Self {
        Self::of(of.unsigned_abs(), |events| events.to_string())
    }

    fn of(of: u64, unit: fn(u64) -> String) -> Self {
        let watched = std::io::stderr().is_terminal();
        Self { watched, done: 0, of: of.max(1), told: None, unit }
    }

    /// So many more bytes are done.
    pub(crate) fn add(&mut self, what: &str, bytes: u64) {
        self.at(what, self.done + bytes);
    }

    /// So many bytes are done.
    pub(crate) fn at(&mut self, what: &str, done: u64) {
        self.done = done.min(self.of);
        let percent = self.done * 100 / self.of;
        if !self.watched || self.told == Some(percent) {
            return;
        }
        self.told = Some(percent);
        let full = self.done * WIDTH / self.of;
        let bar: String = (0..WIDTH).map(|place| if place < full { '#' } else { '.' }).collect();
        let (done, of) = ((self.unit)(self.done), (self.unit)(self.of));
        let mut out = std::io::stderr().lock();
        // Progress that nobody sees is no error.
        let _ = write!(out, "\r[{bar}] {what}: {done} of {of}\x1b[K").and_then(|()| out.flush());
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if self.watched && self.told.is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

/// As people say it.
pub(super) fn amount(bytes: u64) -> String {
    const KIB: u64 = 1 << 10;
    const MIB: u64 = 1 << 20;
    match bytes {
        0..KIB => format!("{bytes} bytes"),
        KIB..MIB => format!("{} KiB", bytes / KIB),
        _ => format!("{} MiB", bytes / MIB),
    }
}
