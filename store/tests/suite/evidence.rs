//! An archive proves what is in it, and whatever is done to it is named.

use std::{
    io::{Cursor, Read as _, Write as _},
    sync::{Arc, LazyLock},
};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use secrecy::SecretSlice;
use serde_json::{Value, json};
use store::{
    Against, Anchor, Bound, Evidence, EvidenceRequest, Expected, Keyring, Manifest, MasterKey, Op,
    Part, PublicKey, Retention, Signed, SigningKey, Store, Verdict, args, check_evidence, erasure,
};
use uuid::Uuid;

use crate::support::*;

const OURS: Uuid = Uuid::from_u128(0x0a);
const THEIRS: Uuid = Uuid::from_u128(0x0b);

async fn keyring(store: &Store, seed: u64) -> Keyring {
    let master = MasterKey::Given(SecretSlice::from(vec![1; 32]));
    let random = Box::new(ChaCha20Rng::seed_from_u64(seed));
    Keyring::open(store.clone(), master, random).await.unwrap()
}

fn wanted(key: Option<SigningKey>) -> EvidenceRequest {
    EvidenceRequest {
        from: None,
        to: None,
        organization: None,
        program: "0.0.0".to_owned(),
        catalogue: b"{\"aggregates\":[]}\n".to_vec(),
        key,
        wrapping: None,
    }
}

async fn archive(database: &Database, store: &Store, request: EvidenceRequest) -> Vec<u8> {
    let mut evidence = Evidence::begin(store, &database.location(), request).await.unwrap();
    let mut bytes = Vec::new();
    while let Some(more) = evidence.next().await.unwrap() {
        bytes.extend(more);
    }
    evidence.close().await.unwrap();
    bytes
}

/// Twelve events of two organizations and of nobody.
async fn inhabited(database: &Database) -> Store {
    let store = database.open().await;
    for number in 0..12_usize {
        let mut part = part("a", Expected::Any, &[json!({"n": number, "text": "é \" \\ \n"})]);
        part.events[0].organization_id = [Some(OURS), Some(THEIRS), None][number % 3];
        database.clock.step(1_000_000);
        store.append(append_of(vec![part])).await.unwrap();
    }
    store
}

fn check(archive: &[u8], against: &Against) -> Verdict {
    check_evidence(Cursor::new(archive), against).unwrap()
}

fn told(archive: &[u8], against: &Against) -> Vec<String> {
    check(archive, against).faults.iter().map(ToString::to_string).collect()
}

fn members(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for member in tar::Archive::new(archive).entries().unwrap() {
        let mut member = member.unwrap();
        let mut bytes = Vec::new();
        member.read_to_end(&mut bytes).unwrap();
        found.push((member.path().unwrap().to_str().unwrap().to_owned(), bytes));
    }
    found
}

/// As a stranger with a library packs it.
fn zipped(lines: &str) -> Vec<u8> {
    let mut zipped = GzEncoder::new(Vec::new(), Compression::default());
    zipped.write_all(lines.as_bytes()).unwrap();
    zipped.finish().unwrap()
}

fn packed(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut head = tar::Header::new_ustar();
        head.set_path(name).unwrap();
        head.set_size(bytes.len() as u64);
        head.set_mode(0o644);
        head.set_uid(0);
        head.set_gid(0);
        head.set_mtime(0);
        head.set_entry_type(tar::EntryType::Regular);
        head.set_cksum();
        builder.append(&head, bytes.as_slice()).unwrap();
    }
    builder.into_inner().unwrap()
}

/// The archive with other lines of events.
fn with_lines(archive: &[u8], change: impl FnOnce(&mut Vec<String>)) -> Vec<u8> {
    let mut members = members(archive);
    let piece = &mut members[1].1;
    let mut text = String::new();
    GzDecoder::new(piece.as_slice()).read_to_string(&mut text).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    change(&mut lines);
    let mut packed_lines = GzEncoder::new(Vec::new(), Compression::default());
    for line in &lines {
        packed_lines.write_all(format!("{line}\n").as_bytes()).unwrap();
    }
    *piece = packed_lines.finish().unwrap();
    packed(&members)
}

fn with_manifest(archive: &[u8], change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut members = members(archive);
    let at = members.iter().position(|(name, _)| name == "manifest.json").unwrap();
    let mut manifest = serde_json::from_slice(&members[at].1).unwrap();
    change(&mut manifest);
    members[at].1 = serde_json::to_vec_pretty(&manifest).unwrap();
    packed(&members)
}

fn has(told: &[String], what: &str) -> bool {
    told.iter().any(|fault| fault.starts_with(what))
}

#[test]
fn a_sound_archive_says_so_and_is_a_plain_tar() {
    on_each_database(async |database| {
        let store = inhabited(database).await;
        let ring = keyring(&store, 1).await;
        let key = ring.signing_key().await.unwrap().public();
        // Of another process, and after the master key was changed.
        assert_eq!(keyring(&store, 2).await.signing_key().await.unwrap().public(), key);
        ring.rewrap(&SecretSlice::from(vec![2; 32])).await.unwrap();
        assert_eq!(ring.signing_key().await.unwrap().public(), key);

        let bytes =
            archive(database, &store, wanted(Some(ring.signing_key().await.unwrap()))).await;
        assert!(packed(&members(&bytes)) == bytes, "a library packs it in the same way");
        let verdict = check(&bytes, &Against { key: Some(key), ..Against::default() });
        assert_eq!((verdict.faults, verdict.signed), (vec![], Signed::AsAsked(key)));
        assert_eq!(verdict.events, (12, 0));
        assert_eq!(check(&bytes, &Against::default()).signed, Signed::BySomebody(key));
        let names: Vec<String> = members(&bytes).into_iter().map(|(name, _)| name).collect();
        assert_eq!(
            names,
            ["catalogue.json", "events/000000000001.jsonl.gz", "manifest.json", "manifest.sig"]
        );

        let unsigned = archive(database, &store, wanted(None)).await;
        assert_eq!(check(&unsigned, &Against::default()).signed, Signed::No);
        assert_eq!(told(&unsigned, &Against::default()), [""; 0]);
        let said = told(&unsigned, &Against { key: Some(key), ..Against::default() });
        assert!(has(&said, "member manifest.sig: the archive is not signed"), "{said:?}");
        store.close().await;
    });
}

#[test]
fn a_part_is_named_by_positions_or_moments_and_others_stay_hidden() {
    on_each_database(async |database| {
        let store = inhabited(database).await;
        let events = log(&store).await;
        let (from, to) = (events[3].recorded_at, events[9].recorded_at);
        let request = EvidenceRequest {
            from: Some(Bound::Time(from)),
            to: Some(Bound::Position(10)),
            organization: Some(OURS),
            ..wanted(None)
        };
        let bytes = archive(database, &store, request).await;
        let verdict = check(&bytes, &Against::default());
        let manifest = verdict.manifest.clone().unwrap();
        assert_eq!((manifest.first, manifest.last, manifest.log_position), (4, 10, 12));
        assert_eq!((verdict.faults, verdict.events), (vec![], (3, 4)));
        let mut text = String::new();
        GzDecoder::new(members(&bytes)[1].1.as_slice()).read_to_string(&mut text).unwrap();
        for event in &events[3..10] {
            let shown = text.contains(&event.event_id.to_string());
            assert_eq!(shown, event.organization_id == Some(OURS), "{}", event.position);
        }
        assert!(!text.contains(&THEIRS.to_string()), "{text}");
        let request = EvidenceRequest { to: Some(Bound::Time(to)), ..wanted(None) };
        let bytes = archive(database, &store, request).await;
        assert_eq!(check(&bytes, &Against::default()).manifest.unwrap().last, 10);

        for (from, to) in [(0, 3), (5, 4), (1, 13), (-1, 1)] {
            let (from, to) = (Some(Bound::Position(from)), Some(Bound::Position(to)));
            let request = EvidenceRequest { from, to, ..wanted(None) };
            let refused = Evidence::begin(&store, &database.location(), request).await.err();
            assert!(refused.unwrap().to_string().contains("1 to 12"), "{from:?} {to:?}");
        }
        store.close().await;
    });
}

#[test]
fn a_broken_log_is_no_evidence() {
    on_each_database(async |database| {
        let store = inhabited(database).await;
        for (change, repair, why) in [
            ("payload = '{}'", "payload = (SELECT payload FROM kept)", "changed"),
            (
                "payload = '{\"$erased\":true}'",
                "payload = (SELECT payload FROM kept)",
                "nobody was erased",
            ),
            ("actor = 'user:2'", "actor = 'system:test'", "changed, moved or inserted"),
        ] {
            let run =
                async |text: String| store.execute(vec![Op::new(text, args![])]).await.unwrap();
            run("CREATE TABLE kept AS SELECT payload FROM events WHERE position = 7".to_owned())
                .await;
            run(format!("UPDATE events SET {change} WHERE position = 7")).await;
            let error = refusal(database, &store, wanted(None)).await;
            assert!(error.contains("position 7") && error.contains(why), "{change}: {error}");
            run(format!("UPDATE events SET {repair} WHERE position = 7")).await;
            run("DROP TABLE kept".to_owned()).await;
        }
        archive(database, &store, wanted(None)).await;
        store.close().await;
    });
}

#[test]
fn an_invented_erasure_excuses_nothing() {
    on_each_database(async |database| {
        let store = inhabited(database).await;
        for (number, says_so) in ["counter.erased", "user.erased"].into_iter().enumerate() {
            let mut end = part("a", Expected::Any, &[json!({})]);
            end.events[0].event_type = says_so.to_owned();
            store.append(append_of(vec![end])).await.unwrap();
            let empty = format!(
                "UPDATE events SET payload = '{{\"$erased\":true}}' WHERE position = {}",
                7 + number
            );
            store.execute(vec![Op::new(empty, args![])]).await.unwrap();
            let bad = store.verify_chain(None, |_| ()).await.unwrap().first_bad.unwrap();
            assert!(bad.position == 7 && bad.reason.contains("nobody was erased"), "{bad:?}");
            let error = refusal(database, &store, wanted(None)).await;
            assert!(error.contains("position 7") && error.contains("nobody was erased"), "{error}");
        }
        store.close().await;
    });
}

#[test]
fn what_follows_from_a_part_has_to_be_whole() {
    on_each_database(async |database| {
        let store = inhabited(database).await;
        let tip = store.tip().await.unwrap().chain.unwrap();
        let at = async |position: i64| {
            let hash = store.chain_at(&[position]).await.unwrap()[&position].clone();
            Anchor { position, hash, time: tip.time }
        };
        let (second, fourth) = (at(2).await, at(4).await);
        assert_eq!(store.follow_chain(None, &tip).await.unwrap(), None);
        assert_eq!(store.follow_chain(Some(&second), &tip).await.unwrap(), None);

        // The part agrees with what is in it, and says what it was not compared with.
        let part = || EvidenceRequest { to: Some(Bound::Position(5)), ..wanted(None) };
        let bytes = archive(database, &store, part()).await;
        let checkpoints = [tip.clone(), fourth.clone()];
        let verdict = check(&bytes, &Against { checkpoints: checkpoints.into(), key: None });
        assert_eq!(verdict.faults, []);
        assert_eq!((verdict.checkpoints, verdict.agreed, verdict.beyond), (1, Some(4), Some(12)));
        let verdict = check(&bytes, &Against { checkpoints: vec![tip.clone()], key: None });
        assert_eq!((verdict.checkpoints, verdict.agreed, verdict.beyond), (0, None, Some(12)));

        let broken = "UPDATE events SET hash = payload_hash WHERE position = 10";
        store.execute(vec![Op::new(broken, args![])]).await.unwrap();
        let error = refusal(database, &store, part()).await;
        assert!(error.contains("the chain is broken at position 10"), "{error}");
        let bad = store.follow_chain(Some(&second), &tip).await.unwrap().unwrap();
        assert_eq!(bad.position, 10);
        assert_eq!(store.follow_chain(Some(&second), &fourth).await.unwrap(), None);
        let other = Anchor { hash: second.hash.clone(), ..fourth };
        let bad = store.follow_chain(Some(&second), &other).await.unwrap().unwrap();
        assert!(bad.position == 4 && bad.reason.contains("anchor"), "{bad:?}");
        store.close().await;
    });
}

/// Why there is no archive.
async fn refusal(database: &Database, store: &Store, request: EvidenceRequest) -> String {
    let mut evidence = Evidence::begin(store, &database.location(), request).await.unwrap();
    let error = loop {
        match evidence.next().await {
            Ok(more) => assert!(more.is_some(), "it is no evidence"),
            Err(error) => break error.to_string(),
        }
    };
    evidence.close().await.unwrap();
    error
}

#[test]
fn erased_people_and_what_expired_are_named() {
    on_each_database(async |database| {
        let store = inhabited(database).await;
        let mut fleeting = part("fleeting", Expected::Any, &[json!({"n": 1})]);
        fleeting.events[0].retention = Retention::YEAR;
        let user = |payloads: &[Value]| Part {
            aggregate_type: "user".to_owned(),
            ..part("gone", Expected::Any, payloads)
        };
        let gone = user(&[json!({"n": 1}), json!({"n": 2})]);
        store.append(append_of(vec![fleeting, gone])).await.unwrap();
        let mut end = user(&[json!({})]);
        end.events[0].event_type = "user.erased".to_owned();
        let ops = erasure(Uuid::from_u128(0x0e), ("user", "gone"), "user:0e", store.now());
        store.append_with(append_of(vec![end]), ops).await.unwrap();
        let scavenge = store::scavenge("counter", "$2", args!["fleeting"]);
        store.execute(vec![scavenge]).await.unwrap();
        assert_eq!(store.verify_chain(None, |_| ()).await.unwrap().first_bad, None);

        for (last, later) in [(16, 0), (15, 1)] {
            let request = EvidenceRequest { to: Some(Bound::Position(last)), ..wanted(None) };
            let bytes = archive(database, &store, request).await;
            let verdict = check(&bytes, &Against::default());
            assert_eq!((&verdict.faults, verdict.expired), (&vec![], 1));
            let emptied = &verdict.emptied[0];
            assert_eq!(
                (emptied.aggregate_id.as_str(), emptied.first, emptied.events),
                ("gone", 14, 2)
            );
            assert_eq!(emptied.erased_at, Some(16));
            assert_eq!(verdict.manifest.unwrap().erased.len(), later);
        }
        // An event that was emptied by a stranger is another matter.
        let whole = archive(database, &store, wanted(None)).await;
        let forged = with_lines(&whole, |lines| lines[6] = emptied(&lines[6], "$erased"));
        let said = told(&forged, &Against::default());
        assert!(
            has(&said, "position 7: the payload was taken away, and nobody was erased"),
            "{said:?}"
        );
        let forged = with_lines(&whole, |lines| lines[6] = emptied(&lines[6], "$scavenged"));
        let said = told(&forged, &Against::default());
        assert!(has(&said, "position 7: the payload was changed"), "{said:?}");
        store.close().await;
    });
}

/// A line whose payload was taken away, with the hash that it had.
fn emptied(line: &str, mark: &str) -> String {
    let mut line: Value = serde_json::from_str(line).unwrap();
    let payload = line["event"]["payload"].as_str().unwrap().to_owned();
    line["event"]["payload_hash"] = json!(store::Sha256::of(payload.as_bytes()).to_string());
    line["event"]["payload"] = json!(format!("{{\"{mark}\":true}}"));
    line.to_string()
}

#[test]
fn what_was_done_to_an_archive_is_named() {
    on_sqlite(async |database| {
        let store = inhabited(database).await;
        let key = keyring(&store, 1).await.signing_key().await.unwrap();
        let public = key.public();
        let whole = archive(database, &store, wanted(Some(key))).await;
        let against = Against { key: Some(public), ..Against::default() };
        let changed = "member events/000000000001.jsonl.gz: is not the one that the manifest names";
        for (what, archive, expected) in [
            (
                "a changed byte",
                with_lines(&whole, |lines| {
                    lines[6] = lines[6].replace("\\\"n\\\":6", "\\\"n\\\":7");
                }),
                "position 7: the event is not what the chain says",
            ),
            (
                "a removed event",
                with_lines(&whole, |lines| drop(lines.remove(6))),
                "position 7: the event is missing",
            ),
            (
                "three removed events",
                with_lines(&whole, |lines| drop(lines.drain(4..7))),
                "positions 5 to 7: the events are missing",
            ),
            (
                "two neighbours swapped",
                with_lines(&whole, |lines| lines.swap(6, 7)),
                "position 7: this event and that of position 8 are swapped",
            ),
            (
                "two others swapped",
                with_lines(&whole, |lines| lines.swap(2, 9)),
                "position 3: this event and that of position 10 are swapped",
            ),
            (
                "an event twice",
                with_lines(&whole, |lines| lines.insert(8, lines[3].clone())),
                "position 4: stands here a second time",
            ),
            (
                "a later one in front",
                with_lines(&whole, |lines| lines.insert(1, lines[8].clone())),
                "position 9: stands here, before position 2: it was moved or repeated",
            ),
            (
                "a later one moved to the front",
                with_lines(&whole, |lines| {
                    let moved = lines.remove(10);
                    lines.insert(1, moved);
                }),
                "position 11: the event is missing",
            ),
            (
                "one taken for another",
                with_lines(&whole, |lines| lines[8] = lines[3].clone()),
                "position 9: the event of position 4 stands here",
            ),
            (
                "the last ones gone",
                with_lines(&whole, |lines| lines.truncate(9)),
                "positions 10 to 12: the events are missing: the tail was cut off",
            ),
            (
                "a line that is none",
                with_lines(&whole, |lines| lines[4].truncate(30)),
                "position 5: its line cannot be read",
            ),
            (
                "another chain hash",
                with_lines(&whole, |lines| {
                    lines[11] = lines[10].clone().replace("\"position\":11", "\"position\":12");
                }),
                "position 12: the event is not what the chain says",
            ),
        ] {
            let said = told(&archive, &against);
            assert!(has(&said, expected) && has(&said, changed), "{what}: {said:?}");
            let further = usize::from(what == "a later one moved to the front");
            assert_eq!(said.len(), 2 + further, "{what}: {said:?}");
        }

        let mut fewer = members(&whole);
        fewer.remove(1);
        let said = told(&packed(&fewer), &against);
        assert!(has(&said, "member events/000000000001.jsonl.gz: is missing"), "{said:?}");
        let mut more = members(&whole);
        more.insert(0, ("../../etc/passwd".to_owned().replace("../", ""), b"x".to_vec()));
        let said = told(&packed(&more), &against);
        assert!(has(&said, "member etc/passwd: is not in the manifest: it was added"), "{said:?}");
        assert_eq!(said.len(), 1, "what follows it is in its place: {said:?}");
        let mut twice = members(&whole);
        twice.insert(2, twice[1].clone());
        let said = told(&packed(&twice), &against);
        assert!(has(&said, "member events/000000000001.jsonl.gz: is there twice"), "{said:?}");
        let mut turned = members(&whole);
        turned.swap(0, 1);
        let said = told(&packed(&turned), &against);
        assert!(has(&said, "member catalogue.json: is not in its place: it was moved"), "{said:?}");
        assert_eq!(said.len(), 1, "{said:?}");
        // What other readers would take for further lines.
        for behind in [&b"x"[..], &zipped("{\"event\":{}}\n")] {
            let mut longer = members(&whole);
            longer[1].1.extend_from_slice(behind);
            let said = told(&packed(&longer), &against);
            assert!(
                has(
                    &said,
                    "member events/000000000001.jsonl.gz: something stands behind its lines"
                ),
                "{said:?}"
            );
        }

        let cut = told(&whole[..whole.len() / 2], &against);
        assert!(cut.iter().any(|fault| fault.contains("cut off")), "{cut:?}");
        let long = told(&[whole.as_slice(), b"x"].concat(), &against);
        assert!(has(&long, "archive: something follows its end"), "{long:?}");
        for nothing in [&b""[..], b"x", &[0; 1024], &[7; 4096]] {
            assert_eq!(told(nothing, &against).len(), 1, "{:?}", told(nothing, &against));
        }
        store.close().await;
    });
}

#[test]
fn signatures_keys_and_versions_are_looked_at() {
    on_sqlite(async |database| {
        let store = inhabited(database).await;
        let key = keyring(&store, 1).await.signing_key().await.unwrap();
        let public = key.public();
        let whole = archive(database, &store, wanted(Some(key))).await;
        let against = Against { key: Some(public), ..Against::default() };

        let other = PublicKey::parse(&"07".repeat(32)).unwrap();
        let said = told(&whole, &Against { key: Some(other), ..Against::default() });
        let expected = format!(
            "member manifest.sig: the archive is signed with another key: {} instead of {}",
            public.id(),
            other.id()
        );
        assert_eq!(said, [expected]);

        let newer = with_manifest(&whole, |manifest| manifest["wisptrail_evidence"] = json!(3));
        let said = told(&newer, &against);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(
            has(
                &said,
                "member manifest.json: the archive has format 3, this wisptrail knows formats 1 to 2"
            ),
            "{said:?}"
        );

        let told_other = with_manifest(&whole, |manifest| manifest["program"] = json!("9"));
        let said = told(&told_other, &against);
        assert!(
            has(&said, "member manifest.sig: is not the signature of this manifest"),
            "{said:?}"
        );
        let garbled = with_manifest(&whole, |manifest| manifest["first"] = json!("1"));
        assert!(has(&told(&garbled, &against), "member manifest.json: cannot be read"));

        let mut bare = members(&whole);
        bare.pop();
        let said = told(&packed(&bare), &against);
        assert_eq!(said, ["member manifest.sig: is missing: it was removed"]);
        store.close().await;
    });
}

#[test]
fn checkpoints_are_compared() {
    on_sqlite(async |database| {
        let store = inhabited(database).await;
        let events = log(&store).await;
        let place = |position: usize| Anchor::at(&events[position - 1]).unwrap();
        let request = EvidenceRequest {
            from: Some(Bound::Position(4)),
            to: Some(Bound::Position(9)),
            ..wanted(None)
        };
        let bytes = archive(database, &store, request).await;
        // Those before and at the edges; that at the end of the log has to agree, too, and proves nothing. Others say nothing.
        let mut against = Against {
            checkpoints: vec![place(12), place(1), place(3), place(6), place(9), place(11)],
            ..Against::default()
        };
        let verdict = check(&bytes, &against);
        assert_eq!((verdict.faults, verdict.checkpoints), (vec![], 3));
        for at in [3, 6, 9, 12] {
            let mut wrong = against.clone();
            let one = wrong.checkpoints.iter_mut().find(|it| it.position == at).unwrap();
            one.hash = "00".repeat(32);
            let said = told(&bytes, &wrong);
            assert_eq!(said.len(), 1, "{said:?}");
            assert!(
                has(&said, &format!("position {at}: the chain differs from the checkpoint")),
                "{said:?}"
            );
        }
        against.checkpoints.iter_mut().for_each(|it| it.hash = "00".repeat(32));
        let said = told(&bytes, &against);
        assert_eq!(said.len(), 1, "only the first: {said:?}");
        store.close().await;
    });
}

/// A signed archive of one moment, with events of others in it, and the key.
static SEALED: LazyLock<(Vec<u8>, PublicKey)> = LazyLock::new(|| {
    let made = Arc::new(parking_lot::Mutex::new(None));
    on_sqlite(async |database| {
        let store = inhabited(database).await;
        let key = keyring(&store, 1).await.signing_key().await.unwrap();
        let public = key.public();
        let request = EvidenceRequest { organization: Some(OURS), ..wanted(Some(key)) };
        *made.lock() = Some((archive(database, &store, request).await, public));
        store.close().await;
    });
    let sealed = made.lock().take();
    sealed.unwrap()
});

#[test]
fn every_byte_counts() {
    let (bytes, key) = &*SEALED;
    let against = Against { key: Some(*key), ..Against::default() };
    assert_eq!(told(bytes, &against), [""; 0]);
    let mut changed = bytes.clone();
    for at in 0..bytes.len() {
        changed[at] ^= 1 << (at % 8);
        assert!(!check(&changed, &against).is_sound(), "byte {at} of {}", bytes.len());
        changed[at] = bytes[at];
    }
    for end in 0..bytes.len() {
        assert!(!check(&bytes[..end], &against).is_sound(), "cut at {end}");
    }
}

/// What strangers put into lines and manifests.
fn nonsense() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..64),
        "[0-9\"{}:,\\\\a-z\n-]{0,40}".prop_map(String::into_bytes),
        Just(b"9223372036854775807".to_vec()),
        Just(b"-9223372036854775808".to_vec()),
        Just(b"\"position\":9223372036854775807".to_vec()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn nothing_that_is_read_ends_the_program(
        pieces in proptest::collection::vec((any::<proptest::sample::Index>(), 0..40_usize, nonsense()), 1..4),
        place in 0..3_u8,
    ) {
        let (bytes, key) = &*SEALED;
        let against = Against { key: Some(*key), ..Against::default() };
        let splice = |bytes: &mut Vec<u8>| {
            for (at, length, nonsense) in &pieces {
                let at = at.index(bytes.len().max(1)).min(bytes.len());
                let end = (at + length).min(bytes.len());
                bytes.splice(at..end, nonsense.iter().copied());
            }
        };
        let mut changed = bytes.clone();
        match place {
            0 => splice(&mut changed),
            1 => changed = with_lines(bytes, |lines| {
                let mut text = lines.join("\n").into_bytes();
                splice(&mut text);
                *lines = String::from_utf8_lossy(&text).lines().map(str::to_owned).collect();
            }),
            _ => {
                let mut members = members(bytes);
                splice(&mut members[2].1);
                changed = packed(&members);
            }
        }
        let verdict = check(&changed, &against);
        prop_assert!(changed == *bytes || !verdict.is_sound());
    }

    #[test]
    fn manifests_are_read_or_refused(text in nonsense()) {
        drop(serde_json::from_slice::<Manifest>(&text));
    }
}

/// A few bytes that unpack to very many are read to a bound, and no further.
#[test]
fn a_bomb_is_no_evidence() {
    let (bytes, key) = &*SEALED;
    let mut members = members(bytes);
    let mut bomb = GzEncoder::new(Vec::new(), Compression::default());
    let zeros = vec![b'0'; 1 << 20];
    for _ in 0..64 {
        bomb.write_all(&zeros).unwrap();
    }
    members[1].1 = bomb.finish().unwrap();
    let said = told(&packed(&members), &Against { key: Some(*key), ..Against::default() });
    assert!(has(&said, "position 1: its line does not end"), "{said:?}");
}
