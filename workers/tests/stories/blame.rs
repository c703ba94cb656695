//! Every part of a configuration has an event that it is there because of.

use app::{
    Blamed, BlamedSource, By, DeviceChange, Failure, GroupChange, Moment, ObjectRef,
    OrganizationChange, TemplateChange, VariableSource,
};
use domain::{DeviceId, Document, TemplateId, authority::Role};
use projections::Stretch;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::{
    history::{Network, STEPS, of_configuration},
    tenancy::account,
    time_travel::group_with_word,
    world::{HARBOUR, HILLS, Outcome, World, document, file, on_each_database},
};

const ALL: Stretch = Stretch { limit: 1000, after: None, before: None, from_end: false };

async fn blame(world: &World, by: &By, id: DeviceId, at: Moment) -> Result<Vec<Blamed>, Failure> {
    let found = world.app.history().blame(by, id, at, "", &ALL).await?;
    assert_eq!(found.count, found.rows.len() as u64);
    Ok(found.rows.into_iter().map(|(_, part)| part).collect())
}

/// What tells a part from others wherever it stands.
fn told(part: &Blamed) -> (Value, &'static str, Option<TemplateId>) {
    let (kind, template) = match &part.source {
        BlamedSource::Device => ("device", None),
        BlamedSource::DeviceName => ("name", None),
        BlamedSource::Template(link) => ("template", link.as_ref().map(|link| link.id)),
    };
    (part.written.clone(), kind, template)
}

#[test]
fn just_before_its_event_a_part_was_not_there() -> Outcome {
    for seed in 20..23 {
        on_each_database(async |world| {
            let mut dice = ChaCha8Rng::seed_from_u64(seed);
            let mut network = Network::found(world).await?;
            let mut moments = Vec::new();
            for _ in 0..STEPS {
                network.step(world, &mut dice).await?;
                if let Some((device, _)) = network.devices.first() {
                    moments.push((*device, world.app.store().head()));
                }
                let last = network.devices.len().saturating_sub(1);
                if let Some((device, _)) = network.devices.get(dice.random_range(0..=last)) {
                    moments.push((*device, world.app.store().head()));
                }
            }
            let (by, mut looked) = (World::by(), 0);
            for (device, position) in moments.into_iter().rev().step_by(4) {
                let parts = match blame(world, &by, device, Moment::Position(position)).await {
                    Err(Failure::NotFound(_)) => continue,
                    parts => parts?,
                };
                for part in parts {
                    let at = part.position.ok_or("an event")?;
                    assert!(at <= position, "{part:?} at {position}");
                    let before = blame(world, &by, device, Moment::Position(at - 1)).await;
                    let before = match before {
                        Err(Failure::NotFound(_)) => Vec::new(),
                        before => before?,
                    };
                    let known = before.iter().find(|was| told(was) == told(&part));
                    assert_eq!(known, None, "{part:?} at {position}");
                    let causes = world.app.history().causes(&by, &[at]).await?;
                    let template = match &part.source {
                        BlamedSource::Template(Some(link)) => Some(ObjectRef::Template(link.id)),
                        _ => None,
                    };
                    let objects = [Some(ObjectRef::Device(device)), template];
                    let its_own = objects.contains(&Some(causes[0].object));
                    // What let it win again is somebody else's.
                    let lets_win = part.prevails_at == Some(at) && part.written_at < Some(at);
                    assert!(its_own || lets_win, "{part:?}: {causes:?}");
                    looked += 1;
                }
            }
            assert!(looked > 20, "{looked} parts say little");
            Ok(())
        })?;
    }
    Ok(())
}

/// Interfaces with an address list.
fn wires(eth0: &Value, more: &[Value]) -> Document {
    let mut interfaces = vec![eth0.clone()];
    interfaces.extend_from_slice(more);
    document(json!({ "interfaces": interfaces }))
}

async fn contents(world: &World, id: TemplateId, config: Document) -> Outcome<i64> {
    let change = TemplateChange { config: Some(config), ..TemplateChange::default() };
    world.app.templates().change(&World::by(), id, change).await?;
    Ok(world.app.store().head())
}

fn at<'a>(parts: &'a [Blamed], pointer: &str) -> &'a Blamed {
    parts
        .iter()
        .find(|part| part.pointer == pointer)
        .unwrap_or_else(|| panic!("{pointer}: {parts:?}"))
}

#[test]
fn a_part_is_blamed_on_the_change_that_it_came_in_with() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        let (lower, upper) = (
            world.template(11, Some(HARBOUR), "x\n", (false, false)).await?,
            world.template(12, None, "y {{ word }}\n", (false, false)).await?,
        );
        let id = world.register(HARBOUR, 1).await?.device_id;
        let registered = app.store().head();
        let own = of_configuration(|own| own.templates = Some(vec![lower, upper]));
        app.devices().change(&by, id, own).await?;
        let assigned = app.history().blame(&by, id, Moment::Now, "", &ALL).await?;
        let assigned = assigned.rows[0].1.assigned_at.ok_or("assigned")?;
        assert!(assigned > registered);

        // Five times, renamed in between.
        let eth0 = json!({ "name": "eth0", "type": "ethernet", "disabled": false });
        let with_mtu =
            json!({ "name": "eth0", "type": "ethernet", "disabled": false, "mtu": 1400 });
        let first = contents(world, lower, wires(&eth0, &[])).await?;
        let second = contents(world, lower, wires(&with_mtu, &[])).await?;
        let name = Some("renamed".to_owned());
        let renamed = TemplateChange { name, ..TemplateChange::default() };
        app.templates().change(&by, lower, renamed).await?;
        let eth1 = json!({ "name": "eth1", "type": "ethernet" });
        let third = contents(world, lower, wires(&eth1, std::slice::from_ref(&with_mtu))).await?;
        let more = json!({ "name": "eth2", "type": "ethernet" });
        contents(world, lower, wires(&eth1, &[with_mtu.clone(), more])).await?;
        let fifth = contents(world, lower, wires(&eth1, &[with_mtu])).await?;

        let parts = blame(world, &by, id, Moment::Now).await?;
        assert_eq!(at(&parts, "/interfaces/0/name").position, Some(third));
        assert_eq!(at(&parts, "/interfaces/1/disabled").position, Some(first));
        let mtu = at(&parts, "/interfaces/1/mtu");
        assert_eq!((mtu.position, mtu.written_at), (Some(second), Some(second)));
        assert_eq!(mtu.assigned_at, Some(assigned));
        let BlamedSource::Template(Some(link)) = &mtu.source else { panic!("{mtu:?}") };
        assert_eq!((link.id, link.name.as_str()), (lower, "renamed"));
        let host = at(&parts, "/general/hostname");
        assert_eq!(host.source, BlamedSource::DeviceName);
        assert!(host.position.is_some_and(|at| at <= registered), "{host:?}");

        // What came in later with another layer wins, and the same for the device's own.
        let over = json!({ "interfaces": [{ "name": "eth0", "type": "ethernet", "mtu": 1300 }], "files": [
            { "path": "/etc/w", "mode": "0644", "contents": "{{ word }} {{ name }} {{ nothing }}\n" } ] });
        let overlaid = contents(world, upper, document(over)).await?;
        let parts = blame(world, &by, id, Moment::Now).await?;
        let mtu = at(&parts, "/interfaces/1/mtu");
        assert_eq!((mtu.position, &mtu.written), (Some(overlaid), &json!(1300)));
        let own = json!({ "interfaces": [{ "name": "eth0", "type": "ethernet", "mtu": 1300 }] });
        let own = of_configuration(|it| it.config = Some(document(own)));
        app.devices().change(&by, id, own).await?;
        let parts = blame(world, &by, id, Moment::Now).await?;
        let mtu = at(&parts, "/interfaces/1/mtu");
        assert_eq!((&mtu.source, mtu.assigned_at), (&BlamedSource::Device, None));
        assert!(mtu.position > Some(overlaid));
        // As it was, it is asked with the moment.
        let then = blame(world, &by, id, Moment::Position(fifth)).await?;
        assert_eq!(at(&then, "/interfaces/1/mtu").position, Some(second));

        // Assigned again later, the assignment is what it is there because of.
        let take = of_configuration(|own| own.templates = Some(vec![upper]));
        app.devices().change(&by, id, take).await?;
        let before = app.store().head();
        let give = of_configuration(|own| own.templates = Some(vec![lower, upper]));
        app.devices().change(&by, id, give).await?;
        let parts = blame(world, &by, id, Moment::Now).await?;
        let disabled = at(&parts, "/interfaces/1/disabled");
        assert_eq!(disabled.written_at, Some(first));
        assert_eq!(disabled.position, disabled.assigned_at);
        assert!(disabled.assigned_at > Some(before));

        // Only what stands below, and page by page.
        let below = app.history().blame(&by, id, Moment::Now, "/interfaces/1", &ALL).await?;
        assert!(below.count >= 2 && below.count < parts.len() as u64);
        assert!(below.rows.iter().all(|(_, part)| part.pointer.starts_with("/interfaces/1/")));
        let (mut paged, mut stretch) = (Vec::new(), Stretch { limit: 2, ..ALL });
        loop {
            let page = app.history().blame(&by, id, Moment::Now, "", &stretch).await?;
            assert_eq!(page.count, parts.len() as u64);
            stretch.after = page.rows.last().map(|(place, _)| place.clone());
            paged.extend(page.rows.into_iter().map(|(_, part)| part));
            if !page.more {
                break;
            }
        }
        assert_eq!(paged, parts);
        Ok(())
    })
}

#[test]
fn what_wins_again_is_blamed_on_what_let_it() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        let (lower, upper) = (
            world.template(11, Some(HARBOUR), "{{ word }}\n", (false, false)).await?,
            world.template(12, Some(HARBOUR), "y\n", (false, false)).await?,
        );
        let id = world.register(HARBOUR, 1).await?.device_id;
        let zone = |zone: &str| {
            document(json!({ "general": { "timezone": zone }, "files": [
                { "path": "/etc/w", "mode": "0644", "contents": "{{ word }}\n" } ] }))
        };
        let words = |word: &str| document(json!({ "word": word }));
        for (template, said) in [(lower, "UTC"), (upper, "Europe/Rome")] {
            let change = TemplateChange {
                config: Some(zone(said)),
                default_values: Some(words(said)),
                ..TemplateChange::default()
            };
            app.templates().change(&by, template, change).await?;
        }
        let give = async |templates: Vec<TemplateId>| -> Outcome<i64> {
            let own = of_configuration(|own| own.templates = Some(templates));
            app.devices().change(&by, id, own).await?;
            let changed = blame(world, &by, id, Moment::Now).await?;
            Ok(at(&changed, "/general/timezone").position.ok_or("an event")?)
        };
        let told = async || -> Outcome<(Value, Option<i64>, Option<i64>)> {
            let parts = blame(world, &by, id, Moment::Now).await?;
            let zone = at(&parts, "/general/timezone");
            let file = parts.iter().find(|part| !part.variables.is_empty()).ok_or("a file")?;
            Ok((zone.written.clone(), zone.position, file.variables[0].position))
        };
        let event_of = async |position: Option<i64>| -> Outcome<String> {
            let causes = app.history().causes(&by, &[position.ok_or("an event")?]).await?;
            Ok(causes[0].entry.event_type.clone())
        };

        let first = give(vec![lower, upper]).await?;
        let ordered = give(vec![upper, lower]).await?;
        assert!(ordered > first, "another order");
        let (zone_now, zone_at, word_at) = told().await?;
        assert_eq!((zone_now, zone_at, word_at), (json!("UTC"), Some(ordered), Some(ordered)));
        give(vec![lower, upper]).await?;
        let alone = give(vec![lower]).await?;
        let (zone_now, zone_at, word_at) = told().await?;
        assert_eq!((zone_now, zone_at, word_at), (json!("UTC"), Some(alone), Some(alone)));
        assert_eq!(event_of(zone_at).await?, "configuration.templates_changed");

        give(vec![lower, upper]).await?;
        let silent = TemplateChange {
            config: Some(file("/etc/other", "y\n")),
            default_values: Some(Document::new()),
            ..TemplateChange::default()
        };
        app.templates().change(&by, upper, silent).await?;
        let (zone_now, zone_at, word_at) = told().await?;
        assert_eq!(zone_now, json!("UTC"));
        assert_eq!(event_of(zone_at).await?, "template.contents_changed");
        assert_eq!(event_of(word_at).await?, "template.default_values_changed");

        let own = |config| of_configuration(|it| it.config = Some(config));
        let mine = document(json!({ "general": { "timezone": "Asia/Tokyo", "hostname": "mine" } }));
        app.devices().change(&by, id, own(mine)).await?;
        assert_eq!(told().await?.0, json!("Asia/Tokyo"));
        let before = app.store().head();
        app.devices().change(&by, id, own(Document::new())).await?;
        let parts = blame(world, &by, id, Moment::Now).await?;
        for pointer in ["/general/timezone", "/general/hostname"] {
            let part = at(&parts, pointer);
            assert!(part.position > Some(before), "{part:?}");
            assert_eq!(event_of(part.position).await?, "configuration.contents_changed");
        }

        // The device's own variable outdoes defaults until it goes.
        app.devices()
            .change(&by, id, of_configuration(|it| it.context = Some(words("own"))))
            .await?;
        app.devices()
            .change(&by, id, of_configuration(|it| it.context = Some(Document::new())))
            .await?;
        assert_eq!(event_of(told().await?.2).await?, "configuration.variables_changed");

        // Pointers into a part find it; what is no pointer is refused.
        let inside = app.history().blame(&by, id, Moment::Now, "/general/timezone/x", &ALL).await?;
        assert_eq!(inside.count, 1);
        for wrong in ["interfaces", "/~2", "/a~"] {
            let refused = app.history().blame(&by, id, Moment::Now, wrong, &ALL).await;
            assert!(matches!(refused, Err(Failure::Invalid(_))), "{wrong}");
        }
        Ok(())
    })
}

#[test]
fn variables_are_blamed_on_what_gave_them_their_values() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        let template = world
            .template(11, Some(HARBOUR), "{{ word }} {{ name }} {{ no }}\n", (true, false))
            .await?;
        let id = world.register(HARBOUR, 1).await?.device_id;
        let words = |word: &str| Some(document(json!({ "word": word })));
        let variable = async |name: &str| -> Outcome<(VariableSource, Option<i64>)> {
            let parts = blame(world, &by, id, Moment::Now).await?;
            let part = parts.iter().find(|part| !part.variables.is_empty()).ok_or("a part")?;
            let found = part.variables.iter().find(|it| it.name == name).ok_or("a variable")?;
            Ok((found.source, found.position))
        };
        assert_eq!(variable("word").await?, (VariableSource::Unset, None));
        assert_eq!(variable("no").await?.0, VariableSource::Unset);
        let defaults =
            TemplateChange { default_values: words("default"), ..TemplateChange::default() };
        app.templates().change(&by, template, defaults).await?;
        let expected = (VariableSource::Template, Some(app.store().head()));
        assert_eq!(variable("word").await?, expected);
        let own = OrganizationChange { context: words("all"), ..OrganizationChange::default() };
        app.organizations().change(&by, HARBOUR, own).await?;
        let expected = (VariableSource::Organization, Some(app.store().head()));
        assert_eq!(variable("word").await?, expected);
        // The group had it before the device came.
        let group = group_with_word(world, HARBOUR, "some").await?;
        let made = app.store().head();
        let join = DeviceChange { group: Some(Some(group)), ..DeviceChange::default() };
        app.devices().change(&by, id, join).await?;
        let (source, joined) = variable("word").await?;
        assert!(source == VariableSource::Group && joined > Some(made), "{joined:?}");
        let change = GroupChange { context: words("others"), ..GroupChange::default() };
        app.groups().change(&by, group, change).await?;
        let expected = (VariableSource::Group, Some(app.store().head()));
        assert_eq!(variable("word").await?, expected);
        app.devices().change(&by, id, of_configuration(|own| own.context = words("one"))).await?;
        let (source, told) = variable("word").await?;
        assert_eq!(source, VariableSource::Device);
        let event = app.history().causes(&by, &[told.ok_or("an event")?]).await?;
        assert_eq!(event[0].entry.event_type, "configuration.variables_changed");
        let name = DeviceChange { name: Some("renamed".to_owned()), ..DeviceChange::default() };
        app.devices().change(&by, id, name).await?;
        let (source, told) = variable("name").await?;
        assert_eq!(source, VariableSource::Predefined);
        let event = app.history().causes(&by, &[told.ok_or("an event")?]).await?;
        assert_eq!(event[0].entry.event_type, "device.renamed");
        Ok(())
    })
}

#[test]
fn who_may_not_see_a_template_is_not_told_of_it() -> Outcome {
    on_each_database(async |world| {
        let (app, system) = (&world.app, World::by());
        world.template(11, Some(HARBOUR), "x\n", (true, false)).await?;
        let id = world.register(HARBOUR, 1).await?.device_id;
        let change = of_configuration(|own| own.config = Some(file("/etc/own", "mine\n")));
        app.devices().change(&system, id, change).await?;
        let admin = account(world, 1, &[Role::Administrator], &[(HARBOUR, true)]).await?;
        let seen = blame(world, &admin, id, Moment::Now).await?;
        assert!(seen.iter().any(|part| matches!(&part.source, BlamedSource::Template(Some(_)))));
        let stranger = account(world, 2, &[Role::Administrator], &[(HILLS, true)]).await?;
        let refused = blame(world, &stranger, id, Moment::Now).await.unwrap_err();
        assert!(matches!(refused, Failure::NotFound("Device")));

        // Moved away, it is the new owner's; what the old one's templates had is not told.
        let to = DeviceChange { organization_id: Some(HILLS), ..DeviceChange::default() };
        app.devices().change(&system, id, to).await?;
        let theirs = blame(world, &stranger, id, Moment::Now).await?;
        assert!(!theirs.is_empty());
        assert!(theirs.iter().all(|part| !matches!(&part.source, BlamedSource::Template(Some(_)))));
        let positions: Vec<i64> = theirs.iter().filter_map(|part| part.position).collect();
        let told = app.history().causes(&stranger, &positions).await?;
        assert!(told.iter().all(|event| event.entry.organization_id == Some(HILLS)));
        let gone = blame(world, &admin, id, Moment::Now).await.unwrap_err();
        assert!(matches!(gone, Failure::NotFound("Device")));
        Ok(())
    })
}
