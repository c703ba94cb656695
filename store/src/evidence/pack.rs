//! Making an archive, a piece at a time, from one moment of the database.

use std::{collections::BTreeMap, io::Write as _, str::FromStr};

use chrono::{DateTime, TimeDelta, Utc};
use flate2::{Compression, write::GzEncoder};
use uuid::Uuid;

use super::{
    CATALOGUE, MANIFEST, PIECE, SIGNATURE, frame, line,
    manifest::{EVIDENCE_FORMAT, Erasure, Manifest, Member, WITHOUT_SEALED},
    piece,
    wrap::Wrapping,
};
use crate::{
    EventFilter, Failure, Location, Query, Recorded, Sha256, SigningKey, Store, StoreError, args,
    chain, compare::Scratch, filter, verify,
};

/// Events of a page, unless they are long.
const PAGE: usize = 500;
/// Streams of erased people, each of which costs a line in the manifest.
const MOST_ERASED: usize = 100_000;

/// Where a part of the log begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// At this event.
    Position(i64),
    /// With the first event recorded at or after, or the last one recorded at or before this moment.
    Time(DateTime<Utc>),
}

impl FromStr for Bound {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(position) = text.parse() {
            return Ok(Self::Position(position));
        }
        let time = DateTime::parse_from_rfc3339(text);
        time.map(|time| Self::Time(time.to_utc())).map_err(
            |_| "neither a position such as 4711 nor a moment such as 2026-01-31T00:00:00Z",
        )
    }
}

/// What is wanted.
#[derive(Debug)]
pub struct EvidenceRequest {
    /// None is the beginning of the log.
    pub from: Option<Bound>,
    /// None is its end.
    pub to: Option<Bound>,
    /// Only what is this organization's is shown.
    pub organization: Option<Uuid>,
    /// Version of the program.
    pub program: String,
    /// What events mean, for readers.
    pub catalogue: Vec<u8>,
    /// None is not signed.
    pub key: Option<SigningKey>,
    /// Seals contents for those whom they are about; none shows events as they are stored.
    pub wrapping: Option<Wrapping>,
}

/// An archive in the making. It holds on to one moment of the database; nobody has to stop for it.
pub struct Evidence {
    scratch: Scratch,
    manifest: Manifest,
    catalogue: Vec<u8>,
    key: Option<SigningKey>,
    wrapping: Option<Wrapping>,
    stage: Stage,
    chain: Vec<u8>,
    page: usize,
    /// Streams that were emptied for a person, with the first such event.
    erased: BTreeMap<(String, String), i64>,
}

enum Stage {
    Catalogue,
    Events {
        after: i64,
    },
    /// What comes after the part is not in it, but has to follow from it.
    Rest,
    End,
}

impl Evidence {
    /// Finds out what is in the range.
    pub async fn begin(
        store: &Store,
        location: &Location,
        request: EvidenceRequest,
    ) -> Result<Self, StoreError> {
        let (mut scratch, head, hash) = Scratch::chained(store, location).await?;
        let first = match request.from {
            None => 1,
            Some(Bound::Position(position)) => position,
            Some(Bound::Time(time)) => {
                store.position_at(time - TimeDelta::microseconds(1)).await? + 1
            }
        };
        let last = match request.to {
            None => head,
            Some(Bound::Position(position)) => position,
            Some(Bound::Time(time)) => store.position_at(time).await?.min(head),
        };
        if first < 1 || first > last || last > head {
            return Err(StoreError::Unusable(format!(
                "there are no events from {first} to {last}: the log has the positions 1 to {head}"
            )));
        }
        let before = Query::new("SELECT hash FROM events WHERE position = $1", args![first - 1]);
        let before = scratch.fetch(before).await?;
        let previous = match before.first() {
            Some(row) => row.bytes(0)?,
            None if first == 1 => Vec::new(),
            None => return Err(damaged(first - 1, "the event is missing")),
        };
        if let Some(id) = request.organization {
            let any = "SELECT 1 FROM events WHERE organization_id = $1 LIMIT 1";
            if scratch.fetch(Query::new(any, args![id])).await?.is_empty() {
                return Err(StoreError::Unusable(format!(
                    "the log has nothing of an organization {id}: compare its id"
                )));
            }
        }
        let manifest = Manifest {
            wisptrail_evidence: match request.wrapping {
                Some(_) => EVIDENCE_FORMAT,
                None => WITHOUT_SEALED,
            },
            program: request.program,
            made_at: store.now(),
            first,
            last,
            previous: previous.clone(),
            hash: Vec::new(),
            log_position: head,
            log_hash: hash,
            organization: request.organization,
            events: 0,
            withheld: 0,
            emptied: 0,
            sealed: 0,
            erased: Vec::new(),
            key: request.key.as_ref().map(SigningKey::public),
            members: Vec::new(),
        };
        Ok(Self {
            scratch,
            manifest,
            catalogue: request.catalogue,
            key: request.key,
            wrapping: request.wrapping,
            stage: Stage::Catalogue,
            chain: previous,
            // The first may be long ones.
            page: 16,
            erased: BTreeMap::new(),
        })
    }

    /// What is in it so far; whole after the last piece.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Further bytes of the archive; none after the last. Errors: also when the chain is broken, since that is no evidence.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        match std::mem::replace(&mut self.stage, Stage::End) {
            Stage::Catalogue => {
                self.stage = Stage::Events { after: self.manifest.first - 1 };
                let catalogue = std::mem::take(&mut self.catalogue);
                Ok(Some(self.member(CATALOGUE.to_owned(), &catalogue)))
            }
            Stage::Events { after } => {
                let (mut lines, mut position) = (Vec::new(), after);
                while lines.len() < PIECE && position < self.manifest.last {
                    position = self.page(position, &mut lines).await?;
                }
                self.stage = if position < self.manifest.last {
                    Stage::Events { after: position }
                } else {
                    Stage::Rest
                };
                let packed = packed(&lines)?;
                Ok(Some(self.member(piece(after + 1), &packed)))
            }
            Stage::Rest => {
                self.rest().await?;
                self.end().await.map(Some)
            }
            Stage::End => Ok(None),
        }
    }

    /// Lets go of the moment.
    pub async fn close(self) -> Result<(), StoreError> {
        self.scratch.close().await
    }

    /// Follows the chain from the part to the end of the log, which the manifest names.
    async fn rest(&mut self) -> Result<(), StoreError> {
        self.manifest.hash.clone_from(&self.chain);
        let filter =
            EventFilter { up_to: Some(self.manifest.log_position), ..EventFilter::default() };
        let mut position = self.manifest.last;
        while position < self.manifest.log_position {
            let limit = u32::try_from(self.page).unwrap_or(1);
            let rows = self.scratch.fetch(filter.query(position, limit)).await?;
            if rows.is_empty() {
                return Err(damaged(position + 1, "the event is missing"));
            }
            for row in rows {
                position += 1;
                self.link(&filter::recorded(row)?, position)?;
            }
        }
        if self.chain != self.manifest.log_hash {
            return Err(damaged(position, "the hash of the last event is not that of the head"));
        }
        Ok(())
    }

    /// Goes one link further.
    fn link(&mut self, event: &Recorded, position: i64) -> Result<(), StoreError> {
        if event.position != position {
            return Err(damaged(position, "the event is missing"));
        }
        self.chain = chain::link(&self.chain, event);
        if event.hash.as_ref() != Some(&self.chain) {
            return Err(damaged(position, "the event was changed, moved or inserted"));
        }
        Ok(())
    }

    /// Reads the next events and says where they end.
    async fn page(&mut self, after: i64, lines: &mut Vec<u8>) -> Result<i64, StoreError> {
        let filter = EventFilter { up_to: Some(self.manifest.last), ..EventFilter::default() };
        let limit = u32::try_from(self.page).unwrap_or(1);
        let rows = self.scratch.fetch(filter.query(after, limit)).await?;
        let (events, begun, mut position) = (rows.len().max(1), lines.len(), after);
        for row in rows {
            position += 1;
            self.event(filter::recorded(row)?, position, lines).await?;
        }
        if position == after {
            return Err(damaged(after + 1, "the event is missing"));
        }
        let suitable = PIECE / ((lines.len() - begun) / events).max(1);
        // Of a sudden, they may be longer again.
        self.page = suitable.min(4 * self.page).clamp(1, PAGE);
        Ok(position)
    }

    async fn event(
        &mut self,
        mut event: Recorded,
        position: i64,
        lines: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        self.link(&event, position)?;
        let ours = |of| event.organization_id == Some(of);
        let shown = self.manifest.organization.is_none_or(ours);
        let sealed = match &self.wrapping {
            Some(wrapping) if shown => wrapping.seal(&mut event).await?,
            _ => false,
        };
        let emptied =
            if shown { line::write(&event, lines)? } else { line::withhold(&event, lines)? };
        let emptied = emptied.ok_or_else(|| damaged(position, "the event is not in the chain"))?;
        self.manifest.sealed += i64::from(sealed);
        let emptied = emptied && !sealed;
        self.manifest.events += i64::from(shown);
        self.manifest.withheld += i64::from(!shown);
        self.manifest.emptied += i64::from(emptied);
        let stream = (event.aggregate_type.clone(), event.aggregate_id.clone());
        match verify::contents(&event, emptied) {
            verify::Contents::Erased => {
                self.erased.entry(stream).or_insert(position);
            }
            verify::Contents::Changed => return Err(damaged(position, "the payload was changed")),
            verify::Contents::Whole if shown && verify::erases(&event) => {
                self.erased.remove(&stream);
            }
            verify::Contents::Whole | verify::Contents::Expired => {}
        }
        if self.erased.len() > MOST_ERASED {
            return Err(StoreError::Unusable(format!(
                "more than {MOST_ERASED} people of this part of the log are erased later: take a smaller part"
            )));
        }
        Ok(())
    }

    /// The manifest, its signature, and the end of the file.
    async fn end(&mut self) -> Result<Vec<u8>, StoreError> {
        for ((kind, id), first) in std::mem::take(&mut self.erased) {
            let rows = self.scratch.fetch(verify::erased_at(&kind, &id, first)).await?;
            let Some(row) = rows.first() else { return Err(damaged(first, verify::UNERASED)) };
            let position = row.int(0)?;
            self.manifest.erased.push(Erasure { aggregate_type: kind, aggregate_id: id, position });
        }
        let mut text = serde_json::to_vec_pretty(&self.manifest).map_err(|error| failed(&error))?;
        text.push(b'\n');
        let mut bytes = framed(MANIFEST, &text);
        if let Some(key) = &self.key {
            bytes.extend(framed(SIGNATURE, &key.sign(&text)));
        }
        bytes.extend([0; frame::END]);
        Ok(bytes)
    }

    fn member(&mut self, name: String, bytes: &[u8]) -> Vec<u8> {
        let framed = framed(&name, bytes);
        let sha256 = Sha256::of(bytes).to_string();
        self.manifest.members.push(Member { name, size: bytes.len() as u64, sha256 });
        framed
    }
}

fn packed(lines: &[u8]) -> Result<Vec<u8>, StoreError> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(lines).and_then(|()| packed.finish()).map_err(|error| failed(&error))
}

fn framed(name: &str, bytes: &[u8]) -> Vec<u8> {
    let size = bytes.len() as u64;
    let mut framed = frame::head(name, size).to_vec();
    framed.extend_from_slice(bytes);
    framed.resize(framed.len() + frame::padding(size), 0);
    framed
}

fn failed(error: &impl std::fmt::Display) -> StoreError {
    StoreError::database("write evidence", Failure::new("evidence", error.to_string()))
}

fn damaged(position: i64, why: &str) -> StoreError {
    StoreError::Unusable(format!(
        "the chain is broken at position {position} ({why}): what follows proves nothing; `wisptrail verify` tells more"
    ))
}
