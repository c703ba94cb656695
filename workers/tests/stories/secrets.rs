//! What is secret is nowhere in the clear: not in events, not in tables, not in what is said.

use app::{
    ConfigurationChange, DeviceChange, NewUser, OrganizationChange, Registration, TemplateChange,
};
use domain::{UserId, accounts::ProfileField};
use projections::configuration;
use serde_json::json;
use store::{Dialect, Location, Query, Value, args};
use uuid::Uuid;

use crate::world::{HARBOUR, Outcome, PEER, World, document, on_each_database, secret};

const PASSWORD: &str = "correct-horse-battery-9431";
const TOKEN: &str = "token-that-nobody-may-find-5521";
const NEW_SECRET: &str = "another-shared-secret-7712";
const EMAIL: &str = "someone.private@mast.example";
const PHONE: &str = "+393331234501";
const BIO: &str = "plays-the-bassoon-on-tuesdays";
const USERNAME: &str = "private-someone-of-the-harbour";

#[test]
fn no_table_holds_a_secret_in_the_clear() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        let device = world.register(HARBOUR, 1).await?;
        let user = NewUser {
            email: Some(EMAIL.to_owned()),
            email_verified: Some(true),
            phone: Some(PHONE.to_owned()),
            password: Some(PASSWORD.into()),
            token: Some(TOKEN.into()),
            staff: true,
            profile: vec![(ProfileField::Bio, BIO.to_owned())],
            ..NewUser::new(UserId::from_uuid(Uuid::from_u128(900)), USERNAME)
        };
        app.accounts().create(&by, user).await?;
        let bearer = app.accounts().log_in(USERNAME, PASSWORD).await?;
        let change = OrganizationChange {
            shared_secret: Some(NEW_SECRET.into()),
            context: Some(document(json!({ "found": "this one is found" }))),
            ..OrganizationChange::default()
        };
        app.organizations().change(&by, HARBOUR, change).await?;
        // A wrong key and a wrong secret are refused requests, which are kept.
        let wrong = "wrong-key-somebody-tried-4410";
        assert!(app.agents().checksum(device.device_id, Some(wrong), None, PEER).await.is_err());
        world.settle().await?;
        app.devices().flush_presence().await?;

        let secrets = [
            device.key.as_str(),
            PASSWORD,
            TOKEN,
            &bearer,
            NEW_SECRET,
            &secret(HARBOUR),
            EMAIL,
            PHONE,
            BIO,
            USERNAME,
            wrong,
        ];
        let mut looked_at = 0;
        for (place, bytes) in everything(world).await? {
            for secret in secrets {
                assert!(!contains(&bytes, secret.as_bytes()), "{place} holds {secret}");
            }
            looked_at += usize::from(contains(&bytes, b"this one is found"));
        }
        assert!(looked_at >= 2, "the search sees events and tables");
        Ok(())
    })
}

/// Every value of every table, and where it stands; on SQLite also the files as they are.
pub(crate) async fn everything(world: &World) -> Outcome<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    for table in tables(world).await? {
        let all = Query::new(format!("SELECT * FROM {table}"), args![]);
        for row in world.app.store().fetch(all).await? {
            for value in row.0 {
                match value {
                    Value::Text(text) => found.push((table.clone(), text.into_bytes())),
                    Value::Bytes(bytes) => found.push((table.clone(), bytes)),
                    _ => {}
                }
            }
        }
    }
    if let Location::Sqlite { folder } = &world.location {
        for file in std::fs::read_dir(folder)? {
            let path = file?.path();
            if path.is_file() {
                found.push((path.display().to_string(), std::fs::read(&path)?));
            }
        }
    }
    Ok(found)
}

pub(crate) fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    memchr::memmem::find(bytes, wanted).is_some()
}

#[test]
fn archives_are_nowhere_in_the_clear() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        let template = world.template(11, Some(HARBOUR), "key={{ key }}\n", (true, true)).await?;
        let device = world.register(HARBOUR, 1).await?;
        let archive =
            app.agents().download(device.device_id, Some(&device.key), None, PEER).await?;
        let of_template = app.templates().archive_of(&by, template).await?;
        assert_ne!(archive.bytes, of_template.bytes, "one has the device's key in it");
        world.settle().await?;
        // Behind the header, which all archives have in common.
        let piece = &archive.bytes[archive.bytes.len() / 2..][..24];
        for (place, bytes) in everything(world).await? {
            assert!(!contains(&bytes, piece), "{place} holds an archive in the clear");
            assert!(!contains(&bytes, device.key.as_bytes()), "{place} holds a key");
        }
        Ok(())
    })
}

#[test]
fn a_failure_does_not_say_the_key() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        let template = world.template(11, Some(HARBOUR), "x\n", (true, true)).await?;
        // As long as keys may be, and one character too long for a host name.
        let key = "k3y-".repeat(16);
        let registration = Registration {
            secret: secret(HARBOUR),
            name: "mast".to_owned(),
            mac_address: "02:00:00:00:00:01".to_owned(),
            backend: "netjsonconfig.OpenWrt".to_owned(),
            key: Some(key.clone()),
            hardware_id: None,
            model: None,
            os: None,
            system: None,
            tags: Vec::new(),
        };
        let id = app.agents().register(registration, PEER).await?.device_id;
        app.agents().download(id, Some(&key), None, PEER).await?;
        let hostname = json!({ "general": { "hostname": "{{ key }}" } });
        let own = DeviceChange {
            configuration: Some(ConfigurationChange {
                config: Some(document(hostname.clone())),
                ..ConfigurationChange::default()
            }),
            ..DeviceChange::default()
        };
        let refused = app.devices().change(&by, id, own).await.err().ok_or("too long")?;
        let told = format!("{refused} {refused:?}");
        assert!(!told.contains(&key) && told.contains("{{ key }}"), "{told}");

        // From a template it is found out later, and the reason is kept.
        let interfaces = json!({ "interfaces": [{ "name": "{{key}}", "type": "ethernet" }] });
        let config = Some(document(interfaces));
        let change = TemplateChange { config, ..TemplateChange::default() };
        app.templates().change(&by, template, change).await?;
        world.settle().await?;
        let held =
            configuration::by_device(app.store(), &domain::authority::ReadScope::of_rules(), id)
                .await?
                .ok_or("held")?;
        let reason = held.failure.ok_or("a reason")?;
        assert!(reason.contains("{{ key }}"), "{reason}");
        for (place, bytes) in everything(world).await? {
            assert!(!contains(&bytes, key.as_bytes()), "{place} holds the key");
        }
        Ok(())
    })
}

async fn tables(world: &World) -> Outcome<Vec<String>> {
    let sql = match world.app.store().dialect() {
        Dialect::Sqlite => {
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        }
        Dialect::Postgres => {
            "SELECT CAST(table_name AS text) FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
        }
    };
    let rows = world.app.store().fetch(Query::new(sql, args![])).await?;
    Ok(rows.iter().map(|row| row.text(0)).collect::<Result<_, _>>()?)
}
