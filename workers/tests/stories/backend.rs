//! A configuration changes its generator: templates of the group come and go with it.

use app::{ConfigurationChange, DeviceChange, NewConfiguration, NewDevice, NewGroup, NewTemplate};
use domain::{DeviceId, Document, GroupId, TemplateId};
use projections::configuration;
use uuid::Uuid;

use crate::world::{HARBOUR, Outcome, World, file, on_each_database};

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
