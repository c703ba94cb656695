//! Keys of organizations and persons, wrapped by the master key (stack.md §7).

mod cipher;
mod rotation;
mod table;
mod unwrapping;

use std::{fmt, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use moka::sync::Cache;
use parking_lot::Mutex;
use rand::CryptoRng;
use secrecy::{ExposeSecret, SecretSlice};
use tokio::sync::RwLock;
use uuid::Uuid;
use zeroize::Zeroizing;

use self::cipher::Key;
pub(crate) use self::unwrapping::Unwrapping;
use crate::{
    Envelope, Op, Opened, SealedError, SigningKey, Store, StoreError, Subject, sealed::NONCE,
};

/// Keys kept unwrapped in memory.
const CACHED_KEYS: u64 = 20_000;
/// How long another process's erasure may stay unnoticed here, if nobody calls [`Keyring::forget`].
const CACHED_FOR: Duration = Duration::from_mins(1);
/// Number of a subject's only key.
const FIRST_KEY: u32 = 1;
const FINGERPRINTS: &str = "fingerprints";
/// The row of the key that evidence is signed with.
const SIGNING: (Uuid, &str) =
    (Uuid::from_u128(0x5369_676e_696e_8000_8000_0000_0000_0001), "signing");

/// 32 bytes that wrap all other keys; never in the database, nor in a dump of it.
#[derive(Debug)]
pub enum MasterKey {
    /// By the operator, or read back from where it was stored.
    Given(SecretSlice<u8>),
    /// Made in this start; refused on a database that has had another one.
    Generated(SecretSlice<u8>),
}

/// Where keys and nonces come from: a cryptographic generator, seeded by the program.
pub type Randomness = Box<dyn CryptoRng + Send>;

/// Seals and opens values; makes, wraps and destroys the keys for it.
pub struct Keyring {
    store: Store,
    random: Arc<Mutex<Randomness>>,
    /// Changes only by rotation. Readers hold it while they use or fill the cache, erasure and rotation exclude them.
    master: RwLock<Master>,
    fingerprints: Key,
    keys: Cache<Uuid, Arc<Key>>,
}

struct Master {
    wrapping: Key,
    /// The row that proves which master key the database is under.
    proof: Vec<u8>,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").finish_non_exhaustive()
    }
}

impl Keyring {
    /// Checks the master key against the database, or binds a fresh database to it.
    pub async fn open(
        store: Store,
        master: MasterKey,
        random: Randomness,
    ) -> Result<Self, StoreError> {
        let (secret, generated) = match master {
            MasterKey::Given(secret) => (secret, false),
            MasterKey::Generated(secret) => (secret, true),
        };
        let root = root(&secret)?;
        let random = Arc::new(Mutex::new(random));
        let wrapping = root.derive("wrapping");
        // Derived once, then kept wrapped: fingerprints in the log must survive a rotation.
        let own = wrapping.wrap(nonce(&random), FINGERPRINTS, &root.derive(FINGERPRINTS));
        let proof = table::bind(&store, own.clone()).await?;
        if generated && proof != own {
            return Err(StoreError::Unusable(
                "the database was written under a master key, and none was given: \
                 give that key (file, environment or data folder) instead of starting with a generated one"
                    .to_owned(),
            ));
        }
        let fingerprints = wrapping.unwrap(FINGERPRINTS, &proof).ok_or_else(|| {
            StoreError::Unusable(
                "the database was written under another master key: give the one it was first started with, \
                 or the one it was last rotated to"
                    .to_owned(),
            )
        })?;
        let keys = Cache::builder().max_capacity(CACHED_KEYS).time_to_live(CACHED_FOR).build();
        let master = RwLock::new(Master { wrapping, proof });
        Ok(Self { store, random, master, fingerprints, keys })
    }

    /// Does this master key open what proves one, see [`Header::keyring`](crate::Header)?
    pub fn opens(proof: &[u8], master: &SecretSlice<u8>) -> Result<bool, StoreError> {
        let wrapping = root(master)?.derive("wrapping");
        Ok(wrapping.unwrap(FINGERPRINTS, proof).is_some())
    }

    /// Is this the master key of the database? None while the database is bound to none. Writes nothing.
    pub async fn fits(store: &Store, master: &SecretSlice<u8>) -> Result<Option<bool>, StoreError> {
        let wrapping = root(master)?.derive("wrapping");
        let proof = table::bound(store).await?;
        Ok(proof.map(|proof| wrapping.unwrap(FINGERPRINTS, &proof).is_some()))
    }

    /// Makes the subject's key if there is none; it is durable when this returns. Sealing does it by itself.
    pub async fn prepare(&self, subject: Subject) -> Result<(), SealedError> {
        self.key_for_sealing(subject).await.map(drop)
    }

    /// Seals a value for a place (`aggregate_type|aggregate_id|field`), where alone it can be opened.
    pub async fn seal(
        &self,
        subject: Subject,
        place: &str,
        plain: &[u8],
    ) -> Result<Envelope, SealedError> {
        let key = self.key_for_sealing(subject).await?;
        let nonce = nonce(&self.random);
        let cipher = key.encrypt(nonce, &bound(place, subject.id()), plain);
        Ok(Envelope { subject: subject.id(), key: FIRST_KEY, nonce, cipher })
    }

    /// What the envelope holds, or that its subject was erased.
    pub async fn unseal(&self, envelope: &Envelope, place: &str) -> Result<Opened, SealedError> {
        let key = match self.found(envelope.subject).await? {
            Found::Key(key) => key,
            Found::Destroyed => return Ok(Opened::Erased),
            Found::Nothing => return Ok(Opened::Withheld),
        };
        let plain = opened(&key, envelope, place)?;
        Ok(Opened::Plain(SecretSlice::from(plain.to_vec())))
    }

    /// The same for insiders, without a wrapper around the bytes; none is erased.
    pub(crate) async fn plain(
        &self,
        envelope: &Envelope,
        place: &str,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, SealedError> {
        let key = self.found(envelope.subject).await?.into_key();
        key.map(|key| opened(&key, envelope, place)).transpose()
    }

    /// 64 hexadecimal characters, the same for the same value of a domain everywhere in this installation,
    /// also after a rotation of the master key. Tells nothing of the value to whoever has no key.
    pub fn fingerprint(&self, domain: &str, value: &[u8]) -> String {
        hex::encode(self.fingerprints.mac(&[domain.as_bytes(), value]))
    }

    /// Erases the subject: nothing sealed for it can be opened again, and nothing be sealed.
    pub async fn destroy(&self, subject: Subject) -> Result<(), StoreError> {
        let _readers_wait = self.master.write().await;
        self.store.execute(vec![Self::destroy_op(subject, self.store.now())]).await?;
        self.keys.invalidate(&subject.id());
        Ok(())
    }

    /// The same as an operation for the caller's transaction, who then calls [`Self::forget`].
    pub fn destroy_op(subject: Subject, at: DateTime<Utc>) -> Op {
        table::destroy(subject, at)
    }

    /// An operation for the caller's transaction that removes the subject's key without leaving a trace of it: one may be made
    /// again. Who then calls [`Self::forget_all`].
    pub fn remove_op(subject: Subject) -> Op {
        table::remove(subject)
    }

    /// Drops all keys from memory; they are read again.
    pub async fn forget_all(&self) {
        let _readers_wait = self.master.write().await;
        self.keys.invalidate_all();
    }

    /// Drops the subject's key from memory, on each process that hears of an erasure.
    pub async fn forget(&self, subject: Subject) {
        let _readers_wait = self.master.write().await;
        self.keys.invalidate(&subject.id());
    }

    /// The key that this installation signs evidence with; made at the first use, and kept as all others are: wrapped by the
    /// master key, so that the database alone cannot sign.
    pub async fn signing_key(&self) -> Result<SigningKey, SealedError> {
        let key = self.key_of(SIGNING).await?;
        SigningKey::from_seed(key.bytes()).ok_or(SealedError::ForeignKey(SIGNING.0))
    }

    async fn key_for_sealing(&self, subject: Subject) -> Result<Arc<Key>, SealedError> {
        self.key_of((subject.id(), subject.kind())).await
    }

    /// Of that id; made, as one of that kind, when there is none.
    async fn key_of(&self, (id, kind): (Uuid, &str)) -> Result<Arc<Key>, SealedError> {
        if let Some(key) = self.keys.get(&id) {
            return Ok(key);
        }
        let master = self.master.read().await;
        match self.load(&master, id).await? {
            Found::Key(key) => return Ok(key),
            Found::Destroyed => return Err(SealedError::Erased(id)),
            Found::Nothing => {}
        }
        let key = Key::random(|bytes| self.random.lock().fill_bytes(bytes));
        let wrapped = master.wrapping.wrap(nonce(&self.random), &wrapped_at(id), &key);
        drop(key);
        table::insert(&self.store, (id, kind), wrapped, &master.proof).await?;
        // Read back: of two processes that make a key at once, one wins.
        match self.load(&master, id).await? {
            Found::Key(key) => Ok(key),
            Found::Destroyed => Err(SealedError::Erased(id)),
            Found::Nothing => Err(SealedError::ForeignKey(id)),
        }
    }

    async fn found(&self, subject: Uuid) -> Result<Found, SealedError> {
        if let Some(key) = self.keys.get(&subject) {
            return Ok(Found::Key(key));
        }
        let master = self.master.read().await;
        self.load(&master, subject).await
    }

    async fn load(&self, master: &Master, subject: Uuid) -> Result<Found, SealedError> {
        let Some(wrapped) = table::wrapped(&self.store, subject).await? else {
            return Ok(Found::Nothing);
        };
        let Some(wrapped) = wrapped else { return Ok(Found::Destroyed) };
        let key = master
            .wrapping
            .unwrap(&wrapped_at(subject), &wrapped)
            .map(Arc::new)
            .ok_or(SealedError::ForeignKey(subject))?;
        self.keys.insert(subject, Arc::clone(&key));
        Ok(Found::Key(key))
    }
}

enum Found {
    Key(Arc<Key>),
    Destroyed,
    Nothing,
}

impl Found {
    fn into_key(self) -> Option<Arc<Key>> {
        match self {
            Self::Key(key) => Some(key),
            Self::Destroyed | Self::Nothing => None,
        }
    }
}

fn opened(key: &Key, envelope: &Envelope, place: &str) -> Result<Zeroizing<Vec<u8>>, SealedError> {
    let plain = (envelope.key == FIRST_KEY)
        .then(|| key.decrypt(envelope.nonce, &bound(place, envelope.subject), &envelope.cipher));
    plain.flatten().ok_or_else(|| SealedError::Altered { place: place.to_owned() })
}

fn root(secret: &SecretSlice<u8>) -> Result<Key, StoreError> {
    let bytes = secret.expose_secret();
    Key::new(bytes).ok_or_else(|| {
        StoreError::Unusable(format!("a master key has 32 bytes, this one has {}", bytes.len()))
    })
}

fn nonce(random: &Mutex<Randomness>) -> [u8; NONCE] {
    let mut nonce = [0; NONCE];
    random.lock().fill_bytes(&mut nonce);
    nonce
}

/// A value opens only where, and for whom, it was sealed.
fn bound(place: &str, subject: Uuid) -> String {
    format!("{place}|{subject}")
}

fn wrapped_at(subject: Uuid) -> String {
    format!("subject_keys|{subject}|{FIRST_KEY}")
}
