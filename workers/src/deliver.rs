use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use app::{App, DeliveryEnd, DeliveryTurn, Endpoint, Failure, Outgoing};
use async_trait::async_trait;
use domain::WebhookId;
use parking_lot::Mutex;
use projections::webhook::DeliveryRow;
use tokio::{
    sync::{Semaphore, SemaphorePermit, mpsc},
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};

use crate::{Owner, Reconciler, Report, Rhythm};

/// Webhooks that are delivered for side by side; others wait for a place.
const MOST: usize = 64;
/// Questions to the database at a time.
const TURNS: usize = 3;
/// Attempts whose ends are noted together.
const TOGETHER: usize = 64;
/// Ends are noted at least so often, and the right to deliver is held longer.
const OFTEN: Duration = Duration::from_millis(500);
/// A full queue is looked at again after so long.
const QUIET: Duration = Duration::from_secs(1);
/// For whatever is neither connection nor receiver.
const SLACK: Duration = Duration::from_secs(10);

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The receiver answered with a status.
    Status {
        /// 100 to 599.
        status: u16,
        /// It wants to be left alone for so long (`Retry-After`).
        later: Option<Duration>,
    },
    /// It did not answer. Says why, without what others said.
    Nothing(String),
}

/// Takes requests to receivers of webhooks.
#[async_trait]
pub trait Courier: Send + Sync {
    /// Sends one, and waits for the answer for [`patience`](Self::patience) at most.
    async fn send(&self, outgoing: Outgoing) -> Answer;

    /// The longest time that one takes.
    fn patience(&self) -> Duration;
}

/// Delivers events to webhooks: one task for each that has something to do, so that none waits for the receivers of others.
pub struct DeliverEvents {
    shared: Arc<Shared>,
    tasks: Mutex<JoinSet<()>>,
}

struct Shared {
    app: App,
    owner: Owner,
    courier: Arc<dyn Courier>,
    /// Requests to one receiver at a time.
    parallel: usize,
    state: Mutex<State>,
    /// Deliveries share the database with requests, which must not wait for them.
    turns: Semaphore,
}

#[derive(Default)]
struct State {
    running: HashSet<WebhookId>,
    /// How far somebody of this process looked, which the table says only where something was selected.
    seen: HashMap<WebhookId, i64>,
    /// Where there was nothing to do although it seemed so: not looked at again before.
    quiet: HashMap<WebhookId, Instant>,
}

impl DeliverEvents {
    /// Over this system, with so many requests to one receiver at a time.
    pub fn new(app: App, owner: Owner, courier: Arc<dyn Courier>, parallel: usize) -> Self {
        let (parallel, state) = (parallel.max(1), Mutex::default());
        Self {
            shared: Arc::new(Shared {
                app,
                owner,
                courier,
                parallel,
                state,
                turns: Semaphore::new(TURNS),
            }),
            tasks: Mutex::default(),
        }
    }

    /// Resolves when everything that was begun has an end.
    pub async fn settled(&self) {
        let mut tasks = std::mem::take(&mut *self.tasks.lock());
        while tasks.join_next().await.is_some() {}
    }
}

#[async_trait]
impl Reconciler for DeliverEvents {
    fn name(&self) -> &'static str {
        "deliver_events"
    }

    fn rhythm(&self) -> Rhythm {
        // What failed is due at its own time, and tests are no events.
        Rhythm { every: Duration::from_secs(1), on_events: true }
    }

    async fn reconcile(&self) -> Result<Report, Failure> {
        if self.shared.owner.stop.is_cancelled() {
            return Ok(Report::default());
        }
        let seen = self.shared.state.lock().seen.clone();
        let look = {
            let _turn = self.shared.turn().await?;
            self.shared.app.webhook_queues().look(&seen).await?
        };
        let mut begun = 0;
        let mut tasks = self.tasks.lock();
        while tasks.try_join_next().is_some() {}
        let mut state = self.shared.state.lock();
        state.seen.extend(look.seen);
        for id in look.busy {
            let quiet = state.quiet.get(&id).is_some_and(|until| Instant::now() < *until);
            if quiet || state.running.len() >= MOST || !state.running.insert(id) {
                continue;
            }
            state.quiet.remove(&id);
            let shared = Arc::clone(&self.shared);
            tasks.spawn(async move { shared.serve(id).await });
            begun += 1;
        }
        Ok(Report { found: begun, closed: begun })
    }
}

impl Shared {
    async fn serve(self: Arc<Self>, id: WebhookId) {
        let _place = Place { shared: &self, id };
        if let Err(failure) = self.deliver(id).await {
            tracing::warn!(
                webhook.id = %id,
                error = &failure as &dyn std::error::Error,
                "deliveries to a webhook are interrupted: {failure}"
            );
        }
    }

    /// A turn to ask the database.
    async fn turn(&self) -> Result<SemaphorePermit<'_>, Failure> {
        // Nobody closes it.
        self.turns.acquire().await.map_err(|_| Failure::Unavailable)
    }

    async fn endpoint(&self, id: WebhookId) -> Result<Option<Endpoint>, Failure> {
        let _turn = self.turn().await?;
        self.app.webhook_queues().endpoint(id).await
    }

    /// Notes ends, and holds the right to deliver longer. No is the answer when somebody else has it.
    async fn note(
        &self,
        endpoint: &Endpoint,
        ended: &[(DeliveryRow, DeliveryEnd)],
        turn: &DeliveryTurn,
    ) -> Result<bool, Failure> {
        let _turn = self.turn().await?;
        self.app.webhook_queues().record(endpoint, ended).await?;
        self.app.webhook_queues().renew(turn, self.hold()).await
    }

    /// A worker that does not come back for so long is taken for dead.
    fn hold(&self) -> Duration {
        self.courier.patience() * 2 + SLACK
    }

    /// Delivers until there is nothing more to do.
    async fn deliver(self: &Arc<Self>, id: WebhookId) -> Result<(), Failure> {
        let queues = self.app.webhook_queues();
        let Some(mut endpoint) = self.endpoint(id).await?.map(Arc::new) else { return Ok(()) };
        let seen = self.state.lock().seen.get(&id).copied().unwrap_or_default();
        let name = &self.owner.name;
        let taken = {
            let _turn = self.turn().await?;
            queues.take(&endpoint, name, self.hold(), seen).await?
        };
        let Some(mut turn) = taken else { return Ok(()) };
        let before = turn.position();
        let mut rounds = 0;
        let ended = loop {
            rounds += 1;
            match self.round(&endpoint, &mut turn).await {
                Ok(true) if !self.owner.stop.is_cancelled() => {}
                Ok(_) => break Ok(()),
                Err(failure) => break Err(failure),
            }
            match self.endpoint(id).await {
                Ok(Some(now)) => endpoint = Arc::new(now),
                Ok(None) => break Ok(()),
                Err(failure) => break Err(failure),
            }
        };
        {
            let mut state = self.state.lock();
            state.seen.insert(id, turn.position());
            if rounds == 1 && turn.position() == before {
                // Its queue is full of what has to wait.
                state.quiet.insert(id, Instant::now() + QUIET);
            }
        }
        let _turn = self.turn().await?;
        queues.give_back(&turn).await?;
        ended
    }

    /// Is there more to do at once?
    async fn round(
        self: &Arc<Self>,
        endpoint: &Arc<Endpoint>,
        turn: &mut DeliveryTurn,
    ) -> Result<bool, Failure> {
        let (more, lanes) = {
            let (_turn, queues) = (self.turn().await?, self.app.webhook_queues());
            (queues.fill(endpoint, turn).await?, queues.due(endpoint).await?)
        };
        if lanes.is_empty() {
            return Ok(more && self.note(endpoint, &[], turn).await?);
        }
        let (given, mut taken) = mpsc::channel(TOGETHER);
        let mut lanes = lanes.into_iter();
        // Tasks of their own: they go on while their ends are noted.
        let mut sending = JoinSet::new();
        let mut often = interval(OFTEN);
        often.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut ended: Vec<(DeliveryRow, DeliveryEnd)> = Vec::new();
        let (mut failed, mut mine) = (None, true);
        while mine && failed.is_none() {
            while sending.len() < self.parallel
                && let Some(lane) = lanes.next()
            {
                let (shared, endpoint) = (Arc::clone(self), Arc::clone(endpoint));
                let given = given.clone();
                sending.spawn(async move { shared.lane(&endpoint, lane, given).await });
            }
            if sending.is_empty() {
                break;
            }
            let note = tokio::select! {
                Some(end) = taken.recv() => {
                    ended.push(end);
                    ended.len() >= TOGETHER
                }
                Some(lane) = sending.join_next() => {
                    failed = match lane {
                        Ok(lane) => lane.err(),
                        Err(broken) => Some(Failure::Broken(Box::new(broken))),
                    };
                    false
                }
                _ = often.tick() => true,
                // Requests that are under way are made again by whoever is next.
                () = self.owner.stop.cancelled() => break,
            };
            if note {
                mine = self.note(endpoint, &ended, turn).await?;
                ended.clear();
            }
        }
        sending.shutdown().await;
        while let Ok(end) = taken.try_recv() {
            ended.push(end);
        }
        mine &= self.note(endpoint, &ended, turn).await?;
        match failed {
            Some(failure) => Err(failure),
            None => Ok(mine),
        }
    }

    /// Delivers what has an order, until something fails.
    async fn lane(
        &self,
        endpoint: &Endpoint,
        lane: Vec<DeliveryRow>,
        given: mpsc::Sender<(DeliveryRow, DeliveryEnd)>,
    ) -> Result<(), Failure> {
        for row in lane {
            let outgoing = {
                let _turn = self.turn().await?;
                self.app.webhook_queues().outgoing(endpoint, &row).await?
            };
            let end = match outgoing {
                None => DeliveryEnd::Nothing,
                Some(outgoing) => end(self.courier.send(outgoing).await),
            };
            let outcome = match &end {
                DeliveryEnd::Delivered { .. } => "delivered",
                DeliveryEnd::Nothing => "skipped",
                DeliveryEnd::Failed { .. } => "failed",
            };
            metrics::counter!("wisptrail_webhook_attempts_total", "outcome" => outcome)
                .increment(1);
            let failed = matches!(end, DeliveryEnd::Failed { .. });
            // Nobody takes it when the round has ended, and then it is delivered again.
            if given.send((row, end)).await.is_err() || failed {
                break;
            }
        }
        Ok(())
    }
}

/// Gives the place back, whatever happens.
struct Place<'a> {
    shared: &'a Shared,
    id: WebhookId,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.shared.state.lock().running.remove(&self.id);
    }
}

fn end(answer: Answer) -> DeliveryEnd {
    match answer {
        Answer::Status { status, .. } if (200..300).contains(&status) => {
            DeliveryEnd::Delivered { status }
        }
        Answer::Status { status, later } => DeliveryEnd::Failed {
            status: Some(status),
            reason: format!("the receiver answered {status}"),
            later,
        },
        Answer::Nothing(reason) => DeliveryEnd::Failed { status: None, reason, later: None },
    }
}
