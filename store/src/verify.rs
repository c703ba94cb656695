//! Recomputing the chain.

use std::collections::HashMap;

use crate::{
    Anchor, EventFilter, Query, Recorded, Store, StoreError, anchor::Anchors, args, chain,
};

const PAGE: u32 = 1000;
pub(crate) const SCAVENGED: &str = r#"{"$scavenged":true}"#;
/// Stands for the payloads of a stream whose person was erased.
pub(crate) const ERASED: &str = r#"{"$erased":true}"#;

/// Begins what stands for a payload that an archive of the log keeps sealed for whom it is about; never in the log itself.
pub(crate) const SEALED: &str = r#"{"$sealed":"#;

/// Why a payload must not be missing.
pub(crate) const UNERASED: &str = "the payload was taken away, and nobody was erased";

/// What became of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contents {
    /// It is the one that was hashed.
    Whole,
    /// It was taken away for a person; the stream has to say so.
    Erased,
    /// It was kept for a while only.
    Expired,
    /// It is another one.
    Changed,
}

/// `other`: it is not the payload that was hashed.
pub(crate) fn contents(event: &Recorded, other: bool) -> Contents {
    match event.payload.as_str() {
        _ if !other => Contents::Whole,
        ERASED => Contents::Erased,
        SCAVENGED if event.retention.0 > 0 => Contents::Expired,
        _ => Contents::Changed,
    }
}

/// Kinds of streams that tell of one person, and what says that this person was erased. Nothing else excuses contents that
/// are missing: whoever can write to the database could invent an event of any other type.
pub const ERASURES: &[(&str, &str)] = &[("user", "user.erased")];

/// Does this event say that its stream's person was erased?
pub(crate) fn erases(event: &Recorded) -> bool {
    ERASURES.contains(&(event.aggregate_type.as_str(), event.event_type.as_str()))
}

/// Position of the event after another one that says that a stream's person was erased.
pub(crate) fn erased_at(kind: &str, id: &str, after: i64) -> Query {
    let erasure = ERASURES.iter().find(|(of, _)| *of == kind);
    Query::new(
        "SELECT position FROM events WHERE aggregate_type = $1 AND aggregate_id = $2 AND position > $3 AND event_type = $4 ORDER BY position LIMIT 1",
        args![kind, id, after, erasure.map_or("", |(_, event_type)| *event_type)],
    )
}

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChainReport {
    /// Events looked at.
    pub events: i64,
    /// Those of them that another program wrote.
    pub foreign: i64,
    /// Those of the foreign ones at the end of the log that no append took into the chain yet.
    pub unchained: i64,
    /// Position of the last event.
    pub head: i64,
    /// The chain up to the last event that is in it, 64 hexadecimal digits; empty for an empty log.
    pub hash: String,
    /// Where the chain breaks; none is a sound log.
    pub first_bad: Option<BadPosition>,
}

/// Where and why the chain breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadPosition {
    /// The first position that is not what it should be.
    pub position: i64,
    /// Why.
    pub reason: String,
}

struct Verifier {
    report: ChainReport,
    previous: Vec<u8>,
    /// Last position that the head row says is chained.
    chained: i64,
    anchors: std::iter::Peekable<std::vec::IntoIter<Anchor>>,
    /// Streams with erased payloads whose erasure is still to come, each with the first of them.
    erased: HashMap<(String, String), i64>,
}

impl Store {
    /// Recomputes the chain, from the beginning or from an anchor, also beside appends: up to the head at its start.
    /// `progress` gets the position after every page. Anchors of `anchors.jsonl` are compared too.
    pub async fn verify_chain(
        &self,
        from: Option<Anchor>,
        mut progress: impl FnMut(i64),
    ) -> Result<ChainReport, StoreError> {
        let head =
            Query::new("SELECT position, chained, hash FROM store_head WHERE id = 1", args![]);
        let last = Query::new("SELECT max(position) FROM events", args![]);
        let mut state = self.snapshot(vec![head, last]).await?.results.into_iter();
        let (head, last) = (state.next().unwrap_or_default(), state.next().unwrap_or_default());
        let Some((head, last)) = head.first().zip(last.first()) else {
            return Err(StoreError::Unusable("the head of the log is missing".to_owned()));
        };
        let (position, chained, hash) = (head.int(0)?, head.int(1)?, head.bytes(2)?);
        let last = last.int_or_null(0)?.unwrap_or(0);

        let anchors = self.anchors().map(Anchors::read).transpose();
        let mut anchors = anchors
            .map_err(|error| {
                StoreError::Unusable(format!("anchors.jsonl cannot be read: {error}"))
            })?
            .unwrap_or_default();
        anchors.extend(from.clone());
        anchors.sort_by_key(|anchor| anchor.position);
        let start = from.as_ref().map_or(0, |anchor| anchor.position - 1).max(0);
        anchors.retain(|anchor| anchor.position > start);

        let mut verifier = Verifier {
            report: ChainReport { head: last, ..ChainReport::default() },
            previous: self.hash_at(start).await?,
            chained,
            anchors: anchors.into_iter().peekable(),
            erased: HashMap::new(),
        };
        let mut after = start;
        let filter = EventFilter { up_to: Some(position.max(last)), ..EventFilter::default() };
        loop {
            let events = self.events(&filter, after, PAGE).await?;
            let Some(end) = events.last().map(|event| event.position) else { break };
            for event in &events {
                after += 1;
                if let Err(reason) = verifier.check(event, after) {
                    verifier.report.first_bad = Some(BadPosition { position: after, reason });
                    return Ok(verifier.report);
                }
            }
            progress(end);
        }
        verifier.report.hash = hex::encode(&verifier.previous);
        if self.replayed() {
            // The beginning of a log may lack the events that say who was erased later.
            verifier.erased.clear();
        }
        self.drop_erased(&mut verifier.erased).await?;
        verifier.report.first_bad = verifier.end(after.min(last), position, &hash);
        Ok(verifier.report)
    }

    /// Recomputes the chain from the beginning or from an anchor up to another one, both of which are in it, and says where it
    /// breaks. Contents are held against their hashes; whether those that are missing are excused is not looked at.
    pub async fn follow_chain(
        &self,
        from: Option<&Anchor>,
        to: &Anchor,
    ) -> Result<Option<BadPosition>, StoreError> {
        let previous = from.map_or_else(|| Ok(Vec::new()), |from| hex::decode(&from.hash));
        let previous =
            previous.map_err(|_| StoreError::Unusable("an anchor's hash is no hash".to_owned()))?;
        let mut after = from.map_or(0, |from| from.position);
        let mut verifier = Verifier {
            report: ChainReport::default(),
            previous,
            chained: to.position,
            anchors: vec![to.clone()].into_iter().peekable(),
            erased: HashMap::new(),
        };
        let filter = EventFilter { up_to: Some(to.position), ..EventFilter::default() };
        while after < to.position {
            let events = self.events(&filter, after, PAGE).await?;
            if events.is_empty() {
                let reason = "the event is missing".to_owned();
                return Ok(Some(BadPosition { position: after + 1, reason }));
            }
            for event in &events {
                after += 1;
                if let Err(reason) = verifier.check(event, after) {
                    return Ok(Some(BadPosition { position: after, reason }));
                }
            }
        }
        Ok(None)
    }

    /// Streams whose persons are erased while the chain is being looked at end with it later.
    async fn drop_erased(
        &self,
        streams: &mut HashMap<(String, String), i64>,
    ) -> Result<(), StoreError> {
        let mut later = Vec::new();
        for ((kind, id), first) in &*streams {
            if !self.fetch(erased_at(kind, id, *first)).await?.is_empty() {
                later.push((kind.clone(), id.clone()));
            }
        }
        for stream in later {
            streams.remove(&stream);
        }
        Ok(())
    }

    async fn hash_at(&self, position: i64) -> Result<Vec<u8>, StoreError> {
        let query = Query::new("SELECT hash FROM events WHERE position = $1", args![position]);
        match self.fetch(query).await?.first() {
            Some(row) => Ok(row.bytes_or_null(0)?.unwrap_or_default()),
            None => Ok(Vec::new()),
        }
    }
}

impl Verifier {
    fn check(&mut self, event: &Recorded, position: i64) -> Result<(), String> {
        if event.position != position {
            return Err("the event is missing".to_owned());
        }
        self.report.events += 1;
        self.report.foreign += i64::from(event.actor.is_none());
        let (Some(stored), Some(payload_hash)) = (&event.hash, &event.payload_hash) else {
            if position > self.chained {
                self.report.unchained += 1;
                return Ok(());
            }
            return Err("the event was taken out of the chain".to_owned());
        };
        let stream = || (event.aggregate_type.clone(), event.aggregate_id.clone());
        match contents(event, chain::payload_hash(&event.payload) != *payload_hash) {
            Contents::Erased => {
                self.erased.entry(stream()).or_insert(position);
            }
            Contents::Whole if erases(event) => {
                self.erased.remove(&stream());
            }
            Contents::Whole | Contents::Expired => {}
            Contents::Changed => return Err("the payload was changed".to_owned()),
        }
        if chain::link(&self.previous, event) != *stored {
            return Err("the event was changed, moved or inserted".to_owned());
        }
        self.previous.clone_from(stored);
        while let Some(anchor) = self.anchors.next_if(|anchor| anchor.position <= position) {
            if anchor.position == position && anchor.hash != hex::encode(stored) {
                return Err("the chain differs from its anchor".to_owned());
            }
        }
        Ok(())
    }

    /// The log must reach as far as the head row and the anchors say.
    fn end(&mut self, last: i64, head: i64, hash: &[u8]) -> Option<BadPosition> {
        let bad = |position, reason: String| Some(BadPosition { position, reason });
        if let Some(first) = self.erased.values().min() {
            return bad(*first, UNERASED.to_owned());
        }
        if let Some(anchor) = self.anchors.by_ref().last() {
            let reason = format!("the log ends here, an anchor names position {}", anchor.position);
            return bad(last + 1, reason);
        }
        if last != head {
            return bad(
                last.min(head) + 1,
                format!("the log ends at {last}, its head says {head}"),
            );
        }
        if self.previous != hash {
            return bad(last, "the hash of the last event is not that of the head".to_owned());
        }
        None
    }
}
