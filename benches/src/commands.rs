//! Whole commands (load, decide, commit) on PostgreSQL: our log beside plain postgres-es, in the same cluster, through
//! the same framework of cqrs-es with the same aggregate.

use std::{sync::Arc, time::Instant};

use anyhow::Context;
use app::{AggregateStore, App, Parts, Sealing, Settings};
use chrono::{DateTime, Utc};
use cqrs_es::{CqrsFramework, EventStore, persist::PersistedEventStore};
use domain::{
    DeviceId, OrganizationId, Sealed,
    device::{Device, DeviceCommand, Information, RegisterDevice},
};
use futures::future::try_join_all;
use postgres_es::PostgresEventRepository;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;
use secrecy::{SecretSlice, SecretString};
use sqlx::{Connection as _, Executor as _, PgConnection, postgres::PgPoolOptions};
use store::{Blobs, Followers, Keyring, Location, MasterKey, Options, Store};
use uuid::Uuid;

use crate::say;

const CALLERS: [usize; 3] = [1, 8, 64];
/// Commands of one caller, each to a device of its own.
const COMMANDS: usize = 200;
const POOLS: [u32; 4] = [8, 16, 32, 64];

pub(crate) async fn measure() -> anyhow::Result<()> {
    let server = std::env::var("WISPTRAIL_TEST_POSTGRES").context(
        "WISPTRAIL_TEST_POSTGRES must name a PostgreSQL server (with fsync on, or both are flattered)",
    )?;
    for callers in CALLERS {
        let mut plain = (0.0_f64, 0);
        for pool in POOLS {
            let database = Database::create(&server).await?;
            let connections =
                PgPoolOptions::new().max_connections(pool).connect(&database.url).await?;
            connections.execute(TABLES).await?;
            let repository = PostgresEventRepository::new(connections.clone());
            let events = PersistedEventStore::<_, Device>::new_event_store(repository);
            let rate = run(CqrsFramework::new(events, vec![], ()), callers).await?;
            if rate > plain.0 {
                plain = (rate, pool);
            }
            connections.close().await;
            database.drop().await?;
        }
        let database = Database::create(&server).await?;
        let app = open(&database.url).await?;
        let events = AggregateStore::<Device>::new(app.clone(), "system:bench".to_owned());
        let (stop, stopped) = tokio::sync::watch::channel(());
        let mut background = tokio::task::JoinSet::new();
        for part in app.background(|| {
            let mut stopped = stopped.clone();
            async move { while stopped.changed().await.is_ok() {} }
        }) {
            background.spawn(part.run);
        }
        let ours = run(CqrsFramework::new(events, vec![], ()), callers).await?;
        drop(stop);
        while background.join_next().await.is_some() {}
        app.close().await;
        database.drop().await?;
        say(&format!(
            "{callers:2} callers: {ours:.0} commands/s with claims, read models and chain; postgres-es {:.0}/s (best pool: {}): {:.2} times",
            plain.0,
            plain.1,
            ours / plain.0
        ));
    }
    Ok(())
}

/// Commands per second.
async fn run<S>(framework: CqrsFramework<Device, S>, callers: usize) -> anyhow::Result<f64>
where
    S: EventStore<Device>,
{
    let framework = &framework;
    let ids: Vec<Vec<Uuid>> =
        (0..callers).map(|_| (0..COMMANDS / 4).map(|_| Uuid::new_v4()).collect()).collect();
    let begun = Instant::now();
    try_join_all(ids.iter().map(|ids| async move {
        for id in ids {
            let register = DeviceCommand::Register(Box::new(device(*id)?));
            execute(framework, *id, register).await?;
            for text in ["one", "two", "three"] {
                let command = DeviceCommand::ChangeNotes(text.to_owned());
                execute(framework, *id, command).await?;
            }
        }
        anyhow::Ok(())
    }))
    .await?;
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let commands = (callers * COMMANDS) as f64;
    Ok(commands / begun.elapsed().as_secs_f64())
}

async fn execute<S>(
    framework: &CqrsFramework<Device, S>,
    id: Uuid,
    command: DeviceCommand,
) -> anyhow::Result<()>
where
    S: EventStore<Device>,
{
    let done = framework.execute(&id.to_string(), command).await;
    done.map_err(|error| anyhow::anyhow!("{error:?}"))
}

fn device(id: Uuid) -> anyhow::Result<RegisterDevice> {
    let text = id.simple().to_string();
    let mac: Vec<&str> = (0..6).map(|part| &text[part * 2..part * 2 + 2]).collect();
    let wrong = |_| anyhow::anyhow!("not a value");
    Ok(RegisterDevice {
        id: DeviceId::from_uuid(id),
        organization_id: OrganizationId::from_uuid(Uuid::from_u128(1)),
        name: format!("ap-{}", &text[..12]).parse().map_err(wrong)?,
        mac_address: mac.join(":").parse().map_err(wrong)?,
        key: Sealed {
            envelope: serde_json::json!({ "$enc": { "n": "x".repeat(60) } }),
            fingerprint: text.repeat(2),
        },
        hardware_id: None,
        information: Information::default(),
        notes: String::new(),
        group_id: None,
    })
}

struct World;

impl app::World for World {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn new_id(&self) -> Uuid {
        Uuid::new_v4()
    }

    fn fill(&self, bytes: &mut [u8]) {
        rand::rng().fill_bytes(bytes);
    }
}

impl store::Clock for World {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

async fn open(url: &str) -> anyhow::Result<App> {
    let location = Location::Postgres { url: SecretString::from(url.to_owned()) };
    let mut options = Options::new(location, Arc::new(projections::Catalogue), Arc::new(World));
    options.projections = projections::all();
    let store = Store::open(options).await?;
    let master = MasterKey::Given(SecretSlice::from(vec![7; 32]));
    let keyring = Arc::new(
        Keyring::open(store.clone(), master, Box::new(ChaCha20Rng::from_seed(rand::random())))
            .await?,
    );
    Ok(App::open(Parts {
        followers: Followers::new(store.clone()),
        blobs: Blobs::in_database(store.clone(), Arc::clone(&keyring)),
        sealing: Sealing::new(keyring),
        world: Arc::new(World),
        settings: Settings::default(),
        store,
    })
    .await?)
}

struct Database {
    server: String,
    name: String,
    url: String,
}

impl Database {
    async fn create(server: &str) -> anyhow::Result<Self> {
        let name = format!("wisptrail_bench_{}", Uuid::new_v4().simple());
        let mut admin = PgConnection::connect(server).await?;
        admin.execute(format!("CREATE DATABASE {name}").as_str()).await?;
        let (base, _) = server.rsplit_once('/').context("an address with a database")?;
        Ok(Self { server: server.to_owned(), url: format!("{base}/{name}"), name })
    }

    async fn drop(self) -> anyhow::Result<()> {
        let mut admin = PgConnection::connect(&self.server).await?;
        admin.execute(format!("DROP DATABASE {} WITH (FORCE)", self.name).as_str()).await?;
        Ok(())
    }
}

/// What postgres-es wants.
const TABLES: &str = "
    CREATE TABLE events (
        aggregate_type text NOT NULL, aggregate_id text NOT NULL, sequence bigint NOT NULL,
        event_type text NOT NULL, event_version text NOT NULL, payload json NOT NULL, metadata json NOT NULL,
        PRIMARY KEY (aggregate_type, aggregate_id, sequence));
    CREATE TABLE snapshots (
        aggregate_type text NOT NULL, aggregate_id text NOT NULL, last_sequence bigint NOT NULL,
        current_snapshot bigint NOT NULL, payload json NOT NULL,
        PRIMARY KEY (aggregate_type, aggregate_id, last_sequence))";
