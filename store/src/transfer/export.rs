//! Lines out of one moment of the database.

use super::{
    FORMAT, STATE, StateTable,
    blobs::BlobPages,
    line::{self, EventLine, Header},
};
use crate::{
    Dialect, EventFilter, Location, Projection, Query, Row, Store, StoreError, args, chain,
    compare::Scratch, filter,
};

/// Events of a page, unless they are long.
const PAGE: usize = 500;
/// Bytes that a page of events should have.
const PAGE_BYTES: usize = 2 << 20;
/// Rows of a page.
const ROWS: u32 = 500;

/// The log of one moment as lines, a chunk at a time. Nobody has to stop: neither appends nor readers wait for it, and whatever
/// comes after the moment is not in it. It holds on to that moment, which keeps the database from tidying up.
pub struct Export {
    scratch: Scratch,
    header: Header,
    reactors: Vec<&'static str>,
    place: Place,
    chain: Vec<u8>,
    /// Events of the next page: as many as suit the length of the last ones.
    page: usize,
    blobs: BlobPages,
    tables: &'static [StateTable],
}

enum Place {
    Header,
    /// Keys come before what they seal: this is the first of the tables.
    Events {
        after: i64,
    },
    Table {
        index: usize,
        after: Option<Row>,
    },
    Blobs,
    End,
}

/// What stands before the log up to a position with its hash.
async fn header(
    scratch: &mut Scratch,
    store: &Store,
    program: &str,
    (position, hash): (i64, Vec<u8>),
) -> Result<Header, StoreError> {
    let keyring = Query::new("SELECT fingerprint_key FROM keyring WHERE id = 1", args![]);
    let keyring = scratch.fetch(keyring).await?;
    Ok(Header {
        wisptrail_export: FORMAT,
        program: program.to_owned(),
        source: source(store.dialect()).to_owned(),
        exported_at: store.now(),
        position,
        hash,
        keyring: keyring.first().map(|row| row.bytes(0)).transpose()?,
    })
}

impl Export {
    /// Takes what other programs appended into the chain and holds on to the moment after that.
    pub async fn begin(
        store: &Store,
        location: &Location,
        program: &str,
    ) -> Result<Self, StoreError> {
        let (mut scratch, position, hash) = Scratch::chained(store, location).await?;
        let header = header(&mut scratch, store, program, (position, hash)).await?;
        let reactor = |it: &&std::sync::Arc<dyn Projection>| it.tables().is_empty();
        let reactors = store.projections().iter().filter(reactor).map(|it| it.name()).collect();
        Ok(Self {
            scratch,
            header,
            reactors,
            place: Place::Header,
            chain: Vec::new(),
            // The first may be long ones.
            page: 16,
            blobs: BlobPages::of(location)?,
            tables: STATE,
        })
    }

    /// The log up to a position, with keys and archives and without the tables that no event tells: these say how things are
    /// now. `store` may be one that only looks.
    pub async fn until(
        store: &Store,
        location: &Location,
        program: &str,
        position: i64,
    ) -> Result<Self, StoreError> {
        let mut scratch = Scratch::open(location).await?;
        let head = "SELECT chained FROM store_head WHERE id = 1";
        let head = scratch.fetch(Query::new(head, args![])).await?;
        let chained = head.first().map(|row| row.int(0)).transpose()?.unwrap_or(0);
        if position > chained {
            return Err(StoreError::Unusable(format!(
                "the chain ends at position {chained}: what another program appended after it is taken into it by the next change"
            )));
        }
        let hash = Query::new("SELECT hash FROM events WHERE position = $1", args![position]);
        let hash = scratch.fetch(hash).await?;
        let hash = hash.first().map(|row| row.bytes(0)).transpose()?.unwrap_or_default();
        let header = header(&mut scratch, store, program, (position, hash)).await?;
        Ok(Self {
            scratch,
            header,
            reactors: Vec::new(),
            place: Place::Header,
            chain: Vec::new(),
            page: 16,
            blobs: BlobPages::of(location)?,
            // The keys.
            tables: &STATE[..1],
        })
    }

    /// What the lines are about.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Further lines, each with its line feed; none after the last. The trailer is up to the caller.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        loop {
            let mut lines = Vec::new();
            match std::mem::replace(&mut self.place, Place::End) {
                Place::Header => {
                    line::bare(&self.header, &mut lines)?;
                    self.place = Place::Table { index: 0, after: None };
                }
                Place::Table { index, after } => self.rows(index, after, &mut lines).await?,
                Place::Events { after } => self.events(after, &mut lines).await?,
                Place::Blobs => {
                    if self.blobs.next(&mut self.scratch, &mut lines).await? {
                        self.place = Place::Blobs;
                    }
                }
                Place::End => return Ok(None),
            }
            if !lines.is_empty() {
                return Ok(Some(lines));
            }
        }
    }

    /// Lets go of the moment.
    pub async fn close(self) -> Result<(), StoreError> {
        self.scratch.close().await
    }

    async fn rows(
        &mut self,
        index: usize,
        after: Option<Row>,
        lines: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        let Some(table) = self.tables.get(index) else {
            self.place = Place::Blobs;
            return Ok(());
        };
        let rows = self.scratch.fetch(table.page(after.as_ref(), ROWS)).await?;
        for row in &rows {
            let row = table.line(row)?;
            // How far tables are that follow from the events will be found out when they are filled.
            let name = row.columns.get("name").and_then(serde_json::Value::as_str);
            let derived = table.name == "projection_checkpoints"
                && !name.is_some_and(|name| self.reactors.contains(&name));
            if !derived {
                line::write("row", &row, lines)?;
            }
        }
        self.place = match rows.into_iter().next_back() {
            last @ Some(_) => Place::Table { index, after: last },
            // After the keys, which are the first table.
            None if index == 0 => Place::Events { after: 0 },
            None => Place::Table { index: index + 1, after: None },
        };
        Ok(())
    }

    async fn events(&mut self, after: i64, lines: &mut Vec<u8>) -> Result<(), StoreError> {
        if after == self.header.position {
            if self.chain != self.header.hash {
                return Err(damaged(after));
            }
            self.place = Place::Table { index: 1, after: None };
            return Ok(());
        }
        let filter = EventFilter { up_to: Some(self.header.position), ..EventFilter::default() };
        let limit = u32::try_from(self.page).unwrap_or(1);
        let rows = self.scratch.fetch(filter.query(after, limit)).await?;
        let events = rows.len().max(1);
        let mut position = after;
        for row in rows {
            let event = filter::recorded(row)?;
            position += 1;
            self.chain = chain::link(&self.chain, &event);
            let whole = event.position == position && event.hash.as_ref() == Some(&self.chain);
            let Some(line) = EventLine::of(&event).filter(|_| whole) else {
                return Err(damaged(position));
            };
            line::write("event", &line, lines)?;
        }
        if position == after {
            return Err(damaged(after + 1));
        }
        let suitable = PAGE_BYTES / (lines.len() / events).max(1);
        // Of a sudden, they may be longer again.
        self.page = suitable.min(4 * self.page).clamp(1, PAGE);
        self.place = Place::Events { after: position };
        Ok(())
    }
}

fn source(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "sqlite",
        Dialect::Postgres => "postgres",
    }
}

fn damaged(position: i64) -> StoreError {
    StoreError::Unusable(format!(
        "the chain is broken at position {position}: `wisptrail verify` tells more, and a backup from before can be restored"
    ))
}
