//! A small network in a fresh database, for stories.

use std::{
    collections::BTreeSet,
    error::Error,
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use app::{
    App, By, NewOrganization, NewTemplate, Parts, Peer, Registered, Registration, Sealing, Settings,
};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    Document, OrganizationId, TemplateId,
    accounts::{DeviceLimit, OrganizationDetails},
};
use parking_lot::Mutex;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use serde_json::Value;
use sqlx::{Connection as _, PgConnection};
use store::{Blobs, Followers, Keyring, Location, MasterKey, Options, Store};
use tempfile::TempDir;
use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use wisptrail_workers::{self as workers, Owner, Reconciler};

pub(crate) type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

pub(crate) const HARBOUR: OrganizationId = OrganizationId::from_uuid(Uuid::from_u128(1));
pub(crate) const HILLS: OrganizationId = OrganizationId::from_uuid(Uuid::from_u128(2));

/// Where agents of the stories are.
pub(crate) const PEER: Peer =
    Peer { address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)), correlation_id: None };

pub(crate) struct World {
    pub(crate) app: App,
    pub(crate) location: Location,
    clock: Arc<Seeded>,
    workers: Vec<Arc<dyn Reconciler>>,
    tasks: JoinSet<()>,
    stop: watch::Sender<()>,
    _folder: TempDir,
    postgres: Option<(SecretString, String)>,
}

/// Randomness and ids from a seed; time from the machine, but never backwards.
struct Seeded {
    random: Mutex<ChaCha20Rng>,
    last: AtomicI64,
    erasures: Mutex<BTreeSet<Uuid>>,
}

impl app::World for Seeded {
    fn now(&self) -> DateTime<Utc> {
        // A microsecond per question: order is all that stories need.
        let micros = self.last.fetch_add(1, Ordering::Relaxed);
        DateTime::from_timestamp_micros(micros).unwrap_or_default()
    }

    fn new_id(&self) -> Uuid {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    fn fill(&self, bytes: &mut [u8]) {
        self.random.lock().fill_bytes(bytes);
    }

    fn keep_erasure(&self, person: Uuid) -> std::io::Result<()> {
        self.erasures.lock().insert(person);
        Ok(())
    }

    fn drop_erasure(&self, person: Uuid) -> std::io::Result<()> {
        self.erasures.lock().remove(&person);
        Ok(())
    }
}

impl store::Clock for Seeded {
    fn now(&self) -> DateTime<Utc> {
        app::World::now(self)
    }
}

/// Runs a story on SQLite, and on PostgreSQL when `WISPTRAIL_TEST_POSTGRES` names a server;
/// `WISPTRAIL_TEST_ROW_LEVEL_SECURITY` makes that one bound what requests reach.
pub(crate) fn on_each_database(story: impl AsyncFn(&World) -> Outcome) -> Outcome {
    with_settings(&Settings::default(), story)
}

/// The same with settings of the story's own.
pub(crate) fn with_settings(
    settings: &Settings,
    story: impl AsyncFn(&World) -> Outcome,
) -> Outcome {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let world = World::open(None, settings.clone()).await?;
        let told = story(&world).await;
        world.close().await?;
        told
    })?;
    let Some(server) = std::env::var_os("WISPTRAIL_TEST_POSTGRES") else { return Ok(()) };
    let server = SecretString::from(server.into_string().map_err(|_| "not text")?);
    runtime.block_on(async {
        let world = World::open(Some(server), settings.clone()).await?;
        let told = story(&world).await;
        world.close().await?;
        told
    })
}

impl World {
    async fn open(server: Option<SecretString>, settings: Settings) -> Outcome<Self> {
        let folder = TempDir::with_prefix("wisptrail-story-")?;
        let (location, postgres) = match server {
            None => (Location::Sqlite { folder: folder.path().to_owned() }, None),
            Some(server) => {
                let name = format!("wisptrail_story_{}", Uuid::new_v4().simple());
                let mut admin = PgConnection::connect(server.expose_secret()).await?;
                sqlx::raw_sql(&format!("CREATE DATABASE {name}")).execute(&mut admin).await?;
                let (base, _) = server.expose_secret().rsplit_once('/').ok_or("an address")?;
                let url = SecretString::from(format!("{base}/{name}"));
                (Location::Postgres { url }, Some((server, name)))
            }
        };
        let world = Arc::new(Seeded {
            random: Mutex::new(ChaCha20Rng::seed_from_u64(7)),
            last: AtomicI64::new(1_790_000_000_000_000),
            erasures: Mutex::default(),
        });
        let interpreter = Arc::new(projections::Catalogue);
        let mut options = Options::new(location.clone(), interpreter, world.clone());
        options.projections = projections::all();
        options.row_level_security =
            postgres.is_some() && std::env::var_os("WISPTRAIL_TEST_ROW_LEVEL_SECURITY").is_some();
        let store = Store::open(options).await?;
        let master = MasterKey::Given(SecretSlice::from(vec![7; 32]));
        let random = Box::new(ChaCha20Rng::seed_from_u64(8));
        let keyring = Arc::new(Keyring::open(store.clone(), master, random).await?);
        let blobs = match &location {
            Location::Sqlite { folder } => {
                Blobs::in_file(&folder.join("blobs.db"), Arc::clone(&keyring))?
            }
            Location::Postgres { .. } => Blobs::in_database(store.clone(), Arc::clone(&keyring)),
        };
        let app = App::open(Parts {
            followers: Followers::new(store.clone()),
            store,
            blobs,
            sealing: Sealing::new(keyring),
            world: world.clone(),
            settings,
        })
        .await?;
        let (stop, stopped) = watch::channel(());
        let mut tasks = JoinSet::new();
        for background in app.background(|| {
            let mut stopped = stopped.clone();
            async move { while stopped.changed().await.is_ok() {} }
        }) {
            tasks.spawn(background.run);
        }
        let owner = Owner { name: "story".to_owned(), stop: CancellationToken::new() };
        let workers = workers::all(&app, &owner);
        let world =
            Self { app, location, clock: world, workers, tasks, stop, _folder: folder, postgres };
        world.organization(HARBOUR, "harbour").await?;
        world.organization(HILLS, "hills").await?;
        Ok(world)
    }

    async fn close(self) -> Outcome {
        let Self { app, mut tasks, stop, postgres, .. } = self;
        drop(stop);
        while tasks.join_next().await.is_some() {}
        app.close().await;
        if let Some((server, name)) = postgres {
            let mut admin = PgConnection::connect(server.expose_secret()).await?;
            let drop_it = format!("DROP DATABASE {name} WITH (FORCE)");
            sqlx::raw_sql(&drop_it).execute(&mut admin).await?;
        }
        Ok(())
    }

    /// Lets time go by.
    pub(crate) fn pass(&self, time: Duration) {
        let micros = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        self.clock.last.fetch_add(micros, Ordering::Relaxed);
    }

    /// The same in days and minutes.
    pub(crate) fn later(&self, by: TimeDelta) {
        self.pass(by.to_std().unwrap_or_default());
    }

    /// The present of the story.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        app::World::now(&*self.clock)
    }

    /// Who was erased, as a list outside of the database says.
    pub(crate) fn erasures(&self) -> BTreeSet<Uuid> {
        self.clock.erasures.lock().clone()
    }

    /// The program itself.
    pub(crate) fn by() -> By {
        By::system("story")
    }

    async fn organization(&self, id: OrganizationId, slug: &str) -> Outcome {
        let new = NewOrganization {
            id,
            name: slug.to_owned(),
            slug: slug.to_owned(),
            details: OrganizationDetails::default(),
            is_active: true,
            registration_enabled: true,
            shared_secret: Some(secret(id).into()),
            context: Document::new(),
            device_limit: DeviceLimit::Unlimited,
        };
        self.app.organizations().create(&Self::by(), new).await?;
        Ok(())
    }

    pub(crate) async fn register(
        &self,
        organization: OrganizationId,
        number: u32,
    ) -> Result<Registered, app::RegistrationRefused> {
        let registration = Registration {
            secret: secret(organization),
            name: format!("ap-{number}"),
            mac_address: format!("02:00:00:00:{:02X}:{:02X}", number / 256 % 256, number % 256),
            backend: "netjsonconfig.OpenWrt".to_owned(),
            key: Some(format!("key-of-device-{number}-of-{}", organization.as_uuid().as_u128())),
            hardware_id: None,
            model: None,
            os: Some("OpenWrt 24.10".to_owned()),
            system: None,
            tags: Vec::new(),
        };
        self.app.agents().register(registration, PEER).await
    }

    pub(crate) async fn template(
        &self,
        id: u128,
        organization: Option<OrganizationId>,
        text: &str,
        (default, required): (bool, bool),
    ) -> Outcome<TemplateId> {
        let id = TemplateId::from_uuid(Uuid::from_u128(id));
        let new = NewTemplate {
            id,
            organization_id: organization,
            name: format!("template {}", id.as_uuid().as_u128()),
            backend: "netjsonconfig.OpenWrt".to_owned(),
            config: file(&format!("/etc/t{}", id.as_uuid().as_u128()), text),
            default_values: Document::new(),
            tags: Vec::new(),
            default,
            required,
            notes: String::new(),
        };
        self.app.templates().create(&Self::by(), new).await?;
        Ok(id)
    }

    /// Lets followers and workers do all that there is to do.
    pub(crate) async fn settle(&self) -> Outcome {
        for _ in 0..1000 {
            self.app.followers().catch_up().await?;
            let mut found = 0;
            for worker in &self.workers {
                found += worker.reconcile().await?.found;
            }
            if found == 0 {
                return Ok(());
            }
        }
        Err("the workers find something to do for ever".into())
    }

    /// Waits until something is so; not for ever.
    pub(crate) async fn until(what: &str, so: impl AsyncFn() -> Outcome<bool>) -> Outcome {
        for _ in 0..1000 {
            if so().await? {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Err(format!("still not so: {what}").into())
    }
}

/// What agents of an organization register with.
pub(crate) fn secret(organization: OrganizationId) -> String {
    format!("secret-of-organization-{}", organization.as_uuid().as_u128())
}

/// A configuration of one file.
pub(crate) fn file(path: &str, contents: &str) -> Document {
    document(serde_json::json!({
        "files": [{ "path": path, "mode": "0644", "contents": contents }]
    }))
}

pub(crate) fn document(value: Value) -> Document {
    match value {
        Value::Object(document) => document,
        _ => Document::new(),
    }
}
