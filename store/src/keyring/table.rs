//! The rows behind the keyring.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{Op, Query, Row, Sql, Store, StoreError, Subject, args};

/// The proof of the master key: ours on a fresh database, else the one that is there.
pub(super) async fn bind(store: &Store, own: Vec<u8>) -> Result<Vec<u8>, StoreError> {
    if let Some(proof) = bound(store).await? {
        return Ok(proof);
    }
    store
        .execute(vec![Op::new(
            "INSERT INTO keyring (id, fingerprint_key) VALUES (1, $1) ON CONFLICT (id) DO NOTHING",
            args![own],
        )])
        .await?;
    bound(store)
        .await?
        .ok_or_else(|| StoreError::Unusable("the table keyring cannot be written".to_owned()))
}

/// The proof of the master key, once there is one.
pub(super) async fn bound(store: &Store) -> Result<Option<Vec<u8>>, StoreError> {
    let query = Query::new("SELECT fingerprint_key FROM keyring WHERE id = 1", vec![]);
    store.fetch(query).await?.first().map(|row| row.bytes(0)).transpose()
}

/// Outer none: no row; inner none: destroyed.
pub(super) async fn wrapped(
    store: &Store,
    subject: Uuid,
) -> Result<Option<Option<Vec<u8>>>, StoreError> {
    let query =
        Query::new("SELECT wrapped_key FROM subject_keys WHERE subject_id = $1", args![subject]);
    store.fetch(query).await?.first().map(|row| row.bytes_or_null(0)).transpose()
}

/// Does nothing when there is a row, or when the master key was rotated by another process.
pub(super) async fn insert(
    store: &Store,
    (subject, kind): (Uuid, &str),
    wrapped: Vec<u8>,
    proof: &[u8],
) -> Result<(), StoreError> {
    const TEXT: &str = "INSERT INTO subject_keys (subject_id, kind, wrapped_key, created_at)
         SELECT $1, $2, $3, $4 FROM keyring WHERE id = 1 AND fingerprint_key = $5";
    const ONCE: &str = "ON CONFLICT (subject_id) DO NOTHING";
    let sql = Sql::Each {
        sqlite: format!("{TEXT} {ONCE}").into(),
        // A rotation that runs at the same time waits, or is waited for.
        postgres: format!("{TEXT} FOR SHARE {ONCE}").into(),
    };
    let op = Op { sql, args: args![subject, kind, wrapped, store.now(), proof] };
    store.execute(vec![op]).await?;
    Ok(())
}

/// Also when there never was a key: then none will be made.
pub(super) fn destroy(subject: Subject, at: DateTime<Utc>) -> Op {
    Op::new(
        "INSERT INTO subject_keys (subject_id, kind, created_at, destroyed_at) VALUES ($1, $2, $3, $3)
         ON CONFLICT (subject_id) DO UPDATE SET wrapped_key = NULL,
         destroyed_at = COALESCE(subject_keys.destroyed_at, excluded.destroyed_at)",
        args![subject.id(), subject.kind(), at],
    )
}

/// As if there never had been a key.
pub(super) fn remove(subject: Subject) -> Op {
    Op::new(
        "DELETE FROM subject_keys WHERE subject_id = $1 AND kind = $2",
        args![subject.id(), subject.kind()],
    )
}

/// All living keys.
pub(super) const LIVING: &str =
    "SELECT subject_id, wrapped_key FROM subject_keys WHERE wrapped_key IS NOT NULL";

/// A row of [`LIVING`].
pub(super) fn living(row: &Row) -> Result<(Uuid, Vec<u8>), StoreError> {
    Ok((row.uuid(0)?, row.bytes(1)?))
}

/// The same key, wrapped anew.
pub(super) fn replace(subject: Uuid, wrapped: Vec<u8>) -> Op {
    Op::new(
        "UPDATE subject_keys SET wrapped_key = $2 WHERE subject_id = $1 AND wrapped_key IS NOT NULL",
        args![subject, wrapped],
    )
}
