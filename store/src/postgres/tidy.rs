//! Leaving as little as possible of what was erased in the tables' files.

use sqlx::{Executor as _, PgConnection, PgPool};

use super::{connection::connect, statement::trouble};
use crate::{StoreError, error::Trouble};

/// Written anew: a plain vacuum makes room and leaves bytes. Small, and with what opens everything else.
const KEYS: &str = "subject_keys";
/// Dead rows of these are sealed without a key, or fingerprints.
const TABLES: &[&str] = &[
    "events",
    "aggregate_snapshots",
    "claims",
    "command_log",
    "idempotent_requests",
    "jobs",
    "log_ins",
    "token_uses",
    "user_email_addresses",
    "user_groups",
    "user_memberships",
    "user_tokens",
    "users",
];
/// The server's answer where a table was locked for too long, and where somebody ended the statement.
const IN_THE_WAY: &[&str] = &["55P03", "57014"];

/// On a connection of its own: nobody waits for it, and it waits for nobody for long.
pub(super) async fn tidy(pool: &PgPool) -> Result<bool, StoreError> {
    let mut connection = connect(&pool.connect_options()).await?;
    let tidied = all(&mut connection).await;
    drop(sqlx::Connection::close(connection).await);
    match tidied {
        Ok(()) => Ok(true),
        Err(trouble) if IN_THE_WAY.contains(&trouble.failure.code.as_str()) => Ok(false),
        Err(trouble) => Err(trouble.into()),
    }
}

async fn all(connection: &mut PgConnection) -> Result<(), Trouble> {
    let limits = "SET lock_timeout = '500ms'; SET statement_timeout = '15min'";
    run(connection, limits).await?;
    run(connection, &format!("VACUUM (FULL) {KEYS}")).await?;
    for table in TABLES {
        run(connection, &format!("VACUUM {table}")).await?;
    }
    Ok(())
}

async fn run(connection: &mut PgConnection, text: &str) -> Result<(), Trouble> {
    connection.execute(sqlx::raw_sql(text)).await.map_err(trouble("vacuum"))?;
    Ok(())
}
