//! A full disk refuses writing and nothing else.

use serde_json::json;
use store::{AppendError, Expected, Op, Query, Store, StoreError, args};

use crate::support::*;

/// How many pages the file may have: what a full disk looks like to SQLite.
async fn allow(store: &Store, pages: i64) {
    store.returning(Op::new(format!("PRAGMA max_page_count = {pages}"), args![])).await.unwrap();
}

#[test]
fn a_full_disk_refuses_appends_until_there_is_room() {
    on_sqlite(async |database| {
        let store = database.open().await;
        let mut feed = store.feed(0);
        let large = || json!({"n": 1, "text": "x".repeat(20_000)});
        count(&store, "a", Expected::Any, large()).await.unwrap();
        let pages = store.fetch(Query::new("PRAGMA page_count", args![])).await.unwrap();
        allow(&store, pages[0].int(0).unwrap() + 20).await;

        let mut accepted = 1;
        let error = loop {
            match count(&store, "a", Expected::Any, large()).await {
                Ok(_) => accepted += 1,
                Err(error) => break error,
            }
            assert!(accepted < 100, "the disk does not fill");
        };
        assert!(
            matches!(error, AppendError::Unavailable(StoreError::Unavailable { .. })),
            "{error:?}"
        );
        let filler = vec![0u8; 1 << 20];
        let table = "CREATE TABLE filler (bytes BLOB)";
        store.execute(vec![Op::new(table, args![])]).await.ok();
        let fill = Op::new("INSERT INTO filler (bytes) VALUES ($1)", args![filler]);
        let error = store.execute(vec![fill]).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable { .. } | StoreError::Database { .. }));

        // Reading goes on, and nothing of the refused appends is there.
        assert_eq!(log(&store).await.len(), accepted);
        assert_eq!(feed.next().await.unwrap().len(), accepted);
        let total = i64::try_from(accepted).unwrap();
        assert_eq!(counters(&store).await, [("a".to_owned(), total, total)]);
        assert!(matches!(
            count(&store, "a", Expected::Any, large()).await,
            Err(AppendError::Unavailable(_))
        ));

        allow(&store, 1_000_000).await;
        count(&store, "a", Expected::Exactly(total), large()).await.unwrap();
        assert_sound(&store).await;
        store.close().await;
    });
}

#[test]
fn a_server_that_may_not_write_refuses_appends_until_it_may() {
    on_postgres(async |database| {
        let store = database.open().await;
        count(&store, "a", Expected::Any, json!({"n": 1})).await.unwrap();
        let read_only = async |setting: &str| {
            let name = database.url().rsplit_once('/').unwrap().1;
            let text = format!(
                "BEGIN READ WRITE; ALTER DATABASE {name} SET default_transaction_read_only = {setting}; COMMIT;
                 SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            );
            database.tamper(&text).await;
        };
        read_only("on").await;
        let error = count(&store, "a", Expected::Any, json!({"n": 1})).await.unwrap_err();
        assert!(matches!(error, AppendError::Unavailable(_)), "{error:?}");
        assert_eq!(counters(&store).await, [("a".to_owned(), 1, 1)]);
        let error =
            store.execute(vec![Op::new("DELETE FROM counters", args![])]).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");

        read_only("off").await;
        count(&store, "a", Expected::Exactly(1), json!({"n": 1})).await.unwrap();
        assert_sound(&store).await;
        store.close().await;
    });
}
