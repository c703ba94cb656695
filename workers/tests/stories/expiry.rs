//! What is kept for a while only.

use std::{net::IpAddr, sync::Arc, time::Duration};

use app::{LogInSelection, NewUser, Peer, RetentionSettings, Settings};
use chrono::TimeDelta;
use domain::{UserId, accounts::LogInOutcome};
use projections::Stretch;
use store::{
    ArchivingTurn, EventFilter, Interpreter, Op, Query, Rebuild, args, verify_projections,
};
use uuid::Uuid;
use wisptrail_workers::{Prune, Reconciler as _};

use crate::world::{Outcome, World, on_each_database, with_settings};

const WORD: &str = "Correct-Horse-7";

fn id(number: u128) -> UserId {
    UserId::from_uuid(Uuid::from_u128(700 + number))
}

async fn person(world: &World, number: u128, name: &str) -> Outcome {
    let new = NewUser { password: Some(WORD.into()), ..NewUser::new(id(number), name) };
    world.app.accounts().create(&World::by(), new).await?;
    Ok(())
}

/// How tries ended, the newest first.
async fn tries(world: &World) -> Outcome<Vec<LogInOutcome>> {
    let stretch = Stretch { limit: 100, ..Stretch::default() };
    let all = LogInSelection::default();
    let found = world.app.accounts().log_ins(&World::by(), all, stretch).await?;
    Ok(found.rows.into_iter().map(|(_, one)| one.outcome).collect())
}

async fn last_log_ins(world: &World) -> Outcome<Vec<bool>> {
    let query = Query::new(
        "SELECT last_log_in_at FROM users WHERE id IN ($1, $2) ORDER BY id",
        args![id(1).as_uuid(), id(2).as_uuid()],
    );
    let rows = world.app.store().fetch(query).await?;
    rows.iter().map(|row| Ok(row.time_or_null(0)?.is_some())).collect()
}

async fn sound(world: &World) -> Outcome {
    assert_eq!(world.app.store().verify_chain(None, |_| {}).await?.first_bad, None);
    let interpreter: Arc<dyn Interpreter> = Arc::new(projections::Catalogue);
    let all = projections::all();
    for report in verify_projections(&world.location, &all, &interpreter, |_, _| {}).await? {
        assert!(report.is_sound(), "{report:?}");
    }
    Ok(())
}

#[test]
fn contents_of_log_ins_go_after_a_year_and_the_rest_proves_itself() -> Outcome {
    use LogInOutcome::{Succeeded, UnknownAccount, WrongPassword};
    on_each_database(async |world| {
        let (app, accounts) = (&world.app, world.app.accounts());
        let address: IpAddr = "192.0.2.7".parse()?;
        let peer = Some(Peer { address, correlation_id: None });
        let prune = Prune::new(app.clone());
        person(world, 1, "ada").await?;
        person(world, 2, "eve").await?;
        assert!(accounts.log_in_from("ada", "wrong", peer).await.is_err());
        accounts.log_in_from("ada", WORD, peer).await?;
        accounts.log_in_from("eve", WORD, peer).await?;
        world.later(TimeDelta::days(200));
        assert!(accounts.log_in_from("nobody", WORD, peer).await.is_err());
        accounts.log_in_from("ada", WORD, peer).await?;
        // Whatever follows the log has heard of it.
        world.settle().await?;
        let before = [Succeeded, UnknownAccount, Succeeded, Succeeded, WrongPassword];
        prune.reconcile().await?;
        assert_eq!(tries(world).await?, before);

        world.later(TimeDelta::days(200));
        let events = app.store().head();
        prune.reconcile().await?;
        assert_eq!(tries(world).await?, [Succeeded, UnknownAccount]);
        // Ada came back since, Eve did not.
        assert_eq!(last_log_ins(world).await?, [true, false]);
        assert_eq!(app.store().head(), events, "nothing happened");
        let filter =
            EventFilter { event_types: vec!["log_in.tried".to_owned()], ..EventFilter::default() };
        let tried = app.store().events(&filter, 0, 100).await?;
        let gone: Vec<bool> =
            tried.iter().map(|event| event.payload == r#"{"$scavenged":true}"#).collect();
        assert_eq!(gone, [true, true, true, false, false]);
        sound(world).await?;
        assert_eq!(app.expire().await?, 0, "once is enough");

        // What a table brings back that was being filled meanwhile goes with the next round.
        let again = "INSERT INTO log_ins (id, at, login, outcome, method, times)
            SELECT $1, created_at, 'x', 'limited', 'password', 1 FROM users WHERE id = $2";
        let again = Op::new(again, args![Uuid::from_u128(790), id(1).as_uuid()]);
        app.store().execute(vec![again]).await?;
        assert_eq!(tries(world).await?.len(), 3);
        assert_eq!(app.expire().await?, 0);
        assert_eq!(tries(world).await?.len(), 2);

        // Nothing comes back when tables are filled again.
        let all = projections::all();
        let people = all.iter().find(|it| it.name() == "accounts.v1").ok_or("it is there")?;
        Rebuild::new(app.store().clone()).projection(people).await?;
        assert_eq!(tries(world).await?, [Succeeded, UnknownAccount]);
        assert_eq!(last_log_ins(world).await?, [true, false]);
        world.later(TimeDelta::days(200));
        assert_eq!(app.expire().await?, 2);
        assert_eq!((tries(world).await?, last_log_ins(world).await?), (vec![], vec![false, false]));
        sound(world).await
    })
}

#[test]
fn where_archives_are_wanted_contents_wait_for_them() -> Outcome {
    let retention = RetentionSettings { archived: true, ..RetentionSettings::default() };
    with_settings(&Settings { retention, ..Settings::default() }, async |world| {
        let (app, store) = (&world.app, world.app.store());
        person(world, 1, "ada").await?;
        app.accounts().log_in("ada", WORD).await?;
        let first = store.head();
        world.later(TimeDelta::days(1));
        app.accounts().log_in("ada", WORD).await?;
        world.settle().await?;
        world.later(TimeDelta::days(400));
        assert_eq!((app.expire().await?, tries(world).await?.len()), (0, 2), "there are none");

        let turn = (world.now(), Duration::from_mins(1));
        let turn = ArchivingTurn::take(store, "story", None, turn).await?.ok_or("a turn")?;
        assert!(turn.archived(0, first).await?);
        assert_eq!((app.expire().await?, tries(world).await?.len()), (1, 1));
        assert!(turn.archived(first, store.head()).await?);
        assert_eq!((app.expire().await?, tries(world).await?.len()), (1, 0));
        sound(world).await
    })
}
