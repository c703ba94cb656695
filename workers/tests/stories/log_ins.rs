//! Who tried to log in, and how many tries there are.

use std::{net::IpAddr, time::Duration};

use app::{By, Failure, LogInSelection, NewMembership, NewUser, Peer};
use domain::{
    OrganizationId, UserId,
    accounts::LogInOutcome::{self, Inactive, Limited, Succeeded, UnknownAccount, WrongPassword},
    authority::Role,
};
use projections::Stretch;
use uuid::Uuid;

use crate::{
    tenancy::account,
    world::{HARBOUR, HILLS, Outcome, World, on_each_database},
};

const WORD: &str = "Correct-Horse-7";

fn id(number: u128) -> UserId {
    UserId::from_uuid(Uuid::from_u128(500 + number))
}

fn peer(address: &str) -> Peer {
    let address: IpAddr = address.parse().expect("an address");
    Peer { address, correlation_id: None }
}

async fn person(world: &World, number: u128, name: &str, of: OrganizationId) -> Outcome {
    let new = NewUser {
        password: Some(WORD.into()),
        memberships: vec![NewMembership { organization_id: of, manager: false }],
        ..NewUser::new(id(number), name)
    };
    world.app.accounts().create(&World::by(), new).await?;
    Ok(())
}

/// How the tries of a selection ended, the newest first, each with its address.
async fn tries(
    world: &World,
    by: &By,
    selection: LogInSelection,
) -> Result<Vec<(LogInOutcome, String)>, Failure> {
    let stretch = Stretch { limit: 100, ..Stretch::default() };
    let found = world.app.accounts().log_ins(by, selection, stretch).await?;
    let told = |one: app::LogInTry| {
        (one.outcome, one.address.map(|address| address.to_string()).unwrap_or_default())
    };
    Ok(found.rows.into_iter().map(|(_, one)| told(one)).collect())
}

fn of(number: u128) -> LogInSelection {
    LogInSelection { user: Some(id(number)), ..LogInSelection::default() }
}

#[test]
fn every_try_is_a_fact() -> Outcome {
    on_each_database(async |world| {
        let accounts = world.app.accounts();
        person(world, 1, "ada", HARBOUR).await?;
        person(world, 2, "eve", HILLS).await?;
        let here = "192.0.2.7";
        assert!(accounts.log_in_from("ada", "wrong", Some(peer(here))).await.is_err());
        assert!(accounts.log_in_from("nobody", WORD, Some(peer(here))).await.is_err());
        let token = accounts.log_in_from("ada", WORD, Some(peer("2001:db8::7"))).await?;
        accounts.log_in_from("eve", WORD, Some(peer(here))).await?;
        let ada = accounts.bearer(&token, None).await?;
        let expected = [(Succeeded, "2001:db8::7".to_owned()), (WrongPassword, here.to_owned())];

        // One's own, whoever one is; a manager's people; everything for superusers.
        assert_eq!(tries(world, &ada, of(1)).await?, expected);
        assert_eq!(tries(world, &ada, LogInSelection::default()).await?, expected);
        let manager = account(world, 1, &[Role::Administrator], &[(HARBOUR, true)]).await?;
        assert_eq!(tries(world, &manager, of(1)).await?, expected);
        assert_eq!(tries(world, &manager, LogInSelection::default()).await?, expected);
        let everything = tries(world, &World::by(), LogInSelection::default()).await?;
        let outcomes: Vec<_> = everything.iter().map(|(outcome, _)| *outcome).collect();
        assert_eq!(outcomes, [Succeeded, Succeeded, UnknownAccount, WrongPassword]);
        let unknown = LogInSelection { outcome: Some(UnknownAccount), ..LogInSelection::default() };
        assert_eq!(tries(world, &World::by(), unknown).await?, [(UnknownAccount, here.to_owned())]);

        for (by, whose) in [(&manager, 2), (&manager, 999)] {
            let hidden = tries(world, by, of(whose)).await;
            assert!(matches!(hidden, Err(Failure::NotFound("User"))), "{hidden:?}");
        }
        assert!(matches!(tries(world, &ada, of(2)).await, Err(Failure::Forbidden)));

        let seen = accounts.get(&World::by(), id(1)).await?.last_log_in_at;
        assert!(seen.is_some(), "the account shows it");
        assert!(
            accounts
                .get(&World::by(), UserId::from_uuid(Uuid::from_u128(101)))
                .await?
                .last_log_in_at
                .is_none()
        );

        // Right and refused.
        let shut = app::UserChange { active: Some(false), ..Default::default() };
        accounts.change(&World::by(), id(1), shut).await?;
        assert!(accounts.log_in_from("ada", WORD, Some(peer(here))).await.is_err());
        assert_eq!(tries(world, &manager, of(1)).await?[0], (Inactive, here.to_owned()));
        Ok(())
    })
}

#[test]
fn ten_wrong_passwords_from_an_address_are_enough() -> Outcome {
    on_each_database(async |world| {
        let accounts = world.app.accounts();
        person(world, 1, "ada", HARBOUR).await?;
        // Good ones do not count.
        for _ in 0..12 {
            accounts.log_in_from("ada", WORD, Some(peer("2001:db8::1"))).await?;
        }
        for number in 0..10 {
            // One network, many addresses of it.
            let address = format!("2001:db8::{number}");
            let refused = accounts.log_in_from("ada", "wrong", Some(peer(&address))).await;
            assert!(matches!(refused, Err(Failure::Unauthenticated)), "{number}: {refused:?}");
        }
        let refused = accounts.log_in_from("ada", WORD, Some(peer("2001:db8::1"))).await;
        let Err(Failure::Throttled(after)) = refused else { panic!("{refused:?}") };
        assert!(after.as_secs() > 14 * 60 && after.as_secs() <= 15 * 60, "{after:?}");
        for _ in 0..5 {
            assert!(accounts.log_in_from("ada", WORD, Some(peer("2001:db8::2"))).await.is_err());
        }
        let limited = LogInSelection { outcome: Some(Limited), ..of(1) };
        let noted = tries(world, &World::by(), limited.clone()).await?;
        assert_eq!(noted.len(), 1, "those that nobody looks at are written down once a minute");

        // The account is not locked: elsewhere it works, and here after a while.
        accounts.log_in_from("ada", WORD, Some(peer("192.0.2.1"))).await?;
        world.pass(Duration::from_mins(16));
        accounts.log_in_from("ada", WORD, Some(peer("2001:db8::1"))).await?;
        Ok(())
    })
}

#[test]
fn spellings_are_counted_together_whether_they_are_somebodys_or_not() -> Outcome {
    on_each_database(async |world| {
        let accounts = world.app.accounts();
        let new = NewUser {
            email: Some("Ada@example.org".to_owned()),
            phone: Some("+393331234501".to_owned()),
            ..NewUser::new(UserId::from_uuid(Uuid::from_u128(901)), "ada")
        };
        accounts.create(&World::by(), new).await?;
        for spellings in [
            ["ada@example.org", "ADA@example.org"],
            ["nobody@example.org", "Nobody@EXAMPLE.org"],
            ["+393331234501", "+39 333 123-4501"],
            ["+393331234502", "+39 333 123-4502"],
        ] {
            // The account's tries under its other name are long ago.
            world.pass(Duration::from_mins(16));
            for number in 0..10 {
                let name = spellings[number % 2];
                let refused = accounts.log_in_from(name, "wrong", Some(peer("192.0.2.1"))).await;
                assert!(matches!(refused, Err(Failure::Unauthenticated)), "{name}: {refused:?}");
            }
            for name in spellings {
                let refused = accounts.log_in_from(name, "wrong", Some(peer("192.0.2.1"))).await;
                assert!(matches!(refused, Err(Failure::Throttled(_))), "{name}: {refused:?}");
            }
        }
        Ok(())
    })
}

#[test]
fn many_tries_at_once_are_no_way_around() -> Outcome {
    on_each_database(async |world| {
        person(world, 1, "ada", HARBOUR).await?;
        let mut tried = tokio::task::JoinSet::new();
        for _ in 0..25 {
            let app = world.app.clone();
            tried.spawn(async move {
                app.accounts().log_in_from("ada", "wrong", Some(peer("192.0.2.1"))).await
            });
        }
        let mut looked_at = 0;
        while let Some(one) = tried.join_next().await {
            match one? {
                Err(Failure::Unauthenticated) => looked_at += 1,
                Err(Failure::Throttled(_)) => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(looked_at, 10);
        Ok(())
    })
}

#[test]
fn an_address_has_a_hundred_wrong_passwords_whoever_they_are_about() -> Outcome {
    let mut settings = app::Settings::default();
    settings.accounts.failures_per_address = 15;
    crate::world::with_settings(&settings, async |world| {
        let accounts = world.app.accounts();
        person(world, 1, "ada", HARBOUR).await?;
        for number in 0..15 {
            let name = format!("nobody{number}");
            let refused = accounts.log_in_from(&name, "wrong", Some(peer("192.0.2.1"))).await;
            assert!(matches!(refused, Err(Failure::Unauthenticated)), "{number}: {refused:?}");
        }
        let refused = accounts.log_in_from("ada", WORD, Some(peer("192.0.2.1"))).await;
        assert!(matches!(refused, Err(Failure::Throttled(_))), "{refused:?}");
        accounts.log_in_from("ada", WORD, Some(peer("192.0.2.2"))).await?;
        world.pass(Duration::from_mins(61));
        accounts.log_in_from("ada", WORD, Some(peer("192.0.2.1"))).await?;
        Ok(())
    })
}
