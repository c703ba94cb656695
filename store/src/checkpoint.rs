//! Places in the chain with a signature, written down outside of the database: whoever rewrites the past there cannot rewrite them.

use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    path::Path,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    Anchor, PublicKey, Query, SigningKey, Store, StoreError, args,
    transfer::line::{moment, shown},
};

/// Bytes of the longest line.
const LONGEST: u64 = 4096;
/// Bytes of the largest file that is read: a line a minute for eight years.
const LARGEST: u64 = 1 << 30;
/// Positions that are asked for at once.
const AT_ONCE: usize = 1000;

/// The chain at a position, with a signature. Also a line of `anchors.jsonl`, where others have none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Position of an event.
    pub position: i64,
    /// The chain up to and including it, 64 hexadecimal digits.
    pub hash: String,
    /// When the event was recorded.
    #[serde(with = "moment")]
    pub time: DateTime<Utc>,
    /// When this was signed.
    #[serde(with = "moment")]
    pub signed_at: DateTime<Utc>,
    /// Which key signed it, see [`PublicKey::id`].
    pub key: String,
    /// Ed25519 over [`Checkpoint::message`], base64.
    pub signature: String,
}

impl Checkpoint {
    /// Vouches for a place in the chain.
    pub fn sign(anchor: &Anchor, signed_at: DateTime<Utc>, key: &SigningKey) -> Self {
        let mut checkpoint = Self {
            position: anchor.position,
            hash: anchor.hash.clone(),
            time: anchor.time,
            signed_at,
            key: key.public().id(),
            signature: String::new(),
        };
        checkpoint.signature = STANDARD.encode(key.sign(checkpoint.message().as_bytes()));
        checkpoint
    }

    /// What is signed: five lines.
    pub fn message(&self) -> String {
        format!(
            "wisptrail checkpoint 1\n{}\n{}\n{}\n{}\n",
            self.position,
            self.hash,
            shown(self.time),
            shown(self.signed_at)
        )
    }

    /// Was exactly this signed by the owner of the key?
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        let signature = STANDARD.decode(&self.signature).unwrap_or_default();
        self.key == key.id() && key.verifies(self.message().as_bytes(), &signature)
    }

    /// The place without the signature.
    pub fn anchor(&self) -> Anchor {
        Anchor { position: self.position, hash: self.hash.clone(), time: self.time }
    }

    /// Adds a line to a file, durably, making it where it is missing.
    pub fn append(&self, file: &Path) -> io::Result<()> {
        let mut line = serde_json::to_string(self)?;
        line.push('\n');
        let mut file = OpenOptions::new().read(true).create(true).append(true).open(file)?;
        let (end, torn) = torn(&mut file)?;
        // A kill left part of a line, or something that we did not write, or the file only grows.
        if torn > 0 && (torn > LONGEST || file.set_len(end - torn).is_err()) {
            line.insert(0, '\n');
        }
        file.write_all(line.as_bytes())?;
        file.sync_all()
    }
}

/// Where the file ends, and how many bytes follow its last line; of more than a line can have, not all are counted.
fn torn(file: &mut File) -> io::Result<(u64, u64)> {
    use io::{Seek as _, SeekFrom};

    let end = file.seek(SeekFrom::End(0))?;
    let tail = end.min(LONGEST + 1);
    file.seek(SeekFrom::Start(end - tail))?;
    let mut bytes = Vec::new();
    file.take(tail).read_to_end(&mut bytes)?;
    let torn = bytes.iter().rev().take_while(|byte| **byte != b'\n').count();
    Ok((end, torn as u64))
}

/// A file of checkpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkpoints {
    /// Those with a signature, in the order of the file.
    pub signed: Vec<Checkpoint>,
    /// Places without.
    pub unsigned: Vec<Anchor>,
    /// What is wrong with it.
    pub faults: Vec<CheckpointFault>,
}

/// Something that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointFault {
    /// A line of the file, from 1.
    #[error("line {line}: {what}")]
    Line {
        /// Which.
        line: usize,
        /// What.
        what: String,
    },
    /// A checkpoint is not what was signed, or not by whom it should be.
    #[error("position {position}: {what}")]
    Signature {
        /// Of the checkpoint.
        position: i64,
        /// What.
        what: String,
    },
    /// The log has another chain.
    #[error(
        "position {position}: the chain of the log is not the one of the checkpoint{}: the past was rewritten at or before {position}{}",
        signed_at.map(|at| format!(" signed at {}", shown(at))).unwrap_or_default(),
        after.map(|after| format!(" and after {after}")).unwrap_or_default()
    )]
    Differs {
        /// The first checkpoint that differs.
        position: i64,
        /// When it was signed, if it was.
        signed_at: Option<DateTime<Utc>>,
        /// The last one before it that agrees.
        after: Option<i64>,
    },
    /// The log is shorter.
    #[error(
        "position {position}: the log has no such event, a checkpoint does: its tail was cut off"
    )]
    Beyond {
        /// The first checkpoint behind the end.
        position: i64,
    },
}

impl Checkpoints {
    /// Reads a file; one that is missing is empty. Half of a last line, which a kill may leave, is left out.
    pub fn read(file: &Path) -> io::Result<Self> {
        let mut found = Self::default();
        let file = match File::open(file) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
            Err(error) => return Err(error),
        };
        let mut reader = BufReader::new(file.take(LARGEST));
        let (mut line, mut number) = (Vec::new(), 0);
        loop {
            line.clear();
            number += 1;
            (&mut reader).take(LONGEST).read_until(b'\n', &mut line)?;
            if line.is_empty() {
                return Ok(found);
            }
            if !line.ends_with(b"\n") && (line.len() as u64) < LONGEST {
                return Ok(found);
            }
            found.line(number, &line);
        }
    }

    fn line(&mut self, number: usize, text: &[u8]) {
        let fault = |what: &str| CheckpointFault::Line { line: number, what: what.to_owned() };
        if let Ok(checkpoint) = serde_json::from_slice::<Checkpoint>(text) {
            if self.signed.last().is_some_and(|last| last.position > checkpoint.position) {
                self.faults.push(fault("goes back behind the line before"));
            }
            self.signed.push(checkpoint);
        } else {
            let value: serde_json::Value = serde_json::from_slice(text).unwrap_or_default();
            let whole = value.get("signature").is_none() && value.get("key").is_none();
            match serde_json::from_value::<Anchor>(value) {
                Ok(anchor) if whole => self.unsigned.push(anchor),
                // What a kill left in the middle of a file is no place that was lost.
                _ if text.iter().all(u8::is_ascii_whitespace) => {}
                _ => self.faults.push(fault("is no checkpoint: it was changed, or cut by a kill")),
            }
        }
        self.faults.truncate(AT_ONCE);
    }

    /// Adds faults for what was not signed with the key.
    pub fn check_signatures(&mut self, key: &PublicKey) {
        let wrong = self.signed.iter().filter(|checkpoint| !checkpoint.is_signed_by(key));
        let fault = |checkpoint: &Checkpoint| {
            let what = if checkpoint.key == key.id() {
                "the signature of the checkpoint is wrong: it was changed".to_owned()
            } else {
                let other: String = checkpoint.key.chars().take(16).collect();
                format!(
                    "the checkpoint is signed with another key: {} instead of {}",
                    other.escape_debug(),
                    key.id()
                )
            };
            CheckpointFault::Signature { position: checkpoint.position, what }
        };
        self.faults.extend(wrong.map(fault).take(AT_ONCE));
    }

    /// Every place in it, in the order of positions.
    pub fn anchors(&self) -> Vec<Anchor> {
        let signed = self.signed.iter().map(Checkpoint::anchor);
        let mut all: Vec<Anchor> = signed.chain(self.unsigned.iter().cloned()).collect();
        all.sort_by_key(|anchor| anchor.position);
        all
    }

    /// The positions to ask the log about, at most 1000 at once.
    pub fn positions(&self) -> Vec<Vec<i64>> {
        let mut all: Vec<i64> = self.anchors().iter().map(|anchor| anchor.position).collect();
        all.dedup();
        all.chunks(AT_ONCE).map(<[i64]>::to_vec).collect()
    }

    /// The first place at which the log has another chain, or none at all.
    pub fn compare(&self, log: &HashMap<i64, String>) -> Option<CheckpointFault> {
        let mut after = None;
        for Anchor { position, hash, .. } in self.anchors() {
            match log.get(&position) {
                None => return Some(CheckpointFault::Beyond { position }),
                Some(found) if *found != hash => {
                    let mut at = self.signed.iter().filter(|it| it.position == position);
                    let signed_at = at.next().map(|it| it.signed_at);
                    return Some(CheckpointFault::Differs { position, signed_at, after });
                }
                Some(_) => after = Some(position),
            }
        }
        None
    }
}

impl Store {
    /// The chain at these positions, 64 hexadecimal digits, as far as there are events in it; at most 1000.
    pub async fn chain_at(&self, positions: &[i64]) -> Result<HashMap<i64, String>, StoreError> {
        let mut args = args![];
        let these = positions.iter().take(AT_ONCE).copied().map(crate::Arg::from);
        let these = crate::filter::one_of("position", these, &mut args);
        let text = format!("SELECT position, hash FROM events WHERE {these} AND hash IS NOT NULL");
        let rows = self.fetch(Query::new(text, args)).await?;
        rows.iter().map(|row| Ok((row.int(0)?, hex::encode(row.bytes(1)?)))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(position: i64) -> Anchor {
        let time = DateTime::from_timestamp_micros(1_700_000_000_000_000 + position).unwrap();
        Anchor { position, hash: format!("{position:064x}"), time }
    }

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed(&[seed; 32]).unwrap()
    }

    #[test]
    fn lines_are_read_as_they_were_written_and_halves_are_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("checkpoints.jsonl");
        assert_eq!(Checkpoints::read(&file).unwrap(), Checkpoints::default());
        let at = |position| Checkpoint::sign(&place(position), place(position + 9).time, &key(7));
        at(3).append(&file).unwrap();
        let unsigned = serde_json::to_string(&place(4)).unwrap() + "\n";
        let torn = &serde_json::to_string(&at(5)).unwrap()[..100];
        let text = std::fs::read_to_string(&file).unwrap() + &unsigned;
        std::fs::write(&file, format!("{text}{torn}")).unwrap();
        let mut read = Checkpoints::read(&file).unwrap();
        let whole = Checkpoints { signed: vec![at(3)], unsigned: vec![place(4)], faults: vec![] };
        assert_eq!(read, whole);
        read.check_signatures(&key(7).public());
        assert_eq!(read.faults, []);

        // The next line takes the place of the half: a kill is no tampering.
        at(6).append(&file).unwrap();
        let read = Checkpoints::read(&file).unwrap();
        assert_eq!((read.signed, read.faults), (vec![at(3), at(6)], vec![]));
        at(2).append(&file).unwrap();
        let told = Checkpoints::read(&file).unwrap().faults[0].to_string();
        assert!(told.starts_with("line 4: goes back"), "{told}");
        // A line that was changed is told, wherever it stands.
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text.replacen("{\"position\":4", "{\"position\"4", 1)).unwrap();
        let told = Checkpoints::read(&file).unwrap().faults[0].to_string();
        assert!(told.starts_with("line 2: is no checkpoint"), "{told}");

        // A file that began with half of a line, and one whose end is nothing that we wrote.
        std::fs::write(&file, torn).unwrap();
        at(7).append(&file).unwrap();
        assert_eq!(Checkpoints::read(&file).unwrap().signed, [at(7)]);
        std::fs::write(&file, "x".repeat(5000)).unwrap();
        at(8).append(&file).unwrap();
        let read = Checkpoints::read(&file).unwrap();
        assert_eq!((read.signed, read.faults.len()), (vec![at(8)], 2), "it is told, and left");
    }

    #[test]
    fn a_changed_checkpoint_and_a_foreign_one_are_told() {
        let mut lines = Checkpoints::default();
        for position in 1..=3 {
            lines.signed.push(Checkpoint::sign(&place(position), place(9).time, &key(7)));
        }
        lines.signed[1].hash = place(9).hash;
        lines.signed[2] = Checkpoint::sign(&place(3), place(9).time, &key(8));
        lines.check_signatures(&key(7).public());
        let told: Vec<String> = lines.faults.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].starts_with("position 2: the signature"), "{told:?}");
        assert!(
            told[1].starts_with("position 3: the checkpoint is signed with another key"),
            "{told:?}"
        );
    }

    #[test]
    fn the_first_place_that_differs_is_named() {
        let signed = |position| Checkpoint::sign(&place(position), place(9).time, &key(7));
        let lines = Checkpoints {
            signed: vec![signed(10), signed(30), signed(40)],
            unsigned: vec![place(20)],
            faults: vec![],
        };
        assert_eq!(lines.positions(), [vec![10, 20, 30, 40]]);
        let mut log: HashMap<i64, String> =
            [10, 20, 30, 40].map(|position| (position, place(position).hash)).into();
        assert_eq!(lines.compare(&log), None);
        log.remove(&40);
        assert_eq!(lines.compare(&log), Some(CheckpointFault::Beyond { position: 40 }));
        log.insert(30, place(1).hash);
        let said = lines.compare(&log).unwrap().to_string();
        assert!(
            said.starts_with("position 30: ") && said.ends_with("at or before 30 and after 20"),
            "{said}"
        );
    }
}
