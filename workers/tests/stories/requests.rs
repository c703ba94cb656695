//! Requests under idempotency keys.

use std::time::Duration;

use app::{Begun, By, GivenAnswer, NewGroup, OrganizationChange};
use domain::{Document, GroupId, authority::Role};
use store::{Query, args};
use uuid::Uuid;

use crate::{
    tenancy::account,
    world::{HARBOUR, HILLS, Outcome, World, on_each_database},
};

const PLACE: &str = "POST /groups/";
const KEY: &str = "a-key";

#[test]
fn a_repetition_hears_the_first_answer() -> Outcome {
    on_each_database(async |world| {
        let requests = world.app.requests();
        let by = account(world, 1, &[Role::Administrator], &[(HARBOUR, true)]).await?;
        let Begun::Now(turn) = requests.begin(&by, PLACE, KEY, b"asked").await? else {
            panic!("nobody has used the key");
        };
        let meanwhile = requests.begin(&by, PLACE, KEY, b"asked").await?;
        assert!(matches!(meanwhile, Begun::Running), "{meanwhile:?}");
        requests.answer(turn, answer()).await?;

        let Begun::Before(given) = requests.begin(&by, PLACE, KEY, b"asked").await? else {
            panic!("it was answered");
        };
        assert_eq!(given, answer());
        let other = requests.begin(&by, PLACE, KEY, b"something else").await?;
        assert!(matches!(other, Begun::Different), "{other:?}");

        // Another place, another key and another account are other requests.
        let stranger = account(world, 2, &[Role::Administrator], &[(HILLS, true)]).await?;
        for (by, place, key) in
            [(&by, "PUT /groups/", KEY), (&by, PLACE, "b-key"), (&stranger, PLACE, KEY)]
        {
            let begun = requests.begin(by, place, key, b"asked").await?;
            assert!(matches!(begun, Begun::Now(_)), "{begun:?}");
        }

        // Nobody reads it in the tables.
        let rows = Query::new(
            "SELECT actor || request || COALESCE(answer, '') FROM idempotent_requests",
            args![],
        );
        for row in world.app.store().fetch(rows).await? {
            let text = row.text(0)?;
            assert!(!text.contains("SECRET") && !text.contains("asked"), "{text}");
        }

        world.pass(Duration::from_hours(25));
        let later = requests.begin(&by, PLACE, KEY, b"something else").await?;
        assert!(matches!(later, Begun::Now(_)), "{later:?}");
        world.pass(Duration::from_hours(25));
        assert_eq!(requests.prune().await?, 4);
        Ok(())
    })
}

#[test]
fn who_may_less_than_before_does_not_hear_it() -> Outcome {
    on_each_database(async |world| {
        let requests = world.app.requests();
        let both = account(world, 1, &[Role::Operator], &[(HARBOUR, true), (HILLS, true)]).await?;
        let Begun::Now(turn) = requests.begin(&both, PLACE, KEY, b"").await? else {
            panic!("nobody has used the key");
        };
        requests.answer(turn, answer()).await?;
        let disable =
            OrganizationChange { is_active: Some(false), ..OrganizationChange::default() };
        world.app.organizations().change(&World::by(), HILLS, disable).await?;
        let token = "token-of-account-number-0000000000000001";
        let one = By::new(world.app.accounts().authenticate(token).await?, None);
        let begun = requests.begin(&one, PLACE, KEY, b"").await?;
        assert!(matches!(begun, Begun::Narrower), "{begun:?}");
        Ok(())
    })
}

#[test]
fn what_nobody_answered_is_looked_up_in_the_log() -> Outcome {
    on_each_database(async |world| {
        let requests = world.app.requests();
        let by = account(world, 1, &[Role::Administrator], &[(HARBOUR, true)]).await?;
        let request = |number| By::new(by.authority.clone(), Some(Uuid::from_u128(number)));
        let nothing = requests.begin(&request(1), PLACE, KEY, b"").await?;
        assert!(matches!(nothing, Begun::Now(_)), "{nothing:?}");
        // The process dies.
        drop(nothing);
        let soon = requests.begin(&request(2), PLACE, KEY, b"").await?;
        assert!(matches!(soon, Begun::Running), "another process may be at it: {soon:?}");
        world.pass(Duration::from_mins(1));
        let again = requests.begin(&request(3), PLACE, KEY, b"").await?;
        assert!(matches!(again, Begun::Now(_)), "nothing had happened: {again:?}");

        let group = NewGroup {
            id: GroupId::from_uuid(Uuid::from_u128(30)),
            organization_id: HARBOUR,
            name: "roofs".to_owned(),
            description: String::new(),
            templates: Vec::new(),
            context: Document::new(),
            meta_data: Document::new(),
        };
        world.app.groups().create(&request(3), group).await?;
        drop(again);
        world.pass(Duration::from_mins(1));
        let lost = requests.begin(&request(4), PLACE, KEY, b"").await?;
        assert!(matches!(lost, Begun::Lost), "{lost:?}");
        Ok(())
    })
}

#[test]
fn what_was_refused_may_be_asked_again() -> Outcome {
    on_each_database(async |world| {
        let requests = world.app.requests();
        let by = account(world, 1, &[Role::Administrator], &[(HARBOUR, true)]).await?;
        let Begun::Now(turn) = requests.begin(&by, PLACE, KEY, b"wrong").await? else {
            panic!("nobody has used the key");
        };
        requests.give_up(turn).await?;
        let right = requests.begin(&by, PLACE, KEY, b"right").await?;
        assert!(matches!(right, Begun::Now(_)), "{right:?}");
        Ok(())
    })
}

fn answer() -> GivenAnswer {
    GivenAnswer {
        status: 201,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: "{\"key\":\"SECRET\"}".to_owned(),
    }
}
