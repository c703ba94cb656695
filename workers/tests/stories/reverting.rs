//! Going back to a moment brings back what was the device's own, and says what else differs.

use app::{
    Cause, DeviceChange, Failure, FileCount, Gone, GroupChange, Moment, Refusal, SharedObject,
    TemplateChange,
};
use domain::{DeviceId, authority::Role};
use serde_json::json;

use crate::{
    history::of_configuration,
    tenancy::account,
    time_travel::group_with_word,
    world::{HARBOUR, HILLS, Outcome, World, document, file, on_each_database},
};

#[test]
fn going_back_makes_the_same_archive_where_nothing_shared_was_changed() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        let first = world.template(11, Some(HARBOUR), "a {{ word }}\n", (false, false)).await?;
        let second = world.template(12, Some(HARBOUR), "b {{ word }}\n", (false, false)).await?;
        let group = group_with_word(world, HARBOUR, "one").await?;
        let other = group_with_word(world, HARBOUR, "two").await?;
        let id = world.register(HARBOUR, 1).await?.device_id;
        let mut change = of_configuration(|own| {
            own.config = Some(file("/etc/own", "then {{ own }}\n"));
            own.context = Some(document(json!({ "own": "x" })));
            own.templates = Some(vec![second, first]);
        });
        change.group = Some(Some(group));
        app.devices().change(&by, id, change).await?;
        let then = Moment::Position(app.store().head());
        let archive = app.configurations().archive_of(&by, id).await?;

        let mut change = of_configuration(|own| {
            own.config = Some(file("/etc/own", "now\n"));
            own.context = Some(document(json!({ "own": "y" })));
            own.templates = Some(vec![first]);
        });
        change.group = Some(Some(other));
        app.devices().change(&by, id, change).await?;
        assert_ne!(app.configurations().archive_of(&by, id).await?.md5, archive.md5);

        let reverted = app.history().revert_device(&by, id, then).await?;
        assert_eq!(reverted.restored, ["group", "config", "variables", "templates"]);
        assert_eq!((reverted.gone, reverted.still_different), (vec![], vec![]));
        assert!(reverted.files.is_empty());
        let again = app.configurations().archive_of(&by, id).await?;
        assert_eq!(again.bytes, archive.bytes);
        let present = app.history().device_at(&by, id, Moment::Now).await?;
        let templates = present.configuration.ok_or("configured")?.templates;
        let templates: Vec<_> = templates.iter().map(|link| link.id).collect();
        assert_eq!(templates, [second, first]);

        let repeated = app.history().revert_device(&by, id, then).await?;
        assert!(repeated.restored.is_empty(), "there is nothing left to do");
        assert_eq!(repeated.done.position, app.store().head());
        Ok(())
    })
}

#[test]
fn going_back_says_what_differs_because_of_what_is_shared() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        let kept = world.template(11, Some(HARBOUR), "a {{ word }}\n", (false, false)).await?;
        let calm = world.template(13, Some(HARBOUR), "calm\n", (false, false)).await?;
        let group = group_with_word(world, HARBOUR, "one").await?;
        let id = world.register(HARBOUR, 1).await?.device_id;
        let mut change = of_configuration(|own| own.templates = Some(vec![kept, calm]));
        change.group = Some(Some(group));
        app.devices().change(&by, id, change).await?;
        let then = Moment::Position(app.store().head());

        let config = Some(file("/etc/t11", "a {{ word }}\nmore\n"));
        let change = TemplateChange { config, ..TemplateChange::default() };
        app.templates().change(&by, kept, change).await?;
        // A change that makes no difference to any file is no reason.
        let default_values = Some(document(json!({ "unused": "1" })));
        let change = TemplateChange { default_values, ..TemplateChange::default() };
        app.templates().change(&by, calm, change).await?;
        let context = Some(document(json!({ "word": "two" })));
        app.groups().change(&by, group, GroupChange { context, ..GroupChange::default() }).await?;
        let required = world.template(12, Some(HARBOUR), "required\n", (true, true)).await?;
        world.settle().await?;
        let mut change = of_configuration(|own| own.config = Some(file("/etc/own", "now\n")));
        change.name = Some("another".to_owned());
        app.devices().change(&by, id, change).await?;

        let reverted = app.history().revert_device(&by, id, then).await?;
        assert_eq!(reverted.restored, ["config"]);
        assert!(reverted.gone.is_empty());
        let files = |path: &str, added, removed| {
            Some(vec![FileCount { path: path.to_owned(), added, removed }])
        };
        let told: Vec<_> = reverted
            .still_different
            .into_iter()
            .map(|different| (different.cause, different.files))
            .collect();
        let template = |id, name: &str| SharedObject::Template { id, name: name.to_owned() };
        assert_eq!(
            told,
            [
                (Cause::Changed(template(kept, "template 11")), files("etc/t11", 1, 0)),
                (
                    Cause::Changed(SharedObject::Group { id: group, name: "group one".to_owned() }),
                    files("etc/t11", 1, 1)
                ),
                (Cause::Additional(template(required, "template 12")), files("etc/t12", 1, 0)),
                (Cause::Device("name"), files("etc/config/system", 1, 1)),
            ]
        );
        let paths: Vec<&str> = reverted.files.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["etc/config/system", "etc/t11", "etc/t12"]);
        let present = app.history().device_at(&by, id, Moment::Now).await?;
        assert_eq!(present.name, "another", "names do not go back");
        Ok(())
    })
}

#[test]
fn what_is_gone_does_not_come_back_and_is_named() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        let kept = world.template(11, Some(HARBOUR), "kept\n", (false, false)).await?;
        let lost = world.template(12, Some(HARBOUR), "lost\n", (false, false)).await?;
        let group = group_with_word(world, HARBOUR, "one").await?;
        let id = world.register(HARBOUR, 1).await?.device_id;
        let mut change = of_configuration(|own| own.templates = Some(vec![lost, kept]));
        change.group = Some(Some(group));
        app.devices().change(&by, id, change).await?;
        let then = Moment::Position(app.store().head());
        app.templates().remove(&by, lost).await?;
        app.groups().remove(&by, group).await?;
        world.settle().await?;
        app.devices()
            .change(&by, id, of_configuration(|own| own.templates = Some(Vec::new())))
            .await?;

        let reverted = app.history().revert_device(&by, id, then).await?;
        assert_eq!(reverted.restored, ["templates"]);
        assert_eq!(
            reverted.gone,
            [
                Gone::Group { id: group, name: "group one".to_owned() },
                Gone::Template { id: lost, name: "template 12".to_owned() },
            ]
        );
        let [different] = &reverted.still_different[..] else { panic!("{reverted:?}") };
        let name = "template 12".to_owned();
        assert_eq!(different.cause, Cause::Missing(SharedObject::Template { id: lost, name }));
        let path = "etc/t12".to_owned();
        assert_eq!(different.files, Some(vec![FileCount { path, added: 0, removed: 1 }]));

        // Templates of the organization before do not come along either.
        let to = DeviceChange { organization_id: Some(HILLS), ..DeviceChange::default() };
        app.devices().change(&by, id, to).await?;
        let reverted = app.history().revert_device(&by, id, then).await?;
        assert_eq!(reverted.gone.len(), 3, "{:?}", reverted.gone);
        let present = app.history().device_at(&by, id, Moment::Now).await?;
        assert_eq!(present.organization_id, HILLS);
        assert!(present.configuration.ok_or("configured")?.templates.is_empty());
        Ok(())
    })
}

#[test]
fn templates_that_a_group_has_too_come_back_when_the_group_is_left() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        let template = world.template(11, Some(HARBOUR), "x\n", (false, false)).await?;
        let other = world.template(12, Some(HARBOUR), "y\n", (false, false)).await?;
        let group = group_with_word(world, HARBOUR, "one").await?;
        let id = world.register(HARBOUR, 1).await?.device_id;
        app.devices()
            .change(&by, id, of_configuration(|own| own.templates = Some(vec![template])))
            .await?;
        let then = Moment::Position(app.store().head());
        let templates = Some(vec![template, other]);
        let change = GroupChange { templates, ..GroupChange::default() };
        app.groups().change(&by, group, change).await?;
        let joined = DeviceChange { group: Some(Some(group)), ..DeviceChange::default() };
        app.devices().change(&by, id, joined).await?;

        let reverted = app.history().revert_device(&by, id, then).await?;
        assert_eq!(reverted.restored, ["group", "templates"]);
        assert!(reverted.still_different.is_empty() && reverted.files.is_empty());
        world.settle().await?;
        let held = projections::configuration::templates_of(app.store(), id).await?;
        assert_eq!(held, [template]);
        Ok(())
    })
}

#[test]
fn an_archive_that_was_behind_its_moment_is_compared_with_what_it_was_made_of() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        let id = world.register(HARBOUR, 1).await?.device_id;
        app.configurations().archive_of(&by, id).await?;
        let change = of_configuration(|own| own.config = Some(file("/etc/own", "x\n")));
        app.devices().change(&by, id, change).await?;
        let past = app.history().device_at(&by, id, Moment::Now).await?;
        let archive = past.configuration.and_then(|own| own.archive).ok_or("an archive")?;
        // The contents were changed, the archive was not made yet.
        let then = Moment::Position(archive.position - 1);

        let reverted = app.history().revert_device(&by, id, then).await?;
        assert!(reverted.restored.is_empty());
        let [different] = &reverted.still_different[..] else { panic!("{reverted:?}") };
        assert_eq!(different.cause, Cause::Device("config"));
        let path = "etc/own".to_owned();
        assert_eq!(different.files, Some(vec![FileCount { path, added: 1, removed: 0 }]));
        assert_eq!(reverted.files.files.len(), 1);
        Ok(())
    })
}

#[test]
fn going_back_needs_the_permission_to_change_the_device() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        let id = world.register(HARBOUR, 1).await?.device_id;
        let then = Moment::Position(app.store().head());
        let revert = async |by, id: DeviceId| app.history().revert_device(by, id, then).await;
        let stranger = account(world, 1, &[Role::Administrator], &[(HILLS, true)]).await?;
        assert!(matches!(revert(&stranger, id).await.unwrap_err(), Failure::NotFound(_)));
        let member = account(world, 2, &[], &[(HARBOUR, true)]).await?;
        assert!(matches!(revert(&member, id).await.unwrap_err(), Failure::Forbidden));
        let operator = account(world, 3, &[Role::Operator], &[(HARBOUR, true)]).await?;
        revert(&operator, id).await?;
        app.devices().deactivate(&by, id).await?;
        let refused = revert(&operator, id).await.unwrap_err();
        assert!(matches!(refused, Failure::Refused(Refusal::DeviceDeactivated)), "{refused:?}");
        Ok(())
    })
}
