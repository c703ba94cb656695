//! A process that is killed loses nothing that it acknowledged and leaves nothing half done.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Command, Stdio},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use secrecy::SecretString;
use serde_json::json;
use store::{
    Append, Clock, Dialect, Durability, Expected, IdempotencyKey, Location, Store, Transaction,
};
use uuid::Uuid;

use crate::support::*;

const WHERE: &str = "WISPTRAIL_KILL_WHERE";

struct RealClock;

impl Clock for RealClock {
    #[expect(clippy::disallowed_methods, reason = "the child is a program")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// Two streams, one key.
fn pair(stream: &str, correlation: Uuid) -> Append {
    let one = part(stream, Expected::Any, &[json!({"n": 1})]);
    let other = part("shared", Expected::Any, &[json!({"n": 2})]);
    let mut append = append_of(vec![one, other]);
    append.context.correlation_id = Some(correlation);
    append.idempotency = Some(IdempotencyKey {
        actor: "system:victim".to_owned(),
        key: correlation.to_string(),
        fingerprint: vec![1],
        response: None,
    });
    append
}

/// Appends pairs of events for ever and prints each commit that was acknowledged.
#[test]
#[ignore = "the program that the other test kills"]
fn victim() {
    let Some(place) = std::env::var_os(WHERE) else { return };
    let place = place.into_string().unwrap();
    let (location, anchors) = match place.strip_prefix("postgres ") {
        Some(rest) => {
            let (folder, url) = rest.split_once(' ').unwrap();
            (Location::Postgres { url: SecretString::from(url.to_owned()) }, PathBuf::from(folder))
        }
        None => (Location::Sqlite { folder: place.clone().into() }, PathBuf::from(&place)),
    };
    let projections: Vec<Arc<dyn store::Projection>> = vec![Arc::new(Counters)];
    let mut options = options(location, &anchors, Arc::new(RealClock), &projections);
    options.durability = Durability::Full;
    runtime().block_on(async {
        let store = open(options).await;
        let writers = (0..8).map(|writer| {
            let store = store.clone();
            async move {
                loop {
                    let correlation = Uuid::new_v4();
                    let append = pair(&format!("s{writer}"), correlation);
                    let Ok(appended) = store.append(append).await else { return };
                    println!("\nacknowledged {} {correlation}", appended.first);
                }
            }
        });
        futures::future::join_all(writers).await;
    });
}

/// Starts the victim, waits for some commits and kills it.
fn kill_after(place: &str, commits: usize) -> Vec<(i64, Uuid)> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::victim", "--ignored", "--nocapture"])
        .env(WHERE, place)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut acknowledged = Vec::new();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    while acknowledged.len() < commits {
        let line = lines.next().expect("the victim ended by itself").unwrap();
        acknowledged.extend(commit(&line));
    }
    child.kill().unwrap();
    // What it said before it died counts too; the last line may be torn.
    acknowledged.extend(lines.map_while(Result::ok).filter_map(|line| commit(&line)));
    child.wait().unwrap();
    acknowledged
}

fn commit(line: &str) -> Option<(i64, Uuid)> {
    let (position, correlation) = line.strip_prefix("acknowledged ")?.split_once(' ')?;
    Some((position.parse().ok()?, correlation.parse().ok()?))
}

async fn check(store: &Store, acknowledged: &HashMap<Uuid, i64>) {
    // On PostgreSQL the server may still be busy with the last words of the victim.
    store.transact(Transaction::new().under_head_lock()).await.unwrap();
    assert_sound(store).await;
    let events = log(store).await;
    let mut appends = HashMap::<Uuid, Vec<i64>>::new();
    let mut afresh = BTreeMap::<String, (i64, i64)>::new();
    for event in &events {
        appends.entry(event.correlation_id.unwrap()).or_default().push(event.position);
        let payload: serde_json::Value = serde_json::from_str(&event.payload).unwrap();
        let counter = afresh.entry(event.aggregate_id.clone()).or_default();
        counter.0 += 1;
        counter.1 += payload["n"].as_i64().unwrap();
    }
    for positions in appends.values() {
        assert!(matches!(positions[..], [one, other] if other == one + 1), "half: {positions:?}");
    }
    for (correlation, first) in acknowledged {
        assert_eq!(appends.get(correlation).map(|positions| positions[0]), Some(*first));
    }
    // Whoever does not know asks again: what happened does not happen twice, acknowledged or not.
    let (told, untold): (Vec<_>, Vec<_>) =
        appends.iter().partition(|(correlation, _)| acknowledged.contains_key(correlation));
    for (correlation, positions) in untold.into_iter().take(8).chain(told.into_iter().take(2)) {
        let repeated = store.append(pair("s0", *correlation)).await.unwrap();
        assert!(repeated.duplicate);
        assert_eq!([repeated.first, repeated.last], positions[..]);
    }
    let afresh = afresh.into_iter().map(|(id, (events, total))| (id, events, total));
    assert_eq!(counters(store).await, afresh.collect::<Vec<_>>());
}

#[test]
fn every_acknowledged_commit_survives_being_killed() {
    let times = if std::env::var_os("WISPTRAIL_LONG").is_some() { 50 } else { 10 };
    on_each_database(async |database| {
        database.open().await.close().await;
        let folder = database.folder.path().to_str().unwrap();
        let place = match database.dialect {
            Dialect::Sqlite => folder.to_owned(),
            Dialect::Postgres => format!("postgres {folder} {}", database.url()),
        };
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let mut acknowledged = HashMap::new();
        let mut seen = HashSet::new();
        for _ in 0..times {
            let commits = random.random_range(1..120);
            for (position, correlation) in kill_after(&place, commits) {
                assert!(seen.insert(position));
                acknowledged.insert(correlation, position);
            }
            let store = Store::open(database.options()).await.unwrap();
            check(&store, &acknowledged).await;
            store.close().await;
        }
    });
}
