//! Lets a life happen: asks until it is answered, and starts the program again when it died.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, bail};
use futures::future::try_join_all;
use parking_lot::Mutex;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, timeout},
};
use wisptrail_tests::{Client, Home, Server, Start, note_secret};

use crate::{
    calls::{Outcome, Refused},
    plan::{Kill, Plan, Step, Week},
    rebuild,
    tables::Look,
};

/// What may keep it from resting.
const RESTLESS: &str = "SELECT kind, state, CAST(attempts AS text), CAST(run_after AS text), lease_owner, CAST(lease_until AS text), error, CAST(payload AS text) FROM jobs
    WHERE state IN ('queued', 'running')
    UNION ALL SELECT name, state, CAST(position AS text), error, NULL, NULL, NULL, NULL FROM projection_checkpoints";

/// Nothing takes longer, whatever dies meanwhile.
const PATIENCE: Duration = Duration::from_mins(2);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// How the program is reached.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) admin: Client,
    pub(crate) agent: Client,
}

/// What a life came to.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) requests: AtomicUsize,
    pub(crate) repeated: AtomicUsize,
    pub(crate) kills: AtomicUsize,
    pub(crate) rebuilds: AtomicUsize,
    /// Those that died.
    pub(crate) broken_rebuilds: AtomicUsize,
}

/// A life on one database.
pub(crate) struct Life {
    pub(crate) home: Arc<Home>,
    door: watch::Sender<Option<Door>>,
    orders: mpsc::UnboundedSender<Order>,
    /// Deaths that were ordered.
    ordered: AtomicUsize,
    /// Of devices, by address.
    pub(crate) ids: Mutex<BTreeMap<String, String>>,
    /// Ids that the client chose.
    pub(crate) chosen: BTreeSet<String>,
    /// What they prove themselves with, by address.
    pub(crate) keys: BTreeMap<String, String>,
    pub(crate) tally: Tally,
    /// May it take minutes?
    long: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Die,
    Stop,
}

fn start() -> Start {
    Start::default()
}

impl Life {
    /// Lets everything happen that is planned; the program is stopped then.
    pub(crate) async fn live(home: Arc<Home>, plan: &Plan, long: bool) -> anyhow::Result<Self> {
        let server = Server::start_in(Arc::clone(&home), start()).await?;
        plan.keys.iter().for_each(|(_, key)| note_secret(key));
        let (orders, ordered) = mpsc::unbounded_channel();
        let life = Self {
            home,
            door: watch::Sender::new(Some(door(&server))),
            orders,
            ordered: AtomicUsize::new(0),
            ids: Mutex::new(plan.chosen.iter().cloned().collect()),
            chosen: plan.chosen.iter().map(|(_, id)| id.clone()).collect(),
            keys: plan.keys.iter().cloned().collect(),
            tally: Tally::default(),
            long,
        };
        let weeks = async {
            for (number, week) in plan.weeks.iter().enumerate() {
                life.week(week).await.with_context(|| format!("week {number}"))?;
            }
            life.order(Order::Stop);
            anyhow::Ok(())
        };
        let (server, ()) = tokio::try_join!(life.keep(server, ordered), weeks)?;
        anyhow::ensure!(server.stop().await?.code() == Some(0), "it does not stop well");
        Ok(life)
    }

    /// Keeps the program alive.
    async fn keep(
        &self,
        mut server: Server,
        mut orders: mpsc::UnboundedReceiver<Order>,
    ) -> anyhow::Result<Server> {
        while orders.recv().await == Some(Order::Die) {
            self.door.send_replace(None);
            server.kill().await?;
            self.tally.kills.fetch_add(1, Ordering::Relaxed);
            server = self.started().await?;
            self.door.send_replace(Some(door(&server)));
        }
        Ok(server)
    }

    /// A command that found no server has the data for itself until it ends.
    async fn started(&self) -> anyhow::Result<Server> {
        let until = Instant::now() + PATIENCE;
        loop {
            match Server::start_in(Arc::clone(&self.home), start()).await {
                Err(error)
                    if error.to_string().contains("is in use by another")
                        && Instant::now() < until => {}
                outcome => return outcome,
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn order(&self, order: Order) {
        self.ordered.fetch_add(usize::from(order == Order::Die), Ordering::Relaxed);
        // Who keeps it alive ends last, or with an error that is told.
        let _ = self.orders.send(order);
    }

    async fn open_door(&self) -> anyhow::Result<Door> {
        let mut doors = self.door.subscribe();
        let open = timeout(PATIENCE, doors.wait_for(Option::is_some)).await;
        let open = open.context("it does not come back")??.clone();
        open.context("a door")
    }

    async fn week(&self, week: &Week) -> anyhow::Result<()> {
        for step in &week.first {
            self.take(step).await?;
            self.at_rest().await?;
        }
        let lanes = week.lanes.iter().map(|lane| async move {
            for step in lane {
                self.take(step).await?;
            }
            anyhow::Ok(())
        });
        let beside = week.rebuild && (self.home.database().is_none() || self.long);
        let rebuild = async {
            if beside {
                // It dies with the program.
                self.rebuilt().await?;
            }
            anyhow::Ok(())
        };
        tokio::try_join!(try_join_all(lanes), rebuild)?;
        if week.rebuild && !beside {
            anyhow::ensure!(self.rebuilt().await?, "tables cannot be filled again");
        }
        self.at_rest().await?;
        for step in &week.last {
            self.take(step).await?;
        }
        Ok(())
    }

    /// Fills all tables again. Did it come to its end?
    async fn rebuilt(&self) -> anyhow::Result<bool> {
        let finished = rebuild::all(&self.home).await?;
        let whole = finished.code == 0;
        let count = if whole { &self.tally.rebuilds } else { &self.tally.broken_rebuilds };
        count.fetch_add(1, Ordering::Relaxed);
        Ok(whole)
    }

    /// Waits until nothing follows any more from what happened, and whoever was to die has come back.
    async fn at_rest(&self) -> anyhow::Result<()> {
        let until = Instant::now() + PATIENCE;
        let all_dead =
            || self.tally.kills.load(Ordering::Relaxed) == self.ordered.load(Ordering::Relaxed);
        while !all_dead() {
            anyhow::ensure!(Instant::now() < until, "it does not die");
            tokio::time::sleep(PAUSE).await;
        }
        self.open_door().await?;
        self.rest(&mut Look::at(&self.home).await?).await
    }

    /// The same, looked at from here.
    pub(crate) async fn rest(&self, look: &mut Look) -> anyhow::Result<()> {
        let (until, sql) = (Instant::now() + PATIENCE, unrest());
        while look.count(&sql).await? > 0 {
            if Instant::now() > until {
                bail!("it does not come to rest: {:?}", look.ask(RESTLESS).await?);
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    async fn take(&self, step: &Step) -> anyhow::Result<()> {
        let answered = async { self.ask(step).await.with_context(|| format!("{:?}", step.call)) };
        match step.kill {
            None => answered.await,
            Some(Kill::After) => {
                answered.await?;
                self.order(Order::Die);
                Ok(())
            }
            Some(Kill::During(looks)) => {
                let death = async {
                    let door = self.open_door().await?;
                    for _ in 0..looks {
                        // Whether it lives does not matter, only that a moment passes.
                        drop(door.agent.get("/healthz").await);
                    }
                    self.order(Order::Die);
                    anyhow::Ok(())
                };
                tokio::try_join!(answered, death).map(|((), ())| ())
            }
        }
    }

    /// Until it is answered.
    async fn ask(&self, step: &Step) -> anyhow::Result<()> {
        let until = Instant::now() + PATIENCE;
        self.tally.requests.fetch_add(1, Ordering::Relaxed);
        let mut lost = false;
        loop {
            let door = self.open_door().await?;
            let why = match self.ask_once(&door, &step.call).await {
                Ok(Outcome::Done) => return Ok(()),
                Ok(Outcome::Gone(_)) if lost => return Ok(()),
                Ok(Outcome::Gone(said)) => bail!(said),
                Ok(Outcome::Later(said)) => said,
                Err(error) if error.is::<Refused>() => return Err(error),
                Err(error) => {
                    lost = true;
                    format!("{error:#}")
                }
            };
            anyhow::ensure!(Instant::now() < until, "it is never answered: {why}");
            self.tally.repeated.fetch_add(1, Ordering::Relaxed);
            // Until there is another one, or for a moment.
            let mut doors = self.door.subscribe();
            drop(timeout(PAUSE, doors.changed()).await);
        }
    }
}

fn door(server: &Server) -> Door {
    // The superuser of the log that it began with.
    let agent = server.client();
    Door { admin: agent.with_token(wisptrail_tests::ADMIN_TOKEN), agent }
}

/// Jobs that are not done, and followers that are not at the end of the log. A removal looks once more a minute after its end,
/// for what came at the same moment; nothing does here.
fn unrest() -> String {
    let all = projections::all();
    let following = all.iter().filter(|it| it.mode() == store::Mode::Following);
    let names: Vec<String> = following.map(|it| format!("'{}'", it.name())).collect();
    format!(
        "SELECT (SELECT count(*) FROM jobs WHERE state IN ('queued', 'running') AND kind <> '{}'
            AND CAST(payload AS text) NOT LIKE '%\"last\":true%')
         + (SELECT count(*) FROM projection_checkpoints WHERE name IN ({})
            AND (state <> 'running' OR position < (SELECT position FROM store_head)))",
        projections::MailJob::KIND,
        names.join(", ")
    )
}
