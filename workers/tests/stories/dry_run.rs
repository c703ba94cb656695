//! Dry runs and previews: what they say is what happens, and nothing happens before.

use std::collections::{BTreeMap, BTreeSet};

use app::{
    By, Change, ConfigurationChange, ContentsDiff, DeviceChange, DryRun, Failure, GroupChange,
    JobId, NewConfiguration, NewDevice, NewGroup, NewTemplate, Operation, OrganizationChange,
    Refusal, Selection, TemplateChange,
};
use domain::{DeviceId, Document, GroupId, OrganizationId, TemplateId};
use projections::{configuration, device::DeviceFilter};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use store::{Query, args};
use uuid::Uuid;

use crate::world::{HARBOUR, HILLS, Outcome, PEER, World, document, file, on_each_database};

const OPENWRT: &str = "netjsonconfig.OpenWrt";
/// Changes that are tried and then made, per seed.
const CHANGES: usize = 14;

#[test]
fn a_dry_run_equals_what_happens_afterwards() -> Outcome {
    for seed in 0..3 {
        on_each_database(async |world| {
            let mut dice = ChaCha8Rng::seed_from_u64(seed);
            let mut network = Network::found(world).await?;
            for round in 0..CHANGES {
                world.settle().await?;
                let change = network.change(&mut dice, round);
                let told = format!("seed {seed}, round {round}: {change:?}");
                let before = network.states(world).await?;
                let head = world.app.store().head();
                let foreseen = world.app.previews().dry_run(&World::by(), change.clone()).await;
                assert_eq!(world.app.store().head(), head, "nothing is stored: {told}");
                let made = make(world, change, round).await;
                let (foreseen, job) = match (foreseen, made) {
                    (Ok(foreseen), Ok(job)) => (foreseen, job),
                    (Err(foreseen), Err(made)) => {
                        assert_eq!(foreseen.to_string(), made.to_string(), "{told}");
                        continue;
                    }
                    (foreseen, made) => panic!("{told}: {foreseen:?} and then {made:?}"),
                };
                world.settle().await?;
                let after = network.states(world).await?;
                compare(world, &foreseen, head, job, (&before, &after), &told).await?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// Checksum of the archive, and why there is no newer one.
type States = BTreeMap<DeviceId, (Option<String>, Option<String>)>;

async fn compare(
    world: &World,
    foreseen: &DryRun,
    head: i64,
    job: Option<JobId>,
    (before, after): (&States, &States),
    told: &str,
) -> Outcome {
    assert_eq!((foreseen.position, foreseen.exact), (head, true), "{told}");
    let changed: BTreeMap<DeviceId, Option<String>> = after
        .iter()
        // One that ends without an archive of its inputs may have had another in between: several events, several jobs.
        .filter(|(id, (md5, failure))| {
            failure.is_none() && before.get(id).is_none_or(|(old, _)| old != md5)
        })
        .map(|(id, (md5, _))| (*id, md5.clone()))
        .collect();
    let expected: BTreeMap<DeviceId, Option<String>> = foreseen
        .changed_devices
        .iter()
        .map(|changed| (changed.device, Some(changed.md5.clone())))
        .collect();
    assert_eq!(expected, changed, "{told}");

    let mut failed: BTreeSet<DeviceId> = after
        .iter()
        .filter(|(id, (_, failure))| {
            failure.is_some() && before.get(id).is_none_or(|(_, old)| old != failure)
        })
        .map(|(id, _)| *id)
        .collect();
    if let Some(job) = job {
        let job = world.app.bulk().job(&World::by(), job).await?;
        assert_eq!(job.done, foreseen.devices_considered, "{told}");
        failed.extend(job.failures.iter().map(|(id, _)| *id));
        let reasons: BTreeMap<_, _> = job.failures.into_iter().collect();
        for foreseen in &foreseen.failed_devices {
            let reason = reasons.get(&foreseen.device);
            assert!(reason.is_none_or(|reason| foreseen.reason.starts_with(reason)), "{told}");
        }
    }
    let expected: BTreeSet<DeviceId> = foreseen
        .failed_devices
        .iter()
        .filter(|failed| !failed.already)
        .map(|failed| failed.device)
        .collect();
    assert_eq!(expected, failed, "{told}");
    let sum = foreseen.changed + foreseen.failed + foreseen.unchanged;
    assert_eq!(sum, foreseen.devices_considered, "{told}");
    let counted: u64 = foreseen.diffs.iter().map(|diff| diff.count).sum();
    assert_eq!(counted, foreseen.changed, "every changed device has a difference: {told}");
    Ok(())
}

/// Makes a change, in the words of its use case.
async fn make(world: &World, change: Change, round: usize) -> Result<Option<JobId>, Failure> {
    let (app, by) = (&world.app, World::by());
    match change {
        Change::CreateTemplate(new) => app.templates().create(&by, new).await.map(drop)?,
        Change::ChangeTemplate(id, change) => {
            app.templates().change(&by, id, change).await.map(drop)?;
        }
        Change::RemoveTemplate(id) => app.templates().remove(&by, id).await.map(drop)?,
        Change::ChangeGroup(id, change) => app.groups().change(&by, id, change).await.map(drop)?,
        Change::RemoveGroup(id) => app.groups().remove(&by, id).await.map(drop)?,
        Change::ChangeOrganization(id, change) => {
            app.organizations().change(&by, id, change).await.map(drop)?;
        }
        Change::Bulk(selection, operation) => {
            let key = format!("round-{round}");
            return app.bulk().start(&by, selection, operation, &key).await.map(Some);
        }
    }
    Ok(None)
}

struct Network {
    devices: Vec<DeviceId>,
    templates: Vec<TemplateId>,
    groups: Vec<GroupId>,
    made: u128,
}

impl Network {
    /// Two organizations; templates that render differently, fail with some variables, or never render; devices with and
    /// without configuration, in groups and not, served and not.
    async fn found(world: &World) -> Outcome<Self> {
        let (app, by) = (&world.app, World::by());
        let templates = vec![
            world.template(11, Some(HARBOUR), "a {{ word }} {{ name }}\n", (false, false)).await?,
            world.template(12, Some(HARBOUR), "b {{ word }}\n", (true, false)).await?,
            world.template(13, None, "shared {{ word }}\n", (false, false)).await?,
            world.template(14, Some(HILLS), "hills {{ word }}\n", (false, false)).await?,
            template(15),
            template(16),
        ];
        let breakable = NewTemplate {
            config: document(json!({
                "files": [{ "path": "/etc/m", "mode": "{{ mode }}", "contents": "{{ word }}" }]
            })),
            default_values: document(json!({ "mode": "0600" })),
            ..new_template(15)
        };
        app.templates().create(&by, breakable).await?;
        let elsewhere =
            NewTemplate { backend: "netjsonconfig.OpenWisp".to_owned(), ..new_template(16) };
        app.templates().create(&by, elsewhere).await?;
        let mut groups = Vec::new();
        for (number, organization, held) in
            [(0, HARBOUR, vec![0, 4]), (1, HARBOUR, vec![2]), (2, HILLS, vec![3])]
        {
            let id = GroupId::from_uuid(Uuid::from_u128(30 + number));
            let new = NewGroup {
                id,
                organization_id: organization,
                name: format!("group {number}"),
                description: String::new(),
                templates: held.into_iter().map(|index| templates[index]).collect(),
                context: document(json!({ "word": format!("group-{number}") })),
                meta_data: Document::new(),
            };
            app.groups().create(&by, new).await?;
            groups.push(id);
        }
        let mut devices = Vec::new();
        for number in 0..5 {
            devices.push(world.register(HARBOUR, number).await?.device_id);
        }
        for number in 5..7 {
            devices.push(world.register(HILLS, number).await?.device_id);
        }
        for number in 7..9 {
            let id = DeviceId::from_uuid(Uuid::from_u128(200 + u128::from(number)));
            let new = NewDevice {
                key: Some(format!("key-of-device-{number}")),
                ..new_device(id, number, None)
            };
            app.devices().create(&by, new).await?;
            devices.push(id);
        }
        let grouped = |group| DeviceChange { group: Some(Some(group)), ..DeviceChange::default() };
        app.devices().change(&by, devices[0], grouped(groups[0])).await?;
        app.devices().change(&by, devices[1], grouped(groups[1])).await?;
        app.devices().deactivate(&by, devices[2]).await?;
        Ok(Self { devices, templates, groups, made: 0 })
    }

    async fn states(&self, world: &World) -> Outcome<States> {
        let rows = configuration::of_devices(
            world.app.store(),
            &domain::authority::ReadScope::of_rules(),
            &self.devices,
        )
        .await?;
        let md5 = |row: &configuration::ConfigurationRow| {
            row.archive.as_ref().map(|archive| archive.md5.clone())
        };
        Ok(rows.into_iter().map(|row| (row.device_id, (md5(&row), row.failure))).collect())
    }

    fn change(&mut self, dice: &mut ChaCha8Rng, round: usize) -> Change {
        let word = format!("w{}", dice.random_range(0..3));
        let mode = if dice.random_ratio(1, 4) { "broken" } else { "0640" };
        let words = document(json!({ "word": word, "mode": mode }));
        let template = self.templates[dice.random_range(0..self.templates.len())];
        let group = self.groups[dice.random_range(0..self.groups.len())];
        let of_template = |change: TemplateChange| Change::ChangeTemplate(template, change);
        match dice.random_range(0..20) {
            0 => {
                self.made += 1;
                let id = 50 + self.made;
                self.templates.push(TemplateId::from_uuid(Uuid::from_u128(id)));
                let default = dice.random_ratio(3, 4);
                let required = dice.random_ratio(1, 3);
                Change::CreateTemplate(NewTemplate { default, required, ..new_template(id) })
            }
            1 | 2 => of_template(TemplateChange {
                config: Some(file("/etc/t", &format!("{word} {{{{ word }}}}\n"))),
                ..TemplateChange::default()
            }),
            3 if dice.random_ratio(1, 2) => of_template(TemplateChange {
                organization_id: Some([None, Some(HILLS), Some(HARBOUR)][dice.random_range(0..3)]),
                default: dice.random_ratio(1, 2).then_some(true),
                ..TemplateChange::default()
            }),
            3 => of_template(TemplateChange {
                default_values: Some(words),
                ..TemplateChange::default()
            }),
            4 => of_template(TemplateChange {
                default: Some(dice.random_ratio(1, 2)),
                required: Some(dice.random_ratio(1, 3)),
                config: Some(file("/etc/u", &word)),
                ..TemplateChange::default()
            }),
            5 if round > CHANGES / 2 => Change::RemoveTemplate(template),
            5 | 6 => of_template(TemplateChange {
                backend: Some(if dice.random_ratio(1, 3) {
                    "netjsonconfig.OpenWisp".to_owned()
                } else {
                    OPENWRT.to_owned()
                }),
                ..TemplateChange::default()
            }),
            7 | 8 => Change::ChangeGroup(
                group,
                GroupChange { context: Some(words), ..GroupChange::default() },
            ),
            9 => Change::ChangeGroup(
                group,
                GroupChange {
                    templates: Some(self.some_templates(dice)),
                    context: dice.random_ratio(1, 2).then_some(words),
                    ..GroupChange::default()
                },
            ),
            10 if round > CHANGES / 2 => Change::RemoveGroup(group),
            10 | 11 => {
                let organization = if dice.random_ratio(1, 4) { HILLS } else { HARBOUR };
                Change::ChangeOrganization(organization, variables(words))
            }
            _ => Change::Bulk(self.selection(dice), self.operation(dice, words)),
        }
    }

    fn some_templates(&self, dice: &mut ChaCha8Rng) -> Vec<TemplateId> {
        let mut some: Vec<TemplateId> =
            self.templates.iter().copied().filter(|_| dice.random_ratio(1, 3)).collect();
        let turn = dice.random_range(0..=some.len());
        some.rotate_left(turn);
        some
    }

    fn selection(&self, dice: &mut ChaCha8Rng) -> Selection {
        let nobody = DeviceId::from_uuid(Uuid::from_u128(999));
        match dice.random_range(0..5) {
            0 => Selection::Ids(self.devices.iter().copied().chain([nobody]).collect()),
            1 => Selection::filter(DeviceFilter {
                templates: vec![self.templates[dice.random_range(0..self.templates.len())]],
                ..DeviceFilter::default()
            }),
            2 => Selection::filter(DeviceFilter { ungrouped: true, ..DeviceFilter::default() }),
            3 => Selection::filter(DeviceFilter {
                organizations: Some(vec![HARBOUR]),
                ..DeviceFilter::default()
            }),
            _ => Selection::filter(DeviceFilter::default()),
        }
    }

    fn operation(&self, dice: &mut ChaCha8Rng, words: Document) -> Operation {
        let group = self.groups[dice.random_range(0..self.groups.len())];
        match dice.random_range(0..9) {
            0 | 1 => Operation::SetGroup(dice.random_ratio(3, 4).then_some(group)),
            2 | 3 => Operation::AddTemplates(self.some_templates(dice)),
            4 => Operation::RemoveTemplates(self.some_templates(dice)),
            5 => Operation::MergeVariables(words),
            6 => Operation::RemoveVariables(vec!["mode".to_owned(), "nothing".to_owned()]),
            7 => Operation::Activate,
            _ => Operation::Deactivate,
        }
    }
}

#[test]
fn a_preview_shows_what_a_change_would_make() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        let template = world.template(11, Some(HARBOUR), "{{ word }}\n", (false, false)).await?;
        let device = world.register(HARBOUR, 1).await?.device_id;
        let before = app.previews().rendered(&by, device).await?;
        assert!(before.files.iter().all(|file| file.path != "etc/t11"));

        let change = DeviceChange {
            name: Some("ap-renamed".to_owned()),
            configuration: Some(ConfigurationChange {
                context: Some(document(json!({ "word": "hello" }))),
                templates: Some(vec![template]),
                ..ConfigurationChange::default()
            }),
            ..DeviceChange::default()
        };
        let head = app.store().head();
        let preview = app.previews().preview(&by, device, change.clone()).await?;
        assert_eq!(app.store().head(), head, "nothing is stored");
        assert_eq!(app.previews().rendered(&by, device).await?, before);
        let told = preview.files.iter().find(|file| file.path == "etc/t11").ok_or("the file")?;
        assert_eq!((told.mode, told.text.as_str()), (0o644, "hello\n"));

        app.devices().change(&by, device, change).await?;
        assert_eq!(app.previews().rendered(&by, device).await?, preview);
        Ok(())
    })
}

#[test]
fn a_device_that_is_not_there_yet_can_be_previewed() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        world.template(11, Some(HARBOUR), "{{ name }} {{ id }}\n", (true, false)).await?;
        let id = DeviceId::from_uuid(Uuid::from_u128(77));
        let new = new_device(id, 1, Some(NewConfiguration::default()));
        let head = app.store().head();
        let preview = app.previews().preview_new(&by, new.clone()).await?;
        assert_eq!(app.store().head(), head);
        let told = preview.files.iter().find(|file| file.path == "etc/t11").ok_or("the file")?;
        assert_eq!(told.text, format!("device-1 {id}\n"));

        app.devices().create(&by, new).await?;
        assert_eq!(app.previews().rendered(&by, id).await?, preview);
        Ok(())
    })
}

#[test]
fn a_preview_refuses_what_the_change_refuses() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        let foreign = world.template(14, Some(HILLS), "x\n", (false, false)).await?;
        let device = world.register(HARBOUR, 1).await?.device_id;
        let nobody = GroupId::from_uuid(Uuid::from_u128(5));
        let own = |configuration| DeviceChange {
            configuration: Some(configuration),
            ..DeviceChange::default()
        };
        let invalid = document(json!({ "files": [{ "path": 1 }] }));
        for change in [
            DeviceChange { name: Some("no name".to_owned()), ..DeviceChange::default() },
            DeviceChange { group: Some(Some(nobody)), ..DeviceChange::default() },
            own(ConfigurationChange {
                templates: Some(vec![foreign]),
                ..ConfigurationChange::default()
            }),
            own(ConfigurationChange { config: Some(invalid), ..ConfigurationChange::default() }),
        ] {
            let preview = app.previews().preview(&by, device, change.clone()).await;
            let made = app.devices().change(&by, device, change).await;
            assert_eq!(preview.unwrap_err().to_string(), made.unwrap_err().to_string());
        }
        let moved = DeviceChange { organization_id: Some(HILLS), ..DeviceChange::default() };
        let moved = app.previews().preview(&by, device, moved).await;
        assert!(matches!(moved, Err(Failure::Invalid(_))));

        app.devices().deactivate(&by, device).await?;
        let preview = app.previews().preview(&by, device, DeviceChange::default()).await;
        assert!(matches!(preview, Err(Failure::Refused(Refusal::DeviceDeactivated))));
        Ok(())
    })
}

#[test]
fn a_change_that_devices_still_wait_for_is_not_taken_for_this_one() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        let one = world.template(11, Some(HARBOUR), "one\n", (true, false)).await?;
        let other = world.template(12, Some(HARBOUR), "other\n", (true, false)).await?;
        for number in 0..3 {
            world.register(HARBOUR, number).await?;
        }
        world.settle().await?;
        let contents = |path: &str, text: &str| TemplateChange {
            config: Some(file(path, text)),
            ..TemplateChange::default()
        };
        app.templates().change(&by, one, contents("/etc/t11", "new\n")).await?;
        // Nobody has rendered yet what that means.
        let change = Change::ChangeTemplate(other, contents("/etc/t12", "else\n"));
        let run = app.previews().dry_run(&by, change).await?;
        assert_eq!((run.changed, run.failed, run.unchanged), (3, 0, 0));
        let [distinct] = run.diffs.as_slice() else { panic!("{:?}", run.diffs) };
        assert_eq!(distinct.count, 3);
        let [file] = distinct.diff.files.as_slice() else { panic!("{:?}", distinct.diff) };
        assert_eq!(file.path, "etc/t12");
        let ContentsDiff::Text { unified, .. } = &file.contents else { panic!("{file:?}") };
        assert!(unified.ends_with("-other\n+else\n"), "{unified}");
        Ok(())
    })
}

#[test]
fn a_name_alone_reaches_no_device() -> Outcome {
    on_each_database(async |world| {
        let template = world.template(11, Some(HARBOUR), "one\n", (true, false)).await?;
        world.register(HARBOUR, 1).await?;
        world.settle().await?;
        let name = Some("another name".to_owned());
        let change = TemplateChange { name, ..TemplateChange::default() };
        let change = Change::ChangeTemplate(template, change);
        let run = world.app.previews().dry_run(&World::by(), change).await?;
        assert_eq!((run.devices_considered, run.changed), (0, 0));
        Ok(())
    })
}

fn variables(variables: Document) -> OrganizationChange {
    OrganizationChange { context: Some(variables), ..OrganizationChange::default() }
}

fn template(id: u128) -> TemplateId {
    TemplateId::from_uuid(Uuid::from_u128(id))
}

fn new_template(id: u128) -> NewTemplate {
    NewTemplate {
        id: template(id),
        organization_id: Some(HARBOUR),
        name: format!("template {id}"),
        backend: OPENWRT.to_owned(),
        config: file(&format!("/etc/t{id}"), "new {{ word }}\n"),
        default_values: Document::new(),
        tags: Vec::new(),
        default: false,
        required: false,
        notes: String::new(),
    }
}

fn new_device(id: DeviceId, number: u32, configuration: Option<NewConfiguration>) -> NewDevice {
    let organization_id: OrganizationId = HARBOUR;
    NewDevice {
        id,
        organization_id,
        name: format!("device-{number}"),
        mac_address: format!("06:00:00:00:00:{number:02X}"),
        key: None,
        hardware_id: None,
        model: String::new(),
        os: String::new(),
        system: String::new(),
        notes: String::new(),
        group_id: None,
        configuration,
    }
}

#[test]
fn what_others_own_cannot_be_tried_out() -> Outcome {
    on_each_database(async |world| {
        let app = &world.app;
        let template = world.template(11, Some(HARBOUR), "one\n", (true, false)).await?;
        let device = world.register(HARBOUR, 1).await?.device_id;
        let stranger: By = crate::bulk::operator(world, 1, HILLS).await?;
        let change = Change::ChangeTemplate(template, TemplateChange::default());
        let refused = app.previews().dry_run(&stranger, change).await;
        assert!(matches!(refused, Err(Failure::NotFound(_))), "{refused:?}");
        let refused = app.previews().rendered(&stranger, device).await;
        assert!(matches!(refused, Err(Failure::NotFound(_))), "{refused:?}");
        let refused = app.previews().preview(&stranger, device, DeviceChange::default()).await;
        assert!(matches!(refused, Err(Failure::NotFound(_))), "{refused:?}");
        let change = Change::Bulk(Selection::Ids(vec![device]), Operation::Deactivate);
        let run = app.previews().dry_run(&stranger, change).await?;
        assert_eq!((run.changed, run.failed), (0, 1), "it does not exist");
        Ok(())
    })
}

/// A measurement, not a rule: `cargo test --release -p wisptrail-workers --test stories -- --ignored --nocapture
/// ten_thousand_devices`.
#[test]
#[ignore = "takes a minute and means something only in release"]
fn ten_thousand_devices_are_tried_out() -> Outcome {
    const DEVICES: u32 = 10_000;
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        for (id, flags) in [(11, (true, false)), (12, (true, true))] {
            world.template(id, Some(HARBOUR), "{{ word }}\n", flags).await?;
        }
        let network = NewTemplate { config: network(), default: true, ..new_template(13) };
        app.templates().create(&by, network).await?;
        let more = world.template(14, Some(HARBOUR), "more\n", (false, false)).await?;
        let mut keys = Vec::new();
        for number in 0..DEVICES {
            let registered = world.register(HARBOUR, number).await?;
            keys.push((registered.device_id, registered.key));
        }
        world.settle().await?;
        let words = || document(json!({ "word": "hello" }));
        let contents = |text: &str| TemplateChange {
            config: Some(file("/etc/t11", text)),
            ..TemplateChange::default()
        };
        let all = || Selection::filter(DeviceFilter::default());
        let dialect = app.store().dialect();
        for (what, change) in [
            ("template, equal differences", Change::ChangeTemplate(template(11), contents("x\n"))),
            (
                "template, every one another",
                Change::ChangeTemplate(template(11), contents("{{ id }}\n")),
            ),
            ("organization's variables", Change::ChangeOrganization(HARBOUR, variables(words()))),
            (
                "no effect",
                Change::ChangeOrganization(HARBOUR, variables(document(json!({ "x": 1 })))),
            ),
            ("bulk, variables", Change::Bulk(all(), Operation::MergeVariables(words()))),
            ("bulk, template", Change::Bulk(all(), Operation::AddTemplates(vec![more]))),
            ("bulk, deactivate", Change::Bulk(all(), Operation::Deactivate)),
        ] {
            let before = app.store().statements();
            let start = std::time::Instant::now();
            let run = app.previews().dry_run(&by, change).await?;
            let (took, asked) = (start.elapsed(), app.store().statements() - before);
            eprintln!(
                "{dialect:?}, {what}: {took:.2?}, {asked} statements, {} of {} changed, {} differences",
                run.changed,
                run.devices_considered,
                run.diffs.len() as u64 + run.further_diffs
            );
            assert_eq!(run.devices_considered, u64::from(DEVICES));
        }
        let start = std::time::Instant::now();
        let change = contents("for real {{ name }}\n");
        app.templates().change(&by, template(11), change).await?;
        world.settle().await?;
        let rendered = start.elapsed();
        for (id, key) in &keys {
            app.agents().checksum(*id, Some(key), None, PEER).await?;
        }
        let served = start.elapsed();
        eprintln!("{dialect:?}, template for real: rendered {rendered:.2?}, served {served:.2?}");
        let current = Query::new(
            "SELECT count(*) FROM configurations c JOIN templates t ON t.id = $1 WHERE c.inputs_position >= t.changed",
            args![template(11).as_uuid()],
        );
        assert_eq!(app.store().fetch(current).await?[0].int(0)?, i64::from(DEVICES));

        let start = std::time::Instant::now();
        let words = Operation::MergeVariables(words());
        let job = app.bulk().start(&by, all(), words, "measured").await?;
        world.settle().await?;
        eprintln!("{dialect:?}, bulk for real: {:.2?}", start.elapsed());
        let job = app.bulk().job(&by, job).await?;
        assert_eq!((job.changed, job.failed), (u64::from(DEVICES), 0));
        Ok(())
    })
}

/// What an access point has: addresses, two radios, two networks.
fn network() -> Document {
    document(json!({
        "interfaces": [
            { "name": "lan", "type": "bridge", "bridge_members": ["eth0", "eth1"],
              "addresses": [{ "proto": "dhcp", "family": "ipv4" }] },
            { "name": "wlan0", "type": "wireless",
              "wireless": { "radio": "radio0", "mode": "access_point", "ssid": "{{ name }}", "network": ["lan"],
                            "encryption": { "protocol": "wpa2_personal", "key": "a-long-secret", "cipher": "auto" } } },
            { "name": "wlan1", "type": "wireless",
              "wireless": { "radio": "radio1", "mode": "access_point", "ssid": "guests", "network": ["lan"] } }
        ],
        "radios": [
            { "name": "radio0", "phy": "phy0", "driver": "mac80211", "protocol": "802.11n", "channel": 11,
              "channel_width": 20, "tx_power": 10, "country": "IT" },
            { "name": "radio1", "phy": "phy1", "driver": "mac80211", "protocol": "802.11ac", "channel": 36,
              "channel_width": 80, "tx_power": 10, "country": "IT" }
        ],
        "dns_servers": ["192.0.2.53"],
        "ntp": { "enabled": true, "enable_server": false, "server": ["0.openwrt.pool.ntp.org"] }
    }))
}
