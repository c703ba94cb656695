//! Devices that change their organization.

use app::{
    ConfigurationChange, DeviceChange, Failure, GroupChange, OrganizationChange, Refusal,
    TemplateChange,
};
use domain::{DeviceId, GroupId, OrganizationId, accounts::DeviceLimit, kind};
use projections::configuration;
use serde_json::json;
use uuid::Uuid;

use crate::{
    tenancy::new_group,
    world::{HARBOUR, HILLS, Outcome, PEER, World, document, on_each_database},
};

fn to(organization: OrganizationId) -> DeviceChange {
    DeviceChange { organization_id: Some(organization), ..DeviceChange::default() }
}

async fn text(world: &World, id: DeviceId, path: &str) -> Outcome<String> {
    let rendered = world.app.previews().rendered(&World::by(), id).await?;
    let file = rendered.files.into_iter().find(|file| file.path.ends_with(path));
    Ok(file.ok_or("the file is there")?.text)
}

#[test]
fn values_that_the_new_organization_has_already_are_named_and_nothing_moves() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        let mover = world.register(HARBOUR, 1).await?;
        // The same name and address, another key.
        world.register(HILLS, 1).await?;
        let refused = app.devices().change(&by, mover.device_id, to(HILLS)).await;
        let Err(Failure::Taken(taken)) = refused else { return Err("taken".into()) };
        let mut kinds: Vec<&str> = taken.iter().map(|taken| taken.kind.as_str()).collect();
        kinds.sort_unstable();
        assert_eq!(kinds, [kind::DEVICE_MAC_ADDRESS, kind::DEVICE_NAME]);

        let found = app.devices().get(&by, mover.device_id).await?;
        assert_eq!(found.device.organization_id, HARBOUR);
        app.agents().checksum(mover.device_id, Some(&mover.key), None, PEER).await?;
        // With other values it moves.
        let change = DeviceChange {
            name: Some("newcomer".to_owned()),
            mac_address: Some("02:00:00:00:77:01".to_owned()),
            ..DeviceChange::default()
        };
        app.devices().change(&by, mover.device_id, change).await?;
        app.devices().change(&by, mover.device_id, to(HILLS)).await?;
        let found = app.devices().get(&by, mover.device_id).await?;
        assert_eq!(found.device.organization_id, HILLS);
        assert_eq!(found.device.name, "newcomer");
        Ok(())
    })
}

#[test]
fn a_device_moves_under_another_name_where_its_own_is_taken() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        let mover = world.register(HARBOUR, 1).await?.device_id;
        let resident = world.register(HILLS, 1).await?;
        world.register(HILLS, 2).await?;
        let under = |name: &str, address: &str| DeviceChange {
            name: Some(name.to_owned()),
            mac_address: Some(address.to_owned()),
            ..to(HILLS)
        };
        // What it would have in the end is taken: that is named, and not what it has now.
        let refused = app.devices().change(&by, mover, under("ap-2", "02:00:00:00:77:01")).await;
        let Err(Failure::Taken(taken)) = refused else { return Err("taken".into()) };
        assert_eq!(
            taken.iter().map(|taken| taken.kind.as_str()).collect::<Vec<_>>(),
            [kind::DEVICE_NAME]
        );
        app.devices().change(&by, mover, under("newcomer", "02:00:00:00:77:01")).await?;
        let found = app.devices().get(&by, mover).await?.device;
        assert_eq!((found.organization_id, found.name.as_str()), (HILLS, "newcomer"));

        // The resident still has its values, the mover's old ones are free, its new ones are its own.
        let again = world.register(HILLS, 1).await?;
        assert_eq!((again.device_id, again.is_new), (resident.device_id, false));
        let other = world.register(HARBOUR, 3).await?.device_id;
        let old = DeviceChange {
            name: Some("ap-1".to_owned()),
            mac_address: Some("02:00:00:00:00:01".to_owned()),
            ..DeviceChange::default()
        };
        app.devices().change(&by, other, old).await?;
        let own = DeviceChange { name: Some("newcomer".to_owned()), ..DeviceChange::default() };
        let refused = app.devices().change(&by, resident.device_id, own).await;
        assert!(matches!(refused, Err(Failure::Taken(_))), "{refused:?}");
        Ok(())
    })
}

#[test]
fn a_full_organization_takes_no_more() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        let mover = world.register(HARBOUR, 1).await?.device_id;
        let other = world.register(HILLS, 2).await?.device_id;
        let limit = OrganizationChange {
            device_limit: Some(DeviceLimit::AtMost(1)),
            ..OrganizationChange::default()
        };
        app.organizations().change(&by, HILLS, limit).await?;
        let refused = app.devices().change(&by, mover, to(HILLS)).await;
        assert!(
            matches!(&refused, Err(Failure::LimitReached { organization }) if organization == "hills"),
            "{refused:?}"
        );
        // A place that somebody leaves is free.
        app.devices().change(&by, other, to(HARBOUR)).await?;
        app.devices().change(&by, mover, to(HILLS)).await?;
        Ok(())
    })
}

#[test]
fn group_variables_and_templates_stay_where_they_belong() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        let shared = world.template(10, None, "{{ place }} {{ part }}\n", (true, true)).await?;
        let optional = world.template(13, None, "optional\n", (false, false)).await?;
        let theirs = world.template(14, Some(HILLS), "theirs\n", (true, false)).await?;
        let ours = world.template(15, Some(HARBOUR), "ours\n", (false, false)).await?;
        for (organization, place) in [(HARBOUR, "sea"), (HILLS, "land")] {
            let context = Some(document(json!({ "place": place, "part": "none" })));
            let change = OrganizationChange { context, ..OrganizationChange::default() };
            app.organizations().change(&by, organization, change).await?;
        }
        let group = GroupId::from_uuid(Uuid::from_u128(30));
        app.groups().create(&by, new_group(group, HARBOUR)).await?;
        let context = Some(document(json!({ "part": "pier" })));
        let change = GroupChange { context, ..GroupChange::default() };
        app.groups().change(&by, group, change).await?;
        let id = world.register(HARBOUR, 1).await?.device_id;
        let configured = |templates| {
            let templates = Some(templates);
            Some(ConfigurationChange { templates, ..ConfigurationChange::default() })
        };
        let change = DeviceChange {
            group: Some(Some(group)),
            configuration: configured(vec![optional, ours]),
            ..DeviceChange::default()
        };
        app.devices().change(&by, id, change).await?;
        let listed = configuration::templates_of(app.store(), id).await?;
        assert_eq!(listed, [shared, optional, ours]);
        assert_eq!(text(world, id, "t10").await?, "sea pier\n");

        // What the old organization owns cannot be taken along, not even on purpose.
        let change = DeviceChange { configuration: configured(vec![ours]), ..to(HILLS) };
        let refused = app.devices().change(&by, id, change).await;
        assert!(
            matches!(&refused, Err(Failure::Refused(Refusal::ForeignTemplates { names })) if *names == ["template 15"]),
            "{refused:?}"
        );

        app.devices().change(&by, id, to(HILLS)).await?;
        let listed = configuration::templates_of(app.store(), id).await?;
        assert_eq!(listed, [shared], "only what is required");
        assert!(!listed.contains(&theirs));
        let found = app.devices().get(&by, id).await?;
        assert_eq!((found.device.organization_id, found.device.group_id), (HILLS, None));
        assert_eq!(text(world, id, "t10").await?, "land none\n");
        world.settle().await?;
        let listed = configuration::templates_of(app.store(), id).await?;
        assert_eq!(listed, [shared], "and nothing follows");
        Ok(())
    })
}

#[test]
fn what_a_device_downloads_stays_until_there_is_something_newer() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        let template = world.template(11, None, "shared\n", (true, true)).await?;
        let change = TemplateChange {
            config: Some(document(json!({
                "files": [{ "path": "/etc/t11", "mode": "{{ mode }}", "contents": "shared" }]
            }))),
            default_values: Some(document(json!({ "mode": "0600" }))),
            ..TemplateChange::default()
        };
        app.templates().change(&by, template, change).await?;
        world.settle().await?;
        let mover = world.register(HARBOUR, 1).await?;
        let (id, key) = (mover.device_id, mover.key.as_str());
        app.devices().change(&by, id, to(HILLS)).await?;
        world.settle().await?;
        let before = app.agents().download(id, Some(key), None, PEER).await?;
        // Nothing can be made of this, so nothing replaces the archive.
        let mode = |mode: &str| OrganizationChange {
            context: Some(document(json!({ "mode": mode }))),
            ..OrganizationChange::default()
        };
        app.organizations().change(&by, HILLS, mode("broken")).await?;
        world.settle().await?;
        let held =
            configuration::by_device(app.store(), &domain::authority::ReadScope::of_rules(), id)
                .await?
                .ok_or("held")?;
        assert!(held.failure.is_some());
        let kept = app.agents().download(id, Some(key), None, PEER).await?;
        assert_eq!((&kept.md5, &kept.bytes), (&before.md5, &before.bytes));

        app.organizations().change(&by, HILLS, mode("0640")).await?;
        world.settle().await?;
        let after = app.agents().download(id, Some(key), None, PEER).await?;
        assert_ne!(after.md5, before.md5);
        Ok(())
    })
}
