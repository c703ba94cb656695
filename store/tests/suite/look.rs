//! Logs that are only looked at.

use serde_json::json;
use store::{Anchor, Expected, Op, Store, StoreError, args};

use crate::support::*;

#[test]
fn a_log_can_be_looked_at_without_a_change() {
    on_each_database(async |database| {
        // A database that is nobody's stays as it is.
        let error = Store::open_to_read(database.options()).await.unwrap_err();
        assert!(matches!(error, StoreError::Unusable(_)), "{error}");

        let store = database.open().await;
        assert_eq!(store.tip().await.unwrap().chain, None);
        for number in 0..3 {
            count(&store, "a", Expected::Any, json!({"n": number})).await.unwrap();
        }
        let last = log(&store).await.pop().unwrap();

        // Beside whoever writes, and without.
        for closed in [false, true] {
            if closed {
                store.close().await;
            }
            let seen = Store::open_to_read(database.options()).await.unwrap();
            let tip = seen.tip().await.unwrap();
            assert_eq!((tip.head, tip.chain), (3, Anchor::at(&last)));
            assert_eq!(seen.verify_chain(None, |_| ()).await.unwrap().first_bad, None);
            seen.check_opens().await.unwrap();
            let op = Op::new("DELETE FROM events", args![]);
            seen.execute(vec![op.clone()]).await.unwrap_err();
            seen.returning(op).await.unwrap_err();
            count(&seen, "a", Expected::Any, json!({"n": 9})).await.unwrap_err();
            seen.close().await;
        }

        database.tamper("UPDATE schema_migrations SET number = number + 1000000").await;
        let seen = Store::open_to_read(database.options()).await.unwrap();
        let error = seen.check_opens().await.unwrap_err();
        assert!(matches!(error, StoreError::Newer { .. }), "{error}");
        seen.close().await;
    });
}
