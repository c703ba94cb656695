//! A log up to a position, as an installation of its own that shows what was.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
    sync::Arc,
};

use secrecy::SecretSlice;
use uuid::Uuid;

use super::{
    Header, Import, Imported, Line,
    import::{Cut, refused},
    line::{BlobLine, RowLine},
};
use crate::{
    Envelope, Keyring, MasterKey, Options, Randomness, Recorded, Sha256, StoreError, blobs,
    keyring::Unwrapping,
};

/// The first of the tables whose rows travel.
const KEYS: &str = "subject_keys";

/// What is made of the keys.
#[derive(Debug)]
pub enum ReplayedKeys {
    /// They go along: whoever has the folder and the master key can open what is sealed.
    Along,
    /// They stay away, and what is sealed stays so. Archives, which hold nothing but what events say in the clear, are
    /// sealed anew under a key that the folder makes for itself.
    Away {
        /// The master key of the log, to open archives with.
        theirs: SecretSlice<u8>,
        /// The master key of the folder.
        own: SecretSlice<u8>,
    },
}

/// Which part of a log is kept.
pub struct Kept {
    /// Streams that are kept without payloads: of persons who were erased since, by kind and id.
    pub erased: HashSet<(String, String)>,
    /// Persons of whom no key is kept.
    pub persons: HashSet<Uuid>,
    /// The hash of the archive that an event names: others are left out.
    pub archive: fn(&Recorded) -> Option<Sha256>,
}

/// Puts the lines of [`Export::until`](super::Export::until) into an empty folder.
pub struct Replay {
    import: Import,
    keys: Keys,
    persons: HashSet<Uuid>,
}

enum Keys {
    Along,
    /// Nothing was ever sealed: there are no archives.
    None,
    Away(Box<Away>),
}

/// What archives are opened with, and sealed again.
struct Away {
    theirs: Unwrapping,
    wrapped: HashMap<Uuid, Vec<u8>>,
    own: Arc<Keyring>,
}

impl Replay {
    /// Makes the tables in an empty folder, whose options name it.
    pub async fn begin(
        folder: &Path,
        options: Options,
        header: Header,
        (keys, random): (ReplayedKeys, Randomness),
        kept: Kept,
    ) -> Result<Self, StoreError> {
        let proof = header.keyring.clone();
        let along = matches!(keys, ReplayedKeys::Along);
        let header = if along { header } else { Header { keyring: None, ..header } };
        let Kept { erased, persons, archive } = kept;
        let mut import = Import::begin(folder, options, header).await?;
        import.cut = Some(Cut { erased, archive, named: HashSet::new() });
        let keys = match Self::keys(&import, keys, random, proof).await {
            Ok(keys) => keys,
            Err(error) => {
                import.abandon().await?;
                return Err(error);
            }
        };
        Ok(Self { import, keys, persons })
    }

    async fn keys(
        import: &Import,
        keys: ReplayedKeys,
        random: Randomness,
        proof: Option<Vec<u8>>,
    ) -> Result<Keys, StoreError> {
        let ReplayedKeys::Away { theirs, own } = keys else { return Ok(Keys::Along) };
        // The folder has a key of its own in any case: it is opened as any other.
        let own = Keyring::open(import.store().clone(), MasterKey::Given(own), random).await?;
        let Some(proof) = proof else { return Ok(Keys::None) };
        let theirs = Unwrapping::new(&theirs, &proof)?;
        let (wrapped, own) = (HashMap::new(), Arc::new(own));
        Ok(Keys::Away(Box::new(Away { theirs, wrapped, own })))
    }

    /// Takes a line; see [`Import::line`].
    pub async fn line(&mut self, line: Line) -> Result<(), StoreError> {
        match line {
            Line::Event(_) => self.import.line(line).await,
            Line::Row(row) if row.table == KEYS => self.key(row).await,
            // How things are now, which says nothing about how they were.
            Line::Row(_) => Ok(()),
            Line::Blob(blob) if !self.import.names(&blob.sha256) => Ok(()),
            Line::Blob(blob) => match self.again(blob).await? {
                Some(blob) => self.import.line(Line::Blob(blob)).await,
                None => Ok(()),
            },
            Line::MasterKey(_) | Line::End(_) => {
                Err(refused("keys and trailers are in no part of a log"))
            }
        }
    }

    /// Position of the last event that was taken.
    pub fn position(&self) -> i64 {
        self.import.position()
    }

    /// Compares the end with the header and fills the tables.
    pub async fn finish(&mut self) -> Result<Imported, StoreError> {
        let counts = self.import.counts();
        self.import.finish(counts).await
    }

    /// Closes the files, which are complete.
    pub async fn complete(self) -> Result<(), StoreError> {
        let Self { import, keys, .. } = self;
        drop(keys);
        import.complete().await
    }

    /// Leaves nothing behind.
    pub async fn abandon(self) -> Result<(), StoreError> {
        let Self { import, keys, .. } = self;
        drop(keys);
        import.abandon().await
    }

    async fn key(&mut self, mut row: RowLine) -> Result<(), StoreError> {
        let text = |row: &RowLine, name: &str| {
            row.columns.get(name).and_then(serde_json::Value::as_str).map(str::to_owned)
        };
        let subject = text(&row, "subject_id").and_then(|id| Uuid::parse_str(&id).ok());
        let subject = subject.ok_or_else(|| refused("a key belongs to nobody"))?;
        if self.persons.contains(&subject) {
            row.columns.remove("wrapped_key");
            if let Some(made) = row.columns.get("created_at").cloned() {
                row.columns.entry("destroyed_at").or_insert(made);
            }
        }
        let Keys::Away(away) = &mut self.keys else {
            return self.import.line(Line::Row(row)).await;
        };
        match text(&row, "wrapped_key") {
            // Whoever was erased is told from whoever is only out of sight.
            None => self.import.line(Line::Row(row)).await,
            Some(wrapped) => {
                away.wrapped.insert(subject, Unwrapping::bytes(&wrapped)?);
                Ok(())
            }
        }
    }

    /// None where the archive's organization was erased.
    async fn again(&self, blob: BlobLine) -> Result<Option<BlobLine>, StoreError> {
        let away = match &self.keys {
            Keys::Along => return Ok(Some(blob)),
            Keys::None => return Ok(None),
            Keys::Away(away) => away,
        };
        let Some(wrapped) = away.wrapped.get(&blob.organization) else { return Ok(None) };
        let sha256: [u8; 32] = blob
            .sha256
            .as_slice()
            .try_into()
            .map_err(|_| refused("an archive is known by 64 hexadecimal digits"))?;
        let place = blobs::place(Sha256::from_bytes(sha256));
        let damaged = || refused(&format!("the archive {} is damaged", hex::encode(sha256)));
        let envelope = blobs::envelope(blob.organization, &blob.body).ok_or_else(damaged)?;
        let Envelope { nonce, cipher, .. } = &envelope;
        let packed = away
            .theirs
            .open((blob.organization, wrapped), (&place, *nonce, cipher))
            .ok_or_else(damaged)?;
        let sealed = away.own.seal(blobs::REPLAYED, &place, &packed).await;
        let sealed = sealed.map_err(|error| StoreError::Unusable(error.to_string()))?;
        Ok(Some(BlobLine { body: blobs::stored(sealed), ..blob }))
    }
}
