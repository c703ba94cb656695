//! Reading what a plan rests on, in one round trip.

use std::collections::HashSet;

use chrono::DateTime;
use sqlx::{Executor, PgConnection, Row as _, postgres::PgRow};
use uuid::Uuid;

use super::{
    statement::{row, trouble},
    together::{self, Names},
};
use crate::{
    Row, StoreError,
    error::Trouble,
    plan::{ClaimKey, Command, CountKey, EventType, Facts, Head, Holding, Wanted},
    request::Stream,
};

const READ: &str = "read the facts of an append";

/// Versions of streams, known commands, claims by value and by holder, and counts of claims.
const FACTS: &str = "SELECT 1, s.type, s.id, NULL, NULL, NULL::uuid, NULL::uuid, NULL::bytea, NULL::timestamptz,
                (SELECT max(e.sequence) FROM events e WHERE e.aggregate_type = s.type AND e.aggregate_id = s.id), NULL::bigint
         FROM unnest($1::text[], $2::text[]) AS s (type, id)
         UNION ALL
         SELECT 2, l.actor, l.key, CAST(l.response AS text), NULL, NULL, NULL, l.fingerprint, l.recorded_at, l.first_position, l.last_position
         FROM unnest($3::text[], $4::text[]) AS k (actor, key) JOIN command_log l ON l.actor = k.actor AND l.key = k.key
         UNION ALL
         SELECT 3, c.kind, c.value, c.aggregate_type, c.aggregate_id, c.scope, c.counts_for, NULL, NULL, NULL, NULL
         FROM unnest($5::text[], $6::uuid[], $7::text[]) AS k (kind, scope, value) JOIN claims c ON c.kind = k.kind AND c.scope = k.scope AND c.value = k.value
         UNION ALL
         SELECT 3, c.kind, c.value, c.aggregate_type, c.aggregate_id, c.scope, c.counts_for, NULL, NULL, NULL, NULL
         FROM unnest($8::text[], $9::text[]) AS s (type, id) JOIN claims c ON c.aggregate_type = s.type AND c.aggregate_id = s.id
         UNION ALL
         SELECT 4, n.kind, NULL, NULL, NULL, n.counts_for, NULL, NULL, NULL, n.count, NULL
         FROM unnest($10::text[], $11::uuid[]) AS k (kind, counts_for) JOIN claim_counts n ON n.kind = k.kind AND n.counts_for = k.counts_for";

/// Begins a transaction that nobody can append beside, says where the log ends, and reads what is wanted: a statement for
/// each, so that the second one sees what the lock was waited for.
pub(super) async fn lock(
    connection: &mut PgConnection,
    names: &mut Names,
    wanted: &Wanted,
) -> Result<(Head, Facts), Trouble> {
    let lists: Vec<(String, &str)> = lists(wanted).iter().map(List::literal).collect();
    let (lists, types): (Vec<String>, Vec<&str>) = lists.into_iter().unzip();
    let prepare = if names.facts {
        String::new()
    } else {
        format!("PREPARE facts ({}) AS {FACTS};", types.join(", "))
    };
    let text = format!(
        "BEGIN;
         SELECT position, chained, encode(hash, 'hex'), CAST(extract(epoch FROM recorded_at) * 1000000 AS bigint)
         FROM store_head WHERE id = 1 FOR UPDATE;
         {prepare}
         EXECUTE facts ({})",
        lists.join(", ")
    );
    let rows =
        connection.fetch_all(sqlx::raw_sql(&text)).await.map_err(trouble("begin an append"))?;
    names.facts = true;
    let (first, rest) = rows.split_first().unzip();
    let head = first.and_then(head);
    let head = head.ok_or_else(|| {
        Trouble::from(StoreError::Unusable("the head of the log is missing".to_owned()))
    })?;
    let facts = noted(head.clone(), rest.unwrap_or_default())?;
    Ok((head, facts))
}

/// Rows of the simple protocol are text.
fn head(row: &PgRow) -> Option<Head> {
    let text = |index: usize| row.try_get_raw(index).ok()?.as_str().ok();
    Some(Head {
        position: text(0)?.parse().ok()?,
        chained: text(1)?.parse().ok()?,
        hash: hex::decode(text(2)?).ok()?,
        recorded_at: DateTime::from_timestamp_micros(text(3)?.parse().ok()?)?,
    })
}

/// Where the log ends, without a lock.
pub(super) async fn position(connection: &mut PgConnection) -> Result<i64, StoreError> {
    let position = sqlx::query_scalar("SELECT position FROM store_head WHERE id = 1");
    Ok(position.fetch_one(connection).await.map_err(trouble("read the head of the log"))?)
}

/// The types that the log has seen.
pub(super) async fn types(connection: &mut PgConnection) -> Result<HashSet<EventType>, StoreError> {
    let types = sqlx::query_as("SELECT type, version FROM event_types");
    let types = types.fetch_all(connection).await.map_err(trouble("read the event types"))?;
    Ok(types.into_iter().collect())
}

/// What the database says about what is wanted, once more: what was taken into the chain since may have changed it.
pub(super) async fn read(
    connection: &mut PgConnection,
    head: Head,
    wanted: &Wanted,
) -> Result<Facts, Trouble> {
    let query = lists(wanted).into_iter().fold(sqlx::query(FACTS), |query, list| match list {
        List::Texts(texts) => query.bind(texts),
        List::Ids(ids) => query.bind(ids),
    });
    let rows = connection.fetch_all(query).await.map_err(trouble(READ))?;
    noted(head, &rows)
}

/// The arguments of [`FACTS`].
fn lists(wanted: &Wanted) -> [List<'_>; 11] {
    let (types, ids) = streams(&wanted.streams);
    let (actors, keys) =
        wanted.commands.iter().map(|(actor, key)| (actor.as_str(), key.as_str())).unzip();
    let claims = &wanted.claims;
    let (holding_types, holding_ids) = streams(&wanted.holders);
    let counts = &wanted.counts;
    [
        List::Texts(types),
        List::Texts(ids),
        List::Texts(actors),
        List::Texts(keys),
        List::Texts(claims.iter().map(|claim| claim.kind.as_str()).collect()),
        List::Ids(claims.iter().map(|claim| claim.scope).collect()),
        List::Texts(claims.iter().map(|claim| claim.value.as_str()).collect()),
        List::Texts(holding_types),
        List::Texts(holding_ids),
        List::Texts(counts.iter().map(|count| count.kind.as_str()).collect()),
        List::Ids(counts.iter().map(|count| count.by).collect()),
    ]
}

/// A list as an argument.
enum List<'a> {
    Texts(Vec<&'a str>),
    Ids(Vec<Uuid>),
}

impl List<'_> {
    /// As a text says it, and its type.
    fn literal(&self) -> (String, &'static str) {
        match self {
            Self::Texts(texts) => (together::list(texts, "text[]"), "text[]"),
            Self::Ids(ids) => {
                let ids: Vec<String> = ids.iter().map(Uuid::to_string).collect();
                (together::list(&ids, "uuid[]"), "uuid[]")
            }
        }
    }
}

fn noted(head: Head, rows: &[PgRow]) -> Result<Facts, Trouble> {
    let mut facts = Facts::at(head);
    for found in rows {
        row(found).and_then(|row| note(&row, &mut facts))?;
    }
    Ok(facts)
}

fn streams<'a>(streams: impl IntoIterator<Item = &'a Stream>) -> (Vec<&'a str>, Vec<&'a str>) {
    let pair = |stream: &'a Stream| (stream.aggregate_type.as_str(), stream.aggregate_id.as_str());
    streams.into_iter().map(pair).unzip()
}

fn note(row: &Row, facts: &mut Facts) -> Result<(), StoreError> {
    match row.int(0)? {
        1 => {
            let stream = Stream { aggregate_type: row.text(1)?, aggregate_id: row.text(2)? };
            facts.versions.insert(stream, row.int_or_null(9)?.unwrap_or(0));
        }
        2 => {
            let command = Command {
                actor: row.text(1)?,
                key: row.text(2)?,
                fingerprint: row.bytes(7)?,
                first: row.int(9)?,
                last: row.int(10)?,
                response: row.text_or_null(3)?,
                recorded_at: row.time(8)?,
            };
            facts.commands.insert((command.actor.clone(), command.key.clone()), command);
        }
        3 => {
            let key = ClaimKey { kind: row.text(1)?, scope: row.uuid(5)?, value: row.text(2)? };
            let stream = Stream { aggregate_type: row.text(3)?, aggregate_id: row.text(4)? };
            facts.claims.insert(key, Holding { stream, counts_for: row.uuid_or_null(6)? });
        }
        _ => {
            facts.counts.insert(CountKey { kind: row.text(1)?, by: row.uuid(5)? }, row.int(9)?);
        }
    }
    Ok(())
}
