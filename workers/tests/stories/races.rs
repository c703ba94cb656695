//! Devices that register at the same time, and those that are turned away.

use std::net::{IpAddr, Ipv4Addr};

use app::{
    ControllerSettings, DeviceChange, Done, Failure, NewDevice, OrganizationChange, Peer,
    Registered, Registration, RegistrationRefused, Settings,
};
use domain::{DeviceId, accounts::DeviceLimit, kind};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::{
    history::of_configuration,
    world::{HARBOUR, HILLS, Outcome, PEER, World, file, on_each_database, secret, with_settings},
};

type Answer = Result<Registered, RegistrationRefused>;

fn device(name: &str, mac_address: &str, key: Option<&str>) -> Registration {
    Registration {
        secret: secret(HARBOUR),
        name: name.to_owned(),
        mac_address: mac_address.to_owned(),
        backend: "netjsonconfig.OpenWrt".to_owned(),
        key: key.map(str::to_owned),
        hardware_id: None,
        model: None,
        os: None,
        system: None,
        tags: Vec::new(),
    }
}

/// All of them at once: those that were let in, and why the others were not.
async fn race(
    world: &World,
    registrations: Vec<Registration>,
) -> Outcome<(Vec<Registered>, Vec<RegistrationRefused>)> {
    let mut running: JoinSet<Answer> = JoinSet::new();
    for registration in registrations {
        let app = world.app.clone();
        running.spawn(async move { app.agents().register(registration, PEER).await });
    }
    let (mut admitted, mut refused) = (Vec::new(), Vec::new());
    while let Some(answer) = running.join_next().await {
        match answer? {
            Ok(registered) => admitted.push(registered),
            Err(refusal) => refused.push(refusal),
        }
    }
    Ok((admitted, refused))
}

fn taken(refused: &RegistrationRefused) -> Vec<&str> {
    match refused {
        RegistrationRefused::Failed(Failure::Taken(taken)) => {
            taken.iter().map(|taken| taken.kind.as_str()).collect()
        }
        _ => Vec::new(),
    }
}

#[test]
fn of_devices_with_one_address_one_wins() -> Outcome {
    on_each_database(async |world| {
        for round in 0..4_u8 {
            let address = format!("02:00:00:00:01:{round:02X}");
            let racing = (0..4).map(|number| {
                let key = format!("key-{round}-of-racing-device-{number}");
                device(&format!("racer-{round}-{number}"), &address, Some(&key))
            });
            let (admitted, refused) = race(world, racing.collect()).await?;
            assert_eq!((admitted.len(), refused.len()), (1, 3));
            assert!(admitted[0].is_new);
            for refused in &refused {
                assert_eq!(taken(refused), [kind::DEVICE_MAC_ADDRESS], "{refused:?}");
            }
            // Nothing is left of the losers: what only they had is free.
            let loser = (0..4).map(|number| format!("racer-{round}-{number}"));
            let loser = loser.into_iter().find(|name| *name != admitted[0].name).ok_or("one")?;
            let elsewhere = format!("02:00:00:00:02:{round:02X}");
            world.app.agents().register(device(&loser, &elsewhere, None), PEER).await?;
        }
        Ok(())
    })
}

#[test]
fn every_taken_value_is_named() -> Outcome {
    on_each_database(async |world| {
        let racing = (0..3).map(|number| {
            let key = format!("key-of-racing-device-{number}");
            device("Racer", "02:00:00:00:01:01", Some(&key))
        });
        let (admitted, refused) = race(world, racing.collect()).await?;
        assert_eq!((admitted.len(), refused.len()), (1, 2));
        for refused in &refused {
            let mut kinds = taken(refused);
            kinds.sort_unstable();
            assert_eq!(kinds, [kind::DEVICE_MAC_ADDRESS, kind::DEVICE_NAME], "{refused:?}");
        }
        Ok(())
    })
}

#[test]
fn of_requests_with_one_key_all_are_the_same_device() -> Outcome {
    on_each_database(async |world| {
        for round in 0..4_u8 {
            let key = format!("the-key-of-the-one-device-{round}");
            let address = format!("02:00:00:00:01:{round:02X}");
            let racing = (0..4).map(|_| device(&format!("one-{round}"), &address, Some(&key)));
            let (admitted, refused) = race(world, racing.collect()).await?;
            assert!(refused.is_empty(), "{refused:?}");
            assert!(admitted.iter().all(|device| device.device_id == admitted[0].device_id));
            assert!(admitted.iter().all(|device| device.key == key));
            assert_eq!(admitted.iter().filter(|device| device.is_new).count(), 1);
        }
        Ok(())
    })
}

#[test]
fn the_last_place_goes_to_one() -> Outcome {
    on_each_database(async |world| {
        world.register(HARBOUR, 1).await?;
        let limit = OrganizationChange {
            device_limit: Some(DeviceLimit::AtMost(2)),
            ..OrganizationChange::default()
        };
        world.app.organizations().change(&World::by(), HARBOUR, limit).await?;
        let racing = (0..4_u8).map(|number| {
            let address = format!("02:00:00:00:01:{number:02X}");
            device(&format!("racer-{number}"), &address, None)
        });
        let (admitted, refused) = race(world, racing.collect()).await?;
        assert_eq!((admitted.len(), refused.len()), (1, 3));
        for refused in &refused {
            assert!(
                matches!(
                    refused,
                    RegistrationRefused::Failed(Failure::LimitReached { organization }) if organization == "harbour"
                ),
                "{refused:?}"
            );
        }
        // Who is there already needs no place.
        assert!(!world.register(HARBOUR, 1).await?.is_new);
        Ok(())
    })
}

#[test]
fn an_address_registers_only_so_often() -> Outcome {
    let settings = Settings {
        controller: ControllerSettings {
            // One more a minute: none comes back while the story lasts.
            registrations_per_minute: 1,
            registration_burst: 2,
            ..ControllerSettings::default()
        },
        ..Settings::default()
    };
    with_settings(&settings, async |world| {
        world.register(HARBOUR, 1).await?;
        world.register(HARBOUR, 2).await?;
        let refused = world.register(HARBOUR, 3).await.err().ok_or("too often")?;
        assert!(
            matches!(refused, RegistrationRefused::Failed(Failure::RateLimited)),
            "{refused:?}"
        );
        // Other organizations and other addresses are not the ones that came too often.
        world.register(HILLS, 3).await?;
        let elsewhere =
            Peer { address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 8)), correlation_id: None };
        let other = device("other", "02:00:00:00:01:01", None);
        world.app.agents().register(other, elsewhere).await?;
        world.app.devices().flush_presence().await?;
        let kept = world.app.devices().refusals(&World::by(), 10).await?;
        assert_eq!(
            kept.iter().map(|kept| kept.reason.as_str()).collect::<Vec<_>>(),
            ["rate_limited"]
        );
        Ok(())
    })
}

#[test]
fn an_organization_that_takes_no_devices_says_so() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        world.register(HARBOUR, 1).await?;
        let closed = |open| OrganizationChange {
            registration_enabled: Some(open),
            ..OrganizationChange::default()
        };
        app.organizations().change(&by, HARBOUR, closed(false)).await?;
        for number in [1, 2] {
            let refused = world.register(HARBOUR, number).await.err().ok_or("closed")?;
            assert!(matches!(refused, RegistrationRefused::Closed), "{refused:?}");
        }
        // A disabled organization is none at all.
        let disabled =
            OrganizationChange { is_active: Some(false), ..OrganizationChange::default() };
        app.organizations().change(&by, HARBOUR, disabled).await?;
        let refused = world.register(HARBOUR, 2).await.err().ok_or("disabled")?;
        assert!(matches!(refused, RegistrationRefused::UnrecognizedSecret), "{refused:?}");

        let enabled = OrganizationChange { is_active: Some(true), ..closed(true) };
        app.organizations().change(&by, HARBOUR, enabled).await?;
        assert!(!world.register(HARBOUR, 1).await?.is_new);
        assert!(world.register(HARBOUR, 2).await?.is_new);
        Ok(())
    })
}

/// What is decided of a device reads its configuration twice: as it was loaded, and as the tables show it. One that is made in
/// between is no reason to refuse anything.
#[test]
fn a_device_is_renamed_while_it_gets_its_first_configuration() -> Outcome {
    on_each_database(async |world| {
        for round in 0..40_u128 {
            let id = DeviceId::from_uuid(Uuid::from_u128(0x7000 + round));
            let new = NewDevice {
                id,
                organization_id: HARBOUR,
                name: format!("plain-{round}"),
                mac_address: format!("02:00:00:00:07:{round:02X}"),
                key: Some(format!("key-of-plain-device-{round}")),
                hardware_id: None,
                model: String::new(),
                os: String::new(),
                system: String::new(),
                notes: String::new(),
                group_id: None,
                configuration: None,
            };
            world.app.devices().create(&World::by(), new).await?;
            let configured = of_configuration(|own| own.config = Some(file("/etc/own", "own\n")));
            let name = Some(format!("renamed-{round}"));
            let renamed = DeviceChange { name, ..DeviceChange::default() };
            let mut running: JoinSet<Result<Done, Failure>> = JoinSet::new();
            for change in [configured, renamed] {
                let app = world.app.clone();
                running.spawn(async move { app.devices().change(&World::by(), id, change).await });
            }
            while let Some(outcome) = running.join_next().await {
                outcome??;
            }
        }
        Ok(())
    })
}
