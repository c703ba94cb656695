//! What a fleet did, for people and for programs.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

/// The outcome of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Size of the fleet.
    pub devices: u32,
    /// What the fleet was made from.
    pub seed: u64,
    /// How long it ran.
    pub seconds: f64,
    /// Devices that had nothing left to do at least once: their configuration was fetched and
    /// reported, now or in a run before.
    pub settled: u64,
    /// Devices that the server saw for the first time.
    pub registered: u64,
    /// Registrations that found the device again.
    pub returned: u64,
    /// Reboots by the storm.
    pub rebooted: u64,
    /// Answered checksum requests, connectivity tests not counted.
    pub polls: u64,
    /// Archives that arrived and had the announced checksum.
    pub downloads: u64,
    /// Accepted reports of success.
    pub applied: u64,
    /// Accepted reports of failure.
    pub failed: u64,
    /// Agents that ended because the device was not found five times.
    pub gave_up: u64,
    /// Agents that ended because their registration was refused with 403.
    pub refused: u64,
    /// Agents that ended because the controller's header was missing, also after restarts.
    pub lost: u64,
    /// Everything that was not as it should be, by kind: `status 503`, `timeout`, …
    pub errors: BTreeMap<String, u64>,
    /// Per kind of request: `register`, `update_info`, `checksum`, `download`, `test`, `report`.
    pub requests: BTreeMap<String, RequestSummary>,
    /// All requests, answered or not, per second.
    pub requests_per_second: f64,
}

/// How long requests of one kind took, from sending to the last byte of the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct RequestSummary {
    /// Requests sent.
    pub count: u64,
    /// Half of them took at most this many milliseconds.
    pub p50_ms: f64,
    /// 95 of 100.
    pub p95_ms: f64,
    /// 99 of 100.
    pub p99_ms: f64,
    /// All of them.
    pub max_ms: f64,
}

impl Summary {
    /// One JSON object on one line, or a table; either ends with a line end.
    ///
    /// # Errors
    ///
    /// Never in practice: all members can be written as JSON.
    pub fn render(&self, json: bool) -> serde_json::Result<String> {
        if json {
            serde_json::to_string(self).map(|line| line + "\n")
        } else {
            Ok(self.to_string())
        }
    }

    /// Why the run was in vain, if it was: for the exit status.
    pub fn failure(&self, until_settled: bool) -> Option<&'static str> {
        let nobody = self.registered + self.returned + self.polls == 0;
        if nobody && self.refused > 0 {
            Some("every device was refused: is the secret right, and may devices register?")
        } else if nobody {
            Some("no device was registered: does a server listen there?")
        } else if until_settled && self.settled == 0 {
            Some("no device has fetched and reported a configuration")
        } else {
            None
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} devices (seed {}), {:.1} s, {:.1} requests/s",
            self.devices, self.seed, self.seconds, self.requests_per_second
        )?;
        let counts = [
            ("settled", self.settled),
            ("registered", self.registered),
            ("returned", self.returned),
            ("rebooted", self.rebooted),
            ("polls", self.polls),
            ("downloads", self.downloads),
            ("applied", self.applied),
            ("failed", self.failed),
            ("gave up", self.gave_up),
            ("refused", self.refused),
            ("lost", self.lost),
        ];
        for (name, count) in counts {
            writeln!(f, "  {name:<12}{count:>10}")?;
        }
        writeln!(
            f,
            "\n  {:<12}{:>10}{:>10}{:>10}{:>10}{:>10}",
            "ms", "count", "p50", "p95", "p99", "max"
        )?;
        for (name, request) in &self.requests {
            writeln!(
                f,
                "  {name:<12}{:>10}{:>10.1}{:>10.1}{:>10.1}{:>10.1}",
                request.count, request.p50_ms, request.p95_ms, request.p99_ms, request.max_ms
            )?;
        }
        if self.errors.is_empty() {
            return writeln!(f, "\n  no errors");
        }
        writeln!(f, "\n  errors")?;
        for (kind, count) in &self.errors {
            writeln!(f, "  {kind:<24}{count:>10}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary() -> Summary {
        let request =
            RequestSummary { count: 3, p50_ms: 1.0, p95_ms: 2.5, p99_ms: 2.5, max_ms: 2.5 };
        Summary {
            devices: 2,
            seed: 7,
            seconds: 1.5,
            applied: 2,
            errors: BTreeMap::from([("status 503".to_owned(), 4)]),
            requests: BTreeMap::from([("checksum".to_owned(), request)]),
            requests_per_second: 2.0,
            ..Summary::default()
        }
    }

    #[test]
    fn json_is_one_line_with_every_count() {
        let line = summary().render(true).expect("written");
        assert_eq!(line.matches('\n').count(), 1);
        let json: serde_json::Value = serde_json::from_str(&line).expect("read");
        assert_eq!(json["applied"], 2);
        assert_eq!(json["errors"]["status 503"], 4);
        assert_eq!(json["requests"]["checksum"]["p95_ms"], 2.5);
    }

    #[test]
    fn a_run_in_vain_is_a_failure() {
        let run = |registered, refused, settled| {
            let polls = settled;
            Summary { settled, registered, polls, refused, ..Summary::default() }
        };
        assert_eq!(run(2, 0, 2).failure(true), None);
        assert_eq!(run(1, 1, 1).failure(true), None);
        assert_eq!(run(2, 0, 0).failure(false), None);
        assert!(run(0, 2, 0).failure(false).is_some_and(|why| why.contains("refused")));
        assert!(run(0, 0, 0).failure(false).is_some_and(|why| why.contains("registered")));
        assert!(run(2, 0, 0).failure(true).is_some_and(|why| why.contains("reported")));
        let again = Summary { polls: 3, settled: 3, ..Summary::default() };
        assert_eq!(again.failure(true), None, "the devices were known from a run before");
    }

    #[test]
    fn the_table_names_requests_and_errors() {
        let text = summary().render(false).expect("written");
        assert!(text.starts_with("2 devices (seed 7), 1.5 s, 2.0 requests/s\n"), "{text}");
        for part in ["applied", "checksum", "status 503"] {
            assert!(text.contains(part), "{part} is not in:\n{text}");
        }
        assert!(Summary::default().to_string().ends_with("no errors\n"));
    }
}
