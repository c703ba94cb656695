//! What follows from one event for many devices.

use app::TemplateChange;
use domain::configuration::{ConfigurationStatus, ReportedStatus};
use projections::configuration;
use store::{JobFilter, JobState};

use crate::world::{HARBOUR, Outcome, PEER, World, file, on_each_database};

#[test]
fn a_template_that_becomes_default_reaches_devices_that_are_there_already() -> Outcome {
    on_each_database(async |world| {
        let registered = world.register(HARBOUR, 1).await?;
        let template = world.template(11, Some(HARBOUR), "x\n", (false, false)).await?;
        world.settle().await?;
        let id = registered.device_id;
        assert!(configuration::templates_of(world.app.store(), id).await?.is_empty());

        let change = TemplateChange { default: Some(true), ..TemplateChange::default() };
        world.app.templates().change(&World::by(), template, change).await?;
        world.settle().await?;
        assert_eq!(configuration::templates_of(world.app.store(), id).await?, [template]);
        Ok(())
    })
}

#[test]
fn a_change_without_effect_on_the_files_leaves_devices_alone() -> Outcome {
    on_each_database(async |world| {
        let template = world.template(11, Some(HARBOUR), "x\n", (true, false)).await?;
        let registered = world.register(HARBOUR, 1).await?;
        let (id, key) = (registered.device_id, registered.key);
        let before = world.app.agents().checksum(id, Some(&key), None, PEER).await?;
        world.app.agents().report(id, Some(&key), ReportedStatus::Applied, PEER).await?;

        let name = Some("another name".to_owned());
        let change = TemplateChange { name, ..TemplateChange::default() };
        world.app.templates().change(&World::by(), template, change).await?;
        let same = Some(crate::world::document(serde_json::json!({ "unused": "1" })));
        let change = TemplateChange { default_values: same, ..TemplateChange::default() };
        world.app.templates().change(&World::by(), template, change).await?;
        world.settle().await?;

        assert_eq!(world.app.agents().checksum(id, Some(&key), None, PEER).await?, before);
        let held = configuration::by_device(
            world.app.store(),
            &domain::authority::ReadScope::of_rules(),
            id,
        )
        .await?
        .ok_or("held")?;
        assert_eq!(held.status, ConfigurationStatus::Applied);
        Ok(())
    })
}

#[test]
fn a_report_about_an_older_archive_leaves_the_status() -> Outcome {
    on_each_database(async |world| {
        let template = world.template(11, Some(HARBOUR), "x\n", (true, false)).await?;
        let registered = world.register(HARBOUR, 1).await?;
        let (id, key) = (registered.device_id, registered.key);
        world.app.agents().download(id, Some(&key), None, PEER).await?;
        let config = Some(file("/etc/t11", "y\n"));
        let change = TemplateChange { config, ..TemplateChange::default() };
        world.app.templates().change(&World::by(), template, change).await?;
        world.settle().await?;

        world.app.agents().report(id, Some(&key), ReportedStatus::Applied, PEER).await?;
        let held = configuration::by_device(
            world.app.store(),
            &domain::authority::ReadScope::of_rules(),
            id,
        )
        .await?
        .ok_or("held")?;
        assert_eq!(held.status, ConfigurationStatus::Modified, "it runs something older");

        world.app.agents().download(id, Some(&key), None, PEER).await?;
        world.app.agents().report(id, Some(&key), ReportedStatus::Applied, PEER).await?;
        let held = configuration::by_device(
            world.app.store(),
            &domain::authority::ReadScope::of_rules(),
            id,
        )
        .await?
        .ok_or("held")?;
        assert_eq!(held.status, ConfigurationStatus::Applied);
        Ok(())
    })
}

#[test]
fn a_campaign_can_be_paused_resumed_and_cancelled() -> Outcome {
    on_each_database(async |world| {
        let template = world.template(11, Some(HARBOUR), "x\n", (true, false)).await?;
        for number in 0..60 {
            world.register(HARBOUR, number).await?;
        }
        world.settle().await?;
        let (app, now) = (&world.app, world.app.world().now());
        let change = |text: &str| TemplateChange {
            config: Some(file("/etc/t11", text)),
            ..TemplateChange::default()
        };
        let queued = || JobFilter {
            states: vec![JobState::Queued, JobState::Paused],
            ..JobFilter::default()
        };

        app.templates().change(&World::by(), template, change("y\n")).await?;
        World::until("the job is there", async || {
            Ok(!app.jobs().list(&queued(), 10).await?.is_empty())
        })
        .await?;
        let job = app.jobs().list(&queued(), 10).await?.pop().ok_or("a job")?;
        assert!(app.jobs().pause(job.id, now).await?);
        world.settle().await?;
        let paused = app.jobs().get(job.id).await?.ok_or("the job")?;
        assert_eq!((paused.state, paused.done), (JobState::Paused, 0), "nothing happens meanwhile");

        assert!(app.jobs().resume(job.id, now).await?);
        world.settle().await?;
        let done = app.jobs().get(job.id).await?.ok_or("the job")?;
        assert_eq!((done.state, done.done, done.total), (JobState::Done, 60, Some(60)));

        app.templates().change(&World::by(), template, change("z\n")).await?;
        World::until("the job is there", async || {
            Ok(!app.jobs().list(&queued(), 10).await?.is_empty())
        })
        .await?;
        let job = app.jobs().list(&queued(), 10).await?.pop().ok_or("a job")?;
        assert!(app.jobs().cancel(job.id, now).await?);
        world.settle().await?;
        let cancelled = app.jobs().get(job.id).await?.ok_or("the job")?;
        assert_eq!(cancelled.state, JobState::Cancelled);
        Ok(())
    })
}
