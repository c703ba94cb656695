//! Where devices are reached: in memory at once, in the log once a minute, and the same after a restart.

use std::{
    net::{IpAddr, Ipv4Addr},
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use app::{App, DeviceChange, Parts, Peer, Presence, Registered, Sealing, Settings};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{DeviceId, device::DeviceEvent};
use rand::SeedableRng as _;
use rand_chacha::ChaCha20Rng;
use secrecy::SecretSlice;
use store::{Blobs, EventFilter, Followers, Keyring, Location, MasterKey, Store};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::world::{HARBOUR, HILLS, Outcome, World, on_each_database};

#[test]
fn an_address_is_recorded_at_most_once_a_minute() -> Outcome {
    on_each_database(async |world| {
        let device = world.register(HARBOUR, 1).await?;
        let (app, clock) = another_program(world, Settings::default()).await?;
        let recorded = async || recorded(&app, device.device_id).await;

        poll(&app, &device, PRIVATE, Some("10.9.0.1")).await?;
        assert_eq!(app.devices().record_addresses().await?, 1);
        assert_eq!(recorded().await?, ["10.9.0.1"]);
        for address in ["10.9.0.2", "10.9.0.3"] {
            poll(&app, &device, PRIVATE, Some(address)).await?;
            assert_eq!(app.devices().record_addresses().await?, 0);
        }
        // It is known at once, whatever the log says.
        assert_eq!(presence(&app, device.device_id).await?.management_ip, ip("10.9.0.3"));
        assert_eq!(recorded().await?, ["10.9.0.1"]);

        clock.pass(TimeDelta::seconds(59));
        assert_eq!(app.devices().record_addresses().await?, 0);
        clock.pass(TimeDelta::seconds(1));
        assert_eq!(app.devices().record_addresses().await?, 1);
        assert_eq!(recorded().await?, ["10.9.0.1", "10.9.0.3"]);

        // The same address again is nothing new.
        clock.pass(TimeDelta::minutes(5));
        poll(&app, &device, PRIVATE, Some("10.9.0.3")).await?;
        assert_eq!(app.devices().record_addresses().await?, 0);
        Ok(())
    })
}

#[test]
fn presence_survives_a_restart() -> Outcome {
    on_each_database(async |world| {
        let (app, device) = (&world.app, world.register(HARBOUR, 1).await?);
        poll(app, &device, PRIVATE, Some("10.9.0.1")).await?;
        app.agents().download(device.device_id, Some(&device.key), None, PRIVATE).await?;
        assert!(
            app.agents().checksum(device.device_id, Some("wrong"), None, PRIVATE).await.is_err()
        );
        let before = presence(app, device.device_id).await?;
        assert_eq!((before.last_ip, before.wrong_keys), (Some(PRIVATE.address), 1));
        assert!(before.last_download.is_some() && before.downloaded_md5.is_some());
        app.devices().flush_presence().await?;

        let (app, _) = another_program(world, Settings::default()).await?;
        assert_eq!(presence(&app, device.device_id).await?, before);
        // Addresses still belong to whoever has them: another device takes them.
        let other = world.register(HILLS, 2).await?;
        let (app, _) = another_program(world, Settings::default()).await?;
        poll(&app, &other, PRIVATE, Some("10.9.0.1")).await?;
        let lost = presence(&app, device.device_id).await?;
        assert_eq!((lost.last_ip, lost.management_ip), (None, None));
        Ok(())
    })
}

#[test]
fn what_was_flushed_and_not_recorded_is_recorded_after_a_restart() -> Outcome {
    on_each_database(async |world| {
        let device = world.register(HARBOUR, 1).await?;
        poll(&world.app, &device, PRIVATE, Some("10.9.0.1")).await?;
        world.app.devices().flush_presence().await?;
        // An event of another kind says nothing of addresses.
        let renamed = DeviceChange { name: Some("mast".to_owned()), ..DeviceChange::default() };
        world.app.devices().change(&World::by(), device.device_id, renamed).await?;

        let (app, _) = another_program(world, Settings::default()).await?;
        assert_eq!(app.devices().record_addresses().await?, 1);
        assert_eq!(recorded(&app, device.device_id).await?, ["10.9.0.1"]);
        let (app, _) = another_program(world, Settings::default()).await?;
        assert_eq!(app.devices().record_addresses().await?, 0);
        Ok(())
    })
}

#[test]
fn what_was_recorded_and_not_flushed_holds_after_a_crash() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        let (device, unheard) =
            (world.register(HARBOUR, 1).await?, world.register(HARBOUR, 2).await?);
        poll(app, &device, PRIVATE, Some("10.9.0.1")).await?;
        app.devices().record_addresses().await?;
        app.devices().flush_presence().await?;
        let operator =
            |address| DeviceChange { management_ip: Some(ip(address)), ..DeviceChange::default() };
        app.devices().change(&by, device.device_id, operator("10.9.0.2")).await?;
        app.devices().change(&by, unheard.device_id, operator("10.9.0.3")).await?;
        let forgotten = "DELETE FROM presence WHERE device_id = $1";
        let forgotten = store::Op::new(forgotten, store::args![unheard.device_id.as_uuid()]);
        app.store().execute(vec![forgotten]).await?;

        let (app, _) = another_program(world, Settings::default()).await?;
        app.devices().record_addresses().await?;
        assert_eq!(recorded(&app, device.device_id).await?, ["10.9.0.1", "10.9.0.2"]);
        assert_eq!(presence(&app, device.device_id).await?.management_ip, ip("10.9.0.2"));
        // Also of one that was never heard, and it stays when it is.
        poll(&app, &unheard, PRIVATE, None).await?;
        assert_eq!(presence(&app, unheard.device_id).await?.management_ip, ip("10.9.0.3"));
        poll(&app, &device, PRIVATE, Some("10.9.0.3")).await?;
        assert_eq!(presence(&app, unheard.device_id).await?.management_ip, None);
        Ok(())
    })
}

#[test]
fn addresses_move_with_a_device_where_organizations_are_apart() -> Outcome {
    on_each_database(async |world| {
        let mut settings = Settings::default();
        settings.controller.shared_management_ip_address_space = false;
        let devices = [
            world.register(HARBOUR, 1).await?,
            world.register(HARBOUR, 2).await?,
            world.register(HILLS, 3).await?,
        ];
        let [moving, staying, theirs] = &devices;
        let (app, _) = another_program(world, settings).await?;
        poll(&app, moving, PRIVATE, Some("10.9.0.1")).await?;
        let change = DeviceChange { organization_id: Some(HILLS), ..DeviceChange::default() };
        app.devices().change(&World::by(), moving.device_id, change).await?;

        let held = (Some(PRIVATE.address), ip("10.9.0.1"));
        let addresses = async || {
            let presence = presence(&app, moving.device_id).await?;
            Outcome::Ok((presence.last_ip, presence.management_ip))
        };
        poll(&app, staying, PRIVATE, Some("10.9.0.1")).await?;
        assert_eq!(addresses().await?, held);
        poll(&app, theirs, PRIVATE, Some("10.9.0.1")).await?;
        assert_eq!(addresses().await?, (None, None));
        Ok(())
    })
}

// What the stories above are made of.

const PRIVATE: Peer =
    Peer { address: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7)), correlation_id: None };

/// The time of the world, or later.
struct Clock {
    store: Store,
    ahead: AtomicI64,
}

impl Clock {
    fn pass(&self, time: TimeDelta) {
        self.ahead.fetch_add(time.num_seconds(), Ordering::Relaxed);
    }
}

impl app::World for Clock {
    fn now(&self) -> DateTime<Utc> {
        self.store.now() + TimeDelta::seconds(self.ahead.load(Ordering::Relaxed))
    }

    fn new_id(&self) -> Uuid {
        Uuid::new_v4()
    }

    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(5);
    }
}

/// Ends what it does when it goes.
struct Program {
    app: App,
    _tasks: JoinSet<()>,
}

impl Deref for Program {
    type Target = App;

    fn deref(&self) -> &App {
        &self.app
    }
}

/// What a restart makes: the same database, and nothing of memory. What ran before is as if killed.
async fn another_program(world: &World, settings: Settings) -> Outcome<(Program, Arc<Clock>)> {
    let store = world.app.store().clone();
    let master = MasterKey::Given(SecretSlice::from(vec![7; 32]));
    let random = Box::new(ChaCha20Rng::seed_from_u64(9));
    let keyring = Arc::new(Keyring::open(store.clone(), master, random).await?);
    let blobs = match &world.location {
        Location::Sqlite { folder } => {
            Blobs::in_file(&folder.join("blobs.db"), Arc::clone(&keyring))?
        }
        Location::Postgres { .. } => Blobs::in_database(store.clone(), Arc::clone(&keyring)),
    };
    let clock = Arc::new(Clock { store: store.clone(), ahead: AtomicI64::new(0) });
    let parts = Parts {
        followers: Followers::new(store.clone()),
        store,
        blobs,
        sealing: Sealing::new(keyring),
        world: clock.clone(),
        settings,
    };
    let app = App::open(parts).await?;
    let mut tasks = JoinSet::new();
    // Followers of the world go on.
    for background in app.background(std::future::pending::<()>) {
        if background.name == "edge" {
            tasks.spawn(background.run);
        }
    }
    Ok((Program { app, _tasks: tasks }, clock))
}

async fn poll(app: &App, device: &Registered, peer: Peer, address: Option<&str>) -> Outcome {
    app.agents().checksum(device.device_id, Some(&device.key), address, peer).await?;
    Ok(())
}

async fn presence(app: &App, id: DeviceId) -> Outcome<Presence> {
    Ok(app.devices().get(&World::by(), id).await?.presence)
}

/// The addresses in the log, in their order.
async fn recorded(app: &App, id: DeviceId) -> Outcome<Vec<String>> {
    let filter = EventFilter {
        aggregate_id: Some(id.to_string()),
        event_types: vec!["device.management_address_changed".to_owned()],
        ..EventFilter::default()
    };
    let events = app.store().events(&filter, 0, 100).await?;
    let to = |payload: &str| -> Outcome<Option<IpAddr>> {
        match serde_json::from_str(payload)? {
            DeviceEvent::ManagementAddressChanged { to, .. } => Ok(to),
            other => Err(format!("not asked for: {other:?}").into()),
        }
    };
    events
        .iter()
        .map(|event| Ok(to(&event.payload)?.map_or_else(String::new, |to| to.to_string())))
        .collect()
}

fn ip(text: &str) -> Option<IpAddr> {
    text.parse().ok()
}
