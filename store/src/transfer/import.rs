//! Lines into an empty database.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
};

use super::{
    Counts, Header, Line, RowLine, STATE, StateTable,
    line::{BlobLine, EventLine},
    place::Target,
};
use crate::{
    Anchor, Dialect, Op, Options, Rebuild, RebuildError, Recorded, Store, StoreError, args,
    blobs::{Sha256, Shelf, Stored},
    chain,
    plan::{EventType, Head},
    store::Carried,
    verify::{ERASED, SCAVENGED, erases},
};

/// Events of a transaction.
const EVENTS: usize = 1000;
/// Bytes of a transaction, unless one line has more.
const BYTES: usize = 4 << 20;

/// What was imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// Lines.
    pub counts: Counts,
    /// Position of the last event.
    pub position: i64,
    /// The chain up to and including it.
    pub hash: Vec<u8>,
}

/// Puts lines into an empty data folder or database. Until its end nobody can serve what is there.
pub struct Import {
    target: Target,
    store: Store,
    shelf: Shelf,
    header: Header,
    counts: Counts,
    head: Head,
    types: HashSet<EventType>,
    /// Streams whose payloads were erased, until their erasure comes, each with the first of them.
    erased: HashMap<(String, String), i64>,
    page: Page,
    rows: Vec<crate::Arg>,
    row_count: usize,
    row_table: &'static StateTable,
    blobs: Vec<Stored>,
    blob_bytes: usize,
    /// Only the beginning of a log is taken.
    pub(super) cut: Option<Cut>,
}

/// What is different with the beginning of a log.
pub(super) struct Cut {
    /// Streams whose payloads are taken away.
    pub(super) erased: HashSet<(String, String)>,
    /// The archive that an event names.
    pub(super) archive: fn(&Recorded) -> Option<Sha256>,
    /// Those that were named.
    pub(super) named: HashSet<Sha256>,
}

/// Events that are not written yet.
#[derive(Default)]
struct Page {
    events: Vec<Recorded>,
    types: Vec<(EventType, i64)>,
    bytes: usize,
}

impl Import {
    /// Makes the tables in an empty place, or says what is in it. `folder` is the data folder on both databases; it has to be there,
    /// and locked.
    pub async fn begin(
        folder: &Path,
        options: Options,
        header: Header,
    ) -> Result<Self, StoreError> {
        let location = options.location.clone();
        let target = Target::claim(folder, &location).await?;
        match Self::open(folder, options).await {
            Ok((store, shelf)) => Ok(Self {
                target,
                head: Head {
                    position: 0,
                    chained: 0,
                    hash: Vec::new(),
                    recorded_at: chrono::DateTime::UNIX_EPOCH,
                },
                store,
                shelf,
                header,
                counts: Counts::default(),
                types: HashSet::new(),
                erased: HashMap::new(),
                page: Page::default(),
                rows: Vec::new(),
                row_count: 0,
                row_table: &STATE[0],
                blobs: Vec::new(),
                blob_bytes: 0,
                cut: None,
            }),
            Err(error) => {
                target.abandon().await?;
                Err(error)
            }
        }
    }

    async fn open(folder: &Path, mut options: Options) -> Result<(Store, Shelf), StoreError> {
        options.anchors = Some(folder.to_owned());
        let location = options.location.clone();
        let store = Store::open_for_import(options).await?;
        match Shelf::of(&location, &store) {
            Ok(shelf) => Ok((store, shelf)),
            Err(error) => {
                store.close().await;
                Err(error)
            }
        }
    }

    /// Takes a line. Errors say what is wrong with it; nothing after it can be taken then.
    pub async fn line(&mut self, line: Line) -> Result<(), StoreError> {
        match line {
            Line::Event(event) => self.event(*event).await,
            Line::Row(row) => self.row(row).await,
            Line::Blob(blob) => self.blob(blob).await,
            Line::MasterKey(_) => Err(refused("the master key stands at the beginning only")),
            Line::End(_) => Err(refused("nothing follows the trailer")),
        }
    }

    /// Position of the last event that was taken.
    pub fn position(&self) -> i64 {
        self.head.position
    }

    /// What was taken so far.
    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// The log that is being filled.
    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// Did an event name this archive?
    pub(super) fn names(&self, sha256: &[u8]) -> bool {
        let sha256 = sha256.try_into().map(Sha256::from_bytes);
        let named = |cut: &Cut| sha256.is_ok_and(|sha256| cut.named.contains(&sha256));
        self.cut.as_ref().is_none_or(named)
    }

    /// Compares everything with header and trailer and fills the tables that follow from the events.
    pub async fn finish(&mut self, counts: Counts) -> Result<Imported, StoreError> {
        self.write_events().await?;
        self.write_rows().await?;
        self.write_blobs().await?;
        if counts != self.counts {
            return Err(refused(&format!(
                "the trailer counts {counts:?}, there were {:?}",
                self.counts
            )));
        }
        if (self.head.position, &self.head.hash) != (self.header.position, &self.header.hash) {
            return Err(refused(&format!(
                "the header names position {} as the last one, the events end at {}",
                self.header.position, self.head.position
            )));
        }
        // Who was erased since is there without the event that says so.
        if let Some(first) = self.erased.values().min().filter(|_| self.cut.is_none()) {
            return Err(refused(&format!(
                "the payload of the event at {first} was taken away, and nobody was erased"
            )));
        }
        let mut ops = vec![
            // Nobody works on them here.
            Op::new("UPDATE jobs SET state = 'queued' WHERE state = 'running'", args![]),
        ];
        ops.extend(self.header.keyring.clone().map(|proof| {
            Op::new("INSERT INTO keyring (id, fingerprint_key) VALUES (1, $1)", args![proof])
        }));
        self.store.execute(ops).await?;

        let rebuild = Rebuild::new(self.store.clone());
        if self.head.position > 0 {
            rebuild.claims().await.map_err(in_words)?;
        }
        rebuild.ensure_current().await.map_err(in_words)?;
        // PostgreSQL's planner guesses badly about tables that it has not seen; SQLite looks at them when it is closed.
        if self.store.dialect() == Dialect::Postgres
            && let Err(error) = self.store.execute(vec![Op::new("ANALYZE", args![])]).await
        {
            tracing::warn!(%error, "the tables could not be analyzed: autovacuum will do it");
        }
        Ok(Imported {
            counts: self.counts,
            position: self.head.position,
            hash: self.head.hash.clone(),
        })
    }

    /// Lets it be served.
    pub async fn complete(self) -> Result<(), StoreError> {
        let Self { target, store, shelf, .. } = self;
        shelf.close().await;
        store.close().await;
        target.complete().await
    }

    /// Leaves nothing behind.
    pub async fn abandon(self) -> Result<(), StoreError> {
        let Self { target, store, shelf, .. } = self;
        shelf.close().await;
        store.close().await;
        target.abandon().await
    }

    async fn event(&mut self, line: EventLine<'static>) -> Result<(), StoreError> {
        let mut event = line.recorded();
        if let Some(cut) = &mut self.cut {
            let stream = (event.aggregate_type.clone(), event.aggregate_id.clone());
            if cut.erased.contains(&stream) && !erases(&event) {
                ERASED.clone_into(&mut event.payload);
            }
            cut.named.extend((cut.archive)(&event));
        }
        let position = self.head.position + 1;
        if event.position != position {
            return Err(refused(&format!(
                "position {position} should follow, this is {}",
                event.position
            )));
        }
        let payload_hash = Some(chain::payload_hash(&event.payload));
        let erased = event.payload == ERASED;
        let stream = || (event.aggregate_type.clone(), event.aggregate_id.clone());
        if erased {
            self.erased.entry(stream()).or_insert(position);
        } else if erases(&event) {
            self.erased.remove(&stream());
        }
        let removed = erased || (event.retention.0 > 0 && event.payload == SCAVENGED);
        if !removed && event.payload_hash != payload_hash {
            return Err(refused(&format!("the payload of the event at {position} was changed")));
        }
        let hash = chain::link(&self.head.hash, &event);
        if event.hash.as_ref() != Some(&hash) {
            return Err(refused(&format!(
                "the event at position {position} is not the one that the chain has there"
            )));
        }
        let pair = (event.event_type.clone(), event.event_version.clone());
        if !self.types.contains(&pair) {
            let (name, version) = &pair;
            if !self.store.interpreter().understands(name, version) {
                return Err(StoreError::Unusable(format!(
                    "this wisptrail does not understand events of type {name}, version {version}: import with wisptrail {} or newer",
                    self.header.program
                )));
            }
            self.types.insert(pair.clone());
            self.page.types.push((pair, position));
        }
        self.head = Head { position, chained: position, hash, recorded_at: event.recorded_at };
        self.counts.events += 1;
        self.page.bytes += event.payload.len() + event.metadata.len();
        self.page.events.push(event);
        if self.page.events.len() >= EVENTS || self.page.bytes >= BYTES {
            self.write_events().await?;
        }
        Ok(())
    }

    async fn write_events(&mut self) -> Result<(), StoreError> {
        let Page { events, types, .. } = std::mem::take(&mut self.page);
        let Some(first) = events.first().map(|event| event.position) else { return Ok(()) };
        let last = events.last().and_then(Anchor::at);
        let carried = Carried { after: first - 1, events, types, head: self.head.clone() };
        self.store.carry(carried).await?;
        // The end of what was carried over is worth an anchor wherever it is.
        if let Some(anchor) = last.filter(|last| last.position == self.header.position) {
            self.store.note_anchor(&anchor);
        }
        Ok(())
    }

    async fn row(&mut self, line: RowLine) -> Result<(), StoreError> {
        let Some(table) = StateTable::named(&line.table) else {
            return Err(StoreError::Unusable(format!(
                "this wisptrail has no table {} to put rows into: import with wisptrail {} or newer",
                line.table, self.header.program
            )));
        };
        if table.name != self.row_table.name || self.row_count >= table.most_rows() {
            self.write_rows().await?;
            self.row_table = table;
        }
        let args = table
            .args(line)
            .ok_or_else(|| refused(&format!("this is no row of the table {}", table.name)))?;
        self.rows.extend(args);
        self.row_count += 1;
        self.counts.rows += 1;
        Ok(())
    }

    async fn write_rows(&mut self) -> Result<(), StoreError> {
        let (rows, count) = (std::mem::take(&mut self.rows), std::mem::take(&mut self.row_count));
        if count > 0 {
            self.store.execute(vec![self.row_table.insert(count, rows)]).await?;
        }
        Ok(())
    }

    async fn blob(&mut self, line: BlobLine) -> Result<(), StoreError> {
        let BlobLine { organization, sha256, size, body } = line;
        let sha256 = sha256
            .try_into()
            .map(Sha256::from_bytes)
            .map_err(|_| refused("an archive is known by 64 hexadecimal digits"))?;
        let size = usize::try_from(size).map_err(|_| refused("an archive has no such size"))?;
        self.blob_bytes += body.len();
        self.blobs.push(Stored { key: (organization, sha256), size, body });
        self.counts.blobs += 1;
        if self.blob_bytes >= BYTES {
            self.write_blobs().await?;
        }
        Ok(())
    }

    async fn write_blobs(&mut self) -> Result<(), StoreError> {
        self.blob_bytes = 0;
        let blobs = std::mem::take(&mut self.blobs);
        if blobs.is_empty() { Ok(()) } else { self.shelf.put(blobs).await }
    }
}

/// What is wrong with the lines; where, is up to who has the file.
pub(super) fn refused(text: &str) -> StoreError {
    StoreError::Unusable(format!("{text}: copy or export again"))
}

fn in_words(error: RebuildError) -> StoreError {
    match error {
        RebuildError::Store(error) => error,
        error => StoreError::Unusable(format!("the tables cannot be filled: {error}")),
    }
}
