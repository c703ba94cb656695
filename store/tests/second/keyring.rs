use std::sync::Arc;

use secrecy::{ExposeSecret, SecretSlice};
use store::{Envelope, Keyring, MasterKey, Opened, SealedError, Store, StoreError, Subject};
use uuid::Uuid;

use crate::world::{on_each_database, random, rows};

const PERSON: Subject = Subject::Person(Uuid::from_u128(5));
const TENANT: Subject = Subject::Organization(Uuid::from_u128(6));
const SECRET: &[u8] = b"correct horse battery";

fn master(byte: u8) -> SecretSlice<u8> {
    SecretSlice::from(vec![byte; 32])
}

async fn ring(store: &Store, byte: u8, seed: u64) -> Result<Keyring, StoreError> {
    Keyring::open(store.clone(), MasterKey::Given(master(byte)), random(seed)).await
}

async fn plain(ring: &Keyring, envelope: &Envelope, place: &str) -> Option<Vec<u8>> {
    match ring.unseal(envelope, place).await.unwrap() {
        Opened::Plain(plain) => Some(plain.expose_secret().to_vec()),
        Opened::Erased | Opened::Withheld => None,
    }
}

#[test]
fn sealed_values_open_where_they_were_sealed() {
    on_each_database(async |world| {
        let store = world.open(&[]).await;
        let first = ring(&store, 1, 1).await.unwrap();
        let envelope = first.seal(PERSON, "user|5|email", SECRET).await.unwrap();
        let text = serde_json::to_string(&envelope).unwrap();
        assert!(!text.contains("horse"));
        assert!(text.starts_with(r#"{"$enc":{"s":"00000000-0000-0000-0000-000000000005","k":1,"#));

        // Also by another process.
        let second = ring(&store, 1, 2).await.unwrap();
        let read = serde_json::from_str(&text).unwrap();
        assert_eq!(plain(&second, &read, "user|5|email").await.as_deref(), Some(SECRET));
        let elsewhere = second.unseal(&read, "user|5|phone").await.unwrap_err();
        assert!(matches!(elsewhere, SealedError::Altered { .. }), "{elsewhere}");

        let mut altered = envelope.clone();
        altered.cipher[0] ^= 1;
        assert!(matches!(
            second.unseal(&altered, "user|5|email").await,
            Err(SealedError::Altered { .. })
        ));
        // A subject's value cannot be passed off as another's.
        second.prepare(TENANT).await.unwrap();
        altered = Envelope { subject: TENANT.id(), ..envelope };
        assert!(matches!(
            second.unseal(&altered, "user|5|email").await,
            Err(SealedError::Altered { .. })
        ));
        store.close().await;
    });
}

#[test]
fn two_processes_that_make_a_key_at_once_get_the_same() {
    on_each_database(async |world| {
        let store = world.open(&[]).await;
        let rings = futures::future::join_all((0..8).map(|seed| ring(&store, 1, seed))).await;
        let rings = rings.into_iter().map(Result::unwrap).collect::<Vec<_>>();
        let sealed =
            futures::future::join_all(rings.iter().map(|ring| ring.seal(PERSON, "p", SECRET)));
        for envelope in sealed.await {
            let envelope = envelope.unwrap();
            for ring in &rings {
                assert_eq!(plain(ring, &envelope, "p").await.as_deref(), Some(SECRET));
            }
        }
        store.close().await;
    });
}

#[test]
fn another_master_key_is_refused() {
    on_each_database(async |world| {
        let store = world.open(&[]).await;
        let short = MasterKey::Given(SecretSlice::from(vec![1; 31]));
        let error = Keyring::open(store.clone(), short, random(1)).await.unwrap_err();
        assert!(error.to_string().contains("32 bytes"), "{error}");

        ring(&store, 1, 1).await.unwrap();
        let error = ring(&store, 2, 1).await.unwrap_err();
        assert!(error.to_string().contains("another master key"), "{error}");
        ring(&store, 1, 2).await.unwrap();
        store.close().await;
    });
}

#[test]
fn a_generated_master_key_is_only_for_a_fresh_database() {
    on_each_database(async |world| {
        let store = world.open(&[]).await;
        let generated = || MasterKey::Generated(master(1));
        Keyring::open(store.clone(), generated(), random(1)).await.unwrap();
        let error = Keyring::open(store.clone(), generated(), random(2)).await.unwrap_err();
        assert!(error.to_string().contains("generated"), "{error}");
        ring(&store, 1, 3).await.unwrap();
        store.close().await;
    });
}

#[test]
fn an_erased_subject_opens_as_erased_everywhere() {
    on_each_database(async |world| {
        let store = world.open(&[]).await;
        let (here, there) = (ring(&store, 1, 1).await.unwrap(), ring(&store, 1, 2).await.unwrap());
        let mine = here.seal(PERSON, "p", SECRET).await.unwrap();
        let other = here.seal(TENANT, "p", SECRET).await.unwrap();
        assert!(plain(&there, &mine, "p").await.is_some());

        here.destroy(PERSON).await.unwrap();
        there.forget(PERSON).await;
        for ring in [&here, &there, &ring(&store, 1, 3).await.unwrap()] {
            assert_eq!(plain(ring, &mine, "p").await, None);
            assert_eq!(plain(ring, &other, "p").await.as_deref(), Some(SECRET));
            let error = ring.seal(PERSON, "p", SECRET).await.unwrap_err();
            assert!(matches!(error, SealedError::Erased(id) if id == PERSON.id()), "{error}");
        }
        let left = rows(
            &store,
            "SELECT wrapped_key, destroyed_at FROM subject_keys WHERE kind = 'person'",
        )
        .await;
        assert_eq!(left[0].bytes_or_null(0).unwrap(), None);
        assert!(left[0].time(1).is_ok());

        // Somebody of whom nothing was sealed yet.
        here.destroy(Subject::Person(Uuid::from_u128(9))).await.unwrap();
        assert!(here.seal(Subject::Person(Uuid::from_u128(9)), "p", SECRET).await.is_err());
        store.close().await;
    });
}

#[test]
fn fingerprints_are_the_same_in_the_whole_installation() {
    on_each_database(async |world| {
        let store = world.open(&[]).await;
        let (here, there) = (ring(&store, 1, 1).await.unwrap(), ring(&store, 1, 2).await.unwrap());
        let print = here.fingerprint("device.key", b"abc");
        assert_eq!(print.len(), 64);
        assert_eq!(print, there.fingerprint("device.key", b"abc"));
        assert_ne!(print, here.fingerprint("device.secret", b"abc"));
        assert_ne!(print, here.fingerprint("device.key", b"abd"));
        store.close().await;
    });
}

#[test]
fn a_rotation_changes_the_master_key_and_nothing_else() {
    on_each_database(async |world| {
        let store = world.open(&[]).await;
        let here = ring(&store, 1, 1).await.unwrap();
        let there = ring(&store, 1, 2).await.unwrap();
        let envelope = here.seal(PERSON, "p", SECRET).await.unwrap();
        let print = here.fingerprint("d", SECRET);
        here.rewrap(&master(2)).await.unwrap();

        // The process that rotated goes on, a start needs the new key.
        assert_eq!(plain(&here, &envelope, "p").await.as_deref(), Some(SECRET));
        assert!(here.seal(TENANT, "p", SECRET).await.is_ok());
        assert!(ring(&store, 1, 3).await.is_err());
        let after = ring(&store, 2, 4).await.unwrap();
        assert_eq!(plain(&after, &envelope, "p").await.as_deref(), Some(SECRET));
        assert_eq!(after.fingerprint("d", SECRET), print);

        // A process with the former key makes no keys that nobody can open, and does not rotate.
        let stranger = Subject::Person(Uuid::from_u128(8));
        let error = there.seal(stranger, "p", SECRET).await.unwrap_err();
        assert!(matches!(error, SealedError::ForeignKey(_)), "{error}");
        assert!(there.rewrap(&master(3)).await.is_err());
        assert!(after.seal(stranger, "p", SECRET).await.is_ok());
        store.close().await;
    });
}

#[test]
fn nothing_secret_is_printed_or_stored() {
    on_each_database(async |world| {
        let store = world.open(&[]).await;
        let key = MasterKey::Given(master(0x41));
        assert!(!format!("{key:?}").contains("65"));
        let ring = Arc::new(Keyring::open(store.clone(), key, random(1)).await.unwrap());
        let envelope = ring.seal(PERSON, "p", SECRET).await.unwrap();
        let opened = ring.unseal(&envelope, "p").await.unwrap();
        let printed = format!("{ring:?} {envelope:?} {opened:?}");
        assert!(!printed.contains("horse") && !printed.contains("104, 111"), "{printed}");

        let tables =
            ["SELECT fingerprint_key FROM keyring", "SELECT wrapped_key FROM subject_keys"];
        for table in tables {
            for row in rows(&store, table).await {
                let stored = row.bytes(0).unwrap();
                assert!(!stored.windows(8).any(|window| window == [0x41; 8]));
                assert_eq!(stored.len(), 12 + 32 + 16);
            }
        }
        store.close().await;
    });
}
