//! Connections with their limits.

use std::{str::FromStr, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use sqlx::{
    ConnectOptions, Connection, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::time::timeout;

use super::statement::trouble;
use crate::{Durability, Failure, StoreError, error::Trouble};

/// Connections that read and change plain tables.
pub(super) const MOST_CONNECTIONS: u32 = 10;
const PATIENCE: Duration = Duration::from_secs(5);
/// A connection that did nothing for so long is asked whether it lives.
const RESTED: Duration = Duration::from_millis(500);
/// Texts of prepared statements that a connection keeps.
const STATEMENTS: usize = 512;

/// What the address says, and limits for everything that could wait for ever.
pub(super) fn options(url: &SecretString) -> Result<PgConnectOptions, StoreError> {
    let options = PgConnectOptions::from_str(url.expose_secret()).map_err(|_| {
        // The cause could quote the password.
        StoreError::Unusable("the address of the PostgreSQL server is not valid".to_owned())
    })?;
    Ok(options.application_name("wisptrail").statement_cache_capacity(STATEMENTS).options([
        ("lock_timeout", "10s"),
        ("statement_timeout", "60s"),
        ("idle_in_transaction_session_timeout", "60s"),
        ("TimeZone", "UTC"),
        // Literals are written for it.
        ("standard_conforming_strings", "on"),
    ]))
}

/// One connection, in bounded time.
pub(super) async fn connect(options: &PgConnectOptions) -> Result<PgConnection, Trouble> {
    let operation = "connect to PostgreSQL";
    match timeout(PATIENCE, options.connect()).await {
        Ok(connected) => connected.map_err(trouble(operation)),
        Err(_) => Err(Trouble {
            operation,
            failure: Failure::new("timeout", "the server did not answer"),
            passing: true,
        }),
    }
}

pub(super) fn pool(options: &PgConnectOptions) -> PgPool {
    PgPoolOptions::new()
        .max_connections(MOST_CONNECTIONS)
        .acquire_timeout(PATIENCE)
        .test_before_acquire(false)
        .before_acquire(|connection, metadata| {
            // Asking a busy connection whether it lives would double the round trips.
            Box::pin(async move {
                if metadata.idle_for < RESTED {
                    return Ok(true);
                }
                connection.ping().await.map(|()| true)
            })
        })
        .connect_lazy_with(options.clone())
}

/// For the one connection that appends.
pub(super) fn for_writing(options: &PgConnectOptions, durability: Durability) -> PgConnectOptions {
    let synchronous = match durability {
        Durability::Full => "on",
        Durability::Normal => "off",
    };
    options.clone().options([("synchronous_commit", synchronous)])
}

/// For connections that must change nothing.
pub(super) fn for_reading(options: &PgConnectOptions) -> PgConnectOptions {
    options.clone().options([("default_transaction_read_only", "on")])
}

/// For the one connection that listens.
pub(super) fn for_listening(options: &PgConnectOptions) -> PgPool {
    PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(PATIENCE)
        .connect_lazy_with(options.clone())
}
