use std::sync::Arc;

use secrecy::SecretSlice;
use store::{
    BlobError, BlobStats, Blobs, Dialect, Keyring, MAX_BLOB, MasterKey, Sha256, Store, StoreError,
    Subject,
};
use uuid::Uuid;

use crate::world::{World, on_each_database, random};

const ORGANIZATION: Option<Uuid> = Some(Uuid::from_u128(7));
const OTHER: Option<Uuid> = Some(Uuid::from_u128(8));

async fn shelf(world: &World, store: &Store) -> (Blobs, Arc<Keyring>) {
    let master = MasterKey::Given(SecretSlice::from(vec![1; 32]));
    let ring = Arc::new(Keyring::open(store.clone(), master, random(1)).await.unwrap());
    let blobs = match world.dialect {
        Dialect::Sqlite => Blobs::in_file(&world.file("blobs.db"), Arc::clone(&ring)).unwrap(),
        Dialect::Postgres => Blobs::in_database(store.clone(), Arc::clone(&ring)),
    };
    (blobs, ring)
}

#[test]
fn what_was_put_is_had_back_byte_for_byte() {
    on_each_database(async |world| {
        let store = world.open(&[]).await;
        let (blobs, _) = shelf(world, &store).await;
        let archive = b"config interface 'lan'\n".repeat(500);
        for bytes in [&archive[..], b"", b"\x00\xff"] {
            let sha256 = blobs.put(ORGANIZATION, bytes).await.unwrap();
            assert_eq!(sha256, Sha256::of(bytes));
            assert_eq!(blobs.get(ORGANIZATION, sha256).await.unwrap().as_deref(), Some(bytes));
            assert_eq!(blobs.get(OTHER, sha256).await.unwrap(), None);
            assert_eq!(blobs.get(None, sha256).await.unwrap(), None);
        }
        let shared = blobs.put(None, &archive).await.unwrap();
        assert_eq!(blobs.get(None, shared).await.unwrap(), Some(archive.clone()));

        let BlobStats { count, plain_bytes, stored_bytes } = blobs.stats().await.unwrap();
        assert_eq!(count, 4);
        assert_eq!(plain_bytes, 2 * archive.len() as u64 + 2);
        assert!(stored_bytes < plain_bytes, "{stored_bytes}");

        // Also after a restart.
        blobs.close().await;
        let (blobs, _) = shelf(world, &store).await;
        assert_eq!(blobs.get(None, shared).await.unwrap(), Some(archive));
        assert!(blobs.remove(None, shared).await.unwrap());
        assert!(!blobs.remove(None, shared).await.unwrap());
        assert_eq!(blobs.get(None, shared).await.unwrap(), None);
        assert_eq!(blobs.stats().await.unwrap().count, 3);
        blobs.close().await;
        store.close().await;
    });
}

#[test]
fn a_present_blob_is_not_written_again() {
    on_each_database(async |world| {
        let store = world.open(&[]).await;
        let (blobs, _) = shelf(world, &store).await;
        let many = (0..100).map(|n| format!("archive {}", n % 50).into_bytes()).collect::<Vec<_>>();
        let hashes = blobs.put_many(ORGANIZATION, &many).await.unwrap();
        assert_eq!(hashes[3], hashes[53]);
        let before = blobs.stats().await.unwrap();
        assert_eq!(before.count, 50);

        let version = |world: &World| {
            let file = rusqlite::Connection::open(world.file("blobs.db")).unwrap();
            file.query_row("SELECT hex(body) FROM blobs ORDER BY sha256 LIMIT 1", [], |row| {
                row.get::<_, String>(0)
            })
            .unwrap()
        };
        let body = (world.dialect == Dialect::Sqlite).then(|| version(world));
        blobs.put_many(ORGANIZATION, &many).await.unwrap();
        assert_eq!(blobs.stats().await.unwrap(), before);
        assert_eq!(body, (world.dialect == Dialect::Sqlite).then(|| version(world)));

        // Many at once, the same and others.
        let puts = (0..64).map(|n| {
            let bytes = format!("archive {}", n % 60).into_bytes();
            let blobs = &blobs;
            async move { blobs.put(ORGANIZATION, &bytes).await.unwrap() }
        });
        futures::future::join_all(puts).await;
        assert_eq!(blobs.stats().await.unwrap().count, 60);
        blobs.close().await;
        assert!(matches!(
            blobs.get(ORGANIZATION, hashes[0]).await,
            Ok(Some(_)) | Err(BlobError::Store(StoreError::Unavailable { .. }))
        ));
        store.close().await;
    });
}

#[test]
fn an_erased_organization_has_no_blobs_left() {
    on_each_database(async |world| {
        let store = world.open(&[]).await;
        let (blobs, ring) = shelf(world, &store).await;
        let mine = blobs.put(ORGANIZATION, b"mine").await.unwrap();
        let theirs = blobs.put(OTHER, b"theirs").await.unwrap();
        ring.destroy(Subject::Organization(ORGANIZATION.unwrap())).await.unwrap();
        assert_eq!(blobs.get(ORGANIZATION, mine).await.unwrap(), None);
        assert_eq!(blobs.get(OTHER, theirs).await.unwrap().as_deref(), Some(&b"theirs"[..]));
        assert!(matches!(blobs.put(ORGANIZATION, b"more").await, Err(BlobError::Sealed(_))));
        blobs.close().await;
        store.close().await;
    });
}

#[test]
fn a_damaged_blob_is_told_and_not_given() {
    on_each_database(async |world| {
        let store = world.open(&[]).await;
        let (blobs, _) = shelf(world, &store).await;
        let one = blobs.put(ORGANIZATION, b"one").await.unwrap();
        let two = blobs.put(ORGANIZATION, b"two").await.unwrap();
        let swap = |one: &str, two: &str| {
            format!(
                "UPDATE blobs SET body = (SELECT body FROM blobs WHERE sha256 = {two}) WHERE sha256 = {one}"
            )
        };
        match world.dialect {
            Dialect::Sqlite => {
                let file = rusqlite::Connection::open(world.file("blobs.db")).unwrap();
                file.execute_batch(&swap(&format!("x'{one}'"), &format!("x'{two}'"))).unwrap();
            }
            Dialect::Postgres => {
                let hex = |hash| format!("decode('{hash}', 'hex')");
                world.tamper(&swap(&hex(one), &hex(two))).await;
            }
        }
        assert!(
            matches!(blobs.get(ORGANIZATION, one).await, Err(BlobError::Damaged(hash)) if hash == one)
        );
        assert_eq!(blobs.get(ORGANIZATION, two).await.unwrap().as_deref(), Some(&b"two"[..]));
        blobs.close().await;
        store.close().await;
    });
}

#[test]
fn blobs_have_a_largest_size() {
    on_each_database(async |world| {
        let store = world.open(&[]).await;
        let (blobs, _) = shelf(world, &store).await;
        let error = blobs.put(ORGANIZATION, &vec![0; MAX_BLOB + 1]).await.unwrap_err();
        assert!(matches!(error, BlobError::TooLarge(size) if size == MAX_BLOB + 1), "{error}");
        blobs.close().await;
        store.close().await;
    });
}

#[test]
fn hashes_are_read_and_written_in_hexadecimal() {
    let hash = Sha256::of(b"");
    let text = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(hash.to_string(), text);
    assert_eq!(text.parse::<Sha256>().unwrap(), hash);
    assert!("e3b0".parse::<Sha256>().is_err());
}
