//! What is secret is nowhere in the clear: not in events, not in tables, not in what is said.

use app::{NewUser, OrganizationChange};
use domain::UserId;
use serde_json::json;
use store::{Dialect, Query, Value, args};
use uuid::Uuid;

use crate::world::{HARBOUR, Outcome, PEER, World, document, on_each_database, secret};

const PASSWORD: &str = "correct-horse-battery-9431";
const TOKEN: &str = "token-that-nobody-may-find-5521";
const NEW_SECRET: &str = "another-shared-secret-7712";
const EMAIL: &str = "someone.private@mast.example";
const USERNAME: &str = "private-someone-of-the-harbour";

#[test]
fn no_table_holds_a_secret_in_the_clear() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        let device = world.register(HARBOUR, 1).await?;
        let user = NewUser {
            id: UserId::from_uuid(Uuid::from_u128(900)),
            username: USERNAME.to_owned(),
            email: Some(EMAIL.to_owned()),
            password: Some(PASSWORD.into()),
            token: Some(TOKEN.into()),
            superuser: false,
            staff: true,
            roles: Vec::new(),
            memberships: Vec::new(),
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
            USERNAME,
            wrong,
        ];
        let mut looked_at = 0;
        for table in tables(world).await? {
            for row in
                app.store().fetch(Query::new(format!("SELECT * FROM {table}"), args![])).await?
            {
                for value in row.0 {
                    let text = match value {
                        Value::Text(text) => text,
                        Value::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                        _ => continue,
                    };
                    for secret in secrets {
                        assert!(!text.contains(secret), "{table} holds {secret}: {text}");
                    }
                    looked_at += usize::from(text.contains("this one is found"));
                }
            }
        }
        assert!(looked_at >= 2, "the search sees events and tables");
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
