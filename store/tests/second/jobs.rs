use std::{collections::HashSet, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use futures::future::join_all;
use serde_json::json;
use store::{
    Fault, Follower, JobFilter, JobState, Jobs, Mode, NewJob, Op, Progress, Projection, Recorded,
    Retry, Store,
};
use uuid::Uuid;

use crate::world::{append, number, on_each_database};

const HOLD: Duration = Duration::from_mins(1);
const RETRY: Retry =
    Retry { pause: Duration::from_secs(10), longest: Duration::from_secs(40), attempts: 3 };

/// Orders a mail for each alarm.
struct Reactor;

impl Projection for Reactor {
    fn name(&self) -> &'static str {
        "mails.v1"
    }

    fn mode(&self) -> Mode {
        Mode::Following
    }

    fn tables(&self) -> &'static [&'static str] {
        &[]
    }

    fn wants(&self, event_type: &str) -> bool {
        event_type == "thing.alarmed"
    }

    fn apply(&self, event: &Recorded) -> Result<Vec<Op>, Fault> {
        let key = format!("mails|{}|{}", event.position, event.aggregate_id);
        Ok(vec![Jobs::enqueue_op(job(&key, event.recorded_at))])
    }
}

fn job(key: &str, at: DateTime<Utc>) -> NewJob {
    NewJob {
        kind: "mail".to_owned(),
        key: key.to_owned(),
        organization_id: Some(Uuid::from_u128(7)),
        payload: json!({"to": "operator"}).to_string(),
        total: Some(10),
        run_after: at,
        created_at: at,
    }
}

async fn order(store: &Store, keys: &[&str]) {
    let ops = keys.iter().map(|key| Jobs::enqueue_op(job(key, store.now()))).collect();
    store.execute(ops).await.unwrap();
}

#[test]
fn a_reactor_orders_each_job_once() {
    on_each_database(async |world| {
        let store = world.open(&[]).await;
        append(&store, 1, "thing.alarmed", json!({})).await;
        append(&store, 2, "thing.alarmed", json!({})).await;
        let follower = Follower::new(store.clone(), Arc::new(Reactor));
        follower.catch_up().await.unwrap();
        assert_eq!(number(&store, "SELECT count(*) FROM jobs").await, Some(2));
        // A checkpoint that was put back orders nothing twice.
        world.tamper("UPDATE projection_checkpoints SET position = 0").await;
        Follower::new(store.clone(), Arc::new(Reactor)).catch_up().await.unwrap();
        assert_eq!(number(&store, "SELECT count(*) FROM jobs").await, Some(2));

        let jobs = Jobs::new(store.clone());
        let id = job("mails|1|00000000-0000-0000-0000-000000000001", store.now()).id();
        let found = jobs.get(id).await.unwrap().unwrap();
        assert_eq!((found.state, found.total, found.done), (JobState::Queued, Some(10), 0));
        assert_eq!(found.payload, r#"{"to":"operator"}"#);
        store.close().await;
    });
}

#[test]
fn a_job_is_held_by_one_worker() {
    on_each_database(async |world| {
        let store = world.open(&[]).await;
        let keys = (0..20).map(|n| format!("k{n}")).collect::<Vec<_>>();
        order(&store, &keys.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let jobs = Jobs::new(store.clone());
        let workers = (0..8).map(|worker| {
            let jobs = &jobs;
            let now = store.now();
            async move {
                let mut taken = Vec::new();
                let owner = format!("worker {worker}");
                while let Some(job) = jobs.lease(&["mail"], &owner, now, HOLD).await.unwrap() {
                    assert_eq!(job.lease_owner.as_deref(), Some(&owner[..]));
                    taken.push(job.id);
                }
                taken
            }
        });
        let taken = join_all(workers).await.concat();
        assert_eq!(taken.len(), 20);
        assert_eq!(taken.iter().collect::<HashSet<_>>().len(), 20);
        assert_eq!(jobs.lease(&["mail"], "late", store.now(), HOLD).await.unwrap(), None);
        assert_eq!(jobs.lease(&["other"], "late", store.now(), HOLD).await.unwrap(), None);
        assert_eq!(jobs.lease(&[], "late", store.now(), HOLD).await.unwrap(), None);

        // Whoever does not come back in time loses it.
        let later = store.now() + HOLD;
        let again = jobs.lease(&["mail"], "late", later, HOLD).await.unwrap().unwrap();
        assert_eq!((again.attempts, again.state), (2, JobState::Running));
        store.close().await;
    });
}

#[test]
fn what_a_process_held_that_is_gone_is_given_back() {
    on_each_database(async |world| {
        let store = world.open(&[]).await;
        order(&store, &["a", "b", "c"]).await;
        let jobs = Jobs::new(store.clone());
        let now = store.now();
        let mut held = Vec::new();
        for owner in ["one/1", "one/2", "oneself/1"] {
            held.push(jobs.lease(&["mail"], owner, now, HOLD).await.unwrap().unwrap());
        }
        assert_eq!(jobs.release_of("on", now).await.unwrap(), 0);
        assert_eq!(jobs.release_of("%", now).await.unwrap(), 0);
        assert_eq!(jobs.release_of("one", now).await.unwrap(), 2);
        assert!(!jobs.finish(&held[0], now).await.unwrap(), "it is not its own any more");
        assert!(jobs.finish(&held[2], now).await.unwrap(), "another one's stay");
        let again = jobs.lease(&["mail"], "one/3", now, HOLD).await.unwrap().unwrap();
        assert_eq!(again.attempts, 2, "the job may be what ended the process");
        store.close().await;
    });
}

#[test]
fn a_batch_goes_on_where_it_was() {
    on_each_database(async |world| {
        let store = world.open(&[]).await;
        let jobs = Jobs::new(store.clone());
        order(&store, &["a"]).await;
        let now = store.now();
        let first = jobs.lease(&["mail"], "one", now, HOLD).await.unwrap().unwrap();
        let half = Progress { cursor: Some("device 5".to_owned()), done: 5, total: Some(10) };
        assert!(jobs.progress(&first, half, now, HOLD).await.unwrap());

        // Taken over: the first worker is told to stop.
        let second = jobs.lease(&["mail"], "two", now + HOLD, HOLD).await.unwrap().unwrap();
        assert_eq!((second.cursor.as_deref(), second.done), (Some("device 5"), 5));
        assert!(!jobs.progress(&first, Progress::default(), now, HOLD).await.unwrap());
        assert!(!jobs.finish(&first, now).await.unwrap());
        assert_eq!(jobs.fail_or_retry(&first, "late", &RETRY, now).await.unwrap(), None);

        // Put down at shutdown, taken up again.
        assert!(jobs.release(&second, now).await.unwrap());
        let third = jobs.lease(&["mail"], "three", now, HOLD).await.unwrap().unwrap();
        assert_eq!(third.attempts, second.attempts);
        assert!(jobs.finish(&third, now).await.unwrap());
        let done = jobs.get(third.id).await.unwrap().unwrap();
        assert_eq!((done.state, done.done, done.lease_owner), (JobState::Done, 10, None));
        assert_eq!(jobs.prune(now + HOLD).await.unwrap(), 1);
        store.close().await;
    });
}

#[test]
fn failures_are_tried_again_until_there_were_too_many() {
    on_each_database(async |world| {
        let store = world.open(&[]).await;
        let jobs = Jobs::new(store.clone());
        order(&store, &["a"]).await;
        let mut now = store.now();
        for attempt in 1..=3 {
            let job = jobs.lease(&["mail"], "one", now, HOLD).await.unwrap().unwrap();
            assert_eq!(job.attempts, attempt);
            let state = jobs.fail_or_retry(&job, "no route\0", &RETRY, now).await.unwrap();
            let expected = if attempt < 3 { JobState::Queued } else { JobState::Failed };
            assert_eq!(state, Some(expected));
            assert_eq!(jobs.lease(&["mail"], "one", now, HOLD).await.unwrap(), None);
            now += Duration::from_secs(51);
        }
        let failed = jobs.list(&JobFilter::default(), 10).await.unwrap().remove(0);
        assert_eq!((failed.state, failed.error.as_deref()), (JobState::Failed, Some("no route")));
        // A person lets it try again.
        assert!(jobs.resume(failed.id, now).await.unwrap());
        let job = jobs.lease(&["mail"], "one", now, HOLD).await.unwrap().unwrap();
        assert_eq!(job.attempts, 1);
        store.close().await;
    });
}

#[test]
fn people_pause_resume_and_cancel() {
    on_each_database(async |world| {
        let store = world.open(&[]).await;
        let jobs = Jobs::new(store.clone());
        order(&store, &["a", "b"]).await;
        let now = store.now();
        let one = jobs.lease(&["mail"], "one", now, HOLD).await.unwrap().unwrap();
        assert!(jobs.pause(one.id, now).await.unwrap());
        assert!(!jobs.pause(one.id, now).await.unwrap());
        assert!(!jobs.progress(&one, Progress::default(), now, HOLD).await.unwrap());
        let two = jobs.lease(&["mail"], "one", now, HOLD).await.unwrap().unwrap();
        assert_ne!(two.id, one.id);
        assert!(jobs.cancel(two.id, now).await.unwrap());
        assert!(!jobs.finish(&two, now).await.unwrap());
        assert!(!jobs.resume(two.id, now).await.unwrap());
        assert!(jobs.resume(one.id, now).await.unwrap());
        assert_eq!(jobs.lease(&["mail"], "one", now, HOLD).await.unwrap().unwrap().id, one.id);

        let filter = JobFilter { states: vec![JobState::Cancelled], ..JobFilter::default() };
        assert_eq!(jobs.list(&filter, 10).await.unwrap().len(), 1);
        let none = JobFilter { organizations: Some(vec![]), ..JobFilter::default() };
        assert_eq!(jobs.list(&none, 10).await.unwrap(), []);
        let mine = JobFilter {
            organizations: Some(vec![Uuid::from_u128(7)]),
            kinds: vec!["mail".to_owned()],
            ..JobFilter::default()
        };
        let first = jobs.list(&mine, 1).await.unwrap().remove(0);
        let before = Some((first.created_at, first.id));
        let rest = jobs.list(&JobFilter { before, ..mine }, 10).await.unwrap();
        assert_eq!(rest.len(), 1);
        assert_ne!(rest[0].id, first.id);
        store.close().await;
    });
}
