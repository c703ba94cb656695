//! Relays: what is written elsewhere, by whom, and what happens when the other side is not as expected.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use app::{EventsSelection, RelaySelection, RelayState, RelayStatus, RelayedEvent};
use async_trait::async_trait;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use wisptrail_workers::{
    Appended, End, Owner, Reconciler as _, Relay, RelayError, RelayEvents, RelayRules,
};

use crate::world::{HARBOUR, Outcome, World, on_each_database};

/// Position and id of an event.
type Kept = (i64, Uuid);

/// The other side: it keeps what it is given, and refuses what does not stand at the end.
#[derive(Default)]
struct Shelf {
    /// Everything in one lane?
    single: bool,
    lanes: Mutex<BTreeMap<String, Vec<Kept>>>,
    state: Mutex<Mood>,
}

#[derive(Clone, Debug, Default)]
struct Mood {
    target: String,
    /// Keeps events, and does not say so.
    silent: bool,
    /// Says that it is not there.
    away: bool,
    /// What its lanes end with, whatever is in them.
    end: Option<End>,
}

impl Shelf {
    fn new(single: bool) -> Arc<Self> {
        Arc::new(Self { single, ..Self::default() })
    }

    /// Everything that is there, in the order of the log.
    fn kept(&self) -> Vec<Kept> {
        let mut all: Vec<Kept> = self.lanes.lock().values().flatten().copied().collect();
        all.sort_unstable();
        all
    }

    /// Every event from a position on is there once, and of each lane in order.
    fn assert_whole(&self, from: i64, head: i64) {
        let positions: Vec<i64> = self.kept().into_iter().map(|(position, _)| position).collect();
        assert_eq!(positions, (from..=head).collect::<Vec<_>>());
        assert!(self.lanes.lock().values().all(|lane| lane.is_sorted()));
    }
}

#[async_trait]
impl Relay for Shelf {
    fn name(&self) -> &'static str {
        "shelf"
    }

    fn target(&self) -> String {
        self.state.lock().target.clone()
    }

    fn only_lane(&self) -> Option<String> {
        self.single.then(|| "all".to_owned())
    }

    fn lane(&self, event: &RelayedEvent) -> String {
        self.only_lane().unwrap_or_else(|| event.event.aggregate_id.clone())
    }

    async fn end(&self, lane: &str) -> Result<End, RelayError> {
        let mood = self.state.lock().clone();
        if mood.away {
            return Err(RelayError::Unreachable("nobody is there".to_owned()));
        }
        if let Some(end) = mood.end {
            return Ok(end);
        }
        let lanes = self.lanes.lock();
        let Some(lane) = lanes.get(lane) else { return Ok(End::Empty) };
        let Some((position, id)) = lane.last().copied() else { return Ok(End::Empty) };
        Ok(End::Event { mark: lane.len() as u64, position, id })
    }

    async fn append(
        &self,
        lane: &str,
        after: Option<u64>,
        events: &[RelayedEvent],
    ) -> Result<Appended, RelayError> {
        let mood = self.state.lock().clone();
        if mood.away {
            return Err(RelayError::Unreachable("nobody is there".to_owned()));
        }
        let mut lanes = self.lanes.lock();
        let lane = lanes.entry(lane.to_owned()).or_default();
        let end = lane.len() as u64;
        if after.unwrap_or(0) != end {
            return Err(RelayError::Moved((end > 0).then_some(end)));
        }
        lane.extend(events.iter().map(|it| (it.event.position, it.event.event_id)));
        if mood.silent {
            return Err(RelayError::Unreachable("it did not say so in time".to_owned()));
        }
        Ok(Appended { taken: events.len(), mark: lane.len() as u64 })
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(10)
    }
}

fn rules() -> RelayRules {
    RelayRules {
        selection: RelaySelection::default(),
        history: true,
        batch: 2,
        longest_retry: Duration::ZERO,
    }
}

fn worker(world: &World, shelf: &Arc<Shelf>, name: &str, rules: RelayRules) -> RelayEvents {
    let owner = Owner { name: format!("{name}/1"), stop: CancellationToken::new() };
    RelayEvents::new(world.app.clone(), owner, shelf.clone(), rules)
}

async fn status(world: &World) -> Outcome<RelayStatus> {
    let mut all = world.app.relays().status().await?;
    all.pop().ok_or_else(|| "no relay".into())
}

fn head(world: &World) -> i64 {
    world.app.store().head()
}

#[test]
fn one_of_several_writes_and_another_goes_on() -> Outcome {
    on_each_database(async |world| {
        let shelf = Shelf::new(false);
        let (one, other) =
            (worker(world, &shelf, "one", rules()), worker(world, &shelf, "other", rules()));
        one.reconcile().await?;
        shelf.assert_whole(1, head(world));
        world.template(701, Some(HARBOUR), "a", (false, false)).await?;
        assert_eq!(other.reconcile().await?.found, 0, "it is not its turn");
        one.settled().await;
        assert_eq!(other.reconcile().await?.found, 1);
        shelf.assert_whole(1, head(world));
        let told = status(world).await?;
        assert_eq!((told.state, told.lag, told.lag_seconds), (RelayState::Working, 0, 0));

        // One that does not know that its turn is over writes nothing that is there.
        world.template(702, Some(HARBOUR), "b", (false, false)).await?;
        other.reconcile().await?;
        world.template(703, Some(HARBOUR), "c", (false, false)).await?;
        world.pass(Duration::from_hours(1));
        one.reconcile().await?;
        shelf.assert_whole(1, head(world));
        world.template(704, Some(HARBOUR), "d", (false, false)).await?;
        other.reconcile().await?;
        one.reconcile().await?;
        shelf.assert_whole(1, head(world));
        Ok(())
    })
}

#[test]
fn what_was_kept_without_a_word_is_not_written_again() -> Outcome {
    on_each_database(async |world| {
        for single in [true, false] {
            let shelf = Shelf::new(single);
            let target = if single { "a" } else { "b" };
            shelf.state.lock().target = target.to_owned();
            shelf.state.lock().silent = true;
            let one = worker(world, &shelf, "one", rules());
            assert_eq!(one.reconcile().await?.found, 0);
            let told = status(world).await?;
            assert_eq!(told.state, RelayState::Unreachable);
            assert_eq!(told.error.as_deref(), Some("it did not say so in time"));
            assert!(told.lag > 0);
            shelf.state.lock().silent = false;
            one.reconcile().await?;
            shelf.assert_whole(1, head(world));
            let told = status(world).await?;
            assert_eq!((told.state, told.error, told.lag), (RelayState::Working, None, 0));
            one.settled().await;
        }
        Ok(())
    })
}

#[test]
fn what_is_not_of_this_log_is_left_alone() -> Outcome {
    on_each_database(async |world| {
        for single in [true, false] {
            let shelf = Shelf::new(single);
            let one = worker(world, &shelf, "one", rules());
            let stranger = End::Event { mark: 1, position: 1, id: Uuid::from_u128(999) };
            shelf.state.lock().target = single.to_string();
            for end in [End::Foreign, stranger] {
                shelf.state.lock().end = Some(end);
                one.reconcile().await?;
                assert_eq!(status(world).await?.state, RelayState::Foreign);
                assert_eq!(shelf.kept(), []);
            }
            // It was taken away.
            shelf.state.lock().end = None;
            one.reconcile().await?;
            shelf.assert_whole(1, head(world));
            one.settled().await;
        }
        Ok(())
    })
}

#[test]
fn a_lane_that_lost_its_end_gets_it_again_and_an_emptied_one_does_not() -> Outcome {
    on_each_database(async |world| {
        let shelf = Shelf::new(true);
        let one = worker(world, &shelf, "one", rules());
        one.reconcile().await?;
        one.settled().await;
        // As if it had been restored from an older backup.
        shelf.lanes.lock().values_mut().for_each(|lane| lane.truncate(2));
        let one = worker(world, &shelf, "one", rules());
        one.reconcile().await?;
        shelf.assert_whole(1, head(world));
        one.settled().await;
        shelf.lanes.lock().clear();
        let one = worker(world, &shelf, "one", rules());
        one.reconcile().await?;
        shelf.assert_whole(1, head(world));
        one.settled().await;
        // Its places go on, and what was in them is not there any more.
        let before = head(world);
        shelf.state.lock().end = Some(End::Gone(shelf.kept().len() as u64));
        world.template(701, Some(HARBOUR), "a", (false, false)).await?;
        let one = worker(world, &shelf, "one", rules());
        assert_eq!(one.reconcile().await?.found, u64::try_from(head(world) - before)?);
        shelf.assert_whole(1, head(world));
        Ok(())
    })
}

#[test]
fn a_relay_begins_where_it_is_told_to() -> Outcome {
    on_each_database(async |world| {
        let shelf = Shelf::new(false);
        let types = vec!["template.created".to_owned()];
        let selection = EventsSelection { types, ..EventsSelection::default() };
        let selection = RelaySelection::new(selection)?;
        let rules = || RelayRules { history: false, selection: selection.clone(), ..rules() };
        let one = worker(world, &shelf, "one", rules());
        assert_eq!(one.reconcile().await?.found, 0, "what was before is not written");
        let begins = head(world);
        world.template(701, Some(HARBOUR), "a", (false, false)).await?;
        world.register(HARBOUR, 1).await.map_err(|refused| format!("{refused:?}"))?;
        world.template(702, Some(HARBOUR), "b", (false, false)).await?;
        shelf.state.lock().away = true;
        one.reconcile().await?;
        assert_eq!(status(world).await?.position, begins);
        shelf.state.lock().away = false;
        assert_eq!(one.reconcile().await?.found, 2);
        let kept = shelf.kept();
        one.settled().await;

        // Another target gets everything that this relay ever wrote; the same one, nothing.
        let one = worker(world, &shelf, "one", rules());
        assert_eq!(one.reconcile().await?.found, 0);
        one.settled().await;
        shelf.state.lock().target = "elsewhere".to_owned();
        assert_eq!(worker(world, &shelf, "one", rules()).reconcile().await?.found, 0);
        assert_eq!(shelf.kept(), kept, "it is there already");
        let other = Shelf::new(false);
        other.state.lock().target = "somewhere".to_owned();
        world.pass(Duration::from_hours(1));
        assert_eq!(worker(world, &other, "two", rules()).reconcile().await?.found, 2);
        assert_eq!(other.kept(), kept);
        Ok(())
    })
}
