//! A log up to a position, as an installation of its own that shows what was.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
    sync::Arc,
};

use secrecy::SecretSlice;
use uuid::Uuid;

use super::{
    EventLine, Header, Import, Imported, Line,
    import::{Cut, refused},
    line::{BlobLine, RowLine},
};
use crate::{
    Archives, Envelope, Keyring, MasterKey, Options, Randomness, Recorded, Sha256, StoreError,
    archives::InArchive, blobs, evidence, keyring::Unwrapping,
};

/// The first of the tables whose rows travel.
const KEYS: &str = "subject_keys";

/// What is made of the keys.
#[derive(Debug)]
pub enum ReplayedKeys {
    /// They go along: whoever has the folder and the master key can open what is sealed.
    Along {
        /// The master key of the log, to open what archives of the log keep sealed; none where nothing was ever sealed.
        theirs: Option<SecretSlice<u8>>,
    },
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
    /// Where contents are that the log kept for a while only; none leaves them out.
    pub archives: Option<Archives>,
}

/// Puts the lines of [`Export::until`](super::Export::until) into an empty folder.
pub struct Replay {
    import: Import,
    keys: Keys,
    /// What opens what was sealed; none where nothing ever was.
    theirs: Option<Unwrapping>,
    /// Keys of the log, as far as they are needed.
    wrapped: HashMap<Uuid, Vec<u8>>,
    persons: HashSet<Uuid>,
    archives: Option<Archives>,
    /// Events whose contents are nowhere any more.
    gone: i64,
}

enum Keys {
    Along,
    /// Under this keyring archives of devices are sealed again.
    Away(Arc<Keyring>),
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
        let along = matches!(keys, ReplayedKeys::Along { .. });
        let header = if along { header } else { Header { keyring: None, ..header } };
        let Kept { erased, persons, archive, archives } = kept;
        let mut import = Import::begin(folder, options, header).await?;
        import.cut = Some(Cut { erased, archive, named: HashSet::new() });
        let (keys, theirs) = match Self::keys(&import, keys, random, proof).await {
            Ok(keys) => keys,
            Err(error) => {
                import.abandon().await?;
                return Err(error);
            }
        };
        let wrapped = HashMap::new();
        Ok(Self { import, keys, theirs, wrapped, persons, archives, gone: 0 })
    }

    async fn keys(
        import: &Import,
        keys: ReplayedKeys,
        random: Randomness,
        proof: Option<Vec<u8>>,
    ) -> Result<(Keys, Option<Unwrapping>), StoreError> {
        let (keys, theirs) = match keys {
            ReplayedKeys::Along { theirs } => (Keys::Along, theirs),
            ReplayedKeys::Away { theirs, own } => {
                // The folder has a key of its own in any case: it is opened as any other.
                let own = MasterKey::Given(own);
                let own = Keyring::open(import.store().clone(), own, random).await?;
                (Keys::Away(Arc::new(own)), Some(theirs))
            }
        };
        let theirs = theirs.zip(proof).map(|(theirs, proof)| Unwrapping::new(&theirs, &proof));
        Ok((keys, theirs.transpose()?))
    }

    /// Takes a line; see [`Import::line`].
    pub async fn line(&mut self, line: Line) -> Result<(), StoreError> {
        match line {
            Line::Event(mut event) => {
                if !self.put_back(&mut event) {
                    self.gone += 1;
                }
                self.import.line(Line::Event(event)).await
            }
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

    /// Events whose contents were kept for a while only, and are nowhere any more.
    pub fn gone(&self) -> i64 {
        self.gone
    }

    /// What is wrong with archives of the log.
    pub fn troubles(&self) -> &[String] {
        self.archives.as_ref().map(Archives::troubles).unwrap_or_default()
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
        let wrapped = text(&row, "wrapped_key");
        // Whoever was erased is told from whoever is only out of sight.
        let told = wrapped.is_none() || matches!(self.keys, Keys::Along);
        if let Some(wrapped) = wrapped {
            self.wrapped.insert(subject, Unwrapping::bytes(&wrapped)?);
        }
        if told { self.import.line(Line::Row(row)).await } else { Ok(()) }
    }

    /// Looks contents up that the log kept for a while only. No is the answer when they are nowhere, or cannot be opened any
    /// more: the hash in the chain says whether they are the right ones.
    fn put_back(&mut self, event: &mut EventLine<'static>) -> bool {
        let Some((position, id, hash)) = event.scavenged() else { return true };
        let found = self.archives.as_mut().and_then(|it| it.contents(position, hash));
        let payload = match found {
            None => None,
            Some(InArchive::Clear(payload)) => Some(payload),
            Some(InArchive::Sealed(envelope)) => self.opened(&envelope, &evidence::place(id)),
        };
        payload.is_some_and(|payload| event.put_back(payload))
    }

    fn opened(&self, envelope: &Envelope, place: &str) -> Option<String> {
        let Envelope { subject, nonce, cipher, .. } = envelope;
        let wrapped = self.wrapped.get(subject)?;
        let opened = self.theirs.as_ref()?.open((*subject, wrapped), (place, *nonce, cipher))?;
        String::from_utf8(opened.to_vec()).ok()
    }

    /// None where the archive's organization was erased.
    async fn again(&self, blob: BlobLine) -> Result<Option<BlobLine>, StoreError> {
        let Keys::Away(own) = &self.keys else { return Ok(Some(blob)) };
        // Where nothing was ever sealed, there are none.
        let Some(theirs) = &self.theirs else { return Ok(None) };
        let Some(wrapped) = self.wrapped.get(&blob.organization) else { return Ok(None) };
        let sha256: [u8; 32] = blob
            .sha256
            .as_slice()
            .try_into()
            .map_err(|_| refused("an archive is known by 64 hexadecimal digits"))?;
        let place = blobs::place(Sha256::from_bytes(sha256));
        let damaged = || refused(&format!("the archive {} is damaged", hex::encode(sha256)));
        let envelope = blobs::envelope(blob.organization, &blob.body).ok_or_else(damaged)?;
        let Envelope { nonce, cipher, .. } = &envelope;
        let packed = theirs
            .open((blob.organization, wrapped), (&place, *nonce, cipher))
            .ok_or_else(damaged)?;
        let sealed = own.seal(blobs::REPLAYED, &place, &packed).await;
        let sealed = sealed.map_err(|error| StoreError::Unusable(error.to_string()))?;
        Ok(Some(BlobLine { body: blobs::stored(sealed), ..blob }))
    }
}
