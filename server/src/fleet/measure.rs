//! Counts what the fleet does, in memory that does not grow with it.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use parking_lot::Mutex;

use super::summary::{RequestSummary, Summary};

/// The requests of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    Register,
    UpdateInfo,
    Checksum,
    Download,
    /// The checksum request that proves, after a change, that the controller is still there.
    Test,
    Report,
}

impl Request {
    const ALL: [Self; 6] = [
        Self::Register,
        Self::UpdateInfo,
        Self::Checksum,
        Self::Download,
        Self::Test,
        Self::Report,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::UpdateInfo => "update_info",
            Self::Checksum => "checksum",
            Self::Download => "download",
            Self::Test => "test",
            Self::Report => "report",
        }
    }
}

/// What happened to a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Happening {
    /// 201 with `is-new: 1`.
    Registered,
    /// 201 with `is-new: 0`.
    Returned,
    /// A reboot storm hit it.
    Rebooted,
    /// A checksum was answered.
    Polled,
    /// An archive with the announced checksum arrived.
    Downloaded,
    /// The server took note of `applied`.
    Applied,
    /// The server took note of `error`.
    Failed,
    /// Five times 404: the agent ended.
    GaveUp,
    /// 403 at registration: the agent ended.
    Refused,
    /// The header was missing once too often: the agent ended.
    Lost,
}

/// All counters of a running fleet.
#[derive(Default)]
pub(super) struct Measures {
    happenings: [AtomicU64; 10],
    latencies: [Latencies; 6],
    errors: Mutex<BTreeMap<String, u64>>,
}

impl Measures {
    pub(super) fn happened(&self, what: Happening) {
        self.happenings[what as usize].fetch_add(1, Relaxed);
    }

    pub(super) fn count(&self, what: Happening) -> u64 {
        self.happenings[what as usize].load(Relaxed)
    }

    /// The kinds are few: our own words and status codes.
    pub(super) fn error(&self, kind: String) {
        *self.errors.lock().entry(kind).or_default() += 1;
    }

    pub(super) fn took(&self, request: Request, time: Duration) {
        self.latencies[request as usize].record(time);
    }

    pub(super) fn summary(&self, devices: u32, settled: u64, seed: u64, time: Duration) -> Summary {
        let requests: BTreeMap<String, RequestSummary> = Request::ALL
            .into_iter()
            .map(|request| (request, self.latencies[request as usize].summary()))
            .filter(|(_, summary)| summary.count > 0)
            .map(|(request, summary)| (request.name().to_owned(), summary))
            .collect();
        let sent: u64 = requests.values().map(|summary| summary.count).sum();
        let seconds = time.as_secs_f64();
        Summary {
            devices,
            seed,
            seconds,
            settled,
            registered: self.count(Happening::Registered),
            returned: self.count(Happening::Returned),
            rebooted: self.count(Happening::Rebooted),
            polls: self.count(Happening::Polled),
            downloads: self.count(Happening::Downloaded),
            applied: self.count(Happening::Applied),
            failed: self.count(Happening::Failed),
            gave_up: self.count(Happening::GaveUp),
            refused: self.count(Happening::Refused),
            lost: self.count(Happening::Lost),
            errors: self.errors.lock().clone(),
            requests,
            requests_per_second: per_second(sent, seconds),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn per_second(count: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
}

/// Times in buckets whose width is a sixteenth of their value, so that a percentile is at most
/// 6 % above the truth.
struct Latencies {
    buckets: Vec<AtomicU64>,
    longest: AtomicU64,
}

/// Buckets per power of two.
const STEPS: u64 = 16;
/// Enough for times up to 2^36 µs, which is 19 hours.
const BUCKETS: usize = 33 * 16 + 16;

impl Default for Latencies {
    fn default() -> Self {
        Self {
            buckets: std::iter::repeat_with(AtomicU64::default).take(BUCKETS).collect(),
            longest: AtomicU64::default(),
        }
    }
}

impl Latencies {
    fn record(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.buckets[bucket(micros)].fetch_add(1, Relaxed);
        self.longest.fetch_max(micros, Relaxed);
    }

    fn summary(&self) -> RequestSummary {
        let counts: Vec<u64> = self.buckets.iter().map(|bucket| bucket.load(Relaxed)).collect();
        let count = counts.iter().sum();
        let longest = self.longest.load(Relaxed);
        let at = |percent: u64| milliseconds(percentile(&counts, count, percent).min(longest));
        RequestSummary {
            count,
            p50_ms: at(50),
            p95_ms: at(95),
            p99_ms: at(99),
            max_ms: milliseconds(longest),
        }
    }
}

/// The upper bound, in microseconds, of the bucket that holds this percentile.
fn percentile(counts: &[u64], count: u64, percent: u64) -> u64 {
    let rank = (count * percent).div_ceil(100).max(1);
    let mut seen = 0;
    counts
        .iter()
        .position(|in_bucket| {
            seen += in_bucket;
            seen >= rank
        })
        .map_or(0, upper_bound)
}

fn bucket(micros: u64) -> usize {
    let power = micros.max(1).ilog2().saturating_sub(4);
    let index = u64::from(power) * STEPS + (micros >> power);
    usize::try_from(index).unwrap_or(BUCKETS).min(BUCKETS - 1)
}

fn upper_bound(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < 2 * STEPS {
        return bucket;
    }
    let power = bucket / STEPS - 1;
    ((bucket - power * STEPS + 1) << power) - 1
}

#[expect(clippy::cast_precision_loss, reason = "a time for people")]
fn milliseconds(micros: u64) -> f64 {
    micros as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_is_in_the_bucket_whose_bound_is_next() {
        for micros in (0..100).chain([999, 1_000, 12_345, 1_000_000, 30_000_000, 60_000_000_000]) {
            let bucket = bucket(micros);
            let bound = upper_bound(bucket);
            assert!(micros <= bound, "{micros} is above {bound}");
            assert!(bound - micros <= micros / 16, "{bound} is too far above {micros}");
            assert!(
                bucket == 0 || upper_bound(bucket - 1) < micros,
                "{micros} is a bucket too high"
            );
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn percentiles_name_the_slow_ones() {
        let latencies = Latencies::default();
        for millis in 1..=100 {
            latencies.record(Duration::from_millis(millis));
        }
        let summary = latencies.summary();
        assert_eq!((summary.count, summary.max_ms), (100, 100.0));
        assert!((50.0..=54.0).contains(&summary.p50_ms), "{}", summary.p50_ms);
        assert!((95.0..=100.0).contains(&summary.p95_ms), "{}", summary.p95_ms);
        assert!(summary.p99_ms <= summary.max_ms);
    }
}
