//! Archives of the log: what is sealed in them, and whose turn it is to make them.

use std::{io::Cursor, sync::Arc, time::Duration};

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use secrecy::SecretSlice;
use serde_json::json;
use store::{
    Against, ArchivingTurn, Evidence, EvidenceRequest, Expected, Keyring, MasterKey, Recorded,
    Store, StoreError, Subject, Verdict, Wrapping, check_evidence,
};
use uuid::Uuid;

use crate::support::*;

const PERSON: Subject = Subject::Person(Uuid::from_u128(0x77));

/// Every second event is about somebody.
fn whose(event: &Recorded) -> Option<Subject> {
    (event.position % 2 == 0).then_some(PERSON)
}

async fn keyring(store: &Store) -> Arc<Keyring> {
    let master = MasterKey::Given(SecretSlice::from(vec![1; 32]));
    let random = Box::new(ChaCha20Rng::seed_from_u64(1));
    Arc::new(Keyring::open(store.clone(), master, random).await.unwrap())
}

async fn archive(
    database: &Database,
    store: &Store,
    keyring: &Arc<Keyring>,
) -> Result<Vec<u8>, StoreError> {
    let request = EvidenceRequest {
        from: None,
        to: None,
        organization: None,
        program: "0.0.0".to_owned(),
        catalogue: b"{}\n".to_vec(),
        key: Some(keyring.signing_key().await.unwrap()),
        wrapping: Some(Wrapping { keyring: Arc::clone(keyring), whose }),
    };
    let mut evidence = Evidence::begin(store, &database.location(), request).await?;
    let mut bytes = Vec::new();
    let packed = async {
        while let Some(more) = evidence.next().await? {
            bytes.extend(more);
        }
        Ok::<_, StoreError>(())
    }
    .await;
    evidence.close().await?;
    packed.map(|()| bytes)
}

fn check(archive: &[u8]) -> Verdict {
    check_evidence(Cursor::new(archive), &Against::default()).unwrap()
}

#[test]
fn what_is_about_somebody_is_sealed_and_the_chain_is_whole() {
    on_each_database(async |database| {
        let store = database.open().await;
        let keyring = keyring(&store).await;
        for number in 0..12 {
            let payload = json!({ "said": { "word": format!("word-{number}") } });
            store.append(append_of(vec![part("a", Expected::Any, &[payload])])).await.unwrap();
        }
        let whole = archive(database, &store, &keyring).await.unwrap();
        let verdict = check(&whole);
        assert!(verdict.is_sound(), "{:?}", verdict.faults);
        assert_eq!((verdict.events, verdict.sealed, verdict.expired), ((12, 0), 6, 0));
        let manifest = verdict.manifest.unwrap();
        assert_eq!((manifest.wisptrail_evidence, manifest.sealed, manifest.emptied), (2, 6, 0));

        // Evidence has nothing sealed: there it would be a hole that anything fits into.
        let mut members = Vec::new();
        for member in tar::Archive::new(whole.as_slice()).entries().unwrap() {
            let mut member = member.unwrap();
            let name = member.path().unwrap().to_str().unwrap().to_owned();
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut member, &mut bytes).unwrap();
            members.push((name, bytes));
        }
        let as_evidence = String::from_utf8(members[2].1.clone()).unwrap();
        members[2].1 =
            as_evidence.replace("\"wisptrail_evidence\": 2", "\"wisptrail_evidence\": 1").into();
        let mut builder = tar::Builder::new(Vec::new());
        for (name, bytes) in &members {
            let mut head = tar::Header::new_ustar();
            head.set_path(name).unwrap();
            head.set_size(bytes.len() as u64);
            head.set_cksum();
            builder.append(&head, bytes.as_slice()).unwrap();
        }
        let said = check(&builder.into_inner().unwrap());
        let changed = said.faults.iter().filter(|it| it.what == "the payload was changed");
        assert_eq!(changed.count(), 6, "{:?}", said.faults);

        // In the log itself it is no payload either.
        store
            .execute(vec![store::Op::new(
                "UPDATE events SET payload = '{\"$sealed\":{}}' WHERE position = 2",
                vec![],
            )])
            .await
            .unwrap();
        let bad = store.verify_chain(None, |_| {}).await.unwrap().first_bad.unwrap();
        assert_eq!((bad.position, bad.reason.as_str()), (2, "the payload was changed"));
        store.close().await;
    });
}

#[test]
fn nothing_is_sealed_for_whom_was_erased() {
    on_each_database(async |database| {
        let store = database.open().await;
        let keyring = keyring(&store).await;
        let payloads = [json!({ "a": 1 }), json!({ "b": 2 })];
        store.append(append_of(vec![part("a", Expected::Any, &payloads)])).await.unwrap();
        keyring.destroy(PERSON).await.unwrap();
        let refused = archive(database, &store, &keyring).await.unwrap_err();
        assert!(refused.to_string().contains("was erased while"), "{refused}");

        // Keys of names go without a trace, and come again.
        let name = Subject::of_name("a fingerprint");
        assert_ne!(name, Subject::of_name("another"));
        let sealed = keyring.seal(name, "here", b"word").await.unwrap();
        store.execute(vec![Keyring::remove_op(name)]).await.unwrap();
        keyring.forget_all().await;
        let opened = keyring.unseal(&sealed, "here").await.unwrap();
        assert!(matches!(opened, store::Opened::Withheld), "{opened:?}");
        keyring.seal(name, "here", b"word").await.unwrap();
        assert!(keyring.unseal(&sealed, "here").await.is_err(), "it is another key");
        store.close().await;
    });
}

#[test]
fn one_process_at_a_time_makes_archives() {
    on_each_database(async |database| {
        let store = database.open().await;
        let (now, hold) = (store.now(), Duration::from_mins(1));
        let take = async |owner: &str, process: Option<&str>, at| {
            ArchivingTurn::take(&store, owner, process, (at, hold)).await.unwrap()
        };
        assert_eq!(store.archived().await.unwrap(), 0);
        let first = take("a/1", Some("a/"), now).await.unwrap();
        assert!(take("b/1", Some("b/"), now).await.is_none());
        assert!(take("2", None, now).await.is_none());
        assert!(first.archived(0, 10).await.unwrap());
        assert!(!first.archived(0, 12).await.unwrap(), "that is in one already");
        assert_eq!(store.archived().await.unwrap(), 10);

        // Whoever has the name of a process knows that it is gone.
        let second = take("a/2", Some("a/"), now).await.unwrap();
        assert!(!first.keep(now + hold).await.unwrap());
        assert!(!first.archived(10, 20).await.unwrap());
        second.end().await.unwrap();
        let third = take("b/2", Some("b/"), now).await.unwrap();
        assert!(third.archived(10, 20).await.unwrap());
        // One that does not report is taken for dead.
        let fourth = take("3", None, now + 2 * hold).await.unwrap();
        assert!(!third.keep(now + 3 * hold).await.unwrap());
        assert!(fourth.keep(now + 3 * hold).await.unwrap());
        first.end().await.unwrap();
        assert!(fourth.keep(now + 4 * hold).await.unwrap(), "it is not the former one's to end");
        assert!(take("4", Some(""), now).await.is_some(), "alone");
        assert_eq!(store.archived().await.unwrap(), 20);
        store.close().await;
    });
}
