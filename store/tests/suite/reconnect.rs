//! A server that hangs up.

use std::time::Duration;

use serde_json::json;
use sqlx::{Connection, PgConnection};
use store::{Expected, Op, Query, args};
use tokio::time::timeout;

use crate::support::*;

const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn lost_connections_are_replaced() {
    on_postgres(async |database| {
        let (store, other) = (database.open().await, database.open().await);
        let mut feed = store.feed(0);
        count(&store, "a", Expected::Any, json!({"n": 1})).await.unwrap();
        assert_eq!(feed.next().await.unwrap().len(), 1);

        let select = || store.fetch(Query::new("SELECT total FROM counters", args![]));
        // As many connections as the pool has.
        for rows in futures::future::join_all((0..20).map(|_| select())).await {
            assert_eq!(rows.unwrap()[0].int(0).unwrap(), 1);
        }

        let mut admin = PgConnection::connect(database.url()).await.unwrap();
        let hang_up = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
        sqlx::query(hang_up).execute(&mut admin).await.unwrap();

        // The writer connects again before it sends anything; what another process appends is heard of again.
        count(&store, "a", Expected::Exactly(1), json!({"n": 1})).await.unwrap();
        count(&other, "a", Expected::Exactly(2), json!({"n": 1})).await.unwrap();
        let mut seen = 1;
        while seen < 3 {
            let events = timeout(PATIENCE, feed.next()).await.unwrap().unwrap();
            seen += events.len();
        }
        for rows in futures::future::join_all((0..20).map(|_| select())).await {
            assert_eq!(rows.unwrap()[0].int(0).unwrap(), 3);
        }
        assert_sound(&store).await;
        other.close().await;
        store.close().await;
        admin.close().await.unwrap();
    });
}

/// Whoever does not wait for an answer must not leave a transaction behind for the next one on that connection.
#[test]
fn readers_that_go_away_leave_no_transaction_open() {
    on_postgres(async |database| {
        let store = database.open().await;
        count(&store, "a", Expected::Any, json!({"n": 1})).await.unwrap();
        for steps in 0..400 {
            let query = Query::new("SELECT total FROM counters", args![]);
            let mut read = Box::pin(store.snapshot(vec![query]));
            for _ in 0..steps {
                if futures::poll!(&mut read).is_ready() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        let write = || {
            let op = Op::new("UPDATE counters SET total = total RETURNING total", args![]);
            store.returning(op)
        };
        for rows in futures::future::join_all((0..20).map(|_| write())).await {
            assert_eq!(rows.unwrap()[0].int(0).unwrap(), 1);
        }
        store.close().await;
    });
}
