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

/// Two halves that add nothing alone: what writes of many devices' variables let pass.
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
        let new = NewDevice {
            id: DeviceId::from_uuid(Uuid::from_u128(77)),
            organization_id: HARBOUR,
            name: "new".to_owned(),
            mac_address: "02:00:00:00:77:77".to_owned(),
            key: None,
            hardware_id: None,
            model: String::new(),
            os: String::new(),
            system: String::new(),
            notes: String::new(),
            group_id: None,
            configuration: Some(NewConfiguration {
                backend: OPENWRT.to_owned(),
                config: described(EVIL),
                ..NewConfiguration::default()
            }),
        };
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

#[test]
fn what_is_there_already_is_seen_and_is_in_nobodys_way() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        let id = device(world).await?;
        assert_eq!(app.configurations().findings(&by, id).await?, []);
        let change =
            OrganizationChange { context: Some(halves()), ..OrganizationChange::default() };
        app.organizations().change(&by, HARBOUR, change).await?;
        world.settle().await?;
        let findings = app.configurations().findings(&by, id).await?;
        assert!(findings.iter().any(app::Finding::adds), "{findings:?}");
        let rendered = app.previews().rendered(&by, id).await?;
        assert!(rendered.files.iter().any(|file| file.text.contains("option evil '1'")));

        // Something else is changed, with the finding and beside it.
        let mut config = described("{{ one }}{{ two }}");
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
