//! A configuration changes its generator: templates of the group come and go with it.

use app::{
    ConfigurationChange, DeviceChange, Failure, NewConfiguration, NewDevice, NewGroup, NewTemplate,
    Refusal,
};
use domain::{DeviceId, Document, GroupId, TemplateId};
use projections::configuration;
use serde_json::json;
use uuid::Uuid;

use crate::{
    tenancy::new_group,
    world::{HARBOUR, Outcome, PEER, World, document, file, on_each_database},
};

const OPENWRT: &str = "netjsonconfig.OpenWrt";
const OPENWISP: &str = "netjsonconfig.OpenWisp";

async fn template(world: &World, id: u128, backend: &str, required: bool) -> Outcome<TemplateId> {
    let id = TemplateId::from_uuid(Uuid::from_u128(id));
    let new = NewTemplate {
        id,
        organization_id: Some(HARBOUR),
        name: format!("template {}", id.as_uuid().as_u128()),
        backend: backend.to_owned(),
        config: file(&format!("/etc/t{}", id.as_uuid().as_u128()), "x"),
        default_values: Document::new(),
        tags: Vec::new(),
        default: required,
        required,
        notes: String::new(),
    };
    world.app.templates().create(&World::by(), new).await?;
    Ok(id)
}

async fn listed(world: &World, id: DeviceId) -> Outcome<Vec<TemplateId>> {
    Ok(configuration::templates_of(world.app.store(), id).await?)
}

fn to_backend(backend: &str) -> DeviceChange {
    DeviceChange {
        configuration: Some(ConfigurationChange {
            backend: Some(backend.to_owned()),
            ..ConfigurationChange::default()
        }),
        ..DeviceChange::default()
    }
}

#[test]
fn templates_of_a_group_follow_the_generator() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        let own = template(world, 11, OPENWISP, false).await?;
        let old = template(world, 12, OPENWISP, false).await?;
        let new = template(world, 13, OPENWRT, false).await?;
        let group = GroupId::from_uuid(Uuid::from_u128(30));
        let masts = NewGroup {
            id: group,
            organization_id: HARBOUR,
            name: "masts".to_owned(),
            description: String::new(),
            templates: vec![old, new],
            context: Document::new(),
            meta_data: Document::new(),
        };
        app.groups().create(&by, masts).await?;
        let id = DeviceId::from_uuid(Uuid::from_u128(40));
        let device = NewDevice {
            id,
            organization_id: HARBOUR,
            name: "mast".to_owned(),
            mac_address: "02:00:00:00:00:01".to_owned(),
            key: None,
            hardware_id: None,
            model: String::new(),
            os: String::new(),
            system: String::new(),
            notes: String::new(),
            group_id: Some(group),
            configuration: Some(NewConfiguration {
                backend: OPENWISP.to_owned(),
                templates: vec![own],
                ..NewConfiguration::default()
            }),
        };
        app.devices().create(&by, device).await?;
        let before = listed(world, id).await?;
        assert!(before.contains(&own) && before.contains(&old), "{before:?}");
        assert!(!before.contains(&new), "it is for the other generator");
        let required = template(world, 14, OPENWRT, true).await?;
        world.settle().await?;
        assert_eq!(listed(world, id).await?, before, "that one, too");

        app.devices().change(&by, id, to_backend(OPENWRT)).await?;
        assert_eq!(listed(world, id).await?, [required, own, new]);
        // The same generator again is no change.
        app.devices().change(&by, id, to_backend(OPENWRT)).await?;
        assert_eq!(listed(world, id).await?, [required, own, new]);
        Ok(())
    })
}

#[test]
fn a_device_changes_to_the_older_firmware_and_back() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        let required_old = template(world, 11, OPENWRT, true).await?;
        let old = template(world, 12, OPENWRT, false).await?;
        let new = template(world, 13, OPENWISP, false).await?;
        let required_new = template(world, 14, OPENWISP, true).await?;
        let group = GroupId::from_uuid(Uuid::from_u128(30));
        let masts = NewGroup { templates: vec![old, new], ..new_group(group, HARBOUR) };
        app.groups().create(&by, masts).await?;
        let device = world.register(HARBOUR, 1).await?;
        let (id, key) = (device.device_id, device.key.as_str());
        let into = DeviceChange { group: Some(Some(group)), ..DeviceChange::default() };
        app.devices().change(&by, id, into).await?;
        assert_eq!(listed(world, id).await?, [required_old, old]);
        let before = app.agents().download(id, Some(key), None, PEER).await?;

        app.devices().change(&by, id, to_backend(OPENWISP)).await?;
        assert_eq!(listed(world, id).await?, [required_new, required_old, new]);
        let held =
            configuration::by_device(app.store(), &domain::authority::ReadScope::of_rules(), id)
                .await?
                .ok_or("held")?;
        assert_eq!(held.backend, OPENWISP);
        assert_eq!(held.failure, None);
        let older = app.agents().download(id, Some(key), None, PEER).await?;
        assert_ne!(older.md5, before.md5, "with the scripts of that firmware");

        // It can be changed like any other, and is checked like any other.
        let contents = |config: Document| DeviceChange {
            configuration: Some(ConfigurationChange {
                config: Some(config),
                ..ConfigurationChange::default()
            }),
            ..DeviceChange::default()
        };
        app.devices().change(&by, id, contents(file("/etc/own", "own"))).await?;
        let wrong = document(json!({ "general": { "hostname": 5 } }));
        let refused = app.devices().change(&by, id, contents(wrong)).await;
        assert!(
            matches!(&refused, Err(Failure::Refused(Refusal::InvalidConfiguration { .. }))),
            "{refused:?}"
        );

        app.devices().change(&by, id, to_backend(OPENWRT)).await?;
        let list = listed(world, id).await?;
        assert!(list.contains(&required_old) && list.contains(&old), "{list:?}");
        assert!(!list.contains(&new), "{list:?}");
        let held =
            configuration::by_device(app.store(), &domain::authority::ReadScope::of_rules(), id)
                .await?
                .ok_or("held")?;
        assert_eq!(held.failure, None);
        let after = app.agents().download(id, Some(key), None, PEER).await?;
        assert_ne!(after.md5, before.md5, "with what was changed meanwhile");
        Ok(())
    })
}

#[test]
fn generator_and_group_can_change_at_once() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        let own = template(world, 10, OPENWRT, false).await?;
        let [wrt_one, wisp_one, wrt_two, wisp_two] = [
            template(world, 11, OPENWRT, false).await?,
            template(world, 12, OPENWISP, false).await?,
            template(world, 13, OPENWRT, false).await?,
            template(world, 14, OPENWISP, false).await?,
        ];
        let mut groups = Vec::new();
        for (number, templates) in [(30, vec![wrt_one, wisp_one]), (31, vec![wrt_two, wisp_two])] {
            let id = GroupId::from_uuid(Uuid::from_u128(number));
            let new = NewGroup { templates, ..new_group(id, HARBOUR) };
            app.groups().create(&by, new).await?;
            groups.push(id);
        }
        let id = world.register(HARBOUR, 1).await?.device_id;
        let first = DeviceChange {
            group: Some(Some(groups[0])),
            configuration: Some(ConfigurationChange {
                templates: Some(vec![own]),
                ..ConfigurationChange::default()
            }),
            ..DeviceChange::default()
        };
        app.devices().change(&by, id, first).await?;
        assert_eq!(listed(world, id).await?, [own, wrt_one]);
        let change = |group, backend| DeviceChange { group: Some(group), ..to_backend(backend) };
        app.devices().change(&by, id, change(Some(groups[1]), OPENWISP)).await?;
        assert_eq!(listed(world, id).await?, [own, wisp_two]);
        app.devices().change(&by, id, change(None, OPENWRT)).await?;
        assert_eq!(listed(world, id).await?, [own]);
        Ok(())
    })
}
