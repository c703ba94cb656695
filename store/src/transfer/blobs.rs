//! Archives as they are stored.

use rusqlite::Connection;
use uuid::Uuid;

use super::line::{self, BlobLine};
use crate::{
    Arg, Location, Query, Row, Sql, StoreError, args, blobs, compare::Scratch,
    sqlite::statement as sqlite,
};

/// Bytes of a page, unless one blob has more.
const MOST_BYTES: i64 = 4 << 20;
/// Blobs of a page.
const MOST: u32 = 512;

/// The blobs of a database, page by page.
pub(super) struct BlobPages {
    /// On SQLite they are in a file of their own.
    file: Option<Connection>,
    /// None when there is no such file.
    after: Option<(Uuid, Vec<u8>)>,
    /// Whose key was looked for last, and whether it is there.
    known: Option<(Uuid, bool)>,
}

impl BlobPages {
    pub(super) fn of(location: &Location) -> Result<Self, StoreError> {
        let mut after = Some((Uuid::nil(), Vec::new()));
        let mut file = None;
        if let Location::Sqlite { folder } = location {
            let path = folder.join("blobs.db");
            if path.exists() {
                file = Some(blobs::reading(&path)?);
            } else {
                after = None;
            }
        }
        Ok(Self { file, after, known: None })
    }

    /// Adds the lines of a page; no is the answer after the last.
    pub(super) async fn next(
        &mut self,
        scratch: &mut Scratch,
        lines: &mut Vec<u8>,
    ) -> Result<bool, StoreError> {
        let Some((organization, sha256)) = self.after.clone() else { return Ok(false) };
        let sizes = |length: &str| {
            format!(
                "SELECT organization_id, sha256, {length}(body) FROM blobs
                 WHERE (organization_id, sha256) > ($1, $2) ORDER BY organization_id, sha256 LIMIT {MOST}"
            )
        };
        let sizes =
            Sql::Each { sqlite: sizes("length").into(), postgres: sizes("octet_length").into() };
        let sizes = Query::new(sizes, args![organization, sha256.clone()]);
        let (mut last, mut bytes) = (None, 0);
        for row in self.fetch(scratch, &sizes).await? {
            bytes += row.int(2)?;
            if last.is_some() && bytes > MOST_BYTES {
                break;
            }
            last = Some((row.uuid(0)?, row.bytes(1)?));
        }
        let Some((to, to_sha256)) = last.clone() else { return Ok(false) };
        let bodies = Query::new(
            "SELECT organization_id, sha256, size, body FROM blobs
             WHERE (organization_id, sha256) > ($1, $2) AND (organization_id, sha256) <= ($3, $4)
             ORDER BY organization_id, sha256",
            vec![organization.into(), Arg::from(sha256), to.into(), Arg::from(to_sha256)],
        );
        for row in self.fetch(scratch, &bodies).await? {
            let organization = row.uuid(0)?;
            if self.has_key(scratch, organization).await? {
                let (sha256, size, body) = (row.bytes(1)?, row.int(2)?, row.bytes(3)?);
                line::write("blob", &BlobLine { organization, sha256, size, body }, lines)?;
            }
        }
        self.after = last;
        Ok(true)
    }

    async fn fetch(&self, scratch: &mut Scratch, query: &Query) -> Result<Vec<Row>, StoreError> {
        match &self.file {
            Some(connection) => Ok(sqlite::fetch(connection, query)?),
            None => scratch.fetch(query.clone()).await,
        }
    }

    /// A file of its own is read later than the keys: what was sealed with a younger key belongs to later events, and would be in
    /// the way where that key does not exist. What was sealed with a destroyed one is lost anyway.
    async fn has_key(
        &mut self,
        scratch: &mut Scratch,
        organization: Uuid,
    ) -> Result<bool, StoreError> {
        if let Some((known, there)) = self.known
            && known == organization
        {
            return Ok(there);
        }
        let query = Query::new(
            "SELECT 1 FROM subject_keys WHERE subject_id = $1 AND wrapped_key IS NOT NULL",
            args![organization],
        );
        let there = !scratch.fetch(query).await?.is_empty();
        self.known = Some((organization, there));
        Ok(there)
    }
}
