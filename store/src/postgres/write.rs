//! Writing what a plan says, in one round trip.

use sqlx::{Executor, PgConnection, PgPool, Postgres, postgres::PgArguments, query::Query};

use super::{
    open::Open,
    statement::{hung_up, trouble},
};
use crate::{
    Recorded, StoreError,
    error::Trouble,
    plan::{ClaimKey, ClaimWrite, Command, CountKey, EventType, Head},
    store::Carried,
    writer::BatchError,
};

/// All of the log's tables at once: the statements see the state before, and touch different rows.
const WRITE: &str = "
    WITH new_events AS (
        INSERT INTO events (position, aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata, event_id,
                            organization_id, actor, correlation_id, causation, recorded_at, retention, payload_hash, hash)
        SELECT p, t, i, s, e, v, CAST(b AS json), CAST(m AS json), u, o, a, c, w, z, r, d, h
        FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[], $9::uuid[],
                    $10::uuid[], $11::text[], $12::uuid[], $13::text[], $14::timestamptz[], $15::smallint[], $16::bytea[], $17::bytea[])
             AS n (p, t, i, s, e, v, b, m, u, o, a, c, w, z, r, d, h)
    ), new_commands AS (
        INSERT INTO command_log (actor, key, fingerprint, first_position, last_position, response, recorded_at)
        SELECT a, k, f, p, l, CAST(r AS json), z
        FROM unnest($18::text[], $19::text[], $20::bytea[], $21::bigint[], $22::bigint[], $23::text[], $24::timestamptz[])
             AS n (a, k, f, p, l, r, z)
    ), gone_claims AS (
        DELETE FROM claims USING unnest($25::text[], $26::uuid[], $27::text[]) AS n (k, s, v)
        WHERE kind = n.k AND scope = n.s AND value = n.v
    ), new_claims AS (
        INSERT INTO claims (kind, scope, value, aggregate_type, aggregate_id, counts_for, position)
        SELECT k, s, v, t, i, c, p
        FROM unnest($28::text[], $29::uuid[], $30::text[], $31::text[], $32::text[], $33::uuid[], $34::bigint[])
             AS n (k, s, v, t, i, c, p)
        ON CONFLICT (kind, scope, value) DO UPDATE SET aggregate_type = excluded.aggregate_type,
            aggregate_id = excluded.aggregate_id, counts_for = excluded.counts_for, position = excluded.position
    ), new_counts AS (
        INSERT INTO claim_counts (kind, counts_for, count)
        SELECT k, c, n FROM unnest($35::text[], $36::uuid[], $37::bigint[]) AS n (k, c, n)
        ON CONFLICT (kind, counts_for) DO UPDATE SET count = claim_counts.count + excluded.count
    )
    INSERT INTO event_types (type, version, first_position)
    SELECT t, v, p FROM unnest($38::text[], $39::text[], $40::bigint[]) AS n (t, v, p)
    ON CONFLICT DO NOTHING";

/// Rows of the log's tables.
#[derive(Clone, Copy, Default)]
pub(super) struct Rows<'a> {
    pub(super) events: &'a [Recorded],
    pub(super) commands: &'a [Command],
    pub(super) claims: &'a [ClaimWrite],
    pub(super) counts: &'a [(CountKey, i64)],
    pub(super) types: &'a [(EventType, i64)],
}

/// Writes the rows.
pub(super) async fn write(connection: &mut PgConnection, rows: Rows<'_>) -> Result<(), BatchError> {
    let mut query = bind_events(sqlx::query(WRITE), rows.events);
    query = bind_commands(query, rows.commands);
    query = bind_claims(query, rows.claims);
    query = query
        .bind(column(rows.counts, |(CountKey { kind, .. }, _)| kind.as_str()))
        .bind(column(rows.counts, |(CountKey { by, .. }, _)| *by))
        .bind(column(rows.counts, |(_, added)| *added))
        .bind(column(rows.types, |((name, _), _)| name.as_str()))
        .bind(column(rows.types, |((_, version), _)| version.as_str()))
        .bind(column(rows.types, |(_, position)| *position));
    connection.execute(query).await.map_err(|error| {
        let foreign = error
            .as_database_error()
            .is_some_and(|error| error.is_unique_violation() && error.table() == Some("events"));
        let trouble = trouble("write events")(error);
        if foreign { BatchError::Version(trouble) } else { classify(trouble) }
    })?;
    Ok(())
}

/// A text that moves the head, tells the other processes and commits.
pub(super) fn committing(head: &Head) -> String {
    let Head { position, chained, hash, recorded_at } = head;
    let (hash, recorded_at) =
        (hex::encode(hash), recorded_at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true));
    format!(
        r"UPDATE store_head SET position = {position}, chained = {chained}, hash = '\x{hash}', recorded_at = '{recorded_at}' WHERE id = 1;
          SELECT pg_notify('events', '{position}');
          COMMIT"
    )
}

/// What a failure means that came when everything up to the commit was sent: unless the server said what is wrong, it is
/// open whether it happened.
pub(super) fn uncommitted(trouble: Trouble) -> BatchError {
    // A SQLSTATE: the server said it. An administrator's shutdown may come after the commit.
    let told = trouble.failure.code.len() == 5 && !hung_up(&trouble.failure);
    if told { classify(trouble) } else { BatchError::Unknown(trouble) }
}

/// Events from elsewhere, as one transaction.
pub(super) async fn carry(pool: &PgPool, carried: &Carried) -> Result<(), StoreError> {
    let begin = Open::begin(pool, "BEGIN").await;
    let mut open = begin.map_err(trouble("begin a transaction"))?;
    let moved = sqlx::query(
        "UPDATE store_head SET position = $2, chained = $2, hash = $3, recorded_at = $4 WHERE id = 1 AND position = $1",
    )
    .bind(carried.after)
    .bind(carried.head.position)
    .bind(&carried.head.hash)
    .bind(carried.head.recorded_at);
    let moved = open.execute(moved).await.map_err(trouble("move the head"))?;
    if moved.rows_affected() != 1 {
        return Err(StoreError::Unusable("the log was written by somebody else".to_owned()));
    }
    let rows = Rows { events: &carried.events, types: &carried.types, ..Rows::default() };
    write(&mut open, rows).await.map_err(|error| match error {
        BatchError::Inline { trouble, .. }
        | BatchError::Version(trouble)
        | BatchError::Again(trouble)
        | BatchError::Unknown(trouble)
        | BatchError::Trouble(trouble) => StoreError::from(trouble),
    })?;
    Ok(open.commit().await.map_err(trouble("commit"))?)
}

/// Deadlocks and serialisation failures want the transaction again.
pub(super) fn classify(trouble: Trouble) -> BatchError {
    if matches!(trouble.failure.code.as_str(), "40001" | "40P01") {
        BatchError::Again(trouble)
    } else {
        BatchError::Trouble(trouble)
    }
}

fn column<'a, T, C>(rows: &'a [T], get: impl Fn(&'a T) -> C) -> Vec<C> {
    rows.iter().map(get).collect()
}

type Statement<'q> = Query<'q, Postgres, PgArguments>;

fn bind_events<'q>(query: Statement<'q>, events: &'q [Recorded]) -> Statement<'q> {
    query
        .bind(column(events, |event| event.position))
        .bind(column(events, |event| event.aggregate_type.as_str()))
        .bind(column(events, |event| event.aggregate_id.as_str()))
        .bind(column(events, |event| event.sequence))
        .bind(column(events, |event| event.event_type.as_str()))
        .bind(column(events, |event| event.event_version.as_str()))
        .bind(column(events, |event| event.payload.as_str()))
        .bind(column(events, |event| event.metadata.as_str()))
        .bind(column(events, |event| event.event_id))
        .bind(column(events, |event| event.organization_id))
        .bind(column(events, |event| event.actor.as_deref()))
        .bind(column(events, |event| event.correlation_id))
        .bind(column(events, |event| event.causation.as_deref()))
        .bind(column(events, |event| event.recorded_at))
        .bind(column(events, |event| event.retention.0))
        .bind(column(events, |event| event.payload_hash.as_deref()))
        .bind(column(events, |event| event.hash.as_deref()))
}

fn bind_commands<'q>(query: Statement<'q>, commands: &'q [Command]) -> Statement<'q> {
    query
        .bind(column(commands, |command| command.actor.as_str()))
        .bind(column(commands, |command| command.key.as_str()))
        .bind(column(commands, |command| command.fingerprint.as_slice()))
        .bind(column(commands, |command| command.first))
        .bind(column(commands, |command| command.last))
        .bind(column(commands, |command| command.response.as_deref()))
        .bind(column(commands, |command| command.recorded_at))
}

fn bind_claims<'q>(query: Statement<'q>, claims: &'q [ClaimWrite]) -> Statement<'q> {
    let deleted = claims.iter().filter_map(|claim| match claim {
        ClaimWrite::Delete(key) => Some(key),
        ClaimWrite::Put { .. } => None,
    });
    let deleted = deleted.collect::<Vec<&ClaimKey>>();
    let put = claims.iter().filter_map(|claim| match claim {
        ClaimWrite::Put { key, holding, position } => Some((key, holding, *position)),
        ClaimWrite::Delete(_) => None,
    });
    let put = put.collect::<Vec<_>>();
    let each = || put.iter().copied();
    query
        .bind(deleted.iter().map(|key| key.kind.as_str()).collect::<Vec<_>>())
        .bind(deleted.iter().map(|key| key.scope).collect::<Vec<_>>())
        .bind(deleted.iter().map(|key| key.value.as_str()).collect::<Vec<_>>())
        .bind(each().map(|(key, ..)| key.kind.as_str()).collect::<Vec<_>>())
        .bind(each().map(|(key, ..)| key.scope).collect::<Vec<_>>())
        .bind(each().map(|(key, ..)| key.value.as_str()).collect::<Vec<_>>())
        .bind(each().map(|(_, held, _)| held.stream.aggregate_type.as_str()).collect::<Vec<_>>())
        .bind(each().map(|(_, held, _)| held.stream.aggregate_id.as_str()).collect::<Vec<_>>())
        .bind(each().map(|(_, held, _)| held.counts_for).collect::<Vec<_>>())
        .bind(each().map(|(.., position)| position).collect::<Vec<_>>())
}
