//! Tables of the same shape on both databases, and refusals.

use std::collections::BTreeSet;

use store::{Dialect, Op, Query, Sql, Store, StoreError, args};

use crate::support::*;

async fn columns(store: &Store) -> BTreeSet<(String, String)> {
    let text = Sql::Each {
        sqlite: "SELECT t.name, c.name FROM sqlite_master t, pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'".into(),
        postgres: "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'".into(),
    };
    let rows = store.fetch(Query::new(text, args![])).await.unwrap();
    rows.iter().map(|row| (row.text(0).unwrap(), row.text(1).unwrap())).collect()
}

#[test]
fn both_databases_have_the_same_tables_and_columns() {
    let found = std::sync::Mutex::new(Vec::new());
    on_each_database(async |database| {
        let store = Store::open(database.options()).await.unwrap();
        let columns = columns(&store).await;
        assert!(columns.contains(&("events".to_owned(), "payload_hash".to_owned())));
        found.lock().unwrap().push(columns);
        store.close().await;
    });
    let found = found.into_inner().unwrap();
    if let [sqlite, postgres] = &found[..] {
        let differences = sqlite.symmetric_difference(postgres).collect::<Vec<_>>();
        assert!(differences.is_empty(), "{differences:?}");
    }
}

#[test]
fn a_database_that_cannot_be_read_is_refused() {
    on_each_database(async |database| {
        database.open().await.close().await;
        let now = match database.dialect {
            Dialect::Sqlite => "0",
            Dialect::Postgres => "now()",
        };
        let bytes = match database.dialect {
            Dialect::Sqlite => "x'00'",
            Dialect::Postgres => "'\\x00'",
        };
        let refused = async || Store::open(database.options()).await.unwrap_err();

        database.tamper(&format!("INSERT INTO schema_migrations (number, name, checksum, applied_at) VALUES (9999, '9999_later', {bytes}, {now})")).await;
        let error = refused().await;
        assert!(matches!(error, StoreError::Newer { found: 9999, .. }), "{error}");
        assert!(error.to_string().contains("9999"), "{error}");

        database.tamper("DELETE FROM schema_migrations WHERE number = 9999; INSERT INTO event_types VALUES ('counted', '7', 1)").await;
        let error = refused().await.to_string();
        assert!(error.contains("type counted, version 7"), "{error}");

        database.tamper(&format!("DELETE FROM event_types; UPDATE schema_migrations SET checksum = {bytes} WHERE number = 1")).await;
        let error = refused().await.to_string();
        assert!(error.contains("0001_log"), "{error}");
    });
}

#[test]
fn processes_that_start_together_migrate_once() {
    on_postgres(async |database| {
        let opening = (0..4).map(|_| Store::open(database.options()));
        for store in futures::future::join_all(opening).await {
            store.unwrap().close().await;
        }
    });
}

#[test]
fn a_strange_file_is_left_alone() {
    on_sqlite(async |database| {
        database.tamper("CREATE TABLE something (else_entirely INTEGER)").await;
        let error = Store::open(database.options()).await.unwrap_err();
        assert!(
            matches!(&error, StoreError::Unusable(text) if text.contains("not one of wisptrail")),
            "{error}"
        );
    });
}

#[test]
fn errors_do_not_tell_arguments() {
    on_each_database(async |database| {
        let store = database.open().await;
        let table = "CREATE TABLE secrets (secret TEXT NOT NULL PRIMARY KEY, n BIGINT NOT NULL)";
        store.execute(vec![Op::new(table, args![])]).await.unwrap();
        let insert = |n: Option<i64>| {
            Op::new("INSERT INTO secrets (secret, n) VALUES ($1, $2)", args!["hunter2", n])
        };
        store.execute(vec![insert(Some(1))]).await.unwrap();
        let cast = Sql::Each {
            sqlite: "SELECT json($1)".into(),
            postgres: "SELECT CAST($1 AS uuid)".into(),
        };
        let errors = [
            store.execute(vec![insert(Some(1))]).await.unwrap_err(),
            store.execute(vec![insert(None)]).await.unwrap_err(),
            store.fetch(Query::new(cast, args!["hunter2"])).await.unwrap_err(),
        ];
        for error in errors {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            let said = format!("{error} {error:?} {cause:?}");
            assert!(!said.contains("hunter2"), "{said}");
        }
        store.close().await;
    });
}
