//! Values that bring in options of their own: new ones are refused, old ones keep working.

use app::{
    Change, ConfigurationChange, ControllerSettings, DeviceChange, Failure, GroupChange,
    NewConfiguration, NewDevice, NewTemplate, Operation, OrganizationChange, Refusal, Selection,
    Settings, TemplateChange,
};
use domain::{DeviceId, Document, GroupId, TemplateId};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    tenancy::new_group,
    world::{HARBOUR, Outcome, World, document, file, on_each_database, with_settings},
};

const EVIL: &str = "x'\n\toption evil '1";
const OPENWRT: &str = "netjsonconfig.OpenWrt";

fn described(text: &str) -> Document {
    document(json!({ "interfaces": [{ "name": "eth0", "type": "ethernet", "descr": text }] }))
}

fn configured(config: Option<Document>, context: Option<Value>) -> DeviceChange {
    let context = context.map(document);
    let change = ConfigurationChange { config, context, ..ConfigurationChange::default() };
    DeviceChange { configuration: Some(change), ..DeviceChange::default() }
}

#[track_caller]
fn refused<T: std::fmt::Debug>(outcome: Result<T, Failure>, field: &str, place: &str) {
    match outcome {
        Err(Failure::Refused(Refusal::AddsOptions { field: at, path, message })) => {
            assert_eq!((at, path.as_str()), (field, place), "{message}");
            assert!(message.contains("evil"), "{message}");
        }
        other => panic!("{other:?}"),
    }
}

/// A device whose description is put together from two variables.
async fn device(world: &World) -> Outcome<DeviceId> {
    let id = world.register(HARBOUR, 1).await?.device_id;
    let change = configured(Some(described("{{ one }}{{ two }}")), None);
    world.app.devices().change(&World::by(), id, change).await?;
    Ok(id)
}

fn new_device(config: Document) -> NewDevice {
    NewDevice {
        id: DeviceId::from_uuid(Uuid::from_u128(77)),
        organization_id: HARBOUR,
        name: "new".to_owned(),
        mac_address: "02:00:00:00:77:77".to_owned(),
        key: None,
        hardware_id: Some("seventy-seven".to_owned()),
        model: String::new(),
        os: String::new(),
        system: String::new(),
        notes: String::new(),
        group_id: None,
        configuration: Some(NewConfiguration {
            backend: OPENWRT.to_owned(),
            config,
            ..NewConfiguration::default()
        }),
    }
}

/// Two halves that add nothing alone.
fn halves() -> Document {
    document(json!({ "one": "x'", "two": "\n\toption evil '1" }))
}

#[test]
fn a_write_that_brings_options_in_is_refused() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        let id = device(world).await?;
        let place = "/interfaces/0/descr";
        for (change, field) in [
            (configured(Some(described(EVIL)), None), "config.config"),
            (configured(None, Some(json!({ "one": EVIL }))), "config.context"),
            (configured(None, Some(Value::Object(halves()))), "config.context"),
        ] {
            refused(app.devices().change(&by, id, change.clone()).await, field, place);
            refused(app.previews().preview(&by, id, change).await, field, place);
        }
        let new = new_device(described(EVIL));
        refused(app.devices().create(&by, new).await, "config.config", place);

        // A quote that changes no structure is none of it, nor is a line end alone.
        for text in ["it''s 'ours'", "first\nsecond", "pass'word"] {
            app.devices().change(&by, id, configured(Some(described(text)), None)).await?;
        }
        Ok(())
    })
}

#[test]
fn templates_groups_and_organizations_bring_none_in() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        let id = TemplateId::from_uuid(Uuid::from_u128(40));
        let new = |config, default_values| NewTemplate {
            id,
            organization_id: Some(HARBOUR),
            name: "described".to_owned(),
            backend: OPENWRT.to_owned(),
            config,
            default_values: document(default_values),
            tags: Vec::new(),
            default: false,
            required: false,
            notes: String::new(),
        };
        let place = "/interfaces/0/descr";
        refused(
            app.templates().create(&by, new(described(EVIL), json!({}))).await,
            "config",
            place,
        );
        let open = described("{{ one }}");
        let with_value = new(open.clone(), json!({ "one": EVIL }));
        refused(app.templates().create(&by, with_value).await, "config", place);
        app.templates().create(&by, new(open, json!({ "one": "fine" }))).await?;
        let change = TemplateChange {
            default_values: Some(document(json!({ "one": EVIL }))),
            ..TemplateChange::default()
        };
        refused(app.templates().change(&by, id, change.clone()).await, "default_values", place);
        let dry = app.previews().dry_run(&by, Change::ChangeTemplate(id, change)).await;
        refused(dry.map(drop), "default_values", place);

        let context = Some(document(json!({ "one": EVIL })));
        let change =
            OrganizationChange { context: context.clone(), ..OrganizationChange::default() };
        let outcome = app.organizations().change(&by, HARBOUR, change).await;
        refused(outcome, "config_settings.context", "/one");
        let group = GroupId::from_uuid(Uuid::from_u128(30));
        app.groups().create(&by, new_group(group, HARBOUR)).await?;
        let change = GroupChange { context, ..GroupChange::default() };
        refused(app.groups().change(&by, group, change).await, "context", "/one");

        // Keys and certificates have line ends and are files.
        let pem = json!({ "ca": "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n" });
        let change = GroupChange { context: Some(document(pem)), ..GroupChange::default() };
        app.groups().change(&by, group, change).await?;
        Ok(())
    })
}

fn variables(context: Value) -> OrganizationChange {
    OrganizationChange { context: Some(document(context)), ..OrganizationChange::default() }
}

fn template(id: u128, config: Document, default: bool) -> NewTemplate {
    NewTemplate {
        id: TemplateId::from_uuid(Uuid::from_u128(id)),
        organization_id: Some(HARBOUR),
        name: format!("template {id}"),
        backend: OPENWRT.to_owned(),
        config,
        default_values: Document::new(),
        tags: Vec::new(),
        default,
        required: false,
        notes: String::new(),
    }
}

#[test]
fn what_completes_a_pair_is_refused() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        let id = device(world).await?;
        let group = GroupId::from_uuid(Uuid::from_u128(30));
        app.groups().create(&by, new_group(group, HARBOUR)).await?;
        let other = GroupId::from_uuid(Uuid::from_u128(31));
        let mut new = new_group(other, HARBOUR);
        "other".clone_into(&mut new.name);
        new.context = document(json!({ "two": halves()["two"] }));
        app.groups().create(&by, new).await?;
        let join = |group| DeviceChange { group: Some(Some(group)), ..DeviceChange::default() };
        app.devices().change(&by, id, join(group)).await?;

        // The first half is in the organization, the second comes from everywhere else.
        app.organizations().change(&by, HARBOUR, variables(json!({ "one": "x'" }))).await?;
        let place = "/interfaces/0/descr";
        let both = variables(Value::Object(halves()));
        let outcome = app.organizations().change(&by, HARBOUR, both).await;
        refused(outcome, "config_settings.context", place);
        let second = document(json!({ "two": halves()["two"] }));
        let change = GroupChange { context: Some(second.clone()), ..GroupChange::default() };
        refused(app.groups().change(&by, group, change.clone()).await, "context", place);
        let dry = app.previews().dry_run(&by, Change::ChangeGroup(group, change)).await;
        refused(dry.map(drop), "context", place);
        refused(app.devices().change(&by, id, join(other)).await, "group", place);
        let move_all = Operation::SetGroup(Some(other));
        let change = Change::Bulk(Selection::Filter(Box::default()), move_all);
        assert_eq!(app.previews().dry_run(&by, change).await?.failed, 1);
        let mut with_value = template(41, file("/etc/own", "own"), true);
        with_value.default_values = second;
        refused(app.templates().create(&by, with_value.clone()).await, "config", place);
        with_value.default = false;
        app.templates().create(&by, with_value.clone()).await?;
        let list = ConfigurationChange {
            templates: Some(vec![with_value.id]),
            ..ConfigurationChange::default()
        };
        let list = DeviceChange { configuration: Some(list), ..DeviceChange::default() };
        refused(app.devices().change(&by, id, list).await, "config.templates", place);
        let open = template(42, described("{{ one }}{{ two }}"), false);
        app.templates().create(&by, open.clone()).await?;
        let mut new = new_device(Document::new());
        if let Some(configuration) = &mut new.configuration {
            configuration.templates = vec![with_value.id, open.id];
        }
        refused(app.devices().create(&by, new).await, "config.templates", place);
        Ok(())
    })
}

#[test]
fn the_id_of_the_hardware_is_a_variable_too() -> Outcome {
    let controller =
        ControllerSettings { hardware_id_enabled: true, ..ControllerSettings::default() };
    with_settings(&Settings { controller, ..Settings::default() }, async |world| {
        let (app, by) = (&world.app, World::by());
        let new = new_device(described("{{ hardware_id }}"));
        let id = new.id;
        app.devices().create(&by, new).await?;
        let hardware = |id: &str| DeviceChange {
            hardware_id: Some(Some(id.to_owned())),
            ..DeviceChange::default()
        };
        app.devices().change(&by, id, hardware("it's 1")).await?;
        let outcome = app.devices().change(&by, id, hardware(EVIL)).await;
        refused(outcome, "hardware_id", "/interfaces/0/descr");
        Ok(())
    })
}

#[test]
fn a_new_device_needs_contents_that_make_files() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        let section = json!([{ "config_name": "t", "o": "1" }]);
        for name in ["..", ".", "../../etc/passwd"] {
            let new = new_device(document(json!({ name: section })));
            let outcome = app.devices().create(&by, new).await;
            let is_refused =
                matches!(&outcome, Err(Failure::Refused(Refusal::TemplateConflict { .. })));
            assert!(is_refused, "{name}: {outcome:?}");
        }
        app.devices().create(&by, new_device(document(json!({ "a": section })))).await?;
        Ok(())
    })
}

#[test]
fn lists_are_looked_at_as_they_are_put_in() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        let id = device(world).await?;
        let evil = json!({ "one": ["a", "b c option evil 1 #"] });
        let place = "/interfaces/0/descr";
        refused(
            app.devices().change(&by, id, configured(None, Some(evil.clone()))).await,
            "config.context",
            place,
        );
        let outcome = app.organizations().change(&by, HARBOUR, variables(evil.clone())).await;
        refused(outcome, "config_settings.context", "/one");
        let mut new = new_group(GroupId::from_uuid(Uuid::from_u128(30)), HARBOUR);
        new.context = document(evil.clone());
        refused(app.groups().create(&by, new).await, "context", "/one");
        let mut new = template(40, described("{{ one }}"), false);
        new.default_values = document(evil.clone());
        refused(app.templates().create(&by, new).await, "config", place);
        let mut new = template(40, file("/etc/own", "own"), false);
        new.default_values = document(evil);
        refused(app.templates().create(&by, new).await, "default_values", "/one");
        app.organizations()
            .change(&by, HARBOUR, variables(json!({ "one": ["a", {"b": 1}] })))
            .await?;
        Ok(())
    })
}

#[test]
fn a_section_without_its_name_gives_its_options_to_another_one() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        let id = device(world).await?;
        let config = document(json!({
            "general": { "timezone": "UTC" },
            "led": [{ "name": "WLAN 5", "sysfs": "evil", "trigger": "none" }],
        }));
        let outcome = app.devices().change(&by, id, configured(Some(config), None)).await;
        let Err(Failure::Refused(Refusal::AddsOptions { path, message, .. })) = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(path, "/led/0/name");
        assert!(message.contains("option \"sysfs\" of section \"system\""), "{message}");
        Ok(())
    })
}

#[test]
fn what_is_there_already_is_seen_and_is_in_nobodys_way() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        // Nobody has been asked about the device when it registers.
        app.templates().create(&by, template(40, described("{{ one }}{{ two }}"), true)).await?;
        app.organizations().change(&by, HARBOUR, variables(Value::Object(halves()))).await?;
        let id = world.register(HARBOUR, 1).await?.device_id;
        world.settle().await?;
        let findings = app.configurations().findings(&by, id).await?;
        assert!(findings.iter().any(app::Finding::adds), "{findings:?}");
        let rendered = app.previews().rendered(&by, id).await?;
        assert!(rendered.files.iter().any(|file| file.text.contains("option evil '1'")));

        // Something else is changed, with the finding and beside it.
        let mut config = Document::new();
        config.insert("general".to_owned(), json!({ "timezone": "UTC" }));
        app.devices().change(&by, id, configured(Some(config.clone()), None)).await?;
        app.devices().change(&by, id, configured(None, Some(json!({ "other": "1" })))).await?;
        config.insert("general".to_owned(), json!({ "description": EVIL }));
        let worse = configured(Some(config), None);
        refused(
            app.devices().change(&by, id, worse).await,
            "config.config",
            "/general/description",
        );

        let operation = |one: &str| Operation::MergeVariables(document(json!({ "one": one })));
        for (one, failed) in [("x'", 0), ("y'\n\toption evil '2'\n\toption more '", 1)] {
            let change = Change::Bulk(Selection::Filter(Box::default()), operation(one));
            let run = app.previews().dry_run(&by, change).await?;
            assert_eq!(run.failed, failed, "{one}: {run:?}");
        }
        Ok(())
    })
}

#[test]
fn a_setting_lets_everything_pass() -> Outcome {
    let controller =
        ControllerSettings { allow_lint_findings: true, ..ControllerSettings::default() };
    with_settings(&Settings { controller, ..Settings::default() }, async |world| {
        let (app, by) = (&world.app, World::by());
        let id = device(world).await?;
        app.devices().change(&by, id, configured(Some(described(EVIL)), None)).await?;
        let context = Some(document(json!({ "one": EVIL })));
        let change = OrganizationChange { context, ..OrganizationChange::default() };
        app.organizations().change(&by, HARBOUR, change).await?;
        let template = world.template(11, Some(HARBOUR), "text", (false, false)).await?;
        let config = Some(described(EVIL));
        let change = TemplateChange { config, ..TemplateChange::default() };
        app.templates().change(&by, template, change).await?;
        let config = Some(file("/etc/own", "own"));
        app.devices().change(&by, id, configured(config, None)).await?;
        assert_eq!(app.configurations().findings(&by, id).await?, []);
        Ok(())
    })
}
