//! A log that is only looked at: nothing is brought up to date, nothing written.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::{
    Anchor, Location, Options, Query, Replayed, Sql, Store, StoreError, anchor::Anchors, args,
    engine, migrations, store::Core, transfer,
};

/// Where a log ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tip {
    /// Position of the last event, 0 if there is none.
    pub head: i64,
    /// The last event in the chain; others behind it were written by another program. None in an empty log.
    pub chain: Option<Anchor>,
}

impl Store {
    /// Opens a log for questions: a copy that must stay as it is, a database that is perhaps not ours yet. What would write is
    /// refused. Errors: there is no log, or half of an import.
    pub async fn open_to_read(options: Options) -> Result<Self, StoreError> {
        Self::look(options, false).await
    }

    /// Opens a folder that shows what was, to be served. What would write is refused. Errors: also when the folder was made by
    /// another version of the program, whose tables may be others.
    pub async fn open_replayed(options: Options, replayed: &Replayed) -> Result<Self, StoreError> {
        let store = Self::look(options, true).await?;
        let checked = async {
            let applied = store.applied().await?;
            let newest = migrations::MIGRATIONS;
            if !migrations::pending(newest, &applied, store.dialect())?.is_empty() {
                return Err(StoreError::Unusable(format!(
                    "the folder was made by wisptrail {}: look at it with that one, or run `wisptrail replay` again",
                    replayed.program
                )));
            }
            store.check_types().await?;
            let head = store.tip().await?.head;
            store.live().ring_bell(head);
            Ok(())
        }
        .await;
        if checked.is_err() {
            store.close().await;
        }
        checked.map(|()| store)
    }

    async fn look(options: Options, served: bool) -> Result<Self, StoreError> {
        let mut replayed = false;
        if let Location::Sqlite { folder } = &options.location {
            transfer::refuse_unfinished(folder)?;
            replayed = Replayed::of(folder)?.is_some();
        }
        let core = Arc::new(Core {
            live: crate::live::Live::new(),
            clock: options.clock,
            interpreter: options.interpreter,
            projections: options.projections,
            anchors: options.anchors.as_deref().map(Anchors::in_folder),
            folder: None,
            rebuilding: parking_lot::Mutex::default(),
            bounded: false,
            read_only: true,
            replayed,
        });
        let (engine, dialect) = engine::look(options.location, served, Arc::clone(&core)).await?;
        let store = Self::of(engine, dialect, core);
        let checked = async {
            store.check_is_log().await?;
            store.check_finished().await
        }
        .await;
        if checked.is_err() {
            store.close().await;
        }
        checked.map(|()| store)
    }

    /// Where the log ends.
    pub async fn tip(&self) -> Result<Tip, StoreError> {
        let query = "SELECT store_head.position, chained, store_head.hash, events.recorded_at
             FROM store_head LEFT JOIN events ON events.position = chained WHERE id = 1";
        let rows = self.fetch(Query::new(query, args![])).await?;
        let row = rows
            .first()
            .ok_or_else(|| StoreError::Unusable("the head of the log is missing".to_owned()))?;
        let (head, position, hash) = (row.int(0)?, row.int(1)?, hex::encode(row.bytes(2)?));
        let time: Option<DateTime<Utc>> = row.time_or_null(3)?;
        Ok(Tip { head, chain: time.map(|time| Anchor { position, hash, time }) })
    }

    /// Would [`Store::open`] of this program take the log? Errors: it was written by a newer one, or by another.
    pub async fn check_opens(&self) -> Result<(), StoreError> {
        let applied = self.applied().await?;
        migrations::pending(migrations::MIGRATIONS, &applied, self.dialect())?;
        self.check_types().await
    }

    async fn applied(&self) -> Result<Vec<migrations::Applied>, StoreError> {
        let query = "SELECT number, checksum FROM schema_migrations ORDER BY number";
        let rows = self.fetch(Query::new(query, args![])).await?;
        rows.iter()
            .map(|row| Ok(migrations::Applied { number: row.int(0)?, checksum: row.bytes(1)? }))
            .collect()
    }

    async fn check_is_log(&self) -> Result<(), StoreError> {
        let sql = Sql::Each {
            sqlite: "SELECT count(*) FROM sqlite_schema WHERE name = 'store_head'".into(),
            postgres: "SELECT CAST(to_regclass('store_head') IS NOT NULL AS int)::bigint".into(),
        };
        let rows = self.fetch(Query::new(sql, args![])).await?;
        if rows.first().map(|row| row.int(0)).transpose()? == Some(1) {
            return Ok(());
        }
        Err(StoreError::Unusable("there is no log of wisptrail in the database".to_owned()))
    }
}
