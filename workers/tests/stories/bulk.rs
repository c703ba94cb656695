//! Operations on many devices as jobs.

use app::{
    BULK, By, Change, ControllerSettings, Failure, JobId, JobPage, NewGroup, NewMembership,
    NewUser, Operation, Refusal, Selection, Settings, Stepped, UserChange,
};
use domain::{DeviceId, Document, GroupId, OrganizationId, UserId, authority::Role};
use projections::{configuration, device, device::DeviceFilter};
use serde_json::json;
use store::{JobState, Progress, Query, args};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use wisptrail_workers::{Bulk, Owner, Reconciler as _};

use crate::world::{HARBOUR, HILLS, Outcome, World, document, on_each_database, with_settings};

#[test]
fn a_cancelled_operation_leaves_the_rest_alone() -> Outcome {
    on_each_database(async |world| {
        let app = &world.app;
        let by = operator(world, 1, HARBOUR).await?;
        let group = group(world, 31, HARBOUR).await?;
        for number in 0..12 {
            world.register(HARBOUR, number).await?;
        }
        world.settle().await?;
        let ungrouped = DeviceFilter { ungrouped: true, ..DeviceFilter::default() };
        let operation = Operation::SetGroup(Some(group));
        let id = app.bulk().start(&by, Selection::filter(ungrouped), operation, "one").await?;
        let ordered = app.bulk().job(&by, id).await?;
        assert_eq!((ordered.state, ordered.done, ordered.total), (JobState::Queued, 0, Some(12)));

        // A worker that does five devices and then hears that nobody wants the rest.
        let now = || app.world().now();
        let lease = std::time::Duration::from_mins(1);
        let job = app.jobs().lease(&[BULK], "story", now(), lease).await?.ok_or("a job")?;
        let start = Progress { cursor: None, done: 0, total: job.total };
        let Stepped::More(progress) = app.bulk().step(&job, &start, 5).await? else {
            panic!("there is more to do")
        };
        assert!(app.jobs().progress(&job, progress.clone(), now(), lease).await?);
        app.bulk().cancel(&by, id).await?;
        assert!(!app.jobs().progress(&job, progress, now(), lease).await?, "it is told to stop");
        world.settle().await?;

        let cancelled = app.bulk().job(&by, id).await?;
        assert_eq!(
            (cancelled.state, cancelled.done, cancelled.changed),
            (JobState::Cancelled, 5, 5)
        );
        assert_eq!(in_group(world, group).await?, 5);
        let again = app.bulk().resume(&by, id).await?;
        assert_eq!(again.state, JobState::Cancelled, "what is over is over");
        Ok(())
    })
}

#[test]
fn a_process_that_ends_gives_its_jobs_back() -> Outcome {
    on_each_database(async |world| {
        let app = &world.app;
        let by = operator(world, 1, HARBOUR).await?;
        let group = group(world, 31, HARBOUR).await?;
        world.register(HARBOUR, 1).await?;
        world.settle().await?;
        let ungrouped = DeviceFilter { ungrouped: true, ..DeviceFilter::default() };
        let operation = Operation::SetGroup(Some(group));
        let id = app.bulk().start(&by, Selection::filter(ungrouped), operation, "one").await?;

        let stop = CancellationToken::new();
        stop.cancel();
        let ending = Owner { name: "ending".to_owned(), stop };
        Bulk::new(app.clone(), ending).reconcile().await?;
        let job = app.bulk().job(&by, id).await?;
        assert_eq!((job.state, job.done), (JobState::Queued, 0), "it is there for the next one");

        world.settle().await?;
        let job = app.bulk().job(&by, id).await?;
        assert_eq!((job.state, job.changed), (JobState::Done, 1));
        Ok(())
    })
}

#[test]
fn an_operation_reaches_all_that_pass_the_filter_and_says_who_did_it() -> Outcome {
    on_each_database(async |world| {
        let app = &world.app;
        let by = operator(world, 1, HARBOUR).await?;
        let template = world.template(11, Some(HARBOUR), "{{ word }}\n", (false, false)).await?;
        let mut devices = Vec::new();
        for number in 0..45 {
            devices.push(world.register(HARBOUR, number).await?.device_id);
        }
        let other = world.register(HILLS, 100).await?.device_id;
        app.devices().deactivate(&World::by(), devices[7]).await?;
        world.settle().await?;

        let everything = || Selection::filter(DeviceFilter::default());
        let operation = Operation::AddTemplates(vec![template]);
        let change = Change::Bulk(everything(), operation.clone());
        let foreseen = app.previews().dry_run(&by, change).await?;
        assert_eq!((foreseen.changed, foreseen.failed, foreseen.devices_considered), (44, 1, 45));
        assert_eq!((foreseen.diffs.len(), foreseen.diffs[0].count), (1, 44));

        let id = app.bulk().start(&by, everything(), operation, "one").await?;
        world.settle().await?;
        let job = app.bulk().job(&by, id).await?;
        assert_eq!((job.state, job.total, job.done), (JobState::Done, Some(45), 45));
        assert_eq!((job.changed, job.failed), (44, 1));
        assert_eq!(job.failures, [(devices[7], Refusal::DeviceDeactivated.to_string())]);
        for foreseen in &foreseen.changed_devices {
            let held = configuration::by_device(
                app.store(),
                &domain::authority::ReadScope::of_rules(),
                foreseen.device,
            )
            .await?;
            let archive = held.and_then(|held| held.archive).ok_or("an archive")?;
            assert_eq!(archive.md5, foreseen.md5);
        }
        let left = configuration::templates_of(app.store(), other).await?;
        assert!(left.is_empty(), "devices of others are not touched");

        let assigned = Query::new(
            "SELECT DISTINCT actor, causation FROM events WHERE event_type = 'configuration.templates_changed'",
            args![],
        );
        let told = app.store().fetch(assigned).await?;
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].text(0)?, by.authority.actor.to_string());
        assert_eq!(told[0].text(1)?, format!("job:{id}"));
        Ok(())
    })
}

#[test]
fn a_request_that_is_repeated_is_one_job() -> Outcome {
    on_each_database(async |world| {
        let app = &world.app;
        let (by, other) = (operator(world, 1, HARBOUR).await?, operator(world, 2, HARBOUR).await?);
        world.register(HARBOUR, 1).await?;
        let all = || Selection::filter(DeviceFilter::default());
        let words = || Operation::MergeVariables(document(json!({ "word": "a" })));
        let id = app.bulk().start(&by, all(), words(), "one").await?;
        assert_eq!(app.bulk().start(&by, all(), words(), "one").await?, id);
        world.settle().await?;
        assert_eq!(app.bulk().start(&by, all(), words(), "one").await?, id, "also afterwards");
        let reused = app.bulk().start(&by, all(), Operation::Deactivate, "one").await;
        assert!(matches!(reused, Err(Failure::Refused(Refusal::KeyReused))), "{reused:?}");
        let theirs = app.bulk().start(&other, all(), words(), "one").await?;
        assert_ne!(theirs, id, "keys belong to an actor");
        let page = JobPage { limit: 10, before: None };
        let listed: Vec<JobId> =
            app.bulk().jobs(&by, page).await?.into_iter().map(|job| job.id).collect();
        assert_eq!(listed, [theirs, id]);
        let page = JobPage { limit: 1, before: None };
        let newest = app.bulk().jobs(&by, page).await?;
        let newest = newest.first().ok_or("a job")?;
        let page = JobPage { limit: 10, before: Some((newest.created_at, newest.id)) };
        let rest: Vec<JobId> =
            app.bulk().jobs(&by, page).await?.into_iter().map(|job| job.id).collect();
        assert_eq!((newest.id, rest), (theirs, vec![id]));
        Ok(())
    })
}

#[test]
fn devices_and_jobs_of_others_do_not_exist() -> Outcome {
    on_each_database(async |world| {
        let app = &world.app;
        let (mine, theirs) = (operator(world, 1, HARBOUR).await?, operator(world, 2, HILLS).await?);
        let own = world.register(HARBOUR, 1).await?.device_id;
        let foreign = world.register(HILLS, 2).await?.device_id;
        let their_group = group(world, 31, HILLS).await?;
        let both = || Selection::Ids(vec![own, foreign]);
        let refused =
            app.bulk().start(&mine, both(), Operation::SetGroup(Some(their_group)), "g").await;
        assert!(matches!(refused, Err(Failure::Invalid(_))), "{refused:?}");
        let template = world.template(14, Some(HILLS), "x\n", (false, false)).await?;
        let refused =
            app.bulk().start(&mine, both(), Operation::AddTemplates(vec![template]), "t").await;
        assert!(matches!(refused, Err(Failure::Invalid(_))), "{refused:?}");

        let words = Operation::MergeVariables(document(json!({ "word": "a" })));
        let id = app.bulk().start(&mine, both(), words, "one").await?;
        world.settle().await?;
        let job = app.bulk().job(&mine, id).await?;
        assert_eq!((job.done, job.changed, job.failed), (2, 1, 1));
        assert_eq!(job.failures[0].0, foreign);
        let held = configuration::by_device(
            app.store(),
            &domain::authority::ReadScope::of_rules(),
            foreign,
        )
        .await?
        .ok_or("held")?;
        assert!(held.variables.is_empty());

        assert!(matches!(app.bulk().job(&theirs, id).await, Err(Failure::NotFound(_))));
        assert!(matches!(app.bulk().cancel(&theirs, id).await, Err(Failure::NotFound(_))));
        let page = JobPage { limit: 10, before: None };
        assert!(app.bulk().jobs(&theirs, page).await?.is_empty());
        assert_eq!(app.bulk().jobs(&World::by(), page).await?.len(), 1, "superusers see all");
        Ok(())
    })
}

#[test]
fn operations_at_the_same_time_lose_nothing_of_each_other() -> Outcome {
    const OPERATIONS: u128 = 8;
    on_each_database(async |world| {
        let app = &world.app;
        let device = world.register(HARBOUR, 1).await?.device_id;
        world.settle().await?;
        let mut jobs = Vec::new();
        for number in 0..OPERATIONS {
            let text = format!("{{{{ word{number} }}}}\n");
            let template =
                world.template(100 + number, Some(HARBOUR), &text, (false, false)).await?;
            let mut words = Document::new();
            words.insert(format!("word{number}"), json!(number.to_string()));
            for (kind, operation) in [
                ("t", Operation::AddTemplates(vec![template])),
                ("v", Operation::MergeVariables(words)),
            ] {
                let (one, key) = (Selection::Ids(vec![device]), format!("{kind}{number}"));
                app.bulk().start(&World::by(), one, operation, &key).await?;
                let lease = std::time::Duration::from_mins(1);
                let now = app.world().now();
                jobs.push(app.jobs().lease(&[BULK], "story", now, lease).await?.ok_or("a job")?);
            }
        }
        // Every worker reads the list and the variables while others change them.
        let mut working = JoinSet::new();
        for job in jobs {
            let app = app.clone();
            working.spawn(async move {
                let start = Progress { cursor: None, done: 0, total: job.total };
                for _ in 0..100 {
                    let stepped = app.bulk().step(&job, &start, 5).await?;
                    let Stepped::Complete(Progress { cursor: Some(told), .. }) = stepped else {
                        break;
                    };
                    // Whoever was overtaken too often is told so, and tries again.
                    if told.contains("\"failed\":0") {
                        return Ok(true);
                    }
                }
                Ok::<_, Failure>(false)
            });
        }
        while let Some(done) = working.join_next().await {
            assert!(done??);
        }
        let held = configuration::by_device(
            app.store(),
            &domain::authority::ReadScope::of_rules(),
            device,
        )
        .await?
        .ok_or("held")?;
        let listed = configuration::templates_of(app.store(), device).await?;
        assert_eq!(held.variables.len(), usize::try_from(OPERATIONS)?);
        assert_eq!(listed.len(), usize::try_from(OPERATIONS)?);
        Ok(())
    })
}

#[test]
fn an_account_has_only_so_many_open_operations() -> Outcome {
    let settings = Settings {
        controller: ControllerSettings {
            operations_per_account: 2,
            ..ControllerSettings::default()
        },
        ..Settings::default()
    };
    with_settings(&settings, async |world| {
        let app = &world.app;
        let (by, other) = (operator(world, 1, HARBOUR).await?, operator(world, 2, HARBOUR).await?);
        world.register(HARBOUR, 1).await?;
        let order = async |by: &By, key: &str| {
            let words = Operation::MergeVariables(document(json!({ "word": key })));
            let all = Selection::filter(DeviceFilter::default());
            app.bulk().start(by, all, words, key).await
        };
        let first = order(&by, "one").await?;
        let second = order(&by, "two").await?;
        app.bulk().pause(&by, second).await?;
        let refused = order(&by, "three").await;
        assert!(
            matches!(refused, Err(Failure::Refused(Refusal::TooManyOperations { most: 2 }))),
            "{refused:?}"
        );
        // The same request again is no further one, and others have their own.
        assert_eq!(order(&by, "one").await?, first);
        order(&other, "one").await?;
        // A place that is left is free.
        app.bulk().cancel(&by, second).await?;
        let third = order(&by, "three").await?;
        assert!(order(&by, "four").await.is_err());
        world.settle().await?;
        assert_eq!(app.bulk().job(&by, third).await?.state, JobState::Done);
        order(&by, "four").await?;
        Ok(())
    })
}

#[test]
fn who_lost_the_right_does_not_go_on() -> Outcome {
    on_each_database(async |world| {
        let app = &world.app;
        let by = operator(world, 1, HARBOUR).await?;
        world.register(HARBOUR, 1).await?;
        world.settle().await?;
        let words = Operation::MergeVariables(document(json!({ "word": "a" })));
        let all = Selection::filter(DeviceFilter::default());
        let id = app.bulk().start(&by, all, words, "one").await?;
        let dismissed = UserChange { groups: Some(vec![]), ..UserChange::default() };
        let operator = UserId::from_uuid(Uuid::from_u128(101));
        app.accounts().change(&World::by(), operator, dismissed).await?;
        world.settle().await?;
        let job = app.bulk().job(&World::by(), id).await?;
        assert_eq!((job.state, job.done), (JobState::Failed, 0));
        assert!(job.error.ok_or("a reason")?.contains("may not change these devices"));
        Ok(())
    })
}

#[test]
fn a_paused_operation_goes_on_where_it_was_and_undoes_nothing_since() -> Outcome {
    on_each_database(async |world| {
        let app = &world.app;
        let by = operator(world, 1, HARBOUR).await?;
        let mut devices = Vec::new();
        for number in 0..6 {
            devices.push(world.register(HARBOUR, number).await?.device_id);
        }
        devices.sort_unstable();
        world.settle().await?;
        let words = Operation::MergeVariables(document(json!({ "word": "a" })));
        let selection = Selection::Ids(devices.clone());
        let id = app.bulk().start(&by, selection, words, "one").await?;
        let lease = std::time::Duration::from_mins(1);
        let now = || app.world().now();
        let job = app.jobs().lease(&[BULK], "story", now(), lease).await?.ok_or("a job")?;
        let start = Progress { cursor: None, done: 0, total: job.total };
        // This worker dies before it can say how far it came.
        app.bulk().step(&job, &start, 3).await?;
        let paused = app.bulk().pause(&by, id).await?;
        assert_eq!((paused.state, paused.done), (JobState::Paused, 0));
        world.settle().await?;
        // Somebody decides otherwise for a device that was done.
        let own = app::ConfigurationChange {
            context: Some(document(json!({ "word": "b" }))),
            ..app::ConfigurationChange::default()
        };
        let change = app::DeviceChange { configuration: Some(own), ..app::DeviceChange::default() };
        app.devices().change(&by, devices[0], change).await?;

        app.bulk().resume(&by, id).await?;
        world.settle().await?;
        let job = app.bulk().job(&by, id).await?;
        assert_eq!((job.state, job.done, job.changed), (JobState::Done, 6, 6));
        let word = async |id: DeviceId| -> Outcome<String> {
            let held = configuration::by_device(
                app.store(),
                &domain::authority::ReadScope::of_rules(),
                id,
            )
            .await?
            .ok_or("held")?;
            Ok(held.variables["word"].as_str().unwrap_or_default().to_owned())
        };
        assert_eq!(word(devices[0]).await?, "b", "each device once");
        assert_eq!(word(devices[5]).await?, "a");
        Ok(())
    })
}

async fn in_group(world: &World, group: GroupId) -> Outcome<u64> {
    let filter = DeviceFilter { group: Some(group), ..DeviceFilter::default() };
    Ok(device::count(world.app.store(), &domain::authority::ReadScope::of_rules(), &filter).await?)
}

async fn group(world: &World, id: u128, organization_id: OrganizationId) -> Outcome<GroupId> {
    let id = GroupId::from_uuid(Uuid::from_u128(id));
    let new = NewGroup {
        id,
        organization_id,
        name: format!("group {id}"),
        description: String::new(),
        templates: Vec::new(),
        context: Document::new(),
        meta_data: Document::new(),
    };
    world.app.groups().create(&World::by(), new).await?;
    Ok(id)
}

/// An account that manages one organization.
pub(crate) async fn operator(
    world: &World,
    number: u128,
    organization: OrganizationId,
) -> Outcome<By> {
    let token = format!("token-of-account-number-{number:016}");
    let new = NewUser {
        token: Some(token.clone().into()),
        staff: true,
        groups: vec![Role::Operator.number()],
        memberships: vec![NewMembership { organization_id: organization, manager: true }],
        ..NewUser::new(
            UserId::from_uuid(Uuid::from_u128(100 + number)),
            format!("account-{number}"),
        )
    };
    world.app.permission_groups().found(&World::by()).await?;
    world.app.accounts().create(&World::by(), new).await?;
    Ok(By::new(world.app.accounts().authenticate(&token).await?, None))
}
