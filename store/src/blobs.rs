//! Documents by their hash, sealed per organization (architecture, decision 6).

mod body;
mod file;
mod table;

pub(crate) use self::body::{bytes as stored, envelope};

use std::{collections::HashSet, fmt, path::Path, str::FromStr, sync::Arc};

use sha2::Digest;
use uuid::Uuid;

use self::{file::BlobFile, table::BlobTable};
use crate::{Keyring, Location, SealedError, Store, StoreError, Subject};

/// Bytes of the largest blob.
pub const MAX_BLOB: usize = 16 << 20;
/// Bytes handed to the database at once.
const MAX_BATCH: usize = 16 << 20;

/// The hash that a blob is found by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sha256([u8; 32]);

impl Sha256 {
    /// The hash of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// A hash that was computed before.
    pub(crate) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The hash itself.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a SHA-256 has 64 hexadecimal digits")]
pub struct NotASha256;

impl FromStr for Sha256 {
    type Err = NotASha256;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| NotASha256)?;
        Ok(Self(bytes))
    }
}

/// Why a blob can be neither kept nor had.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// More than [`MAX_BLOB`].
    #[error("a blob of {0} bytes is too large, 16 MiB is the most")]
    TooLarge(usize),
    /// What is stored is not what was put.
    #[error("the stored blob {0} is damaged")]
    Damaged(Sha256),
    /// Its key.
    #[error(transparent)]
    Sealed(#[from] SealedError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How much is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlobStats {
    /// Blobs.
    pub count: u64,
    /// Bytes as they were put.
    pub plain_bytes: u64,
    /// Bytes as they are stored, compressed and sealed.
    pub stored_bytes: u64,
}

/// Whose key seals the archives of a folder that shows what was: those of organizations stay away from it.
pub(crate) const REPLAYED: Subject =
    Subject::Organization(Uuid::from_u128(0x7265_706c_6179_8000_8000_6172_6368_6976));

/// Bytes by organization and hash: written once, never changed, durable when `put` returns.
#[derive(Debug)]
pub struct Blobs {
    shelf: Shelf,
    keyring: Arc<Keyring>,
    /// Where not the organization's key seals them.
    under: Option<Subject>,
}

/// Where sealed blobs are.
#[derive(Debug)]
pub(crate) enum Shelf {
    File(BlobFile),
    Table(BlobTable),
}

/// Organization (nil for none), then hash.
pub(crate) type Key = (Uuid, Sha256);

/// A sealed blob.
pub(crate) struct Stored {
    pub(crate) key: Key,
    pub(crate) size: usize,
    pub(crate) body: Vec<u8>,
}

impl Blobs {
    /// A file of its own beside the SQLite database, made when it is missing. One process at a time.
    pub fn in_file(path: &Path, keyring: Arc<Keyring>) -> Result<Self, StoreError> {
        Ok(Self { shelf: Shelf::File(BlobFile::open(path)?), keyring, under: None })
    }

    /// The table `blobs` of a PostgreSQL database.
    pub fn in_database(store: Store, keyring: Arc<Keyring>) -> Self {
        Self { shelf: Shelf::Table(BlobTable::new(store)), keyring, under: None }
    }

    /// The same in a folder that shows what was, where the keys of organizations are not.
    #[must_use]
    pub fn without_organizations(self) -> Self {
        Self { under: Some(REPLAYED), ..self }
    }

    /// Keeps a blob of an organization, or of none.
    pub async fn put(&self, organization: Option<Uuid>, bytes: &[u8]) -> Result<Sha256, BlobError> {
        let sha256 = checked(bytes)?;
        self.write(organization, &[(sha256, bytes)]).await?;
        Ok(sha256)
    }

    /// Keeps several; the hashes come back in their order. After an error some of them may be there.
    pub async fn put_many<B: AsRef<[u8]> + Sync>(
        &self,
        organization: Option<Uuid>,
        blobs: &[B],
    ) -> Result<Vec<Sha256>, BlobError> {
        let hashed = blobs
            .iter()
            .map(|blob| Ok((checked(blob.as_ref())?, blob.as_ref())))
            .collect::<Result<Vec<_>, BlobError>>()?;
        self.write(organization, &hashed).await?;
        Ok(hashed.into_iter().map(|(sha256, _)| sha256).collect())
    }

    /// The bytes; none when there is no such blob or the organization was erased.
    pub async fn get(
        &self,
        organization: Option<Uuid>,
        sha256: Sha256,
    ) -> Result<Option<Vec<u8>>, BlobError> {
        let key = key(organization, sha256);
        let body = match &self.shelf {
            Shelf::File(file) => file.get(key).await?,
            Shelf::Table(table) => table.get(key).await?,
        };
        let Some(body) = body else { return Ok(None) };
        let damaged = || BlobError::Damaged(sha256);
        let subject = self.under.map_or(key.0, Subject::id);
        let envelope = body::envelope(subject, &body).ok_or_else(damaged)?;
        let opened = match self.keyring.plain(&envelope, &place(sha256)).await {
            Ok(Some(opened)) => opened,
            Ok(None) => return Ok(None),
            Err(SealedError::Altered { .. }) => return Err(damaged()),
            Err(error) => return Err(error.into()),
        };
        let plain = body::unpack(&opened).ok_or_else(damaged)?;
        if Sha256::of(&plain) == sha256 { Ok(Some(plain)) } else { Err(damaged()) }
    }

    /// Removes a blob; says whether it was there.
    pub async fn remove(
        &self,
        organization: Option<Uuid>,
        sha256: Sha256,
    ) -> Result<bool, StoreError> {
        let key = key(organization, sha256);
        match &self.shelf {
            Shelf::File(file) => file.remove(key).await,
            Shelf::Table(table) => table.remove(key).await,
        }
    }

    /// How much is kept.
    pub async fn stats(&self) -> Result<BlobStats, StoreError> {
        match &self.shelf {
            Shelf::File(file) => file.stats().await,
            Shelf::Table(table) => table.stats().await,
        }
    }

    /// Finishes what is queued and closes the file; later calls are answered as unavailable. Nothing to do on PostgreSQL.
    pub async fn close(&self) {
        self.shelf.close().await;
    }

    async fn write(
        &self,
        organization: Option<Uuid>,
        blobs: &[(Sha256, &[u8])],
    ) -> Result<(), BlobError> {
        let subject = organization.map_or(Subject::INSTALLATION, Subject::Organization);
        let (mut batch, mut bytes) = (Vec::new(), 0);
        let hashes: Vec<Sha256> = blobs.iter().map(|(sha256, _)| *sha256).collect();
        let held = self.held(subject.id(), &hashes).await?;
        for (sha256, plain) in blobs.iter().filter(|(sha256, _)| !held.contains(sha256)) {
            let key = key(organization, *sha256);
            let packed = body::pack(plain);
            let envelope = self.keyring.seal(subject, &place(*sha256), &packed).await?;
            let stored = Stored { key, size: plain.len(), body: body::bytes(envelope) };
            bytes += stored.body.len();
            batch.push(stored);
            if bytes >= MAX_BATCH {
                self.write_sealed(std::mem::take(&mut batch)).await?;
                bytes = 0;
            }
        }
        if !batch.is_empty() {
            self.write_sealed(batch).await?;
        }
        Ok(())
    }

    async fn held(
        &self,
        organization: Uuid,
        hashes: &[Sha256],
    ) -> Result<HashSet<Sha256>, StoreError> {
        match &self.shelf {
            Shelf::File(file) => file.held(organization, hashes).await,
            Shelf::Table(table) => table.held(organization, hashes).await,
        }
    }

    async fn write_sealed(&self, batch: Vec<Stored>) -> Result<(), StoreError> {
        self.shelf.put(batch).await
    }
}

impl Shelf {
    /// Beside the log.
    pub(crate) fn of(location: &Location, store: &Store) -> Result<Self, StoreError> {
        Ok(match location {
            Location::Sqlite { folder } => Self::File(BlobFile::open(&folder.join("blobs.db"))?),
            Location::Postgres { .. } => Self::Table(BlobTable::new(store.clone())),
        })
    }

    /// Keeps what is not there yet.
    pub(crate) async fn put(&self, batch: Vec<Stored>) -> Result<(), StoreError> {
        match self {
            Self::File(file) => file.put(batch).await,
            Self::Table(table) => table.put(batch).await,
        }
    }

    pub(crate) async fn close(&self) {
        if let Self::File(file) = self {
            file.close().await;
        }
    }
}

/// A connection to the file of blobs that cannot write.
pub(crate) fn reading(path: &Path) -> Result<rusqlite::Connection, StoreError> {
    file::reading(path).map_err(file::during("open the file of blobs"))
}

fn checked(bytes: &[u8]) -> Result<Sha256, BlobError> {
    if bytes.len() > MAX_BLOB {
        Err(BlobError::TooLarge(bytes.len()))
    } else {
        Ok(Sha256::of(bytes))
    }
}

fn key(organization: Option<Uuid>, sha256: Sha256) -> Key {
    (organization.unwrap_or(Subject::INSTALLATION.id()), sha256)
}

pub(crate) fn place(sha256: Sha256) -> String {
    format!("blob|{sha256}|body")
}
