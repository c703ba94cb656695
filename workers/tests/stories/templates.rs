//! Which templates devices have because of their group.

use app::{
    Change, ConfigurationChange, DeviceChange, Failure, GroupChange, NewDevice, NewGroup, Refusal,
    TemplateChange,
};
use domain::{DeviceId, GroupId, TemplateId, authority::Role, configuration::ConfigurationStatus};
use projections::configuration;
use uuid::Uuid;

use crate::{
    tenancy::{account, new_group},
    world::{HARBOUR, HILLS, Outcome, World, on_each_database},
};

const OPENWISP: &str = "netjsonconfig.OpenWisp";

async fn group(world: &World, number: u128, templates: &[TemplateId]) -> Outcome<GroupId> {
    let id = GroupId::from_uuid(Uuid::from_u128(number));
    let new = NewGroup { templates: templates.to_vec(), ..new_group(id, HARBOUR) };
    world.app.groups().create(&World::by(), new).await?;
    Ok(id)
}

/// A template of the organization that no device gets by itself.
async fn optional(world: &World, number: u128) -> Outcome<TemplateId> {
    world.template(number, Some(HARBOUR), "x\n", (false, false)).await
}

async fn listed(world: &World, id: DeviceId) -> Outcome<Vec<TemplateId>> {
    Ok(configuration::templates_of(world.app.store(), id).await?)
}

fn into(group: Option<GroupId>) -> DeviceChange {
    DeviceChange { group: Some(group), ..DeviceChange::default() }
}

fn with(templates: &[TemplateId]) -> DeviceChange {
    DeviceChange {
        configuration: Some(ConfigurationChange {
            templates: Some(templates.to_vec()),
            ..ConfigurationChange::default()
        }),
        ..DeviceChange::default()
    }
}

/// A device that is made without configuration.
fn bare(id: DeviceId, group_id: Option<GroupId>) -> NewDevice {
    let number = id.as_uuid().as_u128();
    NewDevice {
        id,
        organization_id: HARBOUR,
        name: format!("mast-{number}"),
        mac_address: format!("06:00:00:00:00:{number:02X}"),
        key: None,
        hardware_id: None,
        model: String::new(),
        os: String::new(),
        system: String::new(),
        notes: String::new(),
        group_id,
        configuration: None,
    }
}

#[test]
fn templates_of_a_group_come_and_go_with_it() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        let required = world.template(9, Some(HARBOUR), "x\n", (true, true)).await?;
        let (own, first, both, second) = (
            optional(world, 10).await?,
            optional(world, 11).await?,
            optional(world, 12).await?,
            optional(world, 13).await?,
        );
        let shared = world.template(14, None, "x\n", (false, false)).await?;
        let other = optional(world, 15).await?;
        let change =
            TemplateChange { backend: Some(OPENWISP.to_owned()), ..TemplateChange::default() };
        app.templates().change(&by, other, change).await?;
        let one = group(world, 30, &[first, both, other]).await?;
        let two = group(world, 31, &[shared, second, other, both]).await?;
        let id = world.register(HARBOUR, 1).await?.device_id;
        app.devices().change(&by, id, with(&[own])).await?;

        app.devices().change(&by, id, into(Some(one))).await?;
        assert_eq!(listed(world, id).await?, [required, own, first, both]);
        app.devices().change(&by, id, into(Some(one))).await?;
        assert_eq!(listed(world, id).await?, [required, own, first, both], "nothing new");
        app.devices().change(&by, id, into(Some(two))).await?;
        assert_eq!(listed(world, id).await?, [required, own, both, shared, second]);
        app.devices().change(&by, id, into(None)).await?;
        assert_eq!(listed(world, id).await?, [required, own]);

        // What is for another generator comes with no group, so it goes with none.
        app.devices().change(&by, id, with(&[own, other])).await?;
        app.devices().change(&by, id, into(Some(one))).await?;
        app.devices().change(&by, id, into(None)).await?;
        assert_eq!(listed(world, id).await?, [required, own, other]);

        // A list and a group in one step: the group's templates are behind the list.
        let both_at_once = DeviceChange { group: Some(Some(two)), ..with(&[second]) };
        app.devices().change(&by, id, both_at_once).await?;
        assert_eq!(listed(world, id).await?, [required, second, shared, both]);
        Ok(())
    })
}

#[test]
fn a_new_list_of_a_group_reaches_its_devices() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        let (own, first, both, second) = (
            optional(world, 10).await?,
            optional(world, 11).await?,
            optional(world, 12).await?,
            optional(world, 13).await?,
        );
        let masts = group(world, 30, &[first, both]).await?;
        let roofs = group(world, 31, &[first]).await?;
        let member = world.register(HARBOUR, 1).await?.device_id;
        let asleep = world.register(HARBOUR, 2).await?.device_id;
        let neighbour = world.register(HARBOUR, 3).await?.device_id;
        for (id, group) in [(member, masts), (asleep, masts), (neighbour, roofs)] {
            app.devices().change(&by, id, with(&[own])).await?;
            app.devices().change(&by, id, into(Some(group))).await?;
        }
        app.devices().deactivate(&by, asleep).await?;
        world.settle().await?;
        let held = configuration::by_device(
            app.store(),
            &domain::authority::ReadScope::of_rules(),
            asleep,
        )
        .await?
        .ok_or("held")?;
        assert!(
            [ConfigurationStatus::Deactivating, ConfigurationStatus::Deactivated]
                .contains(&held.status)
        );

        let change = GroupChange { templates: Some(vec![second, both]), ..GroupChange::default() };
        app.groups().change(&by, masts, change).await?;
        world.settle().await?;
        assert_eq!(listed(world, member).await?, [own, both, second]);
        assert_eq!(listed(world, neighbour).await?, [own, first], "another group");
        assert!(listed(world, asleep).await?.is_empty(), "deactivated");
        // Who comes back has what the group says by then.
        app.devices().activate(&by, asleep).await?;
        assert_eq!(listed(world, asleep).await?, [second, both]);

        // An operator may say otherwise, and is not overruled.
        app.devices().change(&by, member, with(&[own])).await?;
        world.settle().await?;
        assert_eq!(listed(world, member).await?, [own]);
        Ok(())
    })
}

#[test]
fn a_group_with_templates_gives_a_device_its_configuration() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        let required = world.template(9, Some(HARBOUR), "x\n", (true, true)).await?;
        let template = optional(world, 10).await?;
        let empty = group(world, 30, &[]).await?;
        let full = group(world, 31, &[template]).await?;
        let id = DeviceId::from_uuid(Uuid::from_u128(40));
        app.devices().create(&by, bare(id, Some(empty))).await?;
        assert!(
            configuration::by_device(app.store(), &domain::authority::ReadScope::of_rules(), id)
                .await?
                .is_none()
        );
        app.devices().change(&by, id, into(Some(full))).await?;
        let held =
            configuration::by_device(app.store(), &domain::authority::ReadScope::of_rules(), id)
                .await?
                .ok_or("made")?;
        assert_eq!(held.backend, "netjsonconfig.OpenWrt");
        assert!(held.archive.is_some());
        assert_eq!(listed(world, id).await?, [required, template]);
        Ok(())
    })
}

#[test]
fn a_list_that_is_not_empty_any_more_gives_devices_of_the_group_their_configuration() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        let required = world.template(9, Some(HARBOUR), "x\n", (true, true)).await?;
        let default = world.template(8, None, "x\n", (true, false)).await?;
        let template = optional(world, 10).await?;
        let masts = group(world, 30, &[]).await?;
        let [awake, asleep, elsewhere] =
            [40, 41, 42].map(|number| DeviceId::from_uuid(Uuid::from_u128(number)));
        for (id, group_id) in [(awake, Some(masts)), (asleep, Some(masts)), (elsewhere, None)] {
            app.devices().create(&by, bare(id, group_id)).await?;
        }
        app.devices().deactivate(&by, asleep).await?;
        let change = |templates: &[TemplateId]| GroupChange {
            templates: Some(templates.to_vec()),
            ..GroupChange::default()
        };
        let foreseen = Change::ChangeGroup(masts, change(&[template]));
        let foreseen = app.previews().dry_run(&by, foreseen).await?;
        app.groups().change(&by, masts, change(&[template])).await?;
        world.settle().await?;

        let held =
            configuration::by_device(app.store(), &domain::authority::ReadScope::of_rules(), awake)
                .await?
                .ok_or("made")?;
        assert_eq!(held.backend, "netjsonconfig.OpenWrt");
        assert_eq!(listed(world, awake).await?, [required, default, template]);
        let archive = held.archive.ok_or("rendered")?;
        let [changed] = foreseen.changed_devices.as_slice() else { panic!("{foreseen:?}") };
        assert_eq!((changed.device, &changed.md5), (awake, &archive.md5));
        for id in [asleep, elsewhere] {
            assert!(
                configuration::by_device(
                    app.store(),
                    &domain::authority::ReadScope::of_rules(),
                    id
                )
                .await?
                .is_none()
            );
        }
        // What it has stays when the list is empty again.
        app.groups().change(&by, masts, change(&[])).await?;
        world.settle().await?;
        assert_eq!(listed(world, awake).await?, [required, default]);
        Ok(())
    })
}

#[test]
fn a_new_list_of_a_group_leaves_templates_of_other_generators_alone() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        let (first, second) = (optional(world, 10).await?, optional(world, 11).await?);
        let other = optional(world, 12).await?;
        let change =
            TemplateChange { backend: Some(OPENWISP.to_owned()), ..TemplateChange::default() };
        app.templates().change(&by, other, change).await?;
        let masts = group(world, 30, &[first, other]).await?;
        let id = world.register(HARBOUR, 1).await?.device_id;
        // Somebody put it there; the group did not.
        app.devices().change(&by, id, with(&[other])).await?;
        app.devices().change(&by, id, into(Some(masts))).await?;
        assert_eq!(listed(world, id).await?, [other, first]);

        let change = GroupChange { templates: Some(vec![second]), ..GroupChange::default() };
        let foreseen = Change::ChangeGroup(masts, change.clone());
        let foreseen = app.previews().dry_run(&by, foreseen).await?;
        app.groups().change(&by, masts, change).await?;
        world.settle().await?;
        assert_eq!(listed(world, id).await?, [other, second]);
        let made =
            configuration::by_device(app.store(), &domain::authority::ReadScope::of_rules(), id)
                .await?
                .and_then(|held| held.archive);
        let foreseen = foreseen.changed_devices.iter().map(|changed| changed.md5.clone());
        assert_eq!(foreseen.collect::<Vec<_>>(), [made.ok_or("rendered")?.md5]);
        Ok(())
    })
}

#[test]
fn a_group_holds_only_templates_that_its_devices_would_not_have_anyway() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        let required = world.template(9, Some(HARBOUR), "x\n", (true, true)).await?;
        let default = world.template(10, None, "x\n", (true, false)).await?;
        let foreign = world.template(11, Some(HILLS), "x\n", (false, false)).await?;
        let masts = group(world, 30, &[]).await?;
        let into = |templates: &[TemplateId]| GroupChange {
            templates: Some(templates.to_vec()),
            ..GroupChange::default()
        };
        let refused = app.groups().change(&by, masts, into(&[required, default])).await;
        assert!(
            matches!(&refused, Err(Failure::Refused(Refusal::DefaultTemplatesInGroup { names })) if names.len() == 2),
            "{refused:?}"
        );
        let refused = app.groups().change(&by, masts, into(&[foreign])).await;
        assert!(
            matches!(&refused, Err(Failure::Refused(Refusal::ForeignTemplates { names })) if *names == ["template 11"]),
            "{refused:?}"
        );
        Ok(())
    })
}

#[test]
fn a_template_that_is_removed_leaves_its_devices_and_their_group() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        let (first, second) = (optional(world, 10).await?, optional(world, 11).await?);
        let masts = group(world, 30, &[first, second]).await?;
        let id = world.register(HARBOUR, 1).await?.device_id;
        app.devices().change(&by, id, into(Some(masts))).await?;
        let before =
            configuration::by_device(app.store(), &domain::authority::ReadScope::of_rules(), id)
                .await?
                .and_then(|row| row.archive);
        app.templates().remove(&by, first).await?;
        world.settle().await?;
        assert_eq!(listed(world, id).await?, [second]);
        let after =
            configuration::by_device(app.store(), &domain::authority::ReadScope::of_rules(), id)
                .await?
                .and_then(|row| row.archive);
        assert_ne!(before.ok_or("before")?.md5, after.ok_or("after")?.md5);
        // Who joins now gets what is left, and who leaves loses it.
        let joins = world.register(HARBOUR, 2).await?.device_id;
        app.devices().change(&by, joins, into(Some(masts))).await?;
        assert_eq!(listed(world, joins).await?, [second]);
        app.devices().change(&by, id, into(None)).await?;
        assert!(listed(world, id).await?.is_empty());
        Ok(())
    })
}

#[test]
fn a_template_that_moves_follows_its_owner() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        let ours = world.register(HARBOUR, 1).await?.device_id;
        let theirs = world.register(HILLS, 2).await?.device_id;
        let required = world.template(11, Some(HARBOUR), "x\n", (true, true)).await?;
        let optional = optional(world, 12).await?;
        world.settle().await?;
        app.devices().change(&by, ours, with(&[required, optional])).await?;
        let to =
            |owner| TemplateChange { organization_id: Some(owner), ..TemplateChange::default() };

        // Shared, it is everybody's; where it was, it stays.
        app.templates().change(&by, required, to(None)).await?;
        world.settle().await?;
        assert_eq!(listed(world, ours).await?, [required, optional]);
        assert_eq!(listed(world, theirs).await?, [required]);

        // Given to one organization, the devices of others lose it.
        for template in [required, optional] {
            app.templates().change(&by, template, to(Some(HILLS))).await?;
        }
        world.settle().await?;
        assert_eq!(listed(world, ours).await?, []);
        assert_eq!(listed(world, theirs).await?, [required]);
        assert_eq!(app.templates().get(&by, optional).await?.organization_id, Some(HILLS));

        // Not out of a group of another organization, and not into one that one does not manage.
        let held = self::optional(world, 13).await?;
        group(world, 30, &[held]).await?;
        let refused = app.templates().change(&by, held, to(Some(HILLS))).await;
        assert!(matches!(refused, Err(Failure::Refused(Refusal::ListedElsewhere))), "{refused:?}");
        let manager = account(world, 1, &[Role::Administrator], &[(HARBOUR, true)]).await?;
        let refused = app.templates().change(&manager, held, to(Some(HILLS))).await;
        assert!(matches!(refused, Err(Failure::Invalid(_))), "{refused:?}");
        let refused = app.templates().change(&manager, held, to(None)).await;
        assert!(matches!(refused, Err(Failure::Forbidden)), "{refused:?}");
        let foreign = app.templates().change(&manager, optional, to(Some(HARBOUR))).await;
        assert!(matches!(foreign, Err(Failure::NotFound(_))), "{foreign:?}");

        // Its name goes along.
        let clash = world.template(14, Some(HILLS), "x\n", (false, false)).await?;
        let name = app.templates().get(&by, clash).await?.name;
        let other = self::optional(world, 15).await?;
        let rename = TemplateChange { name: Some(name), ..TemplateChange::default() };
        app.templates().change(&by, other, rename).await?;
        let refused = app.templates().change(&by, other, to(Some(HILLS))).await;
        assert!(matches!(refused, Err(Failure::Taken(_))), "{refused:?}");
        Ok(())
    })
}
