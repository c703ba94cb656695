//! Bringing the database up to date.

use chrono::{DateTime, Utc};
use sqlx::{Connection, Executor, PgConnection, Row as _, postgres::PgConnectOptions};

use super::{connection::connect, statement::trouble};
use crate::{
    Dialect, StoreError,
    migrations::{Applied, Migration, pending},
};

/// One process migrates at a time; "wisptrai" in ASCII.
const LOCK: i64 = 0x7769_7370_7472_6169;

/// Applies what is missing, all or nothing.
pub(super) async fn migrate(
    options: &PgConnectOptions,
    known: &[Migration],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let patient = options.clone().options([("lock_timeout", "5min"), ("statement_timeout", "0")]);
    let mut connection = connect(&patient).await?;
    let result = under_lock(&mut connection, known, now).await;
    // The lock ends with the connection.
    drop(connection.close().await);
    result
}

async fn under_lock(
    connection: &mut PgConnection,
    known: &[Migration],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query("SELECT pg_advisory_lock($1)")
        .bind(LOCK)
        .execute(&mut *connection)
        .await
        .map_err(trouble("lock the migrations"))?;
    let mut transaction = connection.begin().await.map_err(trouble("begin a migration"))?;
    transaction
        .execute(sqlx::raw_sql(
            "SET LOCAL client_min_messages = warning;
             CREATE TABLE IF NOT EXISTS schema_migrations (
                number     bigint      NOT NULL PRIMARY KEY,
                name       text        NOT NULL,
                checksum   bytea       NOT NULL,
                applied_at timestamptz NOT NULL
             )",
        ))
        .await
        .map_err(trouble("make the table of migrations"))?;
    for migration in pending(known, &applied(&mut transaction).await?, Dialect::Postgres)? {
        let Migration { number, name, .. } = migration;
        tracing::info!(migration = name, "migration {name} is applied");
        transaction
            .execute(sqlx::raw_sql(migration.text(Dialect::Postgres)))
            .await
            .map_err(trouble("apply a migration"))?;
        sqlx::query("INSERT INTO schema_migrations (number, name, checksum, applied_at) VALUES ($1, $2, $3, $4)")
            .bind(number)
            .bind(name)
            .bind(migration.checksum(Dialect::Postgres))
            .bind(now)
            .execute(&mut *transaction)
            .await
            .map_err(trouble("note a migration"))?;
    }
    transaction.commit().await.map_err(trouble("commit a migration"))?;
    Ok(())
}

async fn applied(connection: &mut PgConnection) -> Result<Vec<Applied>, StoreError> {
    let rows = sqlx::query("SELECT number, checksum FROM schema_migrations ORDER BY number")
        .fetch_all(connection)
        .await
        .map_err(trouble("read the migrations"))?;
    let applied = rows.iter().map(|row| {
        Ok(Applied { number: row.try_get("number")?, checksum: row.try_get("checksum")? })
    });
    Ok(applied.collect::<Result<_, _>>().map_err(trouble("read the migrations"))?)
}
