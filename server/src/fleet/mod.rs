//! A fleet of simulated devices that speak the agents' protocol over HTTP, exactly as the real
//! agents do: what they send, in which order, how they read answers, when they try again and when
//! they give up.
//!
//! It is the demonstration (`serve --demo`) and the load generator (`wisptrail fleet`). It knows
//! nothing of the server but its address. Everything that is left to chance follows from a seed.
//!
//! Rejected: one thread per device (ten thousand of them are asked for), and asking the server's
//! own code what it would have answered (then the fleet would prove nothing).

mod agent;
mod archive;
mod args;
mod identity;
mod ledger;
mod measure;
mod options;
mod pace;
mod summary;
#[cfg(test)]
mod tests;
mod uci;
mod wire;
mod world;

use std::{future, pin::pin, sync::Arc, time::Duration};

use anyhow::Context;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use self::{agent::Agent, world::World};
pub use self::{
    args::Args,
    options::Options,
    pace::Pace,
    summary::{RequestSummary, Summary},
};

/// How a run goes and what ends it; by default nothing but its cancellation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Course {
    /// Ends after this time.
    pub duration: Option<Duration>,
    /// When all devices lose power at once.
    pub reboot_storm: Option<Duration>,
    /// Ends when every device has its configuration or has given up.
    pub until_settled: bool,
}

/// A fleet that is ready to be switched on.
pub struct Fleet {
    world: Arc<World>,
}

/// How often the memory of the devices is written.
const SAVE_INTERVAL: Duration = Duration::from_secs(2);

/// Runs the fleet of the command line until its time is over or the process is asked to stop
/// (SIGINT, SIGTERM). The caller prints the summary.
///
/// # Errors
///
/// The arguments make no sense together, or the file of the devices' memory cannot be used.
pub async fn run(args: Args) -> anyhow::Result<Summary> {
    let fleet = Fleet::new(args.options())?;
    let stop = CancellationToken::new();
    let mut interrupt = signal(SignalKind::interrupt()).context("failed to listen for signals")?;
    let mut terminate = signal(SignalKind::terminate()).context("failed to listen for signals")?;
    let mut running = pin!(fleet.run(args.course(), stop.clone()));
    loop {
        tokio::select! {
            summary = &mut running => return summary,
            _ = interrupt.recv() => stop.cancel(),
            _ = terminate.recv() => stop.cancel(),
        }
    }
}

impl Fleet {
    /// Prepares the devices; sends nothing yet.
    ///
    /// # Errors
    ///
    /// An option makes no sense, or the file of the devices' memory cannot be read.
    pub fn new(options: Options) -> anyhow::Result<Self> {
        Ok(Self { world: Arc::new(World::new(options)?) })
    }

    /// Switches the devices on, and off again when the course is over or `stop` says so.
    ///
    /// # Errors
    ///
    /// The memory of the devices cannot be written at the end.
    pub async fn run(self, course: Course, stop: CancellationToken) -> anyhow::Result<Summary> {
        let world = self.world;
        let started = Instant::now();
        let (power, boots) = watch::channel(0);
        let mut devices = JoinSet::new();
        for number in 0..world.devices {
            devices.spawn(Agent::new(Arc::clone(&world), number).live(boots.clone()));
        }
        debug!(devices = world.devices, seed = world.seed, "simulated devices are switched on");
        tokio::select! {
            () = stop.cancelled() => {}
            () = after(course.duration) => {}
            () = done(&world, course.until_settled) => {}
            () = storm(&power, course.reboot_storm) => {}
            () = keep(&world) => {}
        }
        devices.shutdown().await;
        world.ledger.save()?;
        let time = started.elapsed();
        Ok(world.measures.summary(world.devices, world.settled(), world.seed, time))
    }
}

async fn after(time: Option<Duration>) {
    match time {
        Some(time) => sleep(time).await,
        None => future::pending().await,
    }
}

/// Ends when all devices have settled or given up, if that is the end.
async fn done(world: &World, ends: bool) {
    world.all_done().await;
    info!(devices = world.devices, "all simulated devices have their configuration or gave up");
    if !ends {
        future::pending::<()>().await;
    }
}

/// Cuts the power of all devices once; never ends.
async fn storm(power: &watch::Sender<u32>, at: Option<Duration>) {
    after(at).await;
    info!("all simulated devices lose power");
    power.send_modify(|boots| *boots += 1);
    future::pending::<()>().await;
}

/// Writes what devices remember, now and then; never ends.
async fn keep(world: &World) {
    loop {
        sleep(SAVE_INTERVAL).await;
        if let Err(error) = world.ledger.save() {
            warn!("{error:#}");
        }
    }
}
