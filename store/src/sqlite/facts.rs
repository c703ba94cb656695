//! Reading what a plan rests on, and writing what it says.

use std::collections::HashSet;

use rusqlite::{CachedStatement, Connection, TransactionBehavior, params, params_from_iter};
use uuid::Uuid;

use super::statement::{rows, trouble};
use crate::{
    Arg, Recorded, Row, StoreError, args,
    plan::{
        ClaimKey, ClaimWrite, Command, CountKey, EventType, Facts, Head, Holding, Wanted, Writes,
    },
    request::Stream,
    store::Carried,
};

/// The end of the log.
pub(super) fn head(connection: &Connection) -> Result<Head, StoreError> {
    let text = "SELECT position, chained, hash, recorded_at FROM store_head WHERE id = 1";
    let found = rows(connection, text, []).map_err(trouble("read the head of the log"))?;
    let missing = || StoreError::Unusable("the head of the log is missing".to_owned());
    let row = found.first().ok_or_else(missing)?;
    Ok(Head {
        position: row.int(0)?,
        chained: row.int(1)?,
        hash: row.bytes(2)?,
        recorded_at: row.time(3)?,
    })
}

/// The types that the log has seen.
pub(super) fn types(connection: &Connection) -> Result<HashSet<EventType>, StoreError> {
    let found = rows(connection, "SELECT type, version FROM event_types", []);
    let found = found.map_err(trouble("read the event types"))?;
    found.iter().map(|row| Ok((row.text(0)?, row.text(1)?))).collect()
}

/// What the database says about what is wanted.
pub(super) fn read(connection: &Connection, wanted: &Wanted) -> Result<Facts, StoreError> {
    let ask = |text: &str, args: &[Arg]| {
        rows(connection, text, params_from_iter(args))
            .map_err(trouble("read the facts of an append"))
    };
    let mut facts = Facts::at(head(connection)?);
    for stream in &wanted.streams {
        let text =
            "SELECT max(sequence) FROM events WHERE aggregate_type = ?1 AND aggregate_id = ?2";
        let found = ask(text, &args![&stream.aggregate_type, &stream.aggregate_id])?;
        let version = found.first().map_or(Ok(None), |row| row.int_or_null(0))?;
        facts.versions.insert(stream.clone(), version.unwrap_or(0));
    }
    for key in &wanted.commands {
        let text = "SELECT fingerprint, first_position, last_position, response, recorded_at FROM command_log WHERE actor = ?1 AND key = ?2";
        for row in ask(text, &args![&key.0, &key.1])? {
            facts.commands.insert(key.clone(), command(&row, key)?);
        }
    }
    for key in &wanted.claims {
        let text = "SELECT aggregate_type, aggregate_id, counts_for FROM claims WHERE kind = ?1 AND scope = ?2 AND value = ?3";
        for row in ask(text, &args![&key.kind, key.scope, &key.value])? {
            facts.claims.insert(key.clone(), holding(&row)?);
        }
    }
    for stream in &wanted.holders {
        let text = "SELECT aggregate_type, aggregate_id, counts_for, kind, scope, value FROM claims WHERE aggregate_type = ?1 AND aggregate_id = ?2";
        for row in ask(text, &args![&stream.aggregate_type, &stream.aggregate_id])? {
            let key = ClaimKey { kind: row.text(3)?, scope: row.uuid(4)?, value: row.text(5)? };
            facts.claims.insert(key, holding(&row)?);
        }
    }
    for key in &wanted.counts {
        let text = "SELECT count FROM claim_counts WHERE kind = ?1 AND counts_for = ?2";
        for row in ask(text, &args![&key.kind, key.by])? {
            facts.counts.insert(key.clone(), row.int(0)?);
        }
    }
    Ok(facts)
}

fn command(row: &Row, (actor, key): &(String, String)) -> Result<Command, StoreError> {
    Ok(Command {
        actor: actor.clone(),
        key: key.clone(),
        fingerprint: row.bytes(0)?,
        first: row.int(1)?,
        last: row.int(2)?,
        response: row.text_or_null(3)?,
        recorded_at: row.time(4)?,
    })
}

fn holding(row: &Row) -> Result<Holding, StoreError> {
    let stream = Stream { aggregate_type: row.text(0)?, aggregate_id: row.text(1)? };
    Ok(Holding { stream, counts_for: row.uuid_or_null(2)? })
}

/// Everything of a plan but its inline operations.
pub(super) fn write(connection: &Connection, writes: &Writes) -> rusqlite::Result<()> {
    write_events(connection, writes.events.iter())?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO command_log (actor, key, fingerprint, first_position, last_position, response, recorded_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for Command { actor, key, fingerprint, first, last, response, recorded_at } in &writes.commands
    {
        let recorded_at = Arg::from(*recorded_at);
        insert.execute(params![actor, key, fingerprint, first, last, response, recorded_at])?;
    }
    let mut put = connection.prepare_cached(
        "INSERT INTO claims (kind, scope, value, aggregate_type, aggregate_id, counts_for, position) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (kind, scope, value) DO UPDATE SET aggregate_type = excluded.aggregate_type, aggregate_id = excluded.aggregate_id, counts_for = excluded.counts_for, position = excluded.position",
    )?;
    let mut delete = connection
        .prepare_cached("DELETE FROM claims WHERE kind = ?1 AND scope = ?2 AND value = ?3")?;
    for claim in &writes.claims {
        write_claim(&mut put, &mut delete, claim)?;
    }
    let mut count = connection.prepare_cached(
        "INSERT INTO claim_counts (kind, counts_for, count) VALUES (?1, ?2, ?3)
         ON CONFLICT (kind, counts_for) DO UPDATE SET count = claim_counts.count + excluded.count",
    )?;
    for (CountKey { kind, by }, added) in &writes.counts {
        count.execute(params![kind, Arg::from(*by), added])?;
    }
    write_types(connection, &writes.types)?;
    write_head(connection, &writes.head)
}

/// Events from elsewhere, as one transaction.
pub(super) fn carry(connection: &mut Connection, carried: &Carried) -> Result<(), StoreError> {
    let open = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(trouble("begin a transaction"))?;
    if head(&open)?.position != carried.after {
        return Err(StoreError::Unusable("the log was written by somebody else".to_owned()));
    }
    let write = || {
        write_events(&open, carried.events.iter())?;
        write_types(&open, &carried.types)?;
        write_head(&open, &carried.head)
    };
    write().map_err(trouble("write events"))?;
    open.commit().map_err(trouble("commit"))?;
    Ok(())
}

fn write_events<'a>(
    connection: &Connection,
    events: impl Iterator<Item = &'a Recorded>,
) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO events (position, aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata, event_id, organization_id, actor, correlation_id, causation, recorded_at, retention, payload_hash, hash)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
    )?;
    for event in events {
        insert.execute(params![
            event.position,
            event.aggregate_type,
            event.aggregate_id,
            event.sequence,
            event.event_type,
            event.event_version,
            event.payload,
            event.metadata,
            Arg::from(event.event_id),
            Arg::from(event.organization_id),
            event.actor,
            Arg::from(event.correlation_id),
            event.causation,
            Arg::from(event.recorded_at),
            event.retention.0,
            event.payload_hash,
            event.hash,
        ])?;
    }
    Ok(())
}

fn write_types(connection: &Connection, types: &[(EventType, i64)]) -> rusqlite::Result<()> {
    let mut seen = connection.prepare_cached(
        "INSERT INTO event_types (type, version, first_position) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
    )?;
    for ((name, version), position) in types {
        seen.execute(params![name, version, position])?;
    }
    Ok(())
}

fn write_head(connection: &Connection, head: &Head) -> rusqlite::Result<()> {
    let Head { position, chained, hash, recorded_at } = head;
    connection
        .prepare_cached(
            "UPDATE store_head SET position = ?1, chained = ?2, hash = ?3, recorded_at = ?4 WHERE id = 1",
        )?
        .execute(params![position, chained, hash, Arg::from(*recorded_at)])?;
    Ok(())
}

fn write_claim(
    put: &mut CachedStatement<'_>,
    delete: &mut CachedStatement<'_>,
    claim: &ClaimWrite,
) -> rusqlite::Result<()> {
    let scope = |scope: &Uuid| Arg::from(*scope);
    match claim {
        ClaimWrite::Put { key: ClaimKey { kind, scope: within, value }, holding, position } => {
            let Holding { stream: Stream { aggregate_type, aggregate_id }, counts_for } = holding;
            let counts_for = Arg::from(*counts_for);
            put.execute(params![
                kind,
                scope(within),
                value,
                aggregate_type,
                aggregate_id,
                counts_for,
                position
            ])?;
        }
        ClaimWrite::Delete(ClaimKey { kind, scope: within, value }) => {
            delete.execute(params![kind, scope(within), value])?;
        }
    }
    Ok(())
}
