//! Opens the data folder, the log, the keys and the use cases, in this order.

use std::{path::PathBuf, sync::Arc};

use anyhow::{Context as _, bail};
use app::{
    AccountSettings, App, ControllerSettings, Parts, RetentionSettings, Sealing, WebhookSettings,
};
use rand::Rng as _;
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use store::{Blobs, Followers, Keyring, Location, MasterKey, Options, Rebuild, Replayed, Store};

use super::mail;
use crate::{
    archive::{self, Archiver},
    data_folder::{DataFolder, read_master_key},
    erasures, people,
    settings::{self, Durability, Settings},
    world::{self, SystemWorld},
};

/// What is open while the program runs.
pub struct Opened {
    /// Locked until the end.
    pub folder: DataFolder,
    /// The use cases.
    pub app: App,
    /// What whoever started a server that shows what was signs in with.
    pub viewer: Option<SecretString>,
    location: Location,
    store: Store,
    keyring: Arc<Keyring>,
}

/// What the control socket needs of it.
#[derive(Clone)]
pub struct Serving {
    /// The log.
    pub store: Store,
    /// Where it is, for the comparison of tables.
    pub location: Location,
    /// The use cases.
    pub app: App,
    /// What evidence is signed with.
    pub keyring: Arc<Keyring>,
    /// Makes archives of the log.
    pub(crate) archiver: Archiver,
}

/// Where the log is. A folder that shows what was has it in itself, whatever else the settings name.
pub fn location(settings: &Settings) -> anyhow::Result<Location> {
    if Replayed::of(&settings.data.folder)?.is_some() {
        return Ok(Location::Sqlite { folder: settings.data.folder.clone() });
    }
    let file = &settings.database.url_file;
    let file = (!file.as_os_str().is_empty()).then_some(file.as_path());
    let url = settings::secret_or_file("database.url", &settings.database.url, file)?;
    if let (Some(url), Some(file)) = (&url, file) {
        settings::check_database_url(url)
            .with_context(|| format!("the address of the database in {}", file.display()))?;
    }
    Ok(match url {
        Some(url) => Location::Postgres { url },
        None => Location::Sqlite { folder: settings.data.folder.clone() },
    })
}

/// Opens the log alone, for commands without a running server. One that shows what was is only read.
pub async fn open_store(settings: &Settings) -> anyhow::Result<Store> {
    match Replayed::of(&settings.data.folder)? {
        Some(replayed) => Store::open_replayed(options(settings)?, &replayed).await,
        None => Store::open(options(settings)?).await,
    }
    .map_err(in_words)
}

/// How the log is opened.
pub(crate) fn options(settings: &Settings) -> anyhow::Result<Options> {
    let world = Arc::new(SystemWorld::new()?);
    let mut options = Options::new(location(settings)?, Arc::new(projections::Catalogue), world);
    options.durability = match settings.database.durability {
        Durability::Full => store::Durability::Full,
        Durability::Normal => store::Durability::Normal,
    };
    options.projections = projections::all();
    let replayed = Replayed::of(&settings.data.folder)?.is_some();
    options.row_level_security = settings.database.row_level_security && !replayed;
    if options.row_level_security && matches!(options.location, Location::Sqlite { .. }) {
        bail!("database.row_level_security needs PostgreSQL: give database.url, or leave it out");
    }
    // Commands may run where no server has made the folder.
    options.anchors = Some(settings.data.folder.clone()).filter(|folder| folder.exists());
    Ok(options)
}

/// Opens everything. The folder's lock comes first, so that two servers never share one.
pub async fn open(settings: &Settings) -> anyhow::Result<Opened> {
    let folder = DataFolder::open(&settings.data.folder)?;
    let location = location(settings)?;
    if let Some(replayed) = Replayed::of(folder.path())? {
        let ((app, store, keyring), token) = open_replayed(settings, &folder, &replayed).await?;
        return Ok(Opened { folder, app, viewer: Some(token), location, store, keyring });
    }
    let (app, store, keyring) = open_in(settings, &folder).await?;
    Ok(Opened { folder, app, viewer: None, location, store, keyring })
}

/// Opens what was. The keys are the folder's own, whatever the settings name.
async fn open_replayed(
    settings: &Settings,
    folder: &DataFolder,
    replayed: &Replayed,
) -> anyhow::Result<((App, Store, Arc<Keyring>), SecretString)> {
    let store = open_store(settings).await?;
    let master = folder.master_key(None)?;
    let keyring = Keyring::open(store.clone(), master, Box::new(world::generator()?)).await;
    let keyring = Arc::new(keyring.map_err(in_words)?);
    let blobs = Blobs::in_file(&folder.path().join("blobs.db"), Arc::clone(&keyring));
    let blobs = blobs.map_err(in_words)?;
    let blobs = if replayed.keys { blobs } else { blobs.without_organizations() };
    let mut token = vec![0; 20];
    world::generator()?.fill_bytes(&mut token);
    let token = SecretString::from(hex::encode(token));
    let user = people::user_name(rustix::process::geteuid().as_raw());
    let parts = parts(settings, folder, (&store, blobs, Arc::clone(&keyring)))?;
    let app = App::open_replayed(parts, &token, user).await;
    let app = app.context("cannot load what agents are answered from")?;
    Ok(((app, store, keyring), token))
}

/// The same in a folder whose lock is held already.
pub(crate) async fn open_in(
    settings: &Settings,
    folder: &DataFolder,
) -> anyhow::Result<(App, Store, Arc<Keyring>)> {
    let store = open_store(settings).await?;
    Rebuild::new(store.clone())
        .ensure_current()
        .await
        .context("the tables cannot be brought up to date with the log")?;
    let keyring = Arc::new(keyring(settings, folder, &store).await?);
    let blobs = match location(settings)? {
        Location::Sqlite { folder } => {
            Blobs::in_file(&folder.join("blobs.db"), Arc::clone(&keyring)).map_err(in_words)?
        }
        Location::Postgres { .. } => Blobs::in_database(store.clone(), Arc::clone(&keyring)),
    };
    let parts = parts(settings, folder, (&store, blobs, Arc::clone(&keyring)))?;
    let app = App::open(parts).await.context("cannot load what agents are answered from")?;
    Ok((app, store, keyring))
}

fn parts(
    settings: &Settings,
    folder: &DataFolder,
    (store, blobs, keyring): (&Store, Blobs, Arc<Keyring>),
) -> anyhow::Result<Parts> {
    Ok(Parts {
        followers: Followers::new(store.clone()),
        store: store.clone(),
        blobs,
        sealing: Sealing::new(keyring),
        world: Arc::new(SystemWorld::keeping(folder.path().join(erasures::FILE))?),
        settings: app::Settings {
            accounts: accounts(settings),
            controller: controller(settings),
            mail: mail::settings(settings)?,
            webhooks: webhooks(settings),
            retention: RetentionSettings {
                facts: settings.retention.facts.0,
                sessions: settings.retention.sessions.0,
                archived: archive::folder(settings).is_some(),
            },
            public_url: settings.public_url(),
        },
    })
}

impl Opened {
    /// For the control socket.
    pub fn serving(&self) -> Serving {
        let (store, location) = (self.store.clone(), self.location.clone());
        let keyring = Arc::clone(&self.keyring);
        let of = (store.clone(), location.clone(), Arc::clone(&keyring));
        let archiver = Archiver::of_server(of, self.folder.name());
        Serving { store, location, app: self.app.clone(), keyring, archiver }
    }

    /// Ends queued work; the writer goes last.
    pub async fn close(&self) {
        self.app.close().await;
    }
}

/// The file of the master key that the operator named, if it is not the one in the data folder.
pub(crate) fn master_key_file(settings: &Settings) -> Option<PathBuf> {
    let given = &settings.security.master_key_file;
    let given = (!given.as_os_str().is_empty()).then(|| given.clone());
    given.or_else(|| std::env::var_os("WISPTRAIL_MASTER_KEY_FILE").map(PathBuf::from))
}

/// The keys of a log that is open without a server: the master key has to be there.
pub(crate) async fn keyring_alone(settings: &Settings, store: &Store) -> anyhow::Result<Keyring> {
    let path = master_key_file(settings);
    let path = path.unwrap_or_else(|| settings.data.folder.join("master.key"));
    let master = MasterKey::Given(read_master_key(&path)?);
    let random = Box::new(world::generator()?);
    Keyring::open(store.clone(), master, random).await.map_err(in_words)
}

async fn keyring(
    settings: &Settings,
    folder: &DataFolder,
    store: &Store,
) -> anyhow::Result<Keyring> {
    let master = folder.master_key(master_key_file(settings).as_deref())?;
    let generated = match &master {
        MasterKey::Generated(key) => Some(SecretSlice::from(key.expose_secret().to_vec())),
        MasterKey::Given(_) => None,
    };
    if let Some(key) = &generated {
        // Kept before it is used: what it seals must never be lost to a crash in between.
        folder.keep_master_key(key)?;
    }
    let random = Box::new(world::generator()?);
    let opened = Keyring::open(store.clone(), master, random).await;
    if opened.is_err() && generated.is_some() {
        drop(std::fs::remove_file(folder.path().join("master.key")));
    }
    opened.map_err(in_words)
}

fn accounts(settings: &Settings) -> AccountSettings {
    AccountSettings {
        phone_prefixes: settings.accounts.phone_prefixes.clone(),
        shortest_password: settings.accounts.shortest_password,
        password_history: settings.accounts.password_history,
        failures_per_account: settings.accounts.failures_per_account,
        failures_window: settings.accounts.failures_window.0,
        failures_per_address: settings.accounts.failures_per_address,
        failures_address_window: settings.accounts.failures_address_window.0,
        password_days: settings.accounts.password_expiration,
        staff_password_days: settings.accounts.staff_password_expiration,
        password_reminder_days: settings.accounts.password_reminder,
    }
}

fn controller(settings: &Settings) -> ControllerSettings {
    let given = &settings.controller;
    ControllerSettings {
        registration_enabled: given.registration_enabled,
        registration_self_creation: given.registration_self_creation,
        consistent_registration: given.consistent_registration,
        hardware_id_enabled: given.hardware_id_enabled,
        shared_management_ip_address_space: given.shared_management_ip_address_space,
        backends: given.backends.clone(),
        context: given.context.clone(),
        dsa_default: given.dsa_default,
        allow_lint_findings: given.allow_lint_findings,
        registrations_per_minute: given.registrations_per_minute,
        registration_burst: given.registration_burst,
        operations_per_account: given.operations_per_account,
        address_interval: given.address_interval.0,
    }
}

fn webhooks(settings: &Settings) -> WebhookSettings {
    let given = &settings.webhooks;
    WebhookSettings {
        allow_private: given.allow_private,
        first_retry: given.first_retry.0,
        longest_retry: given.longest_retry.0,
        disable_after: given.disable_after.0,
        keep_deliveries: given.keep_deliveries.0,
    }
}

fn in_words(error: store::StoreError) -> anyhow::Error {
    anyhow::Error::new(error).context("cannot open the database")
}
