//! Any moment of the past can be looked at, by those whose moment it was.

use app::{
    ContentsDiff, DeviceChange, Entries, Failure, FileChange, HistoryPage, Moment, NewGroup,
    ObjectRef, SharedObject, TemplateChange,
};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    DeviceId, Document, GroupId, OrganizationId, TemplateId, UserId, authority::Role,
    configuration::ReportedStatus,
};
use projections::{configuration::ConfigurationRow, device::DeviceRow};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use uuid::Uuid;

use crate::{
    history::{Network, STEPS, of_configuration},
    tenancy::{account, new_group},
    world::{HARBOUR, HILLS, Outcome, PEER, World, document, file, on_each_database},
};

const ALL: HistoryPage = HistoryPage { before: None, after: None, limit: 100 };

/// What a device downloaded, and the tables' words about it, at one moment.
struct Remembered {
    device: DeviceId,
    position: i64,
    time: DateTime<Utc>,
    downloaded: Option<Bytes>,
    row: DeviceRow,
    configuration: Option<ConfigurationRow>,
    templates: Vec<TemplateId>,
}

impl Remembered {
    async fn now(world: &World, device: DeviceId, key: &str) -> Outcome<Self> {
        let store = world.app.store();
        // Deactivated devices are refused.
        let downloaded = world.app.agents().download(device, Some(key), None, PEER).await;
        Ok(Self {
            device,
            position: store.head(),
            time: world.app.world().now(),
            downloaded: downloaded.ok().map(|archive| archive.bytes),
            row: projections::device::by_id(
                store,
                &domain::authority::ReadScope::of_rules(),
                device,
            )
            .await?
            .ok_or("a device")?,
            configuration: projections::configuration::by_device(
                store,
                &domain::authority::ReadScope::of_rules(),
                device,
            )
            .await?,
            templates: projections::configuration::templates_of(store, device).await?,
        })
    }

    async fn is_had_back(&self, world: &World) -> Outcome {
        let (history, by) = (world.app.history(), World::by());
        for at in [Moment::Position(self.position), Moment::Time(self.time)] {
            if let Some(bytes) = &self.downloaded {
                let (archive, inputs) = history.archive_at(&by, self.device, at).await?;
                assert_eq!(&archive.bytes, bytes, "{} at {}", self.device, self.position);
                assert!(inputs <= self.position);
            }
            let past = history.device_at(&by, self.device, at).await?;
            let row = &self.row;
            assert_eq!(past.position, self.position);
            assert_eq!(past.organization_id, row.organization_id);
            assert_eq!((&past.name, &past.mac_address), (&row.name, &row.mac_address));
            assert_eq!(past.hardware_id, row.hardware_id);
            assert_eq!((&past.information, &past.notes), (&row.information, &row.notes));
            assert_eq!((past.active, past.management_ip), (row.active, row.management_ip));
            assert_eq!(past.created_at, row.created_at);
            // A removed group is still in the row until its devices have left it.
            let group = past.group.map(|group| group.id);
            assert!(group == row.group_id || group.is_none());
            let Some(own) = &self.configuration else {
                assert!(past.configuration.is_none());
                continue;
            };
            let past = past.configuration.ok_or("a configuration")?;
            assert_eq!(past.backend, own.backend);
            assert_eq!((&past.config, &past.variables), (&own.config, &own.variables));
            assert_eq!((past.status, &past.error_reason), (own.status, &own.error_reason));
            assert_eq!(past.failure, own.failure);
            assert_eq!(past.archive.map(|archive| archive.rendered), own.archive);
            let templates: Vec<TemplateId> = past.templates.iter().map(|link| link.id).collect();
            assert_eq!(templates, self.templates);
        }
        Ok(())
    }
}

#[test]
fn every_archive_that_was_downloaded_is_had_back_byte_for_byte() -> Outcome {
    for seed in 10..13 {
        on_each_database(async |world| {
            let mut dice = ChaCha8Rng::seed_from_u64(seed);
            let mut network = Network::found(world).await?;
            let mut remembered = Vec::new();
            for _ in 0..STEPS {
                network.step(world, &mut dice).await?;
                if !network.devices.is_empty() {
                    let (device, key) =
                        &network.devices[dice.random_range(0..network.devices.len())];
                    remembered.push(Remembered::now(world, *device, key).await?);
                }
            }
            world.settle().await?;
            for past in &remembered {
                past.is_had_back(world).await?;
            }
            let downloads = remembered.iter().filter(|past| past.downloaded.is_some()).count();
            assert!(downloads > STEPS / 2, "{downloads} downloads say little");
            Ok(())
        })?;
    }
    Ok(())
}

#[test]
fn a_moment_belongs_to_the_organization_that_had_the_device_then() -> Outcome {
    on_each_database(async |world| {
        let (app, system) = (&world.app, World::by());
        world.template(11, Some(HARBOUR), "secret plan of the harbour\n", (true, false)).await?;
        world.template(12, Some(HILLS), "of the hills\n", (false, true)).await?;
        let harbour = account(world, 1, &[Role::Administrator], &[(HARBOUR, true)]).await?;
        let hills = account(world, 2, &[Role::Administrator], &[(HILLS, true)]).await?;
        let registered = world.register(HARBOUR, 1).await?;
        let (id, key) = (registered.device_id, registered.key);
        let then = app.agents().download(id, Some(&key), None, PEER).await?;
        let before = Moment::Position(app.store().head());
        let to = DeviceChange { organization_id: Some(HILLS), ..DeviceChange::default() };
        app.devices().change(&system, id, to).await?;
        let after = Moment::Position(app.store().head());

        let hidden = |failure: Failure| matches!(failure, Failure::NotFound(_));
        let history = app.history();
        let (bytes, _) = history.archive_at(&harbour, id, before).await?;
        assert_eq!(bytes.bytes, then.bytes);
        assert_eq!(history.device_at(&harbour, id, before).await?.organization_id, HARBOUR);
        for at in [after, Moment::Now] {
            assert!(hidden(history.device_at(&harbour, id, at).await.unwrap_err()));
            assert!(hidden(history.archive_at(&harbour, id, at).await.unwrap_err()));
            assert_eq!(history.device_at(&hills, id, at).await?.organization_id, HILLS);
            assert!(hidden(history.diff(&harbour, id, before, at).await.unwrap_err()));
            assert!(hidden(history.diff(&hills, id, before, at).await.unwrap_err()));
        }
        assert!(hidden(history.device_at(&hills, id, before).await.unwrap_err()));
        assert!(hidden(history.archive_at(&hills, id, before).await.unwrap_err()));
        assert!(hidden(history.revert_device(&hills, id, before).await.unwrap_err()));
        assert!(hidden(history.revert_device(&harbour, id, before).await.unwrap_err()));

        let all = history.of(&system, ObjectRef::Device(id), ALL).await?;
        let moved = position_of(&all, "device.moved")?;
        let said = sentence_of(&all, "device.moved")?;
        assert_eq!(said, "moved here from organization \"harbour\"");
        // What the device had at the move is the new owner's from then on.
        let (carried, _) = history.archive_at(&hills, id, Moment::Position(moved)).await?;
        assert_eq!(carried.bytes, then.bytes);

        let theirs = history.of(&harbour, ObjectRef::Device(id), ALL).await?;
        assert!(theirs.entries.iter().all(|entry| entry.position < moved));
        let ours = history.of(&hills, ObjectRef::Device(id), ALL).await?;
        assert!(ours.entries.iter().all(|entry| entry.position >= moved));
        assert!(ours.entries.iter().all(|entry| entry.organization_id == Some(HILLS)));
        let said = sentence_of(&ours, "device.moved")?;
        assert_eq!(said, "moved here from another organization");
        let said = sentence_of(&ours, "configuration.moved")?;
        assert_eq!(
            said,
            "configuration moved here from another organization, with templates \"template 12\""
        );
        assert_eq!(theirs.entries.len() + ours.entries.len(), all.entries.len());

        app.devices().remove(&system, id, true).await?;
        assert!(hidden(history.device_at(&hills, id, Moment::Now).await.unwrap_err()));
        assert_eq!(history.device_at(&hills, id, after).await?.name, "ap-1");
        let (bytes, _) = history.archive_at(&harbour, id, before).await?;
        assert_eq!(bytes.bytes, then.bytes);
        let ours = history.of(&hills, ObjectRef::Device(id), ALL).await?;
        assert_eq!(sentence_of(&ours, "device.removed")?, "removed");
        let stranger = account(world, 3, &[Role::Administrator], &[]).await?;
        let refused = history.of(&stranger, ObjectRef::Device(id), ALL).await.unwrap_err();
        assert!(matches!(refused, Failure::Forbidden), "who manages nothing sees no devices");
        Ok(())
    })
}

#[test]
fn a_moment_that_is_not_there_is_refused_by_its_field() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        let id = world.register(HARBOUR, 1).await?.device_id;
        let head = app.store().head();
        let history = app.history();
        let field = |failure: Failure| match failure {
            Failure::Invalid(errors) => errors[0].field,
            other => panic!("{other:?}"),
        };
        for wrong in [Moment::Position(head + 1), Moment::Position(-1)] {
            assert_eq!(field(history.device_at(&by, id, wrong).await.unwrap_err()), "at");
            let diff = history.diff(&by, id, wrong, Moment::Now).await;
            assert_eq!(field(diff.unwrap_err()), "from");
            let diff = history.diff(&by, id, Moment::Now, wrong).await;
            assert_eq!(field(diff.unwrap_err()), "to");
            assert_eq!(field(history.revert_device(&by, id, wrong).await.unwrap_err()), "to");
        }
        let to_come = Moment::Time(app.world().now() + TimeDelta::days(1));
        assert_eq!(history.device_at(&by, id, to_come).await?.position, head);
        let never = DeviceId::from_uuid(Uuid::from_u128(404));
        for at in [Moment::Position(0), Moment::Now] {
            let missing = history.device_at(&by, never, at).await.unwrap_err();
            assert!(matches!(missing, Failure::NotFound("Device")));
        }
        let before = history.device_at(&by, id, Moment::Position(0)).await.unwrap_err();
        assert!(matches!(before, Failure::NotFound("Device")));
        Ok(())
    })
}

#[test]
fn a_history_says_what_happened_who_did_it_and_why() -> Outcome {
    on_each_database(async |world| {
        let (app, system) = (&world.app, World::by());
        let template = world.template(11, Some(HARBOUR), "x\n", (false, false)).await?;
        let other = world.template(12, None, "y\n", (false, false)).await?;
        let admin = account(world, 1, &[Role::Administrator], &[(HARBOUR, true)]).await?;
        let correlation = Uuid::from_u128(77);
        let mut by = admin.clone();
        by.correlation_id = Some(correlation);
        let registered = world.register(HARBOUR, 1).await?;
        let (id, key) = (registered.device_id, registered.key);
        let change = async |change| app.devices().change(&by, id, change).await;
        let name = Some("ap-roof".to_owned());
        change(DeviceChange { name, ..DeviceChange::default() }).await?;
        change(of_configuration(|own| own.templates = Some(vec![template]))).await?;
        change(of_configuration(|own| own.templates = Some(vec![other]))).await?;
        let name = Some("renamed later".to_owned());
        let renamed = TemplateChange { name, ..TemplateChange::default() };
        app.templates().change(&system, template, renamed).await?;
        app.agents().download(id, Some(&key), None, PEER).await?;
        let failed = ReportedStatus::Error(Some("no\n space".to_owned()));
        app.agents().report(id, Some(&key), failed, PEER).await?;

        let object = ObjectRef::Device(id);
        let all = app.history().of(&admin, object, ALL).await?;
        assert!(!all.more);
        let positions: Vec<i64> = all.entries.iter().map(|entry| entry.position).collect();
        assert!(positions.windows(2).all(|pair| pair[0] > pair[1]), "the newest first");
        let renamed = all.entries.iter().find(|entry| entry.event_type == "device.renamed");
        let renamed = renamed.ok_or("renamed")?;
        assert_eq!(renamed.sentence, "renamed from \"ap-1\" to \"ap-roof\"");
        assert_eq!(renamed.changed, ["name"]);
        assert_eq!(renamed.correlation_id, Some(correlation));
        assert_eq!(renamed.actor, Some(admin.authority.actor.to_string()));
        let lists: Vec<&str> = all
            .entries
            .iter()
            .filter(|entry| entry.event_type == "configuration.templates_changed")
            .map(|entry| entry.sentence.as_str())
            .collect();
        assert_eq!(
            lists,
            [
                "template list changed: added \"template 12\", removed \"template 11\"",
                "template list changed: added \"template 11\"",
            ]
        );
        assert_eq!(
            sentence_of(&all, "configuration.apply_failed")?,
            "configuration could not be applied by the device: no space"
        );

        // Page by page it is the same.
        let (mut page, mut paged) = (HistoryPage { limit: 2, ..ALL }, Vec::new());
        loop {
            let next = app.history().of(&admin, object, page).await?;
            assert!(next.entries.len() <= 2);
            page.before = next.entries.last().map(|entry| entry.position);
            paged.extend(next.entries);
            if !next.more {
                break;
            }
        }
        assert_eq!(paged, all.entries);
        let after = HistoryPage { after: Some(positions[2]), ..ALL };
        let newer = app.history().of(&admin, object, after).await?;
        assert_eq!(newer.entries, all.entries[..2]);

        let shared = app.history().of(&admin, ObjectRef::Template(other), ALL).await?;
        assert_eq!(shared.entries.len(), 1, "shared templates are everybody's");
        let organization = app.history().of(&admin, ObjectRef::Organization(HARBOUR), ALL).await?;
        assert_eq!(organization.entries.len(), 1);
        let text = format!("{all:?}{shared:?}{organization:?}");
        assert!(!text.contains(&key) && !text.contains(&crate::world::secret(HARBOUR)));
        Ok(())
    })
}

#[test]
fn histories_of_others_do_not_exist() -> Outcome {
    on_each_database(async |world| {
        let (app, history) = (&world.app, world.app.history());
        let template = world.template(11, Some(HARBOUR), "x\n", (false, false)).await?;
        let group = GroupId::from_uuid(Uuid::from_u128(30));
        app.groups().create(&World::by(), new_group(group, HARBOUR)).await?;
        let device = world.register(HARBOUR, 1).await?.device_id;
        let stranger = account(world, 1, &[Role::Administrator], &[(HILLS, true)]).await?;
        let owner = account(world, 2, &[Role::Administrator], &[(HARBOUR, true)]).await?;
        for object in [
            ObjectRef::Device(device),
            ObjectRef::Group(group),
            ObjectRef::Organization(HARBOUR),
            ObjectRef::Template(template),
        ] {
            let refused = history.of(&stranger, object, ALL).await.unwrap_err();
            assert!(matches!(refused, Failure::NotFound(_)), "{object:?}: {refused:?}");
            assert!(!history.of(&owner, object, ALL).await?.entries.is_empty(), "{object:?}");
        }
        let account = ObjectRef::User(UserId::from_uuid(Uuid::from_u128(101)));
        let refused = history.of(&owner, account, ALL).await.unwrap_err();
        assert!(matches!(refused, Failure::Forbidden));
        let made = history.of(&World::by(), account, ALL).await?;
        let said = sentence_of(&made, "user.created")?;
        assert_eq!(said, "account made: administrator, manages 1 organization");

        let missing = |failure: Failure| matches!(failure, Failure::NotFound(_));
        let now = Moment::Now;
        assert!(missing(history.template_at(&stranger, template, now).await.unwrap_err()));
        assert!(missing(history.group_at(&stranger, group, now).await.unwrap_err()));
        let variables = history.organization_variables_at(&stranger, HARBOUR, now).await;
        assert!(missing(variables.unwrap_err()));
        assert_eq!(history.template_at(&owner, template, now).await?.name, "template 11");
        assert_eq!(history.group_at(&owner, group, now).await?.name, "group 30");
        assert!(history.organization_variables_at(&owner, HARBOUR, now).await?.is_empty());
        Ok(())
    })
}

#[test]
fn two_moments_differ_in_fields_templates_and_files() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        let kept = world.template(11, Some(HARBOUR), "a\nb {{ word }}\n", (true, false)).await?;
        let added = world.template(12, Some(HARBOUR), "new\n", (false, false)).await?;
        let group = group_with_word(world, HARBOUR, "one").await?;
        let registered = world.register(HARBOUR, 1).await?;
        let id = registered.device_id;
        let joined = DeviceChange { group: Some(Some(group)), ..DeviceChange::default() };
        app.devices().change(&by, id, joined).await?;
        let from = Moment::Position(app.store().head());

        let config = Some(file("/etc/t11", "a\nc {{ word }}\n"));
        let change = TemplateChange { config, ..TemplateChange::default() };
        app.templates().change(&by, kept, change).await?;
        let word = Some(document(json!({ "word": "two" })));
        let change = app::GroupChange { context: word, ..app::GroupChange::default() };
        app.groups().change(&by, group, change).await?;
        let mut change = of_configuration(|own| own.templates = Some(vec![kept, added]));
        change.notes = Some("behind the door".to_owned());
        change.key = Some("another-key-of-the-device-1234567".to_owned());
        app.devices().change(&by, id, change).await?;
        world.settle().await?;

        let diff = app.history().diff(&by, id, from, Moment::Now).await?;
        let fields: Vec<&str> = diff.fields.iter().map(|change| change.field).collect();
        assert_eq!(fields, ["notes", "templates", "checksum", "key"]);
        assert_eq!(diff.fields[0].after, json!("behind the door"));
        assert!(diff.fields[3].before.is_null() && diff.fields[3].after.is_null());
        let names = diff.templates_added.iter().map(|link| link.name.as_str());
        assert_eq!(names.collect::<Vec<_>>(), ["template 12"]);
        assert!(diff.templates_removed.is_empty());
        let shared: Vec<_> =
            diff.shared.iter().map(|change| (&change.object, &change.fields[..])).collect();
        assert_eq!(
            shared,
            [
                (
                    &SharedObject::Template { id: kept, name: "template 11".to_owned() },
                    &["config"][..]
                ),
                (
                    &SharedObject::Group { id: group, name: "group one".to_owned() },
                    &["variables"][..]
                ),
            ]
        );
        let told: Vec<_> =
            diff.files.files.iter().map(|file| (file.path.as_str(), file.change)).collect();
        assert_eq!(told, [("etc/t11", FileChange::Changed), ("etc/t12", FileChange::Added)]);
        let ContentsDiff::Text { unified, .. } = &diff.files.files[0].contents else {
            panic!("{diff:?}")
        };
        assert!(unified.contains("-b one\n") && unified.contains("+c two\n"), "{unified}");

        let back = app.history().diff(&by, id, Moment::Now, from).await?;
        assert_eq!((back.from, back.to), (diff.to, diff.from));
        assert_eq!(back.templates_removed, diff.templates_added);
        let none = app.history().diff(&by, id, from, from).await?;
        assert!(none.fields.is_empty() && none.shared.is_empty() && none.files.is_empty());
        let text = format!("{diff:?}");
        assert!(!text.contains(&registered.key) && !text.contains("another-key"));
        Ok(())
    })
}

#[test]
fn long_histories_of_many_templates_are_read_to_their_end() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        let mut templates = Vec::new();
        for number in 0..21 {
            let text = format!("of {number}\n");
            let template = world.template(100 + number, Some(HARBOUR), &text, (false, false));
            templates.push(template.await?);
        }
        let id = world.register(HARBOUR, 1).await?.device_id;
        let change = of_configuration(|own| own.templates = Some(templates.clone()));
        app.devices().change(&by, id, change).await?;
        let mut positions = Vec::new();
        for round in 0..60 {
            let name = Some(format!("round {round}"));
            let change = TemplateChange { name, ..TemplateChange::default() };
            app.templates().change(&by, templates[3], change).await?;
            positions.push(app.store().head());
        }
        for (round, position) in positions.into_iter().enumerate().step_by(19) {
            let past = app.history().device_at(&by, id, Moment::Position(position)).await?;
            let links = past.configuration.ok_or("configured")?.templates;
            assert_eq!(links.iter().map(|link| link.id).collect::<Vec<_>>(), templates);
            assert_eq!(links[3].name, format!("round {round}"));
            assert_eq!(links[20].name, "template 120");
        }
        Ok(())
    })
}

/// A group whose devices know a word.
pub(crate) async fn group_with_word(
    world: &World,
    organization: OrganizationId,
    said: &str,
) -> Outcome<GroupId> {
    let id = GroupId::from_uuid(world.app.new_id());
    let new = NewGroup {
        id,
        name: format!("group {said}"),
        context: document(json!({ "word": said })),
        organization_id: organization,
        description: String::new(),
        templates: Vec::new(),
        meta_data: Document::new(),
    };
    world.app.groups().create(&World::by(), new).await?;
    Ok(id)
}

fn entry_of<'a>(entries: &'a Entries, event_type: &str) -> Outcome<&'a app::Entry> {
    let found = entries.entries.iter().find(|entry| entry.event_type == event_type);
    found.ok_or_else(|| format!("no {event_type} in {entries:?}").into())
}

fn sentence_of<'a>(entries: &'a Entries, event_type: &str) -> Outcome<&'a str> {
    Ok(&entry_of(entries, event_type)?.sentence)
}

fn position_of(entries: &Entries, event_type: &str) -> Outcome<i64> {
    Ok(entry_of(entries, event_type)?.position)
}
