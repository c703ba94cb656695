//! What a dry run answers, and how verdicts become that.

use std::collections::HashMap;

use domain::DeviceId;
use store::Sha256;

use super::judge::Verdict;
use crate::FilesDiff;

/// Changed devices that are told one by one.
const CHANGED: usize = 1000;
/// Failed devices that are told one by one.
const FAILED: usize = 100;
/// Distinct differences that are told.
const DIFFS: usize = 100;
/// Bytes of differences that are told.
const DIFF_BYTES: usize = 4 << 20;

/// What a change would do. Nothing of it has happened.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DryRun {
    /// Head of the log that it was computed at.
    pub position: i64,
    /// Nothing was written while it was computed: the change, made at this position, does exactly this.
    pub exact: bool,
    /// Devices that the change reaches.
    pub devices_considered: u64,
    /// Of these, how many would download something else.
    pub changed: u64,
    /// The first 1000 of them, by id.
    pub changed_devices: Vec<ChangedDevice>,
    /// Of these, how many would have inputs that make no archive, or refuse the change.
    pub failed: u64,
    /// The first 100 of them.
    pub failed_devices: Vec<FailedDevice>,
    /// Of these, how many would go on with the same bytes.
    pub unchanged: u64,
    /// What would change, the most frequent first: at most 100 and 4 MiB of text.
    pub diffs: Vec<DistinctDiff>,
    /// Distinct differences beyond those.
    pub further_diffs: u64,
}

/// A device that would download something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedDevice {
    /// The device.
    pub device: DeviceId,
    /// Its name.
    pub name: String,
    /// Checksum of what it would download, 32 lower-case hexadecimal digits.
    pub md5: String,
}

/// A device that would fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedDevice {
    /// The device.
    pub device: DeviceId,
    /// What does not fit, for people.
    pub reason: String,
    /// It fails for this reason already.
    pub already: bool,
}

/// A difference that several devices would see, byte for byte.
#[derive(Clone, Debug, PartialEq)]
pub struct DistinctDiff {
    /// Between what they have and what they would get.
    pub diff: FilesDiff,
    /// How many.
    pub count: u64,
    /// One of them.
    pub example: DeviceId,
}

/// Counts verdicts.
#[derive(Default)]
pub(super) struct Tally {
    run: DryRun,
    /// How often each difference was seen, by its hash.
    seen: HashMap<Sha256, Seen>,
    bytes: usize,
}

struct Seen {
    count: u64,
    example: DeviceId,
    /// None is one too many.
    diff: Option<FilesDiff>,
}

impl Tally {
    pub(super) fn at(position: i64) -> Self {
        let run = DryRun { position, exact: true, ..DryRun::default() };
        Self { run, ..Self::default() }
    }

    /// Devices were read at this position.
    pub(super) fn read_at(&mut self, position: i64) {
        self.run.exact &= position == self.run.position;
    }

    pub(super) fn add(&mut self, device: DeviceId, verdict: Verdict) {
        self.run.devices_considered += 1;
        match verdict {
            Verdict::Unchanged => self.run.unchanged += 1,
            Verdict::Failed { reason, already } => {
                self.run.failed += 1;
                if self.run.failed_devices.len() < FAILED {
                    self.run.failed_devices.push(FailedDevice { device, reason, already });
                }
            }
            Verdict::Changed { name, md5, diff } => {
                self.run.changed += 1;
                if self.run.changed_devices.len() < CHANGED {
                    self.run.changed_devices.push(ChangedDevice { device, name, md5 });
                }
                self.see(device, diff);
            }
        }
    }

    fn see(&mut self, device: DeviceId, diff: FilesDiff) {
        let text = format!("{diff:?}");
        let seen = self.seen.len();
        let bytes = &mut self.bytes;
        let entry = self.seen.entry(Sha256::of(text.as_bytes())).or_insert_with(|| {
            let kept = seen < DIFFS && *bytes + text.len() <= DIFF_BYTES;
            *bytes += if kept { text.len() } else { 0 };
            Seen { count: 0, example: device, diff: kept.then_some(diff) }
        });
        entry.count += 1;
    }

    /// The answer; `head` is where the log is afterwards.
    pub(super) fn finish(mut self, head: i64) -> DryRun {
        self.read_at(head);
        let distinct = self.seen.len();
        let mut diffs: Vec<DistinctDiff> = self
            .seen
            .into_values()
            .filter_map(|Seen { count, example, diff }| {
                Some(DistinctDiff { diff: diff?, count, example })
            })
            .collect();
        diffs.sort_by_key(|diff| (std::cmp::Reverse(diff.count), diff.example));
        let further_diffs = u64::try_from(distinct - diffs.len()).unwrap_or(u64::MAX);
        DryRun { diffs, further_diffs, ..self.run }
    }
}

#[cfg(test)]
mod tests {
    use domain::DeviceId;
    use uuid::Uuid;

    use super::*;
    use crate::{ContentsDiff, FileChange, FileDiff};

    #[test]
    fn differences_are_counted_by_what_they_say() {
        let mut tally = Tally::at(7);
        for number in 0..5 {
            tally.add(device(number), changed(if number == 2 { "b" } else { "a" }));
        }
        tally.add(device(5), Verdict::Unchanged);
        let run = tally.finish(7);
        assert!(run.exact);
        assert_eq!((run.devices_considered, run.changed, run.unchanged), (6, 5, 1));
        let told: Vec<_> = run.diffs.iter().map(|diff| (diff.count, diff.example)).collect();
        assert_eq!(told, [(4, device(0)), (1, device(2))]);
    }

    #[test]
    fn what_is_kept_is_bounded_and_counts_are_not() {
        let mut tally = Tally::at(7);
        for number in 0..1500_u32 {
            tally.add(device(number.into()), changed(&number.to_string()));
            tally.add(
                device(number.into()),
                Verdict::Failed { reason: "no".to_owned(), already: false },
            );
        }
        let run = tally.finish(8);
        assert!(!run.exact, "something was written meanwhile");
        assert_eq!((run.changed, run.failed), (1500, 1500));
        assert_eq!((run.changed_devices.len(), run.failed_devices.len()), (CHANGED, FAILED));
        assert_eq!((run.diffs.len(), run.further_diffs), (DIFFS, 1400));
    }

    fn device(number: u128) -> DeviceId {
        DeviceId::from_uuid(Uuid::from_u128(number))
    }

    fn changed(text: &str) -> Verdict {
        let file = FileDiff {
            path: text.to_owned(),
            change: FileChange::Changed,
            modes: (Some(0o644), Some(0o600)),
            contents: ContentsDiff::Same,
            sections: None,
        };
        let diff = FilesDiff { files: vec![file], cut: false };
        Verdict::Changed { name: "ap".to_owned(), md5: String::new(), diff }
    }
}
