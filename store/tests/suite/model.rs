//! Random interleavings of everything against a small model.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, TestCaseError, TestRunner},
};
use serde_json::{Value, json};
use store::{Append, AppendError, Expected, IdempotencyKey, Limit, Store};
use uuid::Uuid;

use crate::support::*;

const KIND: &str = "thing";

/// One event: what it takes and gives back, and whether somebody refuses it.
#[derive(Clone, Debug)]
struct Event {
    take: Vec<(u8, Option<u8>)>,
    release: Vec<u8>,
    release_all: bool,
    refused: Option<bool>,
}

#[derive(Clone, Debug)]
struct Request {
    /// Stream, difference of the expected version from the real one, events.
    parts: Vec<(u8, Option<i64>, Vec<Event>)>,
    key: Option<(u8, u8)>,
    limit: Option<(u8, u64)>,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let refused = prop_oneof![18 => Just(None), 1 => Just(Some(true)), 1 => Just(Some(false))];
    let event = (
        vec((0..5u8, proptest::option::of(0..2u8)), 0..3),
        vec(0..5u8, 0..2),
        proptest::bool::weighted(0.1),
        refused,
    );
    let event = event.prop_map(|(take, release, release_all, refused)| Event {
        take,
        release,
        release_all,
        refused,
    });
    vec(event, 0..4)
}

fn requests() -> impl Strategy<Value = Vec<Vec<Request>>> {
    let difference =
        prop_oneof![4 => Just(None), 8 => Just(Some(0)), 1 => Just(Some(1)), 1 => Just(Some(-1))];
    let parts = vec((0..4u8, difference, events()), 1..4).prop_map(|parts| {
        let mut streams = BTreeSet::new();
        parts.into_iter().filter(|(stream, ..)| streams.insert(*stream)).collect()
    });
    let key = proptest::option::weighted(0.3, (0..4u8, 0..2u8));
    let limit = proptest::option::weighted(0.5, (0..2u8, 0..4u64));
    let request = (parts, key, limit).prop_map(|(parts, key, limit)| Request { parts, key, limit });
    vec(vec(request, 1..12), 1..6)
}

/// What an append comes to, in words that can be compared.
#[derive(Clone, Debug, PartialEq)]
enum Outcome {
    Appended { first: i64, last: i64, duplicate: bool },
    Conflict { stream: String, expected: i64, actual: i64 },
    Taken(Vec<(String, String)>),
    Limited,
    KeyReused,
    Refused,
}

fn outcome(result: Result<store::Appended, AppendError>) -> Outcome {
    match result {
        Ok(appended) => Outcome::Appended {
            first: appended.first,
            last: appended.last,
            duplicate: appended.duplicate,
        },
        Err(AppendError::Conflict { aggregate_id, expected, actual, .. }) => {
            Outcome::Conflict { stream: aggregate_id, expected, actual }
        }
        Err(AppendError::Taken(taken)) => {
            let pair = |taken: store::TakenClaim| (taken.claim.value, taken.aggregate_id);
            Outcome::Taken(taken.into_iter().map(pair).collect())
        }
        Err(AppendError::Limited(_)) => Outcome::Limited,
        Err(AppendError::KeyReused) => Outcome::KeyReused,
        Err(AppendError::Refused { .. }) => Outcome::Refused,
        Err(error) => panic!("{error:?}"),
    }
}

/// The log as a handful of maps.
#[derive(Clone, Default)]
struct Model {
    case: u128,
    log: Vec<(String, i64, String)>,
    base: i64,
    versions: HashMap<String, i64>,
    /// Holder, what it counts for, position of the event that took it last.
    claims: BTreeMap<String, (String, Option<Uuid>, i64)>,
    keys: HashMap<String, (u8, i64, i64)>,
}

impl Model {
    fn name(&self, what: &str, number: u8) -> String {
        format!("{what} {number} of {}", self.case)
    }

    fn by(&self, number: u8) -> Uuid {
        Uuid::from_u128(self.case * 16 + u128::from(number) + 1)
    }

    fn head(&self) -> i64 {
        self.base + i64::try_from(self.log.len()).unwrap()
    }

    fn payload(&self, event: &Event) -> Value {
        let claim = |value: u8, by: Option<u8>| {
            json!([KIND, null, self.name("value", value), by.map(|by| self.by(by))])
        };
        let mut payload = json!({
            "n": 1,
            "take": event.take.iter().map(|(value, by)| claim(*value, *by)).collect::<Vec<_>>(),
            "release": event.release.iter().map(|value| claim(*value, None)).collect::<Vec<_>>(),
            "release_all": event.release_all,
        });
        match event.refused {
            Some(true) => payload["fault"] = true.into(),
            Some(false) => payload["broken"] = true.into(),
            None => {}
        }
        payload
    }

    fn append(&self, request: &Request) -> Append {
        let parts = request.parts.iter().map(|(stream, difference, events)| {
            let id = self.name("stream", *stream);
            let version = self.versions.get(&id).copied().unwrap_or(0);
            let expected =
                difference.map_or(Expected::Any, |by| Expected::Exactly((version + by).max(0)));
            let payloads = events.iter().map(|event| self.payload(event)).collect::<Vec<_>>();
            part(&id, expected, &payloads)
        });
        let mut append = append_of(parts.collect());
        append.idempotency = request.key.map(|(key, fingerprint)| IdempotencyKey {
            actor: "user:1".to_owned(),
            key: self.name("key", key),
            fingerprint: vec![fingerprint],
            response: None,
        });
        append.limits = request
            .limit
            .map(|(by, max)| Limit { kind: KIND.to_owned(), by: self.by(by), max })
            .into_iter()
            .collect();
        append
    }

    fn apply(&mut self, request: &Request, append: &Append) -> Outcome {
        if let Some((key, fingerprint)) = request.key
            && let Some((known, first, last)) = self.keys.get(&self.name("key", key))
        {
            return if *known == fingerprint {
                Outcome::Appended { first: *first, last: *last, duplicate: true }
            } else {
                Outcome::KeyReused
            };
        }
        for part in &append.parts {
            let actual = self.versions.get(&part.aggregate_id).copied().unwrap_or(0);
            if let Expected::Exactly(expected) = part.expected
                && expected != actual
            {
                return Outcome::Conflict { stream: part.aggregate_id.clone(), expected, actual };
            }
        }
        let mut after = self.clone();
        let (mut taken, mut position) = (Vec::new(), self.head());
        let all: Vec<(&String, &Event)> = request
            .parts
            .iter()
            .zip(&append.parts)
            .flat_map(|((_, _, events), part)| {
                events.iter().map(move |event| (&part.aggregate_id, event))
            })
            .collect();
        for ((_, _, events), part) in request.parts.iter().zip(&append.parts) {
            let id = &part.aggregate_id;
            for event in events {
                position += 1;
                let rest = usize::try_from(position - self.head()).unwrap();
                // Not held in the end.
                let given_back = |value: u8| {
                    all[rest..].iter().any(|(of, later)| {
                        *of == id && (later.release_all || later.release.contains(&value))
                    })
                };
                if event.release_all {
                    after.claims.retain(|_, (holder, ..)| holder != id);
                }
                for value in &event.release {
                    let value = self.name("value", *value);
                    if after.claims.get(&value).is_some_and(|(holder, ..)| holder == id) {
                        after.claims.remove(&value);
                    }
                }
                for (number, by) in &event.take {
                    let value = self.name("value", *number);
                    match after.claims.get(&value) {
                        Some((holder, ..)) if holder != id && given_back(*number) => {}
                        Some((holder, ..)) if holder != id => taken.push((value, holder.clone())),
                        _ => {
                            let by = by.map(|by| self.by(by));
                            after.claims.insert(value, (id.clone(), by, position));
                        }
                    }
                }
            }
        }
        if !taken.is_empty() {
            return Outcome::Taken(taken);
        }
        if let Some((by, max)) = request.limit {
            let count = |model: &Self| {
                model.claims.values().filter(|(_, counts, _)| *counts == Some(self.by(by))).count()
            };
            if count(&after) > count(self) && count(&after) as u64 > max {
                return Outcome::Limited;
            }
        }
        let refused = request.parts.iter().flat_map(|(.., events)| events);
        if refused.clone().any(|event| event.refused.is_some()) {
            return Outcome::Refused;
        }
        for part in &append.parts {
            for event in &part.events {
                let version = after.versions.entry(part.aggregate_id.clone()).or_insert(0);
                *version += 1;
                after.log.push((part.aggregate_id.clone(), *version, event.payload.clone()));
            }
        }
        let (first, last) = (self.head() + 1, after.head());
        if let Some((key, fingerprint)) = request.key {
            after.keys.insert(self.name("key", key), (fingerprint, first, last));
        }
        *self = after;
        Outcome::Appended { first, last, duplicate: false }
    }
}

async fn compare(store: &Store, case: u128, batches: &[Vec<Request>]) -> Result<(), TestCaseError> {
    let mut model = Model { case, base: store.head(), ..Model::default() };
    for batch in batches {
        let (mut appends, mut expected) = (Vec::new(), Vec::new());
        for request in batch {
            let append = model.append(request);
            expected.push(model.apply(request, &append));
            appends.push(append);
        }
        // Queued in order, so that they are decided in order, however they fall into transactions.
        let results = futures::future::join_all(appends.into_iter().map(|a| store.append(a))).await;
        let outcomes = results.into_iter().map(outcome).collect::<Vec<_>>();
        prop_assert_eq!(outcomes, expected);
    }
    let events = store.events(&store::EventFilter::default(), model.base, 1000).await.unwrap();
    let found = events.into_iter().map(|e| (e.aggregate_id, e.sequence, e.payload));
    prop_assert_eq!(&found.collect::<Vec<_>>(), &model.log);

    let claims = store::Query::new(
        "SELECT value, aggregate_id, counts_for, position FROM claims",
        store::args![],
    );
    let mark = format!(" of {case}");
    let claims = store.fetch(claims).await.unwrap().into_iter().map(|row| {
        (
            row.text(0).unwrap(),
            (row.text(1).unwrap(), row.uuid_or_null(2).unwrap(), row.int(3).unwrap()),
        )
    });
    let claims = claims.filter(|(value, _)| value.ends_with(&mark)).collect::<BTreeMap<_, _>>();
    prop_assert_eq!(&claims, &model.claims);
    for by in 0..2 {
        let by = model.by(by);
        let query = store::Query::new(
            "SELECT count FROM claim_counts WHERE counts_for = $1",
            store::args![by],
        );
        let rows = store.fetch(query).await.unwrap();
        let stored = rows.first().map_or(0, |row| row.int(0).unwrap());
        let held = claims.values().filter(|(_, counts, _)| *counts == Some(by)).count();
        prop_assert_eq!(stored, i64::try_from(held).unwrap());
    }
    Ok(())
}

#[test]
fn random_appends_do_what_the_model_does() {
    on_each_database(async |database| {
        let store = database.open().await;
        let runtime = tokio::runtime::Handle::current();
        let case = std::cell::Cell::new(0);
        tokio::task::block_in_place(|| {
            let config = Config { cases: 48, failure_persistence: None, ..Config::default() };
            let result = TestRunner::new(config).run(&requests(), |batches| {
                case.set(case.get() + 1);
                runtime.block_on(compare(&store, case.get(), &batches))
            });
            if let Err(failure) = result {
                panic!("{failure}");
            }
        });
        assert_sound(&store).await;
        store.close().await;
    });
}
