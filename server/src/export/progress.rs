use std::{
    io::{IsTerminal as _, Write as _},
    time::{Duration, Instant},
};

/// A line that is told again as often as a person can read it.
const EVERY: Duration = Duration::from_millis(200);

/// Events so far, on a terminal.
pub(crate) struct Progress {
    of: i64,
    begun: Instant,
    told: Option<Instant>,
    terminal: bool,
}

impl Progress {
    /// Of so many events.
    pub(crate) fn of(of: i64) -> Self {
        let terminal = std::io::stderr().is_terminal();
        Self { of, begun: Instant::now(), told: None, terminal }
    }

    pub(crate) fn at(&mut self, at: i64) {
        let due = self.told.is_none_or(|told| told.elapsed() >= EVERY);
        if !self.terminal || !due {
            return;
        }
        self.told = Some(Instant::now());
        let milliseconds = i64::try_from(self.begun.elapsed().as_millis()).unwrap_or(i64::MAX);
        let rate = at.saturating_mul(1000) / milliseconds.max(1);
        say(&format!("{at} of {} events, {rate}/s", self.of));
    }

    /// What is done after the events.
    pub(crate) fn then(&mut self, what: &str) {
        if self.terminal {
            self.told = Some(Instant::now());
            say(what);
        }
    }

    /// Makes room for what is said next.
    pub(crate) fn end(&self) {
        if self.told.is_some() {
            say("");
        }
    }
}

fn say(text: &str) {
    let mut out = std::io::stderr().lock();
    // Progress that nobody sees is no error.
    let _ = write!(out, "\r\x1b[K{text}").and_then(|()| out.flush());
}
