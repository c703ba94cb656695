//! Which value a variable has, which templates a device has and in which order, and what follows when they change.

use app::{
    ConfigurationChange, DeviceChange, GroupChange, NewDevice, NewGroup, NewTemplate,
    OrganizationChange, Registration, TemplateChange,
};
use domain::{DeviceId, Document, GroupId, OrganizationId, TemplateId};
use projections::configuration;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    tenancy::new_group,
    world::{HARBOUR, HILLS, Outcome, PEER, World, document, file, on_each_database, secret},
};

/// The text of one file of what a device downloads.
async fn text(world: &World, id: DeviceId, path: &str) -> Outcome<String> {
    let rendered = world.app.previews().rendered(&World::by(), id).await?;
    let file = rendered.files.into_iter().find(|file| file.path.ends_with(path));
    Ok(file.ok_or("the file is there")?.text)
}

fn variables(value: Value) -> DeviceChange {
    configured(ConfigurationChange {
        context: Some(document(value)),
        ..ConfigurationChange::default()
    })
}

fn configured(configuration: ConfigurationChange) -> DeviceChange {
    DeviceChange { configuration: Some(configuration), ..DeviceChange::default() }
}

#[test]
fn the_nearest_value_of_a_variable_wins() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        let names = ["a", "b", "c", "d", "e"];
        let contents = names.map(|name| format!("{name}={{{{ {name} }}}}")).join("\n");
        let defaults = |value: &str| {
            let values = names.map(|name| (name.to_owned(), Value::from(value)));
            Document::from_iter(values)
        };
        let first = world.template(11, Some(HARBOUR), "first\n", (true, true)).await?;
        let second = world.template(12, Some(HARBOUR), "second\n", (true, true)).await?;
        for (id, values, config) in [
            (first, defaults("first template"), Some(file("/etc/all", &contents))),
            (second, document(json!({ "b": "second template" })), None),
        ] {
            let change = TemplateChange {
                default_values: Some(values),
                config,
                ..TemplateChange::default()
            };
            app.templates().change(&by, id, change).await?;
        }
        let group = GroupId::from_uuid(Uuid::from_u128(30));
        app.groups().create(&by, new_group(group, HARBOUR)).await?;
        let id = world.register(HARBOUR, 1).await?.device_id;
        let into = DeviceChange { group: Some(Some(group)), ..DeviceChange::default() };
        app.devices().change(&by, id, into).await?;

        let of_organization = document(
            json!({ "c": "organization", "d": "organization", "e": "organization", "name": "organization" }),
        );
        let change =
            OrganizationChange { context: Some(of_organization), ..OrganizationChange::default() };
        app.organizations().change(&by, HARBOUR, change).await?;
        let of_group = document(json!({ "d": "group", "e": "group" }));
        let change = GroupChange { context: Some(of_group), ..GroupChange::default() };
        app.groups().change(&by, group, change).await?;
        app.devices().change(&by, id, variables(json!({ "e": "device" }))).await?;
        world.settle().await?;
        assert_eq!(
            text(world, id, "etc/all").await?,
            "a=first template\nb=second template\nc=organization\nd=group\ne=device"
        );

        // Predefined ones are above defaults of templates and below what organizations say.
        let config = Some(file("/etc/all", "{{ name }} {{ mac_address }} {{ unknown }}"));
        let values = Some(document(json!({ "mac_address": "template", "name": "template" })));
        let change = TemplateChange { config, default_values: values, ..TemplateChange::default() };
        app.templates().change(&by, first, change).await?;
        world.settle().await?;
        let expected = "organization 02:00:00:00:00:01 {{ unknown }}";
        assert_eq!(text(world, id, "etc/all").await?, expected);
        Ok(())
    })
}

#[test]
fn variables_of_all_reach_every_device() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        world.template(11, Some(HARBOUR), "word={{ word }}\n", (true, true)).await?;
        let group = GroupId::from_uuid(Uuid::from_u128(30));
        app.groups().create(&by, new_group(group, HARBOUR)).await?;
        let mut ids = Vec::new();
        for number in 1..=3 {
            ids.push(world.register(HARBOUR, number).await?.device_id);
        }
        let into = DeviceChange { group: Some(Some(group)), ..DeviceChange::default() };
        app.devices().change(&by, ids[2], into).await?;
        let words = async |world: &World| {
            let mut words = Vec::new();
            for id in &ids {
                let archive = configuration::by_device(
                    world.app.store(),
                    &domain::authority::ReadScope::of_rules(),
                    *id,
                )
                .await?;
                words.push(archive.and_then(|held| held.archive).map(|archive| archive.md5));
            }
            Outcome::Ok(words)
        };
        world.settle().await?;
        let before = words(world).await?;
        let word = |word: &str| Some(document(json!({ "word": word })));
        let change = OrganizationChange { context: word("all"), ..OrganizationChange::default() };
        app.organizations().change(&by, HARBOUR, change).await?;
        world.settle().await?;
        let of_all = words(world).await?;
        assert!(before.iter().zip(&of_all).all(|(before, after)| before != after));
        let change = GroupChange { context: word("some"), ..GroupChange::default() };
        app.groups().change(&by, group, change).await?;
        world.settle().await?;
        let of_group = words(world).await?;
        assert_eq!(of_all[..2], of_group[..2]);
        assert_ne!(of_all[2], of_group[2]);
        assert_eq!(text(world, ids[0], "t11").await?, "word=all\n");
        assert_eq!(text(world, ids[2], "t11").await?, "word=some\n");
        Ok(())
    })
}

async fn named(
    world: &World,
    number: u128,
    name: &str,
    flags: (bool, bool),
    tags: &[&str],
) -> Outcome<TemplateId> {
    let id = TemplateId::from_uuid(Uuid::from_u128(10 + number));
    let new = NewTemplate {
        id,
        organization_id: Some(HARBOUR),
        name: name.to_owned(),
        backend: "netjsonconfig.OpenWrt".to_owned(),
        config: file(&format!("/etc/{name}"), "x"),
        default_values: Document::new(),
        tags: tags.iter().map(ToString::to_string).collect(),
        default: flags.0,
        required: flags.1,
        notes: String::new(),
    };
    world.app.templates().create(&World::by(), new).await?;
    Ok(id)
}

#[test]
fn new_devices_get_their_templates_in_order() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        let default = named(world, 1, "b-default", (true, false), &[]).await?;
        let required = named(world, 2, "z-required", (true, true), &[]).await?;
        let also_required = named(world, 3, "a-required", (true, true), &[]).await?;
        let grouped = named(world, 4, "m-grouped", (false, false), &[]).await?;
        let tagged = named(world, 5, "c-tagged", (false, false), &["mesh"]).await?;
        named(world, 6, "d-neither", (false, false), &["other"]).await?;
        let registration = Registration {
            secret: secret(HARBOUR),
            name: "mast".to_owned(),
            mac_address: "02:00:00:00:00:01".to_owned(),
            backend: "netjsonconfig.OpenWrt".to_owned(),
            key: None,
            hardware_id: None,
            model: None,
            os: None,
            system: None,
            tags: vec!["mesh".to_owned(), "unknown".to_owned()],
        };
        let id = app.agents().register(registration, PEER).await?.device_id;
        let listed = configuration::templates_of(app.store(), id).await?;
        assert_eq!(listed, [also_required, required, default, tagged]);

        let group = GroupId::from_uuid(Uuid::from_u128(300));
        let new = NewGroup { templates: vec![grouped], ..new_group(group, HARBOUR) };
        app.groups().create(&by, new).await?;
        let id = DeviceId::from_uuid(Uuid::from_u128(400));
        let new = NewDevice {
            id,
            organization_id: HARBOUR,
            name: "roof".to_owned(),
            mac_address: "02:00:00:00:00:02".to_owned(),
            key: None,
            hardware_id: None,
            model: String::new(),
            os: String::new(),
            system: String::new(),
            notes: String::new(),
            group_id: Some(group),
            configuration: None,
        };
        app.devices().create(&by, new).await?;
        let listed = configuration::templates_of(app.store(), id).await?;
        assert_eq!(listed, [also_required, required, default, grouped]);

        // What is required comes back; what is a mere default may go.
        let emptied = ConfigurationChange { templates: Some(Vec::new()), ..Default::default() };
        app.devices().change(&by, id, configured(emptied)).await?;
        let listed = configuration::templates_of(app.store(), id).await?;
        assert_eq!(listed, [also_required, required]);
        Ok(())
    })
}

#[test]
fn a_device_moves_with_its_key_and_its_last_archive() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        world.template(11, Some(HARBOUR), "harbour\n", (true, true)).await?;
        let theirs = world.template(12, Some(HILLS), "hills\n", (true, true)).await?;
        let device = world.register(HARBOUR, 1).await?;
        let (id, key) = (device.device_id, device.key.as_str());
        let before = app.agents().checksum(id, Some(key), None, PEER).await?;

        let to = |organization: OrganizationId| DeviceChange {
            organization_id: Some(organization),
            ..DeviceChange::default()
        };
        app.devices().change(&by, id, to(HILLS)).await?;
        assert_eq!(configuration::templates_of(app.store(), id).await?, [theirs]);
        let after = app.agents().download(id, Some(key), None, PEER).await?;
        assert_ne!(after.md5, before);
        assert_eq!(text(world, id, "t12").await?, "hills\n");

        // Name and address are free where it was, and taken where it is.
        world.register(HARBOUR, 1).await?;
        let namesake = Registration {
            secret: secret(HILLS),
            name: "ap-1".to_owned(),
            mac_address: "02:00:00:00:00:01".to_owned(),
            backend: "netjsonconfig.OpenWrt".to_owned(),
            key: Some("another-key-of-somebody-else".to_owned()),
            hardware_id: None,
            model: None,
            os: None,
            system: None,
            tags: Vec::new(),
        };
        let refused = app.agents().register(namesake, PEER).await.err().ok_or("taken")?;
        assert!(format!("{refused:?}").contains("Taken"), "{refused:?}");
        Ok(())
    })
}

/// Names that devices may have are wider than the host names that people may write into contents.
#[test]
fn every_legal_name_is_a_host_name() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        let longest = format!("{}.{}", "a".repeat(31), "b".repeat(32));
        for (number, name) in
            [(1, "b"), (2, "1"), (3, longest.as_str()), (4, "02:00:00:00:00:44"), (5, "ap")]
        {
            let registration = Registration {
                secret: secret(HARBOUR),
                name: name.to_owned(),
                mac_address: format!("02:00:00:00:01:{number:02X}"),
                backend: "netjsonconfig.OpenWrt".to_owned(),
                key: None,
                hardware_id: None,
                model: None,
                os: None,
                system: None,
                tags: Vec::new(),
            };
            let device = app.agents().register(registration, PEER).await?;
            let (id, key) = (device.device_id, Some(device.key.as_str()));
            app.agents().checksum(id, key, None, PEER).await?;
            let system = text(world, id, "etc/config/system").await?;
            let hostname = format!("option hostname '{}'", name.replace(':', "-"));
            assert!(system.contains(&hostname), "{system}");
            let rename = DeviceChange { name: Some(format!("q{number}")), ..Default::default() };
            app.devices().change(&by, id, rename).await?;
            assert!(text(world, id, "etc/config/system").await?.contains("option hostname 'q"));

            // What people write is checked, and above the name.
            let general = |hostname: &str| {
                configured(ConfigurationChange {
                    config: Some(document(json!({ "general": { "hostname": hostname } }))),
                    ..ConfigurationChange::default()
                })
            };
            app.devices().change(&by, id, general("written")).await?;
            assert!(text(world, id, "etc/config/system").await?.contains("hostname 'written'"));
            assert!(app.devices().change(&by, id, general("not one")).await.is_err());
        }
        Ok(())
    })
}
